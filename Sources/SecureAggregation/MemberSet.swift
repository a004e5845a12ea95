internal import Cryptography

/// A set of a roster's members, by their place in it, as a bitmap.
package struct MemberSet: Hashable, Sendable {
  /// n: number of members of the roster.
  package let memberCount: Int
  /// ⌈n/8⌉ bytes: bit i mod 8 of byte i/8 is member i; spare bits are zero.
  package let bytes: [UInt8]

  /// - Parameter positions: places in the roster, each in `0..<memberCount`.
  package init(positions: some Sequence<Int>, memberCount: Int) {
    precondition(memberCount >= 0, "a roster has no negative size")
    var bytes = [UInt8](repeating: 0, count: (memberCount + 7) / 8)
    for position in positions {
      precondition((0..<memberCount).contains(position), "a position outside of the roster")
      bytes[position / 8] |= 1 << UInt8(position % 8)
    }
    self.memberCount = memberCount
    self.bytes = bytes
  }

  /// The set that `bytes` encode, or nil if they are not the one encoding of a set of this roster.
  package init?(bytes: [UInt8], memberCount: Int) {
    guard memberCount >= 0, bytes.count == (memberCount + 7) / 8 else { return nil }
    if memberCount % 8 > 0, let last = bytes.last, last >> UInt8(memberCount % 8) != 0 {
      return nil
    }
    self.memberCount = memberCount
    self.bytes = bytes
  }

  /// Number of members in the set.
  package var count: Int { bytes.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// The places in ascending order.
  package var positions: [Int] { (0..<memberCount).filter(contains) }

  package func contains(_ position: Int) -> Bool {
    (0..<memberCount).contains(position) && bytes[position / 8] >> UInt8(position % 8) & 1 == 1
  }

  /// Whether every member of this set is in `other`, of the same roster.
  package func isSubset(of other: MemberSet) -> Bool {
    memberCount == other.memberCount && zip(bytes, other.bytes).allSatisfy { $0 & ~$1 == 0 }
  }

  /// H(set), 32 bytes.
  package var digest: [UInt8] {
    BLAKE2b.hash256(
      Array("tacit members/1".utf8) + MaskingTranscript.littleEndian(UInt32(memberCount)) + bytes)
  }
}
