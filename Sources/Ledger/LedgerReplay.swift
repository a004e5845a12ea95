package import Cryptography

/// The entries of a log file, applied one after another as far as they are valid.
package struct LedgerReplay: Sendable {
  /// After the last valid entry; nil if not even GENESIS is valid.
  package let state: LedgerState?
  /// The Merkle tree of all complete lines, valid or not.
  package let tree: MerkleTree
  /// Offset in the log just after each complete line's line feed, in order.
  package let lineEnds: [Int]
  /// Why the entry after `state` is not valid; nil if every complete line is.
  package let failure: LedgerError?
  /// Bytes after the last line feed.
  package let tornByteCount: Int
  private let log: [UInt8]

  /// Replays a log file.
  /// - Parameter log: lines that each end in a line feed; what follows the last one is a torn line.
  /// - Complexity: O(log.count).
  package init(log: [UInt8]) {
    var state: LedgerState?
    var tree = MerkleTree()
    var ends: [Int] = []
    var failure: LedgerError?
    var start = 0
    var reader = CanonicalLine()
    var hasher = MerkleHasher()
    while let end = Self.lineEnd(in: log, from: start) {
      let line = Array(log[start..<end])
      start = end + 1
      ends.append(start)
      guard failure == nil else {
        tree.append(hasher.leaf(line), with: &hasher)
        continue
      }
      do {
        let entry = try LedgerEntry(decoding: line, at: ends.count - 1, with: &reader, &hasher)
        tree.append(entry.hash, with: &hasher)
        if ends.count == 1 {
          state = try LedgerState(genesis: entry)
        } else {
          try state?.applyOutsideTree(entry)
        }
      } catch {
        failure = error
        if tree.size < ends.count { tree.append(hasher.leaf(line), with: &hasher) }
      }
    }
    state?.setTree(tree)
    self.state = state
    self.tree = tree
    self.log = log
    lineEnds = ends
    self.failure = failure
    tornByteCount = log.count - start
  }

  /// Offset of the next line feed.
  private static func lineEnd(in log: [UInt8], from start: Int) -> Int? {
    let bytes = log.span
    var offset = start
    while offset < bytes.count {
      if bytes[offset] == UInt8(ascii: "\n") { return offset }
      offset += 1
    }
    return nil
  }

  /// Number of complete lines.
  package var lineCount: Int { lineEnds.count }

  /// Format of the ledger; the current one if GENESIS cannot be read.
  package var format: Int { state?.genesis.format ?? GenesisRecord.currentFormat }

  /// The root that a ledger of the first `size` lines has.
  /// - Parameter size: 1 through `lineCount`.
  package func root(ofSize size: Int) -> SHA256Digest {
    format == 1 ? SHA256Digest(hashing: line(at: size - 1)) : tree.root(ofSize: size)
  }

  /// Line `index` without its line feed, valid or not.
  /// - Parameter index: below `lineCount`.
  package func line(at index: Int) -> [UInt8] {
    Array(log[(index == 0 ? 0 : lineEnds[index - 1])..<lineEnds[index] - 1])
  }

  /// What the line after line `index` must name as `prev`.
  func chainHash(at index: Int) -> SHA256Digest {
    format == 1 ? SHA256Digest(hashing: line(at: index)) : tree.leafHash(at: index)
  }
}
