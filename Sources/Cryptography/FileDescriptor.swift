internal import Glibc

/// An open file that is closed with its owner; every call retries after a signal.
struct FileDescriptor: ~Copyable {
  private let number: Int32

  /// - Returns: nil with `errno` set when the file cannot be opened. Never inherited by a child
  ///   process.
  init?(path: String, flags: Int32, mode: mode_t = 0) {
    var opened: Int32
    repeat {
      opened = Glibc.open(path, flags | O_CLOEXEC, mode)
    } while opened < 0 && errno == EINTR
    guard opened >= 0 else { return nil }
    number = opened
  }

  // Every write has been followed by fsync before this, so a failure of close loses nothing.
  deinit { Glibc.close(number) }

  var status: stat? {
    var status = stat()
    return fstat(number, &status) == 0 ? status : nil
  }

  func synchronize() -> Bool {
    fsync(number) == 0
  }

  func setMode(_ mode: mode_t) -> Bool {
    fchmod(number, mode) == 0
  }

  /// Whether all of `bytes` was written; else `errno` is set.
  func writeAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var remaining = bytes[...]
    while !remaining.isEmpty {
      let written = Glibc.write(number, remaining.baseAddress, remaining.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return false }
      remaining = remaining.dropFirst(written)
    }
    return true
  }

  /// The number of bytes read, fewer than asked for only at the end of the file; nil with `errno`
  /// set on failure.
  func read(into start: UnsafeMutablePointer<UInt8>, byteCount: Int) -> Int? {
    var filled = 0
    while filled < byteCount {
      let count = Glibc.read(number, start + filled, byteCount - filled)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      filled += count
    }
    return filled
  }
}

extension Slice where Base == UnsafeRawBufferPointer {
  fileprivate var baseAddress: UnsafeRawPointer? {
    base.baseAddress?.advanced(by: startIndex)
  }
}
