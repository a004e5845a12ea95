import Foundation
import Glibc
import Synchronization

/// A relay between devices and a coordinator that keeps every byte of both directions: what the
/// network sees.
final class RecordingRelay: Sendable {
  let port: UInt16
  private let upstream: UInt16
  private let listener: Int32
  private let recorded = Mutex<[[UInt8]]>([])
  private static let readByteCount = 65_536

  /// Relays connections of a free port to `upstream`, both on 127.0.0.1, until it is released.
  init(port: UInt16, to upstream: UInt16) throws {
    self.port = port
    self.upstream = upstream
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var reuse: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    let bound = Self.withAddress(port) { bind(listener, $0, $1) }
    guard bound == 0, listen(listener, 64) == 0 else {
      close(listener)
      throw POSIXError(.EADDRINUSE)
    }
    let descriptor = listener
    Thread.detachNewThread { [weak self] in
      while true {
        let device = accept(descriptor, nil, nil)
        guard device >= 0 else { return }
        guard let self, let coordinator = try? Self.connected(to: self.upstream) else {
          close(device)
          continue
        }
        self.pump(device, coordinator)
        self.pump(coordinator, device)
      }
    }
  }

  deinit {
    // The thread that accepts ends with its socket.
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// Everything that went through so far: a stream for each direction of each connection.
  var streams: [[UInt8]] { recorded.withLock { $0 } }

  /// A connection to a port of this machine.
  static func connected(to port: UInt16) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard withAddress(port, { connect(descriptor, $0, $1) }) == 0 else {
      close(descriptor)
      throw POSIXError(.ECONNREFUSED)
    }
    return descriptor
  }

  private static func withAddress(
    _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  private func pump(_ source: Int32, _ sink: Int32) {
    let stream = recorded.withLock {
      $0.append([])
      return $0.count - 1
    }
    Thread.detachNewThread {
      var buffer = [UInt8](repeating: 0, count: Self.readByteCount)
      while true {
        let count = read(source, &buffer, buffer.count)
        guard count > 0 else { break }
        self.recorded.withLock { $0[stream] += buffer.prefix(count) }
        var sent = 0
        while sent < count {
          let written = buffer.withUnsafeBytes {
            send(sink, $0.baseAddress.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL))
          }
          guard written > 0 else { break }
          sent += written
        }
      }
      // The descriptors stay open until both directions have ended; a test has a few of them.
      shutdown(sink, Int32(SHUT_WR))
    }
  }
}
