package import Cryptography

/// The two hashes of a Merkle tree, kept apart by their first byte.
/// - Source: RFC 9162 s.2.1.1.
package enum MerkleHash {
  private static let leafPrefix: UInt8 = 0
  private static let nodePrefix: UInt8 = 1

  /// SHA-256(0x00, `line`): the leaf of one entry.
  /// - Parameter line: the entry's canonical bytes, without the line feed.
  package static func leaf(_ line: [UInt8]) -> SHA256Digest {
    var message: [UInt8] = []
    message.reserveCapacity(1 + line.count)
    message.append(leafPrefix)
    message += line
    return SHA256Digest(hashing: message)
  }

  /// SHA-256(0x01, `left`, `right`).
  package static func node(_ left: SHA256Digest, _ right: SHA256Digest) -> SHA256Digest {
    var message: [UInt8] = []
    message.reserveCapacity(1 + 2 * SHA256Digest.byteCount)
    message.append(nodePrefix)
    message += left.bytes
    message += right.bytes
    return SHA256Digest(hashing: message)
  }

  /// The node above two hashes that lie side by side.
  /// - Parameter pair: 64 bytes.
  static func node(ofPair pair: ArraySlice<UInt8>) -> SHA256Digest {
    var message: [UInt8] = []
    message.reserveCapacity(1 + 2 * SHA256Digest.byteCount)
    message.append(nodePrefix)
    message += pair
    return SHA256Digest(hashing: message)
  }

  /// The largest power of two below `size`: where a tree of `size` leaves is split.
  /// - Precondition: `size` is at least 2.
  static func split(_ size: Int) -> Int {
    1 << (Int.bitWidth - 1 - (size - 1).leadingZeroBitCount)
  }
}
