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

  /// Puts a file at `path` or leaves nothing there: made beside it from `bytes`, changed by
  /// `prepare`, flushed, then linked into place, so that a crash cannot leave a store that is half
  /// made or empty.
  ///
  /// An empty file would be taken for a device that has spent nothing.
  /// - Parameter prepare: is given the path of the file that is being made, and leaves it closed.
  static func place(
    _ bytes: [UInt8], at path: String,
    prepare: (_ temporary: String) throws(BehaviorStoreError) -> Void
  ) throws(BehaviorStoreError) {
    let directory = parent(of: path)
    let temporary = temporaryPath(in: directory)
    defer { removeDatabase(temporary) }
    let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    try withDescriptor(temporary, flags, path) { descriptor throws(BehaviorStoreError) in
      try write(bytes, to: descriptor, path: path)
    }
    try prepare(temporary)
    // A log that is left would hold commits that the linked file lacks.
    guard access(temporary + "-wal", F_OK) != 0 else {
      throw .systemFailure(path: path, detail: "Its write-ahead log could not be emptied")
    }
    try withDescriptor(temporary, O_RDONLY | O_CLOEXEC, path) {
      descriptor throws(BehaviorStoreError) in
      guard fsync(descriptor) == 0 else { throw failure(errno, path: path) }
    }
    guard link(temporary, path) == 0 else { throw failure(errno, path: path) }
    try flushDirectory(directory)
  }

  /// Removes a database and what SQLite keeps beside it.
  static func removeDatabase(_ path: String) {
    for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
  }

  /// Overwrites and removes what `place` and SQLite may have left in `directory`, then the directory
  /// itself if it is empty.
  static func destroyAll(in directory: String) throws(BehaviorStoreError) {
    guard access(directory, F_OK) == 0 else { return }
    for file in try names(in: directory)
    where file.hasPrefix(name) || file.hasPrefix("." + name + ".") {
      try overwriteAndRemove(directory + "/" + file)
    }
    try flushDirectory(directory)
    // It stays if something else is in it.
    rmdir(directory)
  }

  private static func overwriteAndRemove(_ path: String) throws(BehaviorStoreError) {
    try withDescriptor(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC, path) {
      descriptor throws(BehaviorStoreError) in
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw failure(errno, path: path) }
      let zeros = [UInt8](repeating: 0, count: 65_536)
      var remaining = Int(status.st_size)
      while remaining > 0 {
        let count = min(remaining, zeros.count)
        try write(Array(zeros[..<count]), to: descriptor, path: path)
        remaining -= count
      }
      guard fsync(descriptor) == 0 else { throw failure(errno, path: path) }
    }
    guard unlink(path) == 0 else { throw failure(errno, path: path) }
  }

  private static func names(in directory: String) throws(BehaviorStoreError) -> [String] {
    guard let stream = opendir(directory) else { throw failure(errno, path: directory) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names
  }

  /// The whole of a small file that this process made.
  static func contents(of path: String) throws(BehaviorStoreError) -> [UInt8] {
    var contents: [UInt8] = []
    try withDescriptor(path, O_RDONLY | O_CLOEXEC, path) {
      descriptor throws(BehaviorStoreError) in
      var chunk = [UInt8](repeating: 0, count: 16_384)
      while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count == 0 { return }
        if count < 0 {
          if errno == EINTR { continue }
          throw failure(errno, path: path)
        }
        contents += chunk[..<count]
      }
    }
    return contents
  }

  /// Makes names added to or removed from `directory` survive a loss of power.
  static func flushDirectory(_ directory: String) throws(BehaviorStoreError) {
    try withDescriptor(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, directory) {
      descriptor throws(BehaviorStoreError) in
      guard fsync(descriptor) == 0 else { throw failure(errno, path: directory) }
    }
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

  /// - Parameter named: the path that an error names.
  private static func withDescriptor(
    _ path: String, _ flags: Int32, _ named: String,
    _ body: (Int32) throws(BehaviorStoreError) -> Void
  ) throws(BehaviorStoreError) {
    let descriptor = open(path, flags, 0o600)
    guard descriptor >= 0 else { throw failure(errno, path: named) }
    defer { Glibc.close(descriptor) }
    try body(descriptor)
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
