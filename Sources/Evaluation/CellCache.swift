internal import CanonicalJSON
internal import Cryptography
internal import Datasets

/// Finished cells on disk, one file each, so that a comparison that was broken off goes on.
///
/// A file is named by the SHA-256 of the cell's key and holds the key, which must match: a file that
/// is damaged, or is of another key, counts as absent and is replaced.
package struct CellCache: Sendable {
  /// A larger file is not a cell's.
  private static let maximumBytes = 256 << 20

  private let directory: String

  /// - Throws: `EvaluationError.cacheUnusable` if the directory cannot be made.
  package init(directory: String) throws(EvaluationError) {
    self.directory = directory
    do {
      try FileAccess.makeDirectory(directory)
    } catch {
      throw .cacheUnusable(path: directory, reason: error.description)
    }
  }

  /// The outcome kept under `key`; nil if there is none that can be used.
  func outcome(for key: JSONValue) -> CellOutcome? {
    // A cell that cannot be read is computed again, which is always right.
    guard let bytes = try? FileAccess.read(path(of: key), limit: Self.maximumBytes),
      let stored = try? JSONValue.parse(bytes, limit: Self.maximumBytes),
      // By bytes: 8 and 8.0 are one number in a document and two cases of `JSONValue`.
      stored["key"]?.canonicalBytes == key.canonicalBytes, let value = stored["outcome"]
    else { return nil }
    return CellOutcome(json: value)
  }

  /// Keeps an outcome; the file appears whole or not at all.
  func store(_ outcome: CellOutcome, for key: JSONValue) throws(EvaluationError) {
    let value = JSONValue.object(["key": key, "outcome": outcome.json])
    do {
      try FileAccess.replace(path(of: key), value.canonicalBytes)
    } catch {
      throw .cacheUnusable(path: directory, reason: error.description)
    }
  }

  private func path(of key: JSONValue) -> String {
    "\(directory)/\(SHA256Digest(hashing: key.canonicalBytes).hex).json"
  }
}
