internal import FoundationEssentials
internal import Glibc

/// The few file operations that data sets need, with `DatasetError` for what the system refuses.
package enum FileAccess {
  /// Reads a whole file of at most `limit` bytes.
  package static func read(_ path: String, limit: Int) throws(DatasetError) -> [UInt8] {
    // Else a FIFO would be waited for before it can be seen to be one.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: systemReason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadable(path: path, reason: systemReason())
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "not a regular file")
    }
    let size = Int(status.st_size)
    guard size <= limit else { throw .tooLarge(path: path, bytes: size, limit: limit) }
    var failure: String?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let got = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), size - count)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else {
          failure = got < 0 ? systemReason() : "the file became shorter while it was read"
          return
        }
        count += got
      }
    }
    if let failure { throw .unreadable(path: path, reason: failure) }
    return bytes
  }

  /// Runs `body` while no other process, and no other thread, does so for the same directory; waits for its turn.
  static func alone<Result>(in directory: String, _ body: () throws -> Result) throws -> Result {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw DatasetError.unreadable(path: directory, reason: systemReason())
    }
    // Lets go of the lock as well.
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else {
        throw DatasetError.unwritable(path: directory, reason: systemReason())
      }
    }
    return try body()
  }

  /// Writes a new file; one that exists is an error.
  ///
  /// - Parameter durable: whether the bytes are on the disk when the call returns.
  static func create(_ path: String, _ bytes: [UInt8], durable: Bool) throws(DatasetError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: systemReason()) }
    var failure = writeAll(descriptor, bytes)
    if failure == nil, durable, fsync(descriptor) != 0 { failure = systemReason() }
    if close(descriptor) != 0, failure == nil { failure = systemReason() }
    if let failure { throw .unwritable(path: path, reason: failure) }
  }

  /// Writes a file in place of another or as a new one; it appears whole or not at all.
  ///
  /// Not flushed to the disk: for what can be computed again.
  package static func replace(_ path: String, _ bytes: [UInt8]) throws(DatasetError) {
    let partial = "\(path).\(getpid()).partial"
    try remove(partial)
    do throws(DatasetError) {
      try create(partial, bytes, durable: false)
      guard Glibc.rename(partial, path) == 0 else {
        throw DatasetError.unwritable(path: path, reason: systemReason())
      }
    } catch {
      // The first error is the one to report.
      try? remove(partial)
      throw error
    }
  }

  private static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> String? {
    bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < buffer.count {
        let count = write(
          descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return systemReason() }
        written += count
      }
      return nil
    }
  }

  /// Makes a directory and those above it.
  package static func makeDirectory(_ path: String) throws(DatasetError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      if !prefix.isEmpty, prefix != "/" { prefix += "/" }
      prefix += component
      guard mkdir(prefix, 0o755) == 0 || errno == EEXIST else {
        throw .unwritable(path: prefix, reason: systemReason())
      }
    }
    var status = stat()
    guard stat(path, &status) == 0 else { throw .unwritable(path: path, reason: systemReason()) }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw .unwritable(path: path, reason: "a file of this name is in the way")
    }
  }

  /// Renames a directory onto a free name or an empty directory.
  static func rename(_ source: String, to destination: String) throws(DatasetError) {
    guard Glibc.rename(source, destination) == 0 else {
      if errno == ENOTEMPTY || errno == EEXIST { throw .outputNotEmpty(path: destination) }
      throw .unwritable(path: destination, reason: systemReason())
    }
  }

  /// Removes a file or a directory with what is in it; one that does not exist is no error.
  static func remove(_ path: String) throws(DatasetError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw .unwritable(path: path, reason: systemReason())
    }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw .unwritable(path: path, reason: "it cannot be removed")
    }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The names in a directory, ascending; nil if it does not exist.
  static func names(in path: String) throws(DatasetError) -> [String]? {
    guard exists(path) else { return nil }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw .unreadable(path: path, reason: "not a directory that can be listed")
    }
  }

  static func systemReason() -> String { String(cString: strerror(errno)) }
}
