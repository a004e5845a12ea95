internal import Cryptography

/// Every event of a run, as one digest, and the newest of them as text.
struct EventTrace {
  private static let keptLines = 60

  private(set) var digest = SHA256Digest(hashing: [])
  private var lines: [String] = []
  private var next = 0

  mutating func add(_ line: String) {
    digest = SHA256Digest(hashing: digest.bytes + Array(line.utf8))
    if lines.count < Self.keptLines {
      lines.append(line)
    } else {
      lines[next] = line
      next = (next + 1) % Self.keptLines
    }
  }

  /// The newest lines, oldest first.
  var newest: [String] { Array(lines[next...] + lines[..<next]) }
}
