import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  /// `client serve` as a customer's own apps, and everyone else on the machine, meet it.
  @Suite("The device's own page") struct ServeTests {
    private let shop: Shop
    private var home: String { shop.home() }

    init() async throws {
      shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      try await shop.train()
    }

    @Test("only addresses of this machine can be served")
    func loopbackOnly() async throws {
      for address in [
        "0.0.0.0:0", "192.168.1.5:8755", "example.org:80", "[::]:8755", "8755", "127.0.0.1:x",
        "127.0.0.1.example.org:80", "[::ffff:10.0.0.1]:80",
      ] {
        let refused = try await run("client", ["serve", "--home", home, "--listen", address])
        #expect(refused.code == 2, "\(address): \(refused.errors)")
        #expect(refused.output.isEmpty)
      }
    }

    @Test("what the OpenAPI file names is what is answered, and nothing else")
    func routesMatchTheirDescription() async throws {
      let printed = try await run("client", ["serve", "--openapi"])
      #expect(printed.code == 0)
      #expect(printed.output == text(of: Executables.packageRoot + "/docs/device-api.json"))
      let document = try JSONValue.parse(Array(printed.output.utf8))
      let server = try await LoopbackClient.serve(home: home)
      #expect(try server.ask("GET", "/openapi.json", token: .some(nil)).json == document)
      let paths = try #require(document["paths"]?.objectValue)
      #expect(paths.count == 7)
      for (template, operations) in paths {
        let path = template.replacingOccurrences(of: "{item}", with: Shop.code(3))
          .replacingOccurrences(of: "{tag}", with: "nothing-like-it")
        for method in try #require(operations.objectValue).keys {
          // An empty object lacks what is required, or is enough.
          let answer = try server.ask(method.uppercased(), path, body: "{}")
          #expect([200, 400].contains(answer.status), "\(method) \(path): \(answer.status)")
          #expect(try server.ask(method.uppercased(), path, token: .some(nil)).status == 401)
        }
        #expect(try server.ask("PATCH", path, body: "{}").status == 405)
      }
      #expect(try server.ask("GET", "/v1/other").status == 404)
      #expect(try server.ask("GET", "/v1/profile/more").status == 404)
    }

    @Test("another host name, another site's page and a wrong token are refused")
    func strangersAreRefused() async throws {
      let server = try await LoopbackClient.serve(home: home)
      let path = "/v1/profile"
      #expect(try server.ask("GET", path).status == 200)
      #expect(try server.ask("GET", path, host: "localhost:\(server.port)").status == 200)
      for host in ["evil.example:\(server.port)", "127.0.0.1", "127.0.0.1:1", ""] {
        #expect(try server.ask("GET", path, host: host).status == 403, "\(host)")
        #expect(try server.ask("GET", "/", host: host).status == 403, "\(host)")
      }
      for header in [
        "Origin: http://example.com", "Origin: null", "Origin: https://127.0.0.1:\(server.port)",
        "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Host: evil.example",
      ] {
        #expect(try server.ask("GET", path, headers: [header]).status == 403, "\(header)")
      }
      #expect(
        try server.ask(
          "GET", path,
          headers: ["Origin: http://127.0.0.1:\(server.port)", "Sec-Fetch-Site: same-origin"]
        ).status == 200)
      for token in ["", "x", String(server.token.dropLast()), server.token + "0"] {
        #expect(try server.ask("GET", path, token: .some(token)).status == 401)
      }
      let page = try server.ask("GET", "/", token: .some(nil))
      #expect(page.status == 200 && !page.body.isEmpty)
      #expect(page.headers.contains("default-src 'none'"))
      #expect(!page.headers.lowercased().contains("access-control-allow"))
      // Each session has a token of its own.
      let other = try await LoopbackClient.serve(home: shop.home(1))
      #expect(other.token != server.token)
      #expect(try other.ask("GET", path, token: .some(server.token)).status == 401)
    }

    @Test("lists, reasons, feedback, interests, budget and consent over the API")
    func customerJourney() async throws {
      let server = try await LoopbackClient.serve(home: home)
      let plain = try server.ask("POST", "/v1/slates", body: #"{"k": 4}"#).json
      #expect(plain["items"]?.arrayValue?.count == 4 && plain["slate"] == .null)
      let drawn = try server.ask(
        "POST", "/v1/slates", body: #"{"k": 4, "policy": "epsilon-greedy:0.5", "seed": "7"}"#
      ).json
      let items = try #require(drawn["items"]?.arrayValue)
      let slate = try #require(drawn["slate"]?.integerValue)
      #expect(drawn["explored_slots"] == .integer(4) && drawn["seed"] == .string("7"))
      for item in items {
        let reasons = try #require(item["reasons"]?.arrayValue)
        let sum = reasons.reduce(0) { $0 + ($1["contribution"]?.numberValue ?? 0) }
        #expect(abs(sum - (item["score"]?.numberValue ?? .nan)) < 1e-5)
        #expect(try #require(item["propensity"]?.numberValue) > 0)
      }
      let first = try #require(items.first?["item"]?.stringValue)
      let report = #"{"slate": \#(slate), "item": "\#(first)", "outcome": "clicked"}"#
      #expect(try server.ask("POST", "/v1/feedback", body: report).status == 200)
      let foreign = #"{"slate": \#(slate), "item": "nothing", "outcome": "clicked"}"#
      #expect(try server.ask("POST", "/v1/feedback", body: foreign).status == 409)
      let why = try server.ask("GET", "/v1/items/\(first)/why").json
      #expect(why["reasons"]?.arrayValue?.isEmpty == false)
      #expect(try server.ask("GET", "/v1/items/nothing/why").status == 400)

      let profile = try server.ask("GET", "/v1/profile").json
      #expect(profile["exploration"]?["used_today"] == .integer(4))
      let known = profile["interests"]?.arrayValue?.first { $0["standing"] == .string("known") }
      let tag = try #require(known?["tag"]?.stringValue)
      let deleted = try server.ask("DELETE", "/v1/profile/interests/\(tag)").json
      #expect(deleted["deleted"]?.arrayValue?.first?["tag"] == .string(tag))
      #expect(try server.ask("PUT", "/v1/profile/interests/\(tag)").status == 200)
      #expect(try server.ask("PUT", "/v1/profile/interests/\(tag)").status == 400)

      #expect(
        try server.ask("PUT", "/v1/profile/exploration", body: #"{"slots_per_day": 0}"#).status
          == 200)
      let none = try server.ask(
        "POST", "/v1/slates", body: #"{"policy": "epsilon-greedy:1"}"#
      ).json
      #expect(none["explored_slots"] == .integer(0))
      #expect(none["items"]?.arrayValue?.allSatisfy { $0["propensity"] == .integer(1) } == true)
      let consent = try server.ask("GET", "/v1/consent").json
      #expect(consent["consent"] == .bool(true))
      server.process.send(SIGTERM)
      #expect(try await server.process.exitCode() == 0, "\(server.process.errors)")
    }

    @Test("requests that are too large, not understood or too many are refused and do not stop it")
    func bounds() async throws {
      let server = try await LoopbackClient.serve(home: home)
      let large = "{" + String(repeating: " ", count: 5_000) + "}"
      #expect(try server.ask("POST", "/v1/slates", body: large).status == 413)
      let long = "/v1/items/" + String(repeating: "a", count: 3_000) + "/why"
      #expect(try server.ask("GET", long).status == 413)
      for body in [
        "[]", "{", #"{"k": 0}"#, #"{"k": 101}"#, #"{"k": "4"}"#, #"{"kk": 4}"#,
        #"{"repeat": "often"}"#, #"{"policy": "softmax"}"#, #"{"category": "no-such"}"#,
        #"{"personalised": false, "policy": "greedy"}"#, #"{"seed": "x", "policy": "greedy"}"#,
      ] {
        #expect(try server.ask("POST", "/v1/slates", body: body).status == 400, "\(body)")
      }
      _ = try server.exchange(Array("NONSENSE\r\n\r\n".utf8))
      // Sixteen silent connections are kept, the next is closed at once.
      let silent = try (0..<16).map { _ in try server.connected() }
      defer { for descriptor in silent { close(descriptor) } }
      #expect(try server.exchange([]).isEmpty)
      for descriptor in silent { shutdown(descriptor, Int32(SHUT_RDWR)) }
      try await eventually("a closed connection makes room") {
        (try? server.ask("GET", "/v1/profile").status) == 200
      }
    }

    @Test("requests side by side are answered one after the other")
    func sideBySide() async throws {
      let server = try await LoopbackClient.serve(home: home)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for request in 0..<8 {
          group.addTask {
            try request.isMultiple(of: 2)
              ? server.ask("GET", "/v1/profile").status
              : server.ask("POST", "/v1/slates", body: #"{"policy": "plackett-luce"}"#).status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses == [Int](repeating: 200, count: 8))
    }

    static let browser: String? = [
      "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
    ].first { (path: String) in access(path, X_OK) == 0 }

    @Test(
      "a real browser shows the list, its reasons and the controls, wide and narrow",
      .enabled(if: browser != nil, "no chromium or chrome in /usr/bin"))
    func inABrowser() async throws {
      let browser = try #require(Self.browser)
      let server = try await LoopbackClient.serve(home: home)
      for width in [390, 1_280] {
        let dom = try await Self.page(server.page, browser: browser, width: width)
        #expect(dom.contains(#"data-ready="yes""#), "\(dom.suffix(2_000))")
        #expect(dom.contains("I like it") && dom.contains("customers buy it"))
        #expect(dom.contains("You agreed to contribute"))
        #expect(dom.contains("at most 100 positions a day"))
        // Scripts of the page's own file only, and no text taken for markup.
        #expect(!dom.contains("<script>"))
      }
      // Without the token the page says so and shows nothing.
      let stranger = try await Self.page(
        "http://127.0.0.1:\(server.port)/", browser: browser, width: 800)
      #expect(stranger.contains("the token is missing or wrong"))
      #expect(!stranger.contains("I like it"))
    }

    /// The page's elements after its scripts ran.
    private static func page(_ url: String, browser: String, width: Int) async throws -> String {
      let profile = try TemporaryDirectory()
      let process = Process()
      process.executableURL = URL(fileURLWithPath: browser)
      process.arguments = [
        "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(profile.path)",
        "--window-size=\(width),1000", "--virtual-time-budget=10000", "--dump-dom", url,
      ]
      let output = Pipe()
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      let data = try output.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      return String(decoding: data, as: UTF8.self)
    }
  }
}
