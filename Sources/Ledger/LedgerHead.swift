internal import CanonicalJSON
package import Cryptography

/// How much of the log is acknowledged: the content of the head file.
///
/// Written after the log was made durable and before anything acts on the new entry (ruling 14).
/// Bytes of the log beyond it were never acted upon.
package struct LedgerHead: Equatable, Sendable {
  /// Longest head file, in bytes.
  package static let maximumBytes = 512

  /// Number of entries, at least 1.
  package let size: Int
  /// Bytes of the log that hold them, line feeds included.
  package let byteCount: Int
  /// Root of their Merkle tree (in format 1, the hash of the last of them).
  package let root: SHA256Digest

  /// The head of a log that ends with `state`.
  package init(of state: LedgerState) {
    size = state.size
    byteCount = state.byteCount
    root = state.root
  }

  /// The file: canonical JSON of `{"bytes", "root", "size"}` and one line feed.
  package var bytes: [UInt8] {
    let value = JSONValue.object([
      "bytes": .integer(Int64(byteCount)), "root": .string(root.hex), "size": .integer(Int64(size)),
    ])
    return value.canonicalBytes + [UInt8(ascii: "\n")]
  }

  /// Reads a head file strictly: it must be byte for byte what `bytes` writes.
  /// - Throws: `LedgerError.headUnreadable`.
  package init(decoding file: [UInt8]) throws(LedgerError) {
    guard file.last == UInt8(ascii: "\n") else { throw .headUnreadable(problem: "no line end") }
    do {
      let value = try JSONValue.parse(Array(file.dropLast()), limit: Self.maximumBytes, depth: 1)
      var reader = try FieldReader(value, entry: 0, field: "head")
      size = try reader.integer("size")
      byteCount = try reader.integer("bytes")
      root = try reader.digest("root")
      try reader.finish()
    } catch let error as JSONError {
      throw .headUnreadable(problem: error.description)
    } catch {
      throw .headUnreadable(problem: "it must have size, bytes and root, and nothing else")
    }
    guard size >= 1, bytes == file else {
      throw .headUnreadable(problem: "it is not in canonical form")
    }
  }

  /// Checks that the log begins with what this head acknowledges; bytes after it are no fault.
  /// - Parameter replay: of the log from its start.
  /// - Throws: `LedgerError.shorterThanHead`, `.headMismatch`.
  package func requirePrefix(of replay: LedgerReplay) throws(LedgerError) {
    let lineCount = replay.lineCount
    let logByteCount = (replay.lineEnds.last ?? 0) + replay.tornByteCount
    guard lineCount >= size, logByteCount >= byteCount else {
      throw .shorterThanHead(
        entry: lineCount, byteCount: logByteCount, headByteCount: byteCount)
    }
    let entry = size - 1
    guard replay.lineEnds[entry] == byteCount else {
      throw .headMismatch(
        entry: entry, field: "bytes", expected: "\(replay.lineEnds[entry])",
        found: "\(byteCount)")
    }
    let found = replay.root(ofSize: size)
    guard found == root else {
      throw .headMismatch(entry: entry, field: "root", expected: found.hex, found: root.hex)
    }
  }
}
