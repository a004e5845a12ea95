internal import Glibc

/// Stops this process at a named durable step, so that a test can kill it exactly there.
///
/// `TACIT_FAILPOINT=charge-after-fsync` makes the process say so on stderr and stop itself
/// (SIGSTOP) the first time it gets there. It changes nothing that is written or sent: a stopped
/// process is only a slow one.
final class Failpoint: Sendable {
  private let name: String?

  init(environment: [String: String]) {
    name = environment["TACIT_FAILPOINT"]
  }

  func reach(_ point: String) {
    guard point == name else { return }
    let line = "failpoint \(point)\n"
    _ = line.utf8CString.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, line.utf8.count) }
    raise(SIGSTOP)
  }
}
