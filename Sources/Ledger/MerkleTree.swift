package import Cryptography

/// A Merkle tree with every complete subtree's root at hand, so that a proof takes few hashes.
///
/// It takes 64 bytes an entry. Who only verifies or appends needs a `MerkleFrontier`.
/// - Source: RFC 9162 s.2.1.
package struct MerkleTree: Equatable, Sendable {
  /// `levels[k]` holds the roots of the complete subtrees of 2^k leaves, from left to right.
  private var levels: [HashList] = [HashList()]

  /// The tree without leaves.
  package init() {}

  /// The tree over the entries of a log.
  /// - Parameter lines: the canonical bytes of each entry, without line feeds, in order.
  package init(lines: some Sequence<[UInt8]>) {
    var hasher = MerkleHasher()
    for line in lines { append(hasher.leaf(line), with: &hasher) }
  }

  /// Number of leaves.
  package var size: Int { levels[0].count }

  /// Appends one leaf; amortised O(1) hashes.
  /// - Parameter leafHash: as `MerkleHash.leaf` gives it.
  package mutating func append(_ leafHash: SHA256Digest) {
    var hasher = MerkleHasher()
    append(leafHash, with: &hasher)
  }

  /// The same, for many leaves one after another.
  mutating func append(_ leafHash: SHA256Digest, with hasher: inout MerkleHasher) {
    levels[0].append(leafHash)
    var level = 0
    while levels[level].count.isMultiple(of: 2) {
      let parent = hasher.node(ofPair: levels[level].lastPair)
      level += 1
      if level == levels.count { levels.append(HashList()) }
      levels[level].append(parent)
    }
  }

  /// Keeps the first `size` leaves.
  /// - Parameter size: at most `self.size`.
  package mutating func truncate(to size: Int) {
    precondition(size <= self.size, "truncate does not extend")
    for level in levels.indices { levels[level].truncate(to: size >> level) }
    while levels.count > 1, levels.last?.count == 0 { levels.removeLast() }
  }

  /// The hash of leaf `index`, below `size`.
  package func leafHash(at index: Int) -> SHA256Digest { levels[0][index] }

  /// What is needed to go on from the first `size` leaves.
  /// - Parameter size: at most `self.size`.
  package func frontier(ofSize size: Int) -> MerkleFrontier {
    precondition(size <= self.size, "no tree of that size")
    var peaks: [SHA256Digest] = []
    var start = 0
    for level in levels.indices.reversed() where size & (1 << level) != 0 {
      peaks.append(levels[level][start >> level])
      start += 1 << level
    }
    return MerkleFrontier(size: size, peaks: peaks)
  }

  /// The tree hash of the first `size` leaves; the whole tree's where `size` is its own.
  /// - Parameter size: 1 through `self.size`.
  package func root(ofSize size: Int) -> SHA256Digest {
    precondition((1...self.size).contains(size), "no tree of that size")
    return root(from: 0, count: size)
  }

  /// The proof that leaf `index` is in the tree of the first `size` leaves: PATH(`index`, D_`size`).
  /// - Parameters:
  ///   - index: below `size`.
  ///   - size: 1 through `self.size`.
  package func inclusionProof(of index: Int, inTreeOfSize size: Int) -> InclusionProof {
    precondition((0..<size).contains(index) && size <= self.size, "no such leaf")
    var path: [SHA256Digest] = []
    appendPath(to: &path, index: index, from: 0, count: size)
    return InclusionProof(index: index, treeSize: size, path: path)
  }

  /// The proof that the tree of `newSize` leaves begins with that of `oldSize`: PROOF(`oldSize`,
  /// D_`newSize`).
  /// - Parameters:
  ///   - oldSize: 1 through `newSize`.
  ///   - newSize: at most `self.size`.
  package func consistencyProof(from oldSize: Int, to newSize: Int) -> ConsistencyProof {
    precondition(1 <= oldSize && oldSize <= newSize && newSize <= size, "no such trees")
    var path: [SHA256Digest] = []
    appendSubproof(to: &path, oldSize: oldSize, from: 0, count: newSize, isWhole: true)
    return ConsistencyProof(path: path)
  }

  /// The same for sizes that somebody else names.
  /// - Returns: nil unless 1 <= `oldSize` <= `newSize` <= `self.size`.
  package func consistencyProof(
    fromNamed oldSize: Int, to newSize: Int
  ) -> ConsistencyProof? {
    guard 1 <= oldSize, oldSize <= newSize, newSize <= size else { return nil }
    return consistencyProof(from: oldSize, to: newSize)
  }
}

// The names m, n and D of RFC 9162 are `index` or `oldSize`, `count`, and the leaves that begin at `start`.
extension MerkleTree {
  private func root(from start: Int, count: Int) -> SHA256Digest {
    if count & (count - 1) == 0 {
      let level = count.trailingZeroBitCount
      return levels[level][start >> level]
    }
    let split = MerkleHash.split(count)
    return MerkleHash.node(
      root(from: start, count: split), root(from: start + split, count: count - split))
  }

  private func appendPath(
    to path: inout [SHA256Digest], index: Int, from start: Int, count: Int
  ) {
    guard count > 1 else { return }
    let split = MerkleHash.split(count)
    if index < split {
      appendPath(to: &path, index: index, from: start, count: split)
      path.append(root(from: start + split, count: count - split))
    } else {
      appendPath(to: &path, index: index - split, from: start + split, count: count - split)
      path.append(root(from: start, count: split))
    }
  }

  private func appendSubproof(
    to path: inout [SHA256Digest], oldSize: Int, from start: Int, count: Int, isWhole: Bool
  ) {
    guard oldSize < count else {
      if !isWhole { path.append(root(from: start, count: count)) }
      return
    }
    let split = MerkleHash.split(count)
    if oldSize <= split {
      appendSubproof(to: &path, oldSize: oldSize, from: start, count: split, isWhole: isWhole)
      path.append(root(from: start + split, count: count - split))
    } else {
      appendSubproof(
        to: &path, oldSize: oldSize - split, from: start + split, count: count - split,
        isWhole: false)
      path.append(root(from: start, count: split))
    }
  }
}

/// Digests side by side in one buffer: a million small arrays would take three times the memory.
private struct HashList: Equatable, Sendable {
  private var bytes: [UInt8] = []

  var count: Int { bytes.count / SHA256Digest.byteCount }

  mutating func append(_ hash: SHA256Digest) { bytes += hash.bytes }

  /// The last two hashes, side by side as the message of the node above has them.
  var lastPair: ArraySlice<UInt8> { bytes.suffix(2 * SHA256Digest.byteCount) }

  mutating func truncate(to count: Int) {
    bytes.removeLast(bytes.count - count * SHA256Digest.byteCount)
  }

  subscript(index: Int) -> SHA256Digest {
    let start = index * SHA256Digest.byteCount
    do {
      return try SHA256Digest(bytes: Array(bytes[start..<start + SHA256Digest.byteCount]))
    } catch {
      preconditionFailure("32 bytes are not a SHA-256 digest")
    }
  }
}
