package import Cryptography
internal import Glibc
package import Ledger
internal import Synchronization

/// A directory of the local file system, by default locked against every other writer while this value lives.
///
/// Files are 0600 and the directory 0700. Interrupted calls are repeated and short writes
/// completed. A file that was written stays open until it is renamed, so that its `synchronize`
/// sees the errors of its own writes.
package final class LocalDisk: Disk {
  /// Name of the file whose lock marks the directory as in use; it holds the process id of the holder.
  package static let lockName = "ledger.lock"
  /// Largest file that `read` accepts, in bytes.
  package static let maximumFileBytes = 1 << 30

  private let directory: Descriptor
  private let lock: Descriptor?
  private let files = Mutex<[String: Descriptor]>([:])

  /// Opens `path`, making the directory if there is none, and takes its lock.
  /// - Parameter isLocked: false for a directory whose one writer is ensured otherwise: it then has
  ///   no lock file.
  /// - Throws: `LedgerStoreError.locked` with the holder's process id, `.disk`.
  package init(directory path: String, isLocked: Bool = true) throws(LedgerStoreError) {
    do {
      directory = try Self.openDirectory(path)
      lock =
        isLocked
        ? try Descriptor(
          opening: Self.lockName, in: directory.number, flags: O_RDWR | O_CREAT, operation: "open")
        : nil
    } catch {
      throw .disk(error)
    }
    if let lock { try Self.take(lock, of: path) }
  }

  private static func take(_ lock: Descriptor, of path: String) throws(LedgerStoreError) {
    guard retrying({ flock(lock.number, LOCK_EX | LOCK_NB) }) == 0 else {
      let number = errno
      guard number == EWOULDBLOCK else {
        throw .disk(
          DiskError(operation: "lock", name: lockName, errorNumber: number))
      }
      throw .locked(directory: path, holder: holder(in: lock))
    }
    do {
      let text = Array("\(getpid())\n".utf8)
      try lock.truncate(to: 0, name: lockName)
      try lock.write(text, at: 0, name: lockName)
    } catch {
      throw .disk(error)
    }
  }

  package func read(_ name: String) throws(DiskError) -> [UInt8]? {
    let file: Descriptor
    do {
      file = try Descriptor(
        opening: name, in: directory.number, flags: O_RDONLY, operation: "open")
    } catch  where error.errorNumber == ENOENT {
      return nil
    } catch {
      throw error
    }
    return try file.readAll(name: name, limit: Self.maximumFileBytes)
  }

  package func read(
    _ name: String, from offset: Int, byteCount: Int
  ) throws(DiskError) -> [UInt8]? {
    do {
      let file = try Descriptor(
        opening: name, in: directory.number, flags: O_RDONLY, operation: "open")
      return try file.read(byteCount, at: offset, name: name)
    } catch  where error.errorNumber == ENOENT {
      return nil
    } catch {
      throw error
    }
  }

  package func create(_ name: String, holding bytes: [UInt8]) throws(DiskError) {
    let file = try Descriptor(
      opening: name, in: directory.number, flags: O_RDWR | O_CREAT | O_TRUNC, operation: "create")
    files.withLock { $0[name] = file }
    try file.write(bytes, at: 0, name: name)
  }

  package func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskError) {
    try file(name).write(bytes, at: offset, name: name)
  }

  package func truncate(_ name: String, to byteCount: Int) throws(DiskError) {
    try file(name).truncate(to: byteCount, name: name)
  }

  package func synchronize(_ name: String) throws(DiskError) {
    try file(name).synchronize(name: name)
  }

  package func rename(_ name: String, to newName: String) throws(DiskError) {
    files.withLock {
      $0[name] = nil
      $0[newName] = nil
    }
    guard renameat(directory.number, name, directory.number, newName) == 0 else {
      throw DiskError(operation: "rename", name: name, errorNumber: errno)
    }
  }

  package func synchronizeDirectory() throws(DiskError) {
    try directory.synchronize(name: ".")
  }

  package func names() throws(DiskError) -> [String] {
    // `fdopendir` owns the descriptor it is given, so it gets one of its own.
    let number = openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0, let stream = fdopendir(number) else {
      let failure = DiskError(operation: "list", name: ".", errorNumber: errno)
      if number >= 0 { close(number) }
      throw failure
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  package func remove(_ name: String) throws(DiskError) {
    files.withLock { $0[name] = nil }
    guard unlinkat(directory.number, name, 0) == 0 || errno == ENOENT else {
      throw DiskError(operation: "remove", name: name, errorNumber: errno)
    }
  }

  private func file(_ name: String) throws(DiskError) -> Descriptor {
    try files.withLock { (files) throws(DiskError) in
      if let file = files[name] { return file }
      let file = try Descriptor(
        opening: name, in: directory.number, flags: O_RDWR, operation: "open")
      files[name] = file
      return file
    }
  }

  private static func openDirectory(_ path: String) throws(DiskError) -> Descriptor {
    if mkdir(path, 0o700) == 0 {
      // The new directory's own name must survive a crash too.
      let parent = try Descriptor(
        opening: path + "/..", in: AT_FDCWD, flags: O_RDONLY | O_DIRECTORY, operation: "open")
      try parent.synchronize(name: path)
    } else if errno != EEXIST {
      throw DiskError(operation: "mkdir", name: path, errorNumber: errno)
    }
    return try Descriptor(
      opening: path, in: AT_FDCWD, flags: O_RDONLY | O_DIRECTORY, operation: "open")
  }

  private static func holder(in lock: Descriptor) -> Int32? {
    do {
      let text = try lock.readAll(name: lockName, limit: 32)
      return Int32(String(decoding: text.dropLast(), as: UTF8.self))
    } catch {
      // The message then says "another process".
      return nil
    }
  }
}

extension LedgerWriter {
  /// `create(on:genesis:signingKey:reach:)` on a `LocalDisk`; the directory is made if there is none.
  package static func create(
    directory: String, genesis: GenesisRecord, signingKey: SigningKey,
    reach: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(LedgerStoreError) -> LedgerWriter {
    try create(
      on: LocalDisk(directory: directory), genesis: genesis, signingKey: signingKey, reach: reach)
  }

  /// `open(on:signingKey:reach:)` on a `LocalDisk`.
  package static func open(
    directory: String, signingKey: SigningKey,
    reach: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(LedgerStoreError) -> (writer: LedgerWriter, recovery: Recovery) {
    try open(on: LocalDisk(directory: directory), signingKey: signingKey, reach: reach)
  }
}
