package import Cryptography

/// The hashes that show that one tree begins with all leaves of another.
/// - Source: RFC 9162 s.2.1.4.
package struct ConsistencyProof: Equatable, Sendable {
  /// Longest path of trees that fit an `Int`.
  package static let maximumPathCount = 64
  /// Longest encoding, in bytes.
  package static let maximumBytes = maximumPathCount * SHA256Digest.byteCount

  /// Hashes in the order of the RFC; none where both trees are one.
  package let path: [SHA256Digest]

  /// A proof as it was made; `requirePrefix` decides whether it proves anything.
  package init(path: [SHA256Digest]) { self.path = path }

  /// The hashes one after another, as a message carries them.
  package var bytes: [UInt8] { HashPath.bytes(path) }

  /// Reads what `bytes` writes.
  /// - Throws: `LedgerError.proofInvalid` unless it is at most `maximumPathCount` whole hashes.
  package init(decoding bytes: [UInt8]) throws(LedgerError) {
    path = try HashPath.decode(bytes, maximumCount: Self.maximumPathCount)
  }

  /// Checks that the tree of `newSize` leaves under `newRoot` begins with the `oldSize` leaves under `oldRoot`.
  /// - Throws: `LedgerError.proofInvalid`.
  /// - Source: RFC 9162 s.2.1.4.2.
  package func requirePrefix(
    oldSize: Int, oldRoot: SHA256Digest, newSize: Int, newRoot: SHA256Digest
  ) throws(LedgerError) {
    guard 1 <= oldSize, oldSize <= newSize, path.count <= Self.maximumPathCount else {
      throw .proofInvalid(problem: "a tree of \(newSize) entries cannot extend one of \(oldSize)")
    }
    if oldSize == newSize {
      guard path.isEmpty, oldRoot == newRoot else {
        throw .proofInvalid(problem: "two trees of \(oldSize) entries are not the same")
      }
      return
    }
    // A complete old tree is itself the first hash, which its holder knows.
    let hashes = oldSize & (oldSize - 1) == 0 ? [oldRoot] + path : path
    guard let first = hashes.first, !path.isEmpty else {
      throw .proofInvalid(problem: "it is empty")
    }
    var (leaf, last) = (oldSize - 1, newSize - 1)
    while leaf & 1 == 1 {
      leaf >>= 1
      last >>= 1
    }
    var (oldHash, newHash) = (first, first)
    for sibling in hashes.dropFirst() {
      guard last > 0 else { throw .proofInvalid(problem: "the path is longer than the tree's") }
      if leaf & 1 == 1 || leaf == last {
        oldHash = MerkleHash.node(sibling, oldHash)
        newHash = MerkleHash.node(sibling, newHash)
        while leaf & 1 == 0 && leaf != 0 {
          leaf >>= 1
          last >>= 1
        }
      } else {
        newHash = MerkleHash.node(newHash, sibling)
      }
      leaf >>= 1
      last >>= 1
    }
    guard last == 0, oldHash == oldRoot, newHash == newRoot else {
      throw .proofInvalid(
        problem: "it does not lead from the root of \(oldSize) entries to that of \(newSize)")
    }
  }
}
