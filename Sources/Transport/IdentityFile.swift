internal import Glibc

/// Certificate and key files: who may read them, and writing them so that they are whole or absent.
enum IdentityFile {
  /// A PEM certificate or key of this protocol takes under 1,000 bytes.
  static let maximumBytes = 65_536

  /// Reads a file that anyone may read.
  static func readPublic(_ path: String) throws(TransportError) -> [UInt8] {
    try read(path) { _ in nil }
  }

  /// Reads a file that must belong to this user and be closed to everyone else.
  static func readPrivate(_ path: String) throws(TransportError) -> [UInt8] {
    try read(path) { status in
      if status.st_uid != geteuid() {
        return "it belongs to user \(status.st_uid), not to the user running this (\(geteuid()))"
      }
      if status.st_mode & (S_IRWXG | S_IRWXO) != 0 {
        return "group or others may access it (mode \(String(status.st_mode & 0o777, radix: 8))). "
          + "Run: chmod 600 \(path)"
      }
      return nil
    }
  }

  private static func read(
    _ path: String, refuse: (stat) -> String?
  ) throws(TransportError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unusable(path) }
    defer { close(descriptor) }
    // Checked on the open file, so that it cannot be exchanged between check and use.
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unusable(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .identityUnusable(path: path, reason: "it is not a regular file")
    }
    guard status.st_size <= maximumBytes else {
      throw .identityUnusable(path: path, reason: "it has more than \(maximumBytes) bytes")
    }
    if let reason = refuse(status) {
      throw .identityUnusable(path: path, reason: reason)
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { space in
        Glibc.read(descriptor, space.baseAddress?.advanced(by: filled), space.count - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw unusable(path) }
      filled += count
    }
    return bytes
  }

  /// Creates a file that does not exist, with these permissions from the start, and makes it
  /// durable.
  /// - Throws: `identityExists`, or `identityUnusable`; then no file is left behind.
  static func create(
    _ path: String, bytes: UnsafeRawBufferPointer, mode: mode_t
  ) throws(TransportError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw errno == EEXIST ? .identityExists(path: path) : unusable(path)
    }
    do throws(TransportError) {
      defer { close(descriptor) }
      // The mode given to open() is reduced by the umask and so may be too narrow, never too wide.
      guard fchmod(descriptor, mode) == 0 else { throw unusable(path) }
      try write(bytes, to: descriptor, path: path)
      guard fsync(descriptor) == 0 else { throw unusable(path) }
      try syncDirectory(of: path)
    } catch {
      unlink(path)
      throw error
    }
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, path: String
  ) throws(TransportError) {
    var written = 0
    while written < bytes.count {
      let count = Glibc.write(
        descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw unusable(path) }
      written += count
    }
  }

  private static func syncDirectory(of path: String) throws(TransportError) {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unusable(directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw unusable(directory) }
  }

  private static func unusable(_ path: String) -> TransportError {
    .identityUnusable(path: path, reason: String(cString: strerror(errno)))
  }
}
