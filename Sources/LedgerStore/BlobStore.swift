package import Cryptography

/// Public blobs on a disk, each in a file named by its SHA-256.
///
/// One owner uses it, on one executor.
package final class BlobStore {
  /// Names of the steps of storing one blob, in order.
  package static let failpointNames = [
    "blob-before-write", "blob-after-write", "blob-after-fsync", "blob-after-rename",
    "blob-after-store",
  ]
  /// Blobs kept in memory: the newest model, the one before it, catalogue and features.
  private static let cacheCapacity = 4

  private let disk: any Disk
  private let reach: (String) -> Void
  private var cache: [(digest: SHA256Digest, bytes: [UInt8])] = []
  /// What this value has made durable. A file that an earlier life left may be visible only.
  private var stored: Set<SHA256Digest> = []

  /// - Parameter reach: called at each of `failpointNames`.
  package init(on disk: any Disk, reach: @escaping (String) -> Void = { _ in }) {
    self.disk = disk
    self.reach = reach
  }

  /// Stores `bytes` under their digest; durable on return.
  package func store(_ bytes: [UInt8]) throws(DiskError) -> SHA256Digest {
    let digest = SHA256Digest(hashing: bytes)
    if !stored.contains(digest) {
      // Written though it may be there: a life that ended before it synchronized may have left it.
      reach("blob-before-write")
      try disk.replace(digest.hex, with: bytes) { reach("blob-after-\($0)") }
      reach("blob-after-store")
      stored.insert(digest)
    }
    remember(digest, bytes)
    return digest
  }

  /// - Returns: nil when there is no such blob. A file whose bytes do not have its name's digest is
  ///   treated as absent.
  package func load(_ digest: SHA256Digest) throws(DiskError) -> [UInt8]? {
    if let known = cache.first(where: { $0.digest == digest }) { return known.bytes }
    guard let bytes = try disk.read(digest.hex), SHA256Digest(hashing: bytes) == digest
    else { return nil }
    remember(digest, bytes)
    return bytes
  }

  /// Removes blobs that are not in `kept`, and what interrupted writes left.
  /// - Returns: how many files were removed.
  package func removeAll(except kept: Set<SHA256Digest>) throws(DiskError) -> Int {
    let keptNames = Set(kept.map(\.hex))
    let removed = try disk.names().filter { name in
      Self.isTemporary(name) || (Self.isBlob(name) && !keptNames.contains(name))
    }.sorted()
    for name in removed { try disk.remove(name) }
    if !removed.isEmpty { try disk.synchronizeDirectory() }
    cache.removeAll { !kept.contains($0.digest) }
    stored.formIntersection(kept)
    return removed.count
  }

  private func remember(_ digest: SHA256Digest, _ bytes: [UInt8]) {
    guard !cache.contains(where: { $0.digest == digest }) else { return }
    if cache.count == Self.cacheCapacity { cache.removeFirst() }
    cache.append((digest, bytes))
  }

  private static func isBlob(_ name: String) -> Bool {
    name.utf8.count == 64
      && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  private static func isTemporary(_ name: String) -> Bool {
    let parts = name.split(separator: ".", maxSplits: 1)
    return parts.count == 2 && isBlob(String(parts[0])) && parts[1].hasPrefix("tmp")
  }
}
