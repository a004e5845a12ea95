import Glibc

/// A TCP socket on loopback that knows nothing of TLS.
struct RawSocket: Sendable {
  let descriptor: Int32
  let port: Int

  static func listening(backlog: Int32 = 16) throws -> RawSocket {
    let descriptor = try make()
    try withAddress(port: 0) { address, count in
      guard bind(descriptor, address, count) == 0, listen(descriptor, backlog) == 0 else {
        throw POSIXFailure(code: errno)
      }
    }
    var address = sockaddr_in()
    var count = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &count)
      }
    }
    guard status == 0 else { throw POSIXFailure(code: errno) }
    return RawSocket(descriptor: descriptor, port: Int(UInt16(bigEndian: address.sin_port)))
  }

  static func connected(toPort port: Int) throws -> RawSocket {
    let descriptor = try make()
    try withAddress(port: port) { address, count in
      guard Glibc.connect(descriptor, address, count) == 0 else { throw POSIXFailure(code: errno) }
    }
    return RawSocket(descriptor: descriptor, port: port)
  }

  /// The next connection, after its first byte has arrived.
  func acceptSpeaking() throws -> RawSocket {
    let accepted = accept(descriptor, nil, nil)
    var byte: UInt8 = 0
    guard accepted >= 0, read(accepted, &byte, 1) == 1 else { throw POSIXFailure(code: errno) }
    return RawSocket(descriptor: accepted, port: port)
  }

  func send(_ bytes: [UInt8]) {
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// All bytes until the peer closes, or nil if it resets the connection.
  func readToEnd() -> [UInt8]? {
    var all: [UInt8] = []
    var space = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(descriptor, &space, space.count)
      if count < 0 { return nil }
      if count == 0 { return all }
      all += space.prefix(count)
    }
  }

  func close() { Glibc.close(descriptor) }

  private static func make() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw POSIXFailure(code: errno) }
    return descriptor
  }

  private static func withAddress(
    port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
  ) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    try withUnsafePointer(to: &address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
