internal import Glibc

/// The bytes of a file, one at a time, from chunks. A class because it owns a descriptor; used by
/// one thread.
final class ByteSource {
  private static let chunkBytes = 65_536

  private let path: String
  private let descriptor: Int32
  private var chunk: [UInt8] = []
  private var position = 0

  /// Opens the file and skips a UTF-8 byte order mark.
  /// - Throws: `unreadableFile`.
  init(path: String) throws(BehaviorStoreError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.unreadable(path) }
    try fill()
    if chunk.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  deinit {
    close(descriptor)
  }

  /// - Returns: nil at the end of the file.
  /// - Throws: `unreadableFile`.
  func next() throws(BehaviorStoreError) -> UInt8? {
    if position == chunk.count {
      try fill()
      if chunk.isEmpty { return nil }
    }
    defer { position += 1 }
    return chunk[position]
  }

  /// Passes over the rest of a line, with its line break.
  func skipLine() throws(BehaviorStoreError) {
    while let byte = try next(), byte != UInt8(ascii: "\n") {}
  }

  private func fill() throws(BehaviorStoreError) {
    position = 0
    while true {
      var count = 0
      chunk = [UInt8](unsafeUninitializedCapacity: Self.chunkBytes) { buffer, initialized in
        count = read(descriptor, buffer.baseAddress, Self.chunkBytes)
        initialized = max(0, count)
      }
      if count >= 0 { return }
      guard errno == EINTR else { throw Self.unreadable(path) }
    }
  }

  private static func unreadable(_ path: String) -> BehaviorStoreError {
    .unreadableFile(path: path, detail: StoreFile.systemMessage(errno))
  }
}
