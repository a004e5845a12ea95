import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  @Suite("Operations around a serving coordinator") struct OperationsTests {
    /// One HTTP/1.0 request, by hand.
    private static func http(
      _ path: String, port: UInt16, method: String = "GET"
    ) throws -> (head: String, body: String) {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard connected == 0 else { throw POSIXError(.ECONNREFUSED) }
      let request = Array("\(method) \(path) HTTP/1.0\r\n\r\n".utf8)
      guard write(descriptor, request, request.count) == request.count else {
        throw POSIXError(.EPIPE)
      }
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { break }
        bytes += buffer[..<count]
      }
      let parts = String(decoding: bytes, as: UTF8.self).split(
        separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts.first ?? ""), parts.count > 1 ? String(parts[1]) : "")
    }

    private static func value(_ metric: String, in text: String) -> Double? {
      text.split(separator: "\n").first { $0.hasPrefix(metric + " ") }.flatMap {
        Double($0.dropFirst(metric.count + 1))
      }
    }

    @Test("metrics, page and health say what the ledger says, and name nobody")
    func pages() async throws {
      let shop = try await Shop(Shop.Terms(customers: 6, minimumCohort: 4))
      let port = try freePort()
      let server = try await shop.serve(
        exitWhenTrained: false,
        environment: ["TACIT_OPERATIONS_LISTEN": "127.0.0.1:\(port)"])
      #expect(server.errors.contains("pages    http://127.0.0.1:\(port)/"))
      #expect(try Self.http("/healthz", port: port).head.hasPrefix("HTTP/1.0 200"))
      #expect(try Self.http("/readyz", port: port).body == "ready\n")
      #expect(try Self.http("/other", port: port).head.contains(" 404 "))
      #expect(try Self.http("/", port: port, method: "POST").head.contains(" 405 "))
      let before = try Self.http("/metrics", port: port).body
      #expect(Self.value("tacit_privacy_epsilon", in: before) == 0)

      let customers = try shop.simulate()
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      let (head, metrics) = try Self.http("/metrics", port: port)
      #expect(head.lowercased().contains("content-type: text/plain; version=0.0.4"))
      let spent = try #require(Self.value("tacit_privacy_epsilon", in: metrics))
      let shown = try await shop.epsilonSpent()
      #expect(spent == shown && spent > 0)
      #expect(Self.value("tacit_privacy_epsilon_limit", in: metrics) == 8)
      #expect(Self.value("tacit_rounds_total{outcome=\"released\"}", in: metrics) == 1)
      // Six contributed; a power of two is all that is said.
      #expect(Self.value("tacit_participants", in: metrics) == 4)
      #expect(Self.value("tacit_ledger_entries", in: metrics) == 5)
      #expect(Self.value("tacit_ready", in: metrics) == 1)
      #expect(try #require(Self.value("tacit_ledger_fsync_seconds_count", in: metrics)) > 9)
      #expect(
        try #require(Self.value("tacit_bytes_total{direction=\"received\"}", in: metrics)) > 1_000)
      for line in metrics.split(separator: "\n") where !line.hasPrefix("#") {
        #expect(
          line.contains(/^tacit_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? \S+$/), "\(line)")
      }
      let page = try Self.http("/", port: port).body
      #expect(page.contains("corner-shop") && page.contains("round 1 released"))
      #expect(!page.contains("<script") && !page.contains("src=") && !page.contains("href="))

      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0, "\(server.errors)")
    }

    @Test("pages are refused on an address that others reach") func loopbackOnly() async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let refused = try await run(
        "coordinator", ["serve", "--dir", shop.coordinator, "--operations", "0.0.0.0:0"])
      #expect(refused.code == 5 && refused.errors.contains("it must be a loopback address"))
    }

    @Test("status --watch repeats in 80 columns, and as JSON one object a line")
    func watch() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve(exitWhenTrained: false)
      let screens = try ChildProcess(
        "coordinator", ["status", "--dir", shop.coordinator, "--watch"])
      let lines = try ChildProcess(
        "coordinator", ["status", "--dir", shop.coordinator, "--watch", "--json"])
      try await eventually("two screens") {
        screens.output.components(separatedBy: "budget  ").count > 2
          && lines.output.split(separator: "\n").count > 1
      }
      for line in screens.output.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
      #expect(screens.output.contains("live    process \(server.identifier), up "))
      #expect(!screens.output.contains("\u{1B}"), "no control sequences outside a terminal")
      for line in lines.output.split(separator: "\n").prefix(2) {
        let status = try JSONValue.parse(Array(line.utf8))
        #expect(status["live"]?["pid"]?.integerValue == Int64(server.identifier))
      }
      for watcher in [screens, lines] {
        watcher.send(SIGINT)
        #expect(try await watcher.exitCode() == 128 + SIGINT)
      }
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
    }

    @Test("the service manager is told of the start, of each second's life, and of the end")
    func serviceManager() async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let path = shop.file("notify")
      let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_NONBLOCK, 0)
      defer { close(listener) }
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
      let bound = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(bound == 0)
      var told: [String] = []
      func hear() {
        var buffer = [UInt8](repeating: 0, count: 64)
        while true {
          let count = recv(listener, &buffer, buffer.count, 0)
          guard count > 0 else { return }
          told.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
      }
      let server = try await shop.serve(environment: ["NOTIFY_SOCKET": path])
      try await eventually("READY and WATCHDOG") {
        hear()
        return told.contains("READY=1") && told.contains("WATCHDOG=1")
      }
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
      hear()
      #expect(told.contains("STOPPING=1"))
    }

    @Test("keys may lie in another directory, as a service manager's credentials do")
    func otherKeys() async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let keys = shop.file("credentials")
      try FileManager.default.moveItem(atPath: shop.coordinator + "/keys", toPath: keys)
      let without = try await run("coordinator", ["serve", "--dir", shop.coordinator])
      #expect(without.code == 4)
      let server = try await shop.serve(environment: ["TACIT_KEY_DIRECTORY": keys])
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
    }

    @Test("a signing key in another directory goes before one in keys, which may not differ")
    func twoKeys() async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let keys = shop.file("credentials")
      let environment = ["TACIT_KEY_DIRECTORY": keys]
      let own = shop.coordinator + "/keys/coordinator.key"
      let rotate = ["key", "rotate", "--dir", shop.coordinator]
      try FileManager.default.createDirectory(
        atPath: keys, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      // One directory under another name holds one key file, not two.
      let link = shop.file("link")
      try FileManager.default.createSymbolicLink(
        atPath: link, withDestinationPath: shop.coordinator + "/keys")
      for name in [link, shop.coordinator + "/./keys", shop.coordinator + "/keys/"] {
        let shown = try await run(
          "coordinator", rotate, environment: ["TACIT_KEY_DIRECTORY": name])
        #expect(shown.code == 0, "\(shown.errors)")
      }
      let rotations = 3
      #expect(try shop.entries().count { $0["kind"]?.stringValue == "key" } == rotations)
      for name in ["coordinator.key", "tls.key.pem"] {
        try FileManager.default.copyItem(
          atPath: shop.coordinator + "/keys/" + name, toPath: keys + "/" + name)
      }
      // The same key in both is read, and is not replaced in one of them only.
      let server = try await shop.serve(environment: environment)
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      let refused = try await run("coordinator", rotate, environment: environment)
      #expect(
        refused.code == 5 && refused.errors.contains("would keep the key that is to be replaced"),
        "\(refused.errors)")
      #expect(try shop.entries().count { $0["kind"]?.stringValue == "key" } == rotations)

      try FileManager.default.moveItem(atPath: own, toPath: shop.file("old.key"))
      let done = try await run("coordinator", rotate, environment: environment)
      #expect(done.code == 0, "\(done.errors)")
      // The key that was left comes back beside the one in force.
      try FileManager.default.moveItem(atPath: shop.file("old.key"), toPath: own)
      let started = try await run(
        "coordinator", ["serve", "--dir", shop.coordinator], environment: environment)
      #expect(started.code == 5, "\(started.errors)")
      #expect(started.errors.contains("\(keys)/coordinator.key, of TACIT_KEY_DIRECTORY"))
      #expect(started.errors.contains("\(own) holds another key"), "\(started.errors)")
      try FileManager.default.removeItem(atPath: own)
      let again = try await shop.serve(environment: environment)
      again.send(SIGTERM)
      #expect(try await again.exitCode() == 0, "\(again.errors)")
    }
  }
}
