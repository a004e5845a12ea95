package import Cryptography

/// The least that must be remembered of a Merkle tree to go on appending to it: the roots of its
/// complete subtrees, at most one for each bit of its size.
/// - Source: RFC 9162 s.2.1.1.
package struct MerkleFrontier: Equatable, Sendable {
  /// Number of leaves.
  package private(set) var size: Int
  /// Roots of the complete subtrees from left to right, in falling size.
  private var peaks: [SHA256Digest]

  /// The tree without leaves.
  package init() { self.init(size: 0, peaks: []) }

  init(size: Int, peaks: [SHA256Digest]) {
    self.size = size
    self.peaks = peaks
  }

  /// Appends one leaf.
  /// - Parameter leafHash: as `MerkleHash.leaf` gives it.
  /// - Complexity: O(log `size`), amortised O(1) hashes.
  package mutating func append(_ leafHash: SHA256Digest) {
    var hash = leafHash
    var rest = size
    while rest & 1 == 1, let left = peaks.popLast() {
      hash = MerkleHash.node(left, hash)
      rest >>= 1
    }
    peaks.append(hash)
    size += 1
  }

  /// The Merkle tree hash of all leaves; SHA-256 of nothing while there are none.
  /// - Complexity: O(log `size`) hashes.
  package var root: SHA256Digest {
    guard var hash = peaks.last else { return SHA256Digest(hashing: []) }
    for peak in peaks.dropLast().reversed() { hash = MerkleHash.node(peak, hash) }
    return hash
  }
}
