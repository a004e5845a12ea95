internal import Glibc

/// The stream for messages; data goes to standard output.
package enum StandardError {
  /// Writes `text` as it is, unbuffered. Where nobody can read it (a closed or full pipe) it is
  /// dropped: a message must not stop the work.
  package static func write(_ text: String) {
    var rest = ArraySlice(text.utf8)
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
