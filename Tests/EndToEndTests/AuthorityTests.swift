import CanonicalJSON
import Cryptography
import Foundation
import Glibc
import Privacy
import Testing
import WireProtocol

extension EndToEnd {
  /// An enrolment authority that the coordinator does not hold (ruling 26).
  @Suite("An enrolment authority kept apart") struct AuthorityTests {
    private static func shop(targetCohort: Int? = nil) async throws -> Shop {
      try await Shop(
        Shop.Terms(
          customers: 12, minimumCohort: 8, targetCohort: targetCohort, mode: "secagg-ddp",
          hasAuthorityApart: true))
    }

    @Test("its tokens train a federation whose coordinator holds no key that admits anyone")
    func training() async throws {
      let shop = try await Self.shop()
      try await shop.train()
      #expect(try shop.story() == ["offer 1", "charge 1", "release 1"])
      let genesis = try #require(try shop.entries().first?["body"])
      #expect(genesis["enrolment_key_held_by_coordinator"]?.boolValue == false)
      let audit = try await shop.audit()
      #expect(audit.code == 0 && !audit.output.contains("the operator also admits customers"))
      // Neither the seed of the key nor any token's secret is in the coordinator's directory.
      let seed = try Data(contentsOf: URL(fileURLWithPath: shop.file("authority/authority.key")))
      let secrets = try text(of: shop.tokens).split(separator: "\n").map {
        Data(try EnrolmentToken(text: String($0)).secret)
      }
      #expect(seed.count == 32 && secrets.count == 12)
      let files = try #require(FileManager.default.enumerator(atPath: shop.coordinator))
      for case let file as String in files {
        let contents = FileManager.default.contents(atPath: "\(shop.coordinator)/\(file)") ?? Data()
        for secret in [seed] + secrets { #expect(contents.range(of: secret) == nil, "\(file)") }
      }
      let refused = try await run("coordinator", ["roster", "token", "--dir", shop.coordinator])
      #expect(refused.code == 5)
      #expect(refused.errors.contains("its enrolment authority is kept apart"), "\(refused.errors)")
    }

    /// The operator puts a key of its own in place of the authority's and admits a customer of its
    /// own invention. Its coordinator lets it in; no other member does.
    @Test("a customer that the coordinator alone admits is in no round with others")
    func coordinatorAlone() async throws {
      let shop = try await Self.shop(targetCohort: 13)
      try await shop.train()
      let own = try await run(
        "coordinator", ["authority", "init", "--dir", shop.file("forged")])
      #expect(own.code == 0, "\(own.errors)")
      let pinned = shop.coordinator + "/authority.pub"
      try FileManager.default.removeItem(atPath: pinned)
      try FileManager.default.copyItem(atPath: shop.file("forged/authority.pub"), toPath: pinned)
      let issued = try await run(
        "coordinator",
        [
          "authority", "token", "--dir", shop.file("forged"), "--federation",
          shop.file("address.json"), "--count", "13", "--out", shop.file("forged.txt"),
        ])
      #expect(issued.code == 0, "\(issued.errors)")

      let server = try await shop.serve(
        trainings: 2, environment: ["TACIT_GATHER_SECONDS": "30"])
      let honest = try shop.simulate()
      let forged = String(
        try #require(text(of: shop.file("forged.txt")).split(separator: "\n").last))
      // Number 13: the only one that no member has yet.
      let answer = try await HandDriven.connected(
        token: try EnrolmentToken(text: forged), identity: try SigningKey()
      ) { sybil in
        let answer = try await sybil.enrol()
        guard case .welcome(let welcome) = answer else { return answer }
        let policy = try PrivacyPolicy(decoding: welcome.policy)
        for _ in 0..<3 { try await sybil.advertise(under: policy) }
        return answer
      }
      #expect(answer.kind == .welcome, "its own coordinator lets it in")
      #expect(try await server.exitCode() == 9, "\(server.errors)")
      #expect(server.errors.contains("12 refused: not-enrolled"), "\(server.errors)")
      #expect(
        try shop.story() == [
          "offer 1", "charge 1", "release 1", "offer 2", "void 2", "offer 3", "void 3", "offer 4",
          "void 4",
        ])
      try await honest.killNow()
    }

    @Test("its list of revoked members is applied, and only its newest one")
    func revocation() async throws {
      let shop = try await Self.shop()
      let enrolling = try await shop.serve(exitWhenTrained: false)
      try await shop.enrolWithConsent("me")
      enrolling.send(SIGTERM)
      #expect(try await enrolling.exitCode() == 0)
      func revoke(_ id: Int, by authority: String, to list: String) async throws {
        let made = try await run(
          "coordinator",
          [
            "authority", "revoke", "\(id)", "--dir", shop.file(authority), "--federation",
            shop.file("address.json"), "--out", shop.file(list),
          ])
        #expect(made.code == 0, "\(made.errors)")
      }
      func apply(_ list: String) async throws -> Outcome {
        try await run(
          "coordinator", ["roster", "apply", shop.file(list), "--dir", shop.coordinator])
      }
      // Twelve tokens were issued, and one for "me".
      try await revoke(12, by: "authority", to: "first.list")
      try await revoke(13, by: "authority", to: "second.list")
      #expect(try await apply("second.list").output == "list 2: 2 members refused from now on\n")
      #expect(try await apply("second.list").code == 0)
      let older = try await apply("first.list")
      #expect(older.code == 4 && older.errors.contains("is list 1, and list 2"), "\(older.errors)")
      let forged = try await run(
        "coordinator", ["authority", "init", "--dir", shop.file("forged")])
      #expect(forged.code == 0)
      let issued = try await run(
        "coordinator",
        [
          "authority", "token", "--dir", shop.file("forged"), "--federation",
          shop.file("address.json"), "--count", "3",
        ])
      #expect(issued.code == 0)
      for id in 1...3 { try await revoke(id, by: "forged", to: "forged.list") }
      let foreign = try await apply("forged.list")
      #expect(foreign.code == 4 && foreign.errors.contains("authority"), "\(foreign.errors)")

      let server = try await shop.serve(exitWhenTrained: false)
      let member = try await run("client", ["run", "--home", shop.file("me")])
      #expect(member.code == 4 && member.errors.contains("was revoked"), "\(member.errors)")
      let unused = String(try #require(text(of: shop.tokens).split(separator: "\n").last))
      let token = try await shop.enrol("late", token: unused)
      #expect(token.code == 4 && token.errors.contains("was revoked"), "\(token.errors)")
      #expect(try await shop.members().contains(#""revoked": true"#))
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
    }

    @Test("a client told which authority to expect refuses another's token before it connects")
    func pinnedAuthority() async throws {
      let shop = try await Self.shop()
      let token = try await shop.token()
      let expected = text(of: shop.file("authority/authority.pub"))
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let other = try SigningKey().verifyingKey.description
      func enrol(_ authority: String) async throws -> Outcome {
        try await run(
          "client", ["enrol", "--home", shop.file("me"), "--authority", authority, token])
      }
      let refused = try await enrol(other)
      #expect(refused.code == 4 && refused.errors.contains("another authority's"))
      let server = try await shop.serve(exitWhenTrained: false)
      let enrolled = try await enrol(expected)
      #expect(enrolled.code == 0, "\(enrolled.errors)")
      #expect(enrolled.output.contains(expected), "\(enrolled.output)")
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
    }

    @Test("an excluded member is listed, offered no round, and offered one again when readmitted")
    func exclusion() async throws {
      let shop = try await Shop(Shop.Terms(customers: 8, minimumCohort: 8, mode: "secagg-ddp"))
      let enrolling = try await shop.serve(
        exitWhenTrained: false, environment: ["TACIT_GATHER_SECONDS": "3600"])
      let first = try shop.simulate(users: 7)
      try await shop.enrolWithConsent("me")
      // Every customer of the process is in the roster once it holds all seven.
      while try await shop.status()["members"]?.integerValue != 8 {
        try await Task.sleep(for: .milliseconds(100))
      }
      enrolling.send(SIGTERM)
      #expect(try await enrolling.exitCode() == 0)
      try await first.killNow()
      try RosterFile.exclude(member: 9, in: shop.coordinator + "/roster.sqlite")

      func list() async throws -> String {
        try await run("coordinator", ["roster", "list", "--dir", shop.coordinator]).output
      }
      #expect(try await list().contains("excluded: it made a charged round fail"))
      let server = try await shop.serve()
      let customers = try shop.simulate(users: 7)
      let excluded = try ChildProcess("client", ["run", "--home", shop.file("me")])
      try await Task.sleep(for: .seconds(4))
      #expect(try shop.story().isEmpty, "seven are fewer than eight")
      let unknown = try await run(
        "coordinator", ["roster", "readmit", "77", "--dir", shop.coordinator])
      #expect(unknown.code == 5)
      let readmitted = try await run(
        "coordinator", ["roster", "readmit", "9", "--dir", shop.coordinator])
      #expect(readmitted.code == 0, "\(readmitted.errors)")
      #expect(try await !list().contains("excluded"))
      try await excluded.killNow()
      let again = try ChildProcess("client", ["run", "--home", shop.file("me")])
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      #expect(try await again.exitCode() == 0, "\(again.errors)")
      #expect(try shop.story() == ["offer 1", "charge 1", "release 1"])
    }
  }
}

/// Changes a roster behind the coordinator's back: only a charged round that fails excludes anyone.
enum RosterFile {
  private typealias Open =
    @convention(c) (
      UnsafePointer<CChar>, UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32
  private typealias Execute =
    @convention(c) (
      OpaquePointer?, UnsafePointer<CChar>, OpaquePointer?, OpaquePointer?, OpaquePointer?
    ) -> Int32
  private typealias Close = @convention(c) (OpaquePointer?) -> Int32

  static func exclude(member: Int, in path: String) throws {
    guard let library = dlopen("libsqlite3.so.0", RTLD_NOW),
      let open = dlsym(library, "sqlite3_open"), let execute = dlsym(library, "sqlite3_exec"),
      let close = dlsym(library, "sqlite3_close")
    else { throw TimedOut(description: "libsqlite3 cannot be loaded") }
    var database: OpaquePointer?
    let opened = unsafeBitCast(open, to: Open.self)(path, &database)
    defer { _ = unsafeBitCast(close, to: Close.self)(database) }
    let done = unsafeBitCast(execute, to: Execute.self)(
      database, "UPDATE member SET isExcluded = 1 WHERE id = \(member)", nil, nil, nil)
    guard opened == 0, done == 0 else {
      throw TimedOut(description: "\(path) cannot be changed: SQLite result \(done)")
    }
  }
}
