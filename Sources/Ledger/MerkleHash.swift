package import Cryptography

/// The two hashes of a Merkle tree, kept apart by their first byte.
/// - Source: RFC 9162 s.2.1.1.
package enum MerkleHash {
  fileprivate static let leafPrefix: UInt8 = 0
  fileprivate static let nodePrefix: UInt8 = 1

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

  /// The largest power of two below `size`: where a tree of `size` leaves is split.
  /// - Precondition: `size` is at least 2.
  static func split(_ size: Int) -> Int {
    1 << (Int.bitWidth - 1 - (size - 1).leadingZeroBitCount)
  }
}

/// The same hashes with one context, for a whole log of them.
struct MerkleHasher: ~Copyable {
  private var hash = SHA256()
  private static let leafPrefix = [MerkleHash.leafPrefix]
  private static let nodePrefix = [MerkleHash.nodePrefix]

  /// As `MerkleHash.leaf`.
  mutating func leaf(_ line: [UInt8]) -> SHA256Digest {
    hash.update(Self.leafPrefix)
    hash.update(line)
    return hash.finalizeAndRestart()
  }

  /// The node above two hashes that lie side by side.
  /// - Parameter pair: 64 bytes.
  mutating func node(ofPair pair: ArraySlice<UInt8>) -> SHA256Digest {
    hash.update(Self.nodePrefix)
    hash.update(pair)
    return hash.finalizeAndRestart()
  }
}
