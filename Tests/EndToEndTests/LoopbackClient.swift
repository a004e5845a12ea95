import CanonicalJSON
import Foundation
import Glibc

/// A running `client serve` as a process of the same machine sees it.
struct LoopbackClient {
  struct Answer {
    let status: Int
    let headers: String
    let body: [UInt8]

    var json: JSONValue { (try? JSONValue.parse(body)) ?? .null }
  }

  let process: ChildProcess
  /// The page's address with the token.
  let page: String
  let port: UInt16
  let token: String

  /// Starts `client serve` on a free port.
  static func serve(home: String, arguments: [String] = []) async throws -> LoopbackClient {
    let process = try ChildProcess(
      "client", ["serve", "--home", home, "--listen", "127.0.0.1:0"] + arguments)
    try await process.prints("serving on 127.0.0.1:")
    let page = process.output.trimmingCharacters(in: .whitespacesAndNewlines)
    guard let url = URLComponents(string: page), let port = url.port.flatMap(UInt16.init(exactly:)),
      let token = url.fragment
    else { throw TimedOut(description: "client serve printed \"\(page)\"") }
    return LoopbackClient(process: process, page: page, port: port, token: token)
  }

  /// One request with the right token and Host unless told otherwise.
  func ask(
    _ method: String, _ path: String, body: String = "", host: String? = nil,
    headers: [String] = [], token: String?? = .none
  ) throws -> Answer {
    var lines = [
      "\(method) \(path) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")", "Connection: close",
      "Content-Length: \(body.utf8.count)",
    ]
    if let sent = token ?? self.token { lines.append("Authorization: Bearer \(sent)") }
    lines += headers
    let request = lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    let bytes = try exchange(Array(request.utf8))
    let end = Array("\r\n\r\n".utf8)
    guard let split = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else {
      throw TimedOut(description: "no answer to \(method) \(path): \(bytes.count) bytes")
    }
    let head = String(decoding: bytes[..<split], as: UTF8.self)
    let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return Answer(status: status, headers: head, body: Array(bytes[(split + end.count)...]))
  }

  /// Sends bytes and reads until the server closes.
  func exchange(_ request: [UInt8]) throws -> [UInt8] {
    let descriptor = try connected()
    defer { close(descriptor) }
    var sent = 0
    while sent < request.count {
      let count = request[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
      // A server that has heard enough stops reading; its answer may still be there.
      guard count > 0 else { break }
      sent += count
    }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { return answer }
      answer += chunk[..<count]
    }
  }

  /// A connection that says nothing yet, with a bound on every wait.
  func connected() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else {
      close(descriptor)
      throw TimedOut(description: "cannot connect to port \(port): errno \(errno)")
    }
    return descriptor
  }
}
