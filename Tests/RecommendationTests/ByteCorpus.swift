/// Byte strings that a decoder must refuse or accept only as canonical.
enum ByteCorpus {
  /// Every proper prefix of `bytes`, longest gaps first for long ones.
  static func prefixes(of bytes: [UInt8]) -> [[UInt8]] {
    (0..<bytes.count).map { Array(bytes[0..<$0]) }
  }

  /// `bytes` with each bit flipped, one at a time.
  static func bitFlips(of bytes: [UInt8]) -> [[UInt8]] {
    bytes.indices.flatMap { index in
      (0..<8).map { bit in
        var flipped = bytes
        flipped[index] ^= 1 << UInt8(bit)
        return flipped
      }
    }
  }
}
