package import Cryptography

/// The hashes that lead from one leaf to the root of a tree.
/// - Source: RFC 9162 s.2.1.3.
package struct InclusionProof: Equatable, Sendable {
  /// Longest path of a tree that fits an `Int`.
  package static let maximumPathCount = 63
  /// Longest `pathBytes`.
  package static let maximumPathBytes = maximumPathCount * SHA256Digest.byteCount

  /// Place of the leaf, from 0.
  package let index: Int
  /// Leaves of the tree.
  package let treeSize: Int
  /// Siblings from the leaf up to the child of the root.
  package let path: [SHA256Digest]

  /// A proof as it was made or read; `requireLeaf` decides whether it proves anything.
  package init(index: Int, treeSize: Int, path: [SHA256Digest]) {
    self.index = index
    self.treeSize = treeSize
    self.path = path
  }

  /// The hashes of `path` one after another, as a message carries them.
  package var pathBytes: [UInt8] { HashPath.bytes(path) }

  /// Reads what `pathBytes` writes.
  /// - Throws: `LedgerError.proofInvalid` unless it is at most `maximumPathCount` whole hashes.
  package init(index: Int, treeSize: Int, pathBytes: [UInt8]) throws(LedgerError) {
    self.init(
      index: index, treeSize: treeSize,
      path: try HashPath.decode(pathBytes, maximumCount: Self.maximumPathCount))
  }

  /// Checks that the leaf at `index` has this hash in the tree of `treeSize` leaves whose root is `root`.
  /// - Throws: `LedgerError.proofInvalid`.
  /// - Source: RFC 9162 s.2.1.3.2.
  package func requireLeaf(_ leafHash: SHA256Digest, under root: SHA256Digest) throws(LedgerError) {
    guard index >= 0, index < treeSize, path.count <= Self.maximumPathCount else {
      throw .proofInvalid(
        problem: "entry \(index) is not one of \(treeSize), or its path is too long")
    }
    var (leaf, last) = (index, treeSize - 1)
    var hash = leafHash
    for sibling in path {
      guard last > 0 else { throw .proofInvalid(problem: "the path is longer than the tree's") }
      if leaf & 1 == 1 || leaf == last {
        hash = MerkleHash.node(sibling, hash)
        while leaf & 1 == 0 && leaf != 0 {
          leaf >>= 1
          last >>= 1
        }
      } else {
        hash = MerkleHash.node(hash, sibling)
      }
      leaf >>= 1
      last >>= 1
    }
    guard last == 0 else { throw .proofInvalid(problem: "the path is shorter than the tree's") }
    guard hash == root else {
      throw .proofInvalid(problem: "the path leads to \(hash.hex), the root is \(root.hex)")
    }
  }
}
