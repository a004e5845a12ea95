internal import Glibc

/// Repeats `call` while a signal interrupts it.
/// - Parameter call: returns a negative number and sets `errno` on failure.
func retrying<Number: SignedInteger>(_ call: () -> Number) -> Number {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}

/// An open file, closed with its last owner and never inherited by a child process.
final class Descriptor: Sendable {
  let number: Int32

  init(opening name: String, in directory: Int32, flags: Int32, operation: String)
    throws(DiskError)
  {
    number = retrying { openat(directory, name, flags | O_CLOEXEC, 0o600) }
    guard number >= 0 else {
      throw DiskError(operation: operation, name: name, errorNumber: errno)
    }
  }

  // Whatever must be durable was synchronized before; a failure of close loses nothing.
  deinit { if number >= 0 { close(number) } }

  func write(_ bytes: [UInt8], at offset: Int, name: String) throws(DiskError) {
    let number = number
    let failure = Self.complete(byteCount: bytes.count) { done in
      bytes.withUnsafeBytes { buffer in
        let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
        return pwrite(number, rest.baseAddress, rest.count, off_t(offset + done))
      }
    }
    if let failure { throw DiskError(operation: "write", name: name, errorNumber: failure) }
  }

  /// Calls `write` with the number of bytes done until all are: a system call may take fewer than
  /// it is given.
  /// - Returns: nil, or the error number; 0 bytes taken counts as no space, since it would never end.
  static func complete(byteCount: Int, write: (Int) -> Int) -> Int32? {
    var done = 0
    while done < byteCount {
      let count = retrying { write(done) }
      if count < 0 { return errno }
      if count == 0 { return ENOSPC }
      done += count
    }
    return nil
  }

  func truncate(to byteCount: Int, name: String) throws(DiskError) {
    guard retrying({ ftruncate(number, off_t(byteCount)) }) == 0 else {
      throw DiskError(operation: "truncate", name: name, errorNumber: errno)
    }
  }

  func synchronize(name: String) throws(DiskError) {
    // A signal may interrupt fsync before it began, which is not a failure of the disk.
    guard retrying({ fsync(number) }) == 0 else {
      throw DiskError(operation: "fsync", name: name, errorNumber: errno)
    }
  }

  /// - Throws: `DiskError` with `EFBIG` for a file of more than `limit` bytes.
  func readAll(name: String, limit: Int) throws(DiskError) -> [UInt8] {
    var status = stat()
    guard fstat(number, &status) == 0 else {
      throw DiskError(operation: "stat", name: name, errorNumber: errno)
    }
    guard status.st_size <= limit else {
      throw DiskError(operation: "read", name: name, errorNumber: EFBIG)
    }
    return try read(Int(status.st_size), at: 0, name: name)
  }

  /// At most `byteCount` bytes from `offset` on; fewer where the file ends.
  func read(_ byteCount: Int, at offset: Int, name: String) throws(DiskError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var filled = 0
    while filled < bytes.count {
      let count = retrying {
        bytes.withUnsafeMutableBytes { buffer in
          let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
          return pread(number, rest.baseAddress, rest.count, off_t(offset + filled))
        }
      }
      guard count >= 0 else {
        throw DiskError(operation: "read", name: name, errorNumber: errno)
      }
      if count == 0 { break }
      filled += count
    }
    bytes.removeLast(bytes.count - filled)
    return bytes
  }
}
