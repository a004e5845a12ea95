internal import Glibc

/// Tells the service manager how this process fares: systemd's notification protocol
/// (`sd_notify(3)`), one datagram a message to the socket that `NOTIFY_SOCKET` names. Without that
/// variable nothing happens.
package struct ServiceNotifier: Sendable {
  /// What is told.
  package enum State: String, Sendable {
    case ready = "READY=1"
    case stopping = "STOPPING=1"
    case watchdog = "WATCHDOG=1"
  }

  private let path: String?

  /// - Parameter environment: looked up for `NOTIFY_SOCKET`: an absolute path, or a name in the
  ///   abstract space after `@`.
  package init(environment: [String: String]) {
    path = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Tells `state`. A manager that does not listen is no reason to stop serving.
  /// - Returns: whether the message left.
  @discardableResult
  package func notify(_ state: State) -> Bool {
    guard let path else { return false }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var name = Array(path.utf8)
    guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    if name.first == UInt8(ascii: "@") { name[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    let message = Array(state.rawValue.utf8)
    let sent = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { destination in
        sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), destination, length)
      }
    }
    return sent == message.count
  }
}
