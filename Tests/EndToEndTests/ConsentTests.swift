import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  @Suite("Without consent nothing is sent") struct ConsentTests {
    @Test("client run without consent exits 7 and does not even connect")
    func runWithoutConsentConnectsNowhere() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve(exitWhenTrained: false)
      #expect(try await shop.enrol("me", token: try await shop.token()).code == 0)
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)

      let listener = try LoopbackListener(port: shop.port)
      let outcome = try await run("client", ["run", "--home", shop.file("me")])
      #expect(outcome.code == 7, "exit \(outcome.code): \(outcome.errors)")
      #expect(outcome.errors.contains("nothing was sent"))
      #expect(!listener.wasKnockedAt)
    }

    @Test("after a withdrawal client run exits 7 and does not even connect")
    func withdrawalHolds() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve(exitWhenTrained: false)
      try await shop.enrolWithConsent("me")
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)

      let withdrawn = try await run("client", ["consent", "withdraw", "--home", shop.file("me")])
      #expect(withdrawn.code == 0, "\(withdrawn.errors)")
      let status = try await run(
        "client", ["consent", "status", "--home", shop.file("me"), "--json"])
      #expect(status.output.contains("\"consent\": false"))
      let listener = try LoopbackListener(port: shop.port)
      let outcome = try await run("client", ["run", "--home", shop.file("me")])
      #expect(outcome.code == 7, "exit \(outcome.code): \(outcome.errors)")
      #expect(!listener.wasKnockedAt)
    }

    @Test("a withdrawal beside a connected client holds from the next round on")
    func withdrawalHoldsWhileConnected() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve()
      try await shop.enrolWithConsent("me")
      let mine = try ChildProcess("client", ["run", "--home", shop.file("me")])
      try await mine.prints("logged in")
      let withdrawn = try await run("client", ["consent", "withdraw", "--home", shop.file("me")])
      #expect(withdrawn.code == 0, "\(withdrawn.errors)")

      let others = try shop.simulate()
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await others.exitCode() == 0, "\(others.errors)")
      #expect(server.errors.contains("round 1  charged; 3 contributions"), "\(server.errors)")
      try await mine.prints("round 1: not joined")
      let receipts = try await run("client", ["receipts", "--home", shop.file("me"), "--json"])
      let rounds = try JSONValue.parse(Array(receipts.output.utf8))["rounds"]
      #expect(rounds?.arrayValue?.isEmpty == true)
    }

    @Test("simulate without --consent exits 7 and connects nowhere")
    func simulateWithoutConsent() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let listener = try LoopbackListener(port: shop.port)
      let outcome = try await run(
        "client",
        [
          "simulate", "--home", shop.clients, "--data", shop.file("data"), "--tokens", shop.tokens,
        ])
      #expect(outcome.code == 7, "exit \(outcome.code): \(outcome.errors)")
      #expect(!listener.wasKnockedAt)
    }

    @Test("TACIT_OPT_OUT logs in and contributes nothing; the others train on")
    func optOutContributesNothing() async throws {
      let shop = try await Shop(Shop.Terms(customers: 5, minimumCohort: 3))
      let server = try await shop.serve()
      let others = try shop.simulate(users: 3)
      let out = try shop.simulate(users: 2, skip: 3, environment: ["TACIT_OPT_OUT": "1"])
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await others.exitCode() == 0, "\(others.errors)")
      #expect(try await out.exitCode() == 0, "\(out.errors)")
      #expect(server.errors.contains("round 1  charged; 3 contributions"), "\(server.errors)")
      let receipts = try await run("client", ["receipts", "--home", shop.home(4), "--json"])
      let rounds = try JSONValue.parse(Array(receipts.output.utf8))["rounds"]
      #expect(rounds?.arrayValue?.isEmpty == true, "\(receipts.output)\(receipts.errors)")
    }
  }
}
