internal import Glibc

/// Where a store lives and the file system rules around it: a 0600 file in a 0700 directory,
/// created whole or not at all.
enum StoreFile {
  static let name = "behavior.sqlite"

  static func path(in directory: String) -> String {
    (directory.hasSuffix("/") ? String(directory.dropLast()) : directory) + "/" + name
  }

  /// Makes `directory` (0700, parents too) if it is missing; otherwise checks that it is private.
  static func ensurePrivateDirectory(_ directory: String) throws(BehaviorStoreError) {
    if mkdir(directory, 0o700) == 0 { return }
    if errno == ENOENT, let slash = directory.lastIndex(of: "/"), slash != directory.startIndex {
      try ensureExists(String(directory[..<slash]))
      if mkdir(directory, 0o700) == 0 { return }
    }
    guard errno == EEXIST else { throw failure(errno, path: directory) }
    try checkPrivate(directory, type: S_IFDIR)
  }

  /// Checks that `path` is a regular file of this user that nobody else can reach.
  static func checkPrivateFile(_ path: String) throws(BehaviorStoreError) {
    try checkPrivate(path, type: S_IFREG)
  }

  /// Puts a file with exactly `bytes` at `path`, or leaves nothing: written beside it, flushed,
  /// then linked into place, so that a crash cannot leave a store that is half made or empty.
  ///
  /// An empty file would be taken for a device that has spent nothing.
  static func place(_ bytes: [UInt8], at path: String) throws(BehaviorStoreError) {
    let directory = parent(of: path)
    let temporary = temporaryPath(in: directory)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(errno, path: path) }
    defer { unlink(temporary) }
    do throws(BehaviorStoreError) {
      try write(bytes, to: descriptor, path: path)
      guard fsync(descriptor) == 0 else { throw failure(errno, path: path) }
    } catch {
      Glibc.close(descriptor)
      throw error
    }
    guard Glibc.close(descriptor) == 0 else { throw failure(errno, path: path) }
    guard link(temporary, path) == 0 else { throw failure(errno, path: path) }
    try flushDirectory(directory)
  }

  /// The whole of a small file that this process made.
  static func contents(of path: String) throws(BehaviorStoreError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(errno, path: path) }
    defer { Glibc.close(descriptor) }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { return contents }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(errno, path: path)
      }
      contents += chunk[..<count]
    }
  }

  /// Makes names added to or removed from `directory` survive a loss of power.
  static func flushDirectory(_ directory: String) throws(BehaviorStoreError) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(errno, path: directory) }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(errno, path: directory) }
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// A name beside the store that no other call of this or another process uses.
  static func temporaryPath(in directory: String) -> String {
    directory + "/." + name + "." + String(getpid()) + "."
      + String(UInt64.random(in: .min ... .max), radix: 16)
  }

  /// - Parameter code: an `errno` value.
  static func failure(_ code: Int32, path: String) -> BehaviorStoreError {
    switch code {
    case ENOENT: .missing(path: path)
    case EEXIST: .alreadyExists(path: path)
    case ENOSPC, EDQUOT: .diskFull(path: path)
    case EACCES, EPERM, EROFS: .notWritable(path: path)
    case EMFILE, ENFILE: .tooManyOpenFiles(path: path)
    case ENOTDIR, ELOOP, EISDIR: .notOwned(path: path)
    default: .systemFailure(path: path, detail: systemMessage(code))
    }
  }

  static func systemMessage(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "System error \(code)" }
    return String(cString: text)
  }

  private static func ensureExists(_ directory: String) throws(BehaviorStoreError) {
    if mkdir(directory, 0o700) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = directory.lastIndex(of: "/"), slash != directory.startIndex
    else { throw failure(errno, path: directory) }
    try ensureExists(String(directory[..<slash]))
    guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
      throw failure(errno, path: directory)
    }
  }

  private static func checkPrivate(_ path: String, type: mode_t) throws(BehaviorStoreError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw failure(errno, path: path) }
    guard status.st_mode & S_IFMT == type, status.st_uid == geteuid() else {
      throw .notOwned(path: path)
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .exposed(path: path, mode: status.st_mode & 0o777)
    }
  }

  private static func write(
    _ bytes: [UInt8], to descriptor: Int32, path: String
  ) throws(BehaviorStoreError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), bytes.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(errno, path: path)
      }
      written += count
    }
  }
}
