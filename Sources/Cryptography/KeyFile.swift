internal import Glibc

/// A signing key on disk: a file of exactly the 32 seed bytes, mode 0600, owned by the user who
/// runs the process.
package enum KeyFile {
  private static let mode: mode_t = 0o600

  /// Writes the seed of `key` to a new file, and returns only when file and directory are on disk.
  ///
  /// A file that could not be completed is removed again.
  /// - Throws: `CryptographyError.keyFile`: `.exists` when anything, a link included, has that
  ///   name; `.systemCall`.
  package static func create(_ key: SigningKey, at path: String) throws(CryptographyError) {
    let seed = try key.seed
    guard
      let file = FileDescriptor(
        path: path, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
    else {
      throw errno == EEXIST ? .keyFile(path: path, problem: .exists) : failure(of: "open", at: path)
    }
    do {
      try write(seed, to: file, at: path)
      try synchronizeDirectory(of: path)
    } catch {
      unlink(path)
      throw error
    }
  }

  /// Reads the key back.
  /// - Throws: `CryptographyError.keyFile` for a symbolic link, anything but a regular file,
  ///   another owner, a mode that gives group or others any right, a size other than 32 bytes, or a
  ///   failed system call.
  package static func load(at path: String) throws(CryptographyError) -> SigningKey {
    // O_NONBLOCK: a FIFO in place of the file must not hang the start; it is refused below.
    guard let file = FileDescriptor(path: path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK) else {
      throw errno == ELOOP
        ? .keyFile(path: path, problem: .symbolicLink) : failure(of: "open", at: path)
    }
    guard let status = file.status else { throw failure(of: "fstat", at: path) }
    if let problem = problem(in: status) {
      throw .keyFile(path: path, problem: problem)
    }
    var readCount: Int?
    var code: Int32 = 0
    let seed: SecretBytes
    do {
      seed = try SecretBytes(
        count: SigningKey.seedByteCount, orThrow: .operationFailed("read")
      ) { destination in
        readCount = file.read(into: destination, byteCount: SigningKey.seedByteCount)
        code = errno
        return readCount == SigningKey.seedByteCount ? 0 : -1
      }
    } catch .operationFailed("read") {
      guard let readCount else { throw failure(of: "read", at: path, code: code) }
      throw .keyFile(
        path: path,
        problem: .wrongSize(expected: SigningKey.seedByteCount, actual: readCount))
    }
    return try SigningKey(seed: seed)
  }

  /// Whether anything, a link included, has the name `path`.
  /// - Throws: `CryptographyError.keyFile` where that cannot be told.
  package static func exists(at path: String) throws(CryptographyError) -> Bool {
    var status = stat()
    if lstat(path, &status) == 0 { return true }
    guard errno == ENOENT else { throw failure(of: "lstat", at: path) }
    return false
  }

  /// Puts the key file `next` in the place of `path`, whose old content stays as `previous`; durable on return. A crash
  /// leaves a key at `path` at any moment, and the call may be made again after one.
  /// - Parameters:
  ///   - previous: in the same directory; to be wiped afterwards.
  /// - Throws: `CryptographyError.keyFile` with `.systemCall`.
  package static func replace(
    _ path: String, by next: String, keeping previous: String
  ) throws(CryptographyError) {
    // Left by a crash between the two names: the same file still.
    guard link(path, previous) == 0 || errno == EEXIST else { throw failure(of: "link", at: path) }
    try synchronizeDirectory(of: path)
    guard rename(next, path) == 0 else { throw failure(of: "rename", at: next) }
    try synchronizeDirectory(of: path)
  }

  /// Overwrites a key file with zeros, syncs, and removes it; nothing happens where there is none.
  ///
  /// A file that another name still leads to only loses this name. What a file system or a disk keeps of overwritten
  /// blocks is beyond its reach.
  /// - Throws: `CryptographyError.keyFile` as `load`, or `.systemCall`.
  package static func wipe(at path: String) throws(CryptographyError) {
    guard let file = FileDescriptor(path: path, flags: O_WRONLY | O_NOFOLLOW | O_NONBLOCK) else {
      if errno == ENOENT { return }
      throw errno == ELOOP
        ? .keyFile(path: path, problem: .symbolicLink) : failure(of: "open", at: path)
    }
    guard let status = file.status else { throw failure(of: "fstat", at: path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .keyFile(path: path, problem: .notRegularFile)
    }
    if status.st_nlink == 1 {
      let zeros = [UInt8](repeating: 0, count: SigningKey.seedByteCount)
      guard zeros.withUnsafeBytes({ file.writeAll($0) }) else {
        throw failure(of: "write", at: path)
      }
      guard file.synchronize() else { throw failure(of: "fsync", at: path) }
    }
    guard unlink(path) == 0 else { throw failure(of: "unlink", at: path) }
    try synchronizeDirectory(of: path)
  }

  private static func problem(in status: stat) -> KeyFileProblem? {
    guard status.st_mode & S_IFMT == S_IFREG else { return .notRegularFile }
    guard status.st_uid == geteuid() else {
      return .wrongOwner(expected: geteuid(), actual: status.st_uid)
    }
    guard status.st_mode & 0o077 == 0 else {
      return .readableByOthers(mode: status.st_mode & 0o7777)
    }
    guard status.st_size == SigningKey.seedByteCount else {
      return .wrongSize(expected: SigningKey.seedByteCount, actual: Int(status.st_size))
    }
    return nil
  }

  private static func write(
    _ seed: SecretBytes, to file: borrowing FileDescriptor, at path: String
  ) throws(CryptographyError) {
    // The umask may have taken rights away from the mode given to open.
    guard file.setMode(mode) else { throw failure(of: "fchmod", at: path) }
    let isWritten = seed.withUnsafePointer {
      file.writeAll(UnsafeRawBufferPointer(start: $0, count: seed.count))
    }
    guard isWritten else { throw failure(of: "write", at: path) }
    guard file.synchronize() else { throw failure(of: "fsync", at: path) }
  }

  // A new name is durable only once its directory is.
  private static func synchronizeDirectory(of path: String) throws(CryptographyError) {
    let directory: String
    if let slash = path.lastIndex(of: "/") {
      directory = slash == path.startIndex ? "/" : String(path[..<slash])
    } else {
      directory = "."
    }
    guard let handle = FileDescriptor(path: directory, flags: O_RDONLY | O_DIRECTORY) else {
      throw failure(of: "open", at: directory)
    }
    guard handle.synchronize() else { throw failure(of: "fsync", at: directory) }
  }

  private static func failure(
    of name: String, at path: String, code: Int32 = errno
  ) -> CryptographyError {
    .keyFile(
      path: path,
      problem: .systemCall(name: name, code: code, reason: String(cString: strerror(code))))
  }
}
