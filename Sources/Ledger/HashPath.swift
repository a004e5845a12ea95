internal import Cryptography

/// The hashes of a proof as bytes, one after another.
enum HashPath {
  static func bytes(_ path: [SHA256Digest]) -> [UInt8] { path.flatMap(\.bytes) }

  /// - Throws: `LedgerError.proofInvalid` unless `bytes` are at most `maximumCount` whole hashes.
  static func decode(
    _ bytes: [UInt8], maximumCount: Int
  ) throws(LedgerError) -> [SHA256Digest] {
    let width = SHA256Digest.byteCount
    guard bytes.count.isMultiple(of: width), bytes.count <= maximumCount * width else {
      throw .proofInvalid(
        problem: "\(bytes.count) bytes are not at most \(maximumCount) hashes of \(width) bytes")
    }
    do {
      return try stride(from: 0, to: bytes.count, by: width).map {
        try SHA256Digest(bytes: Array(bytes[$0..<$0 + width]))
      }
    } catch {
      throw .proofInvalid(problem: "\(error)")
    }
  }
}
