internal import Cryptography

/// Every event of a run, as one digest, and the newest of them as text.
struct EventTrace: ~Copyable {
  /// Lines that are kept.
  private let limit: Int
  private var hash = SHA256()
  private var lines: [String] = []
  private var next = 0

  /// Keeps the newest `limit` lines, at least 1.
  init(keeping limit: Int) { self.limit = limit }

  mutating func add(_ line: String) {
    hash.update(Array(line.utf8))
    hash.update([UInt8(ascii: "\n")])
    if lines.count < limit {
      lines.append(line)
    } else {
      lines[next] = line
      next = (next + 1) % limit
    }
  }

  /// The digest of all lines, and the newest of them, oldest first. The next line begins another trace.
  mutating func finish() -> (digest: SHA256Digest, newest: [String]) {
    defer { (lines, next) = ([], 0) }
    return (hash.finalizeAndRestart(), Array(lines[next...] + lines[..<next]))
  }
}
