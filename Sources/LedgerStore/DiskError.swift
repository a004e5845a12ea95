internal import Glibc

/// A failed operation of a disk.
package struct DiskError: Error, Equatable, Sendable {
  /// What was attempted: "open", "write", "fsync" and so on.
  package let operation: String
  /// The file's name in the store's directory.
  package let name: String
  /// `errno` as the system set it.
  package let errorNumber: Int32

  /// A failure of `operation` on `name`.
  package init(operation: String, name: String, errorNumber: Int32) {
    self.operation = operation
    self.name = name
    self.errorNumber = errorNumber
  }

  /// Whether the same operation may succeed later, after someone made room (exit code 75). A file
  /// that would pass the process's limit of file sizes (`EFBIG`) is such a case when it is written,
  /// not when it is too long to be read.
  package var isOutOfSpace: Bool {
    errorNumber == ENOSPC || errorNumber == EDQUOT || (errorNumber == EFBIG && operation != "read")
  }
}

extension DiskError: CustomStringConvertible {
  /// One clause: what failed on which file, in the system's words.
  package var description: String {
    let words = strerror(errorNumber).map { String(cString: $0) } ?? "unknown error"
    return "\(operation) of \(name) failed: \(words) (errno \(errorNumber))"
  }
}
