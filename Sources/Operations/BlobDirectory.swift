package import Cryptography

/// Public blobs, each in a file named by its SHA-256; written aside, synced, then renamed.
package final class BlobDirectory {
  private let path: String
  private var cache: [SHA256Digest: [UInt8]] = [:]

  package init(path: String) {
    self.path = path
  }

  package func store(_ bytes: [UInt8], reach: (String) -> Void = { _ in }) throws -> SHA256Digest {
    let digest = SHA256Digest(hashing: bytes)
    if try load(digest) == nil {
      reach("blob-before-write")
      try DurableFile.write(bytes, to: file(digest))
      reach("blob-after-rename")
    }
    cache[digest] = bytes
    return digest
  }

  /// - Returns: nil when there is no such blob. A file whose bytes do not have its name's digest
  ///   is treated as absent: it can be made or fetched again.
  package func load(_ digest: SHA256Digest) throws -> [UInt8]? {
    if let bytes = cache[digest] { return bytes }
    guard let bytes = try read(digest) else { return nil }
    cache[digest] = bytes
    return bytes
  }

  /// As ``load(_:)``, and keeps nothing in memory: for what is decoded once.
  package func read(_ digest: SHA256Digest) throws -> [UInt8]? {
    guard let bytes = try DurableFile.read(file(digest), limit: 64 << 20) else { return nil }
    return SHA256Digest(hashing: bytes) == digest ? bytes : nil
  }

  private func file(_ digest: SHA256Digest) -> String { "\(path)/\(digest.hex)" }
}
