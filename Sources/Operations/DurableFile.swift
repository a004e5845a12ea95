internal import Glibc

/// Whole-file reads and writes that either happen or do not.
package enum DurableFile {
  /// Writes `bytes` aside, syncs, renames over `path` and syncs the directory.
  ///
  /// - Parameter mode: permission bits of the new file; 0600 by default.
  /// - Throws: `CommandFailure` naming the file, the system's reason and what to do: exit 75 where
  ///   the disk is full, else 1. An older file at `path` is then untouched.
  package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws {
    let temporary = "\(path).tmp-\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw failure("cannot create", temporary) }
    do {
      try writeAll(bytes, to: descriptor, path: temporary)
      guard fsync(descriptor) == 0 else { throw failure("cannot sync", temporary) }
    } catch {
      Glibc.close(descriptor)
      unlink(temporary)
      throw error
    }
    guard Glibc.close(descriptor) == 0 else { throw failure("cannot close", temporary) }
    guard rename(temporary, path) == 0 else {
      let error = failure("cannot rename to", path)
      unlink(temporary)
      throw error
    }
    try syncDirectory(of: path)
  }

  /// As `write`, without any sync: for files that only inform a person.
  package static func replaceUnsynced(_ bytes: [UInt8], at path: String) throws {
    let temporary = "\(path).tmp-\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("cannot create", temporary) }
    defer { Glibc.close(descriptor) }
    try writeAll(bytes, to: descriptor, path: temporary)
    guard rename(temporary, path) == 0 else { throw failure("cannot rename to", path) }
  }

  /// Removes a directory made by this process, and what is in it; errors are ignored, for it is
  /// what is done after an error.
  package static func removeTree(_ path: String) {
    var information = stat()
    guard lstat(path, &information) == 0 else { return }
    if information.st_mode & S_IFMT == S_IFDIR {
      // Whatever cannot be listed cannot be removed either.
      for name in (try? DirectoryListing.names(in: path)) ?? [] { removeTree("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  /// - Parameter limit: most bytes that are read; a longer file is an error.
  /// - Returns: nil when there is no file.
  package static func read(_ path: String, limit: Int) throws -> [UInt8]? {
    // Else a FIFO would be waited for before it can be seen to be one.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw failure("cannot open", path)
    }
    defer { Glibc.close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { throw failure("cannot examine", path) }
    guard information.st_mode & S_IFMT == S_IFREG else {
      throw CommandFailure(
        what: "cannot read \(path)", why: "it is not a regular file", next: "name a file",
        exit: .invalidConfiguration)
    }
    let size = Int(information.st_size)
    guard size <= limit else {
      throw CommandFailure(
        what: "\(path) has \(size) bytes", why: "the limit is \(limit)",
        next: "check that it is the right file", exit: .invalidConfiguration)
    }
    // Not zeroed first: that would touch every page of it twice.
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, done in
      while done < size {
        let count = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: done), size - done)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        done += count
      }
    }
    guard bytes.count == size else { throw failure("cannot read", path) }
    return bytes
  }

  /// Makes a directory with mode 0700 and its parents; an existing one is fine.
  package static func makeDirectory(_ path: String) throws {
    var partial = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      partial += (partial.isEmpty || partial.hasSuffix("/") ? "" : "/") + part
      guard mkdir(partial, 0o700) == 0 || errno == EEXIST || errno == EISDIR else {
        throw failure("cannot make the directory", partial)
      }
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: done), bytes.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("cannot write", path) }
      done += count
    }
  }

  private static func syncDirectory(of path: String) throws {
    let directory =
      path.lastIndex(of: "/").map { slash in
        slash == path.startIndex ? "/" : String(path[..<slash])
      } ?? "."
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot open the directory", directory) }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("cannot sync the directory", directory) }
  }

  private static func failure(_ what: String, _ path: String) -> CommandFailure {
    let number = errno
    let reason = String(cString: strerror(number))
    let full = number == ENOSPC || number == EDQUOT || number == EFBIG
    return CommandFailure(
      what: "\(what) \(path)", why: reason,
      next: full
        ? "free space on that disk and run the same command again"
        : "check that the path exists and that this user may write there",
      exit: full ? .temporary : .failure)
  }
}
