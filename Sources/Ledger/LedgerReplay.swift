package import Cryptography

/// The entries of a log file, applied one after another as far as they are valid.
package struct LedgerReplay: Sendable {
  /// After the last valid entry; nil if not even GENESIS is valid.
  package let state: LedgerState?
  /// Hash of each complete line, in order, valid or not.
  package let lineHashes: [SHA256Digest]
  /// Offset in the log just after each complete line's line feed, in order.
  package let lineEnds: [Int]
  /// Why the entry after `state` is not valid; nil if every complete line is.
  package let failure: LedgerError?
  /// Bytes after the last line feed.
  package let tornByteCount: Int

  /// Replays a log file.
  /// - Parameter log: lines that each end in a line feed; what follows the last one is a torn line.
  /// - Complexity: O(log.count).
  package init(log: [UInt8]) {
    var state: LedgerState?
    var hashes: [SHA256Digest] = []
    var ends: [Int] = []
    var failure: LedgerError?
    var start = 0
    while let end = log[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = Array(log[start..<end])
      start = end + 1
      hashes.append(SHA256Digest(hashing: line))
      ends.append(start)
      guard failure == nil else { continue }
      do {
        state = try Self.apply(line, at: hashes.count - 1, to: state)
      } catch {
        failure = error
      }
    }
    self.state = state
    lineHashes = hashes
    lineEnds = ends
    self.failure = failure
    tornByteCount = log.count - start
  }

  private static func apply(
    _ line: [UInt8], at index: Int, to state: LedgerState?
  ) throws(LedgerError) -> LedgerState {
    let entry = try LedgerEntry(decoding: line, at: index)
    guard var next = state else { return try LedgerState(genesis: entry) }
    try next.apply(entry)
    return next
  }
}
