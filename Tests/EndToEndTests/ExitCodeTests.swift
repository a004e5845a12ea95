import CanonicalJSON
import Cryptography
import Foundation
import Glibc
import Testing
import WireProtocol

extension EndToEnd {
  @Suite("What goes wrong gives one clear sentence and its exit code") struct ExitCodeTests {
    @Test("a busy port: 75")
    func busyPort() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let listener = try LoopbackListener(port: shop.port)
      let server = try await shop.serve(waits: false)
      #expect(try await server.exitCode() == 75, "\(server.errors)")
      #expect(server.errors.contains("port \(shop.port) is busy"), "\(server.errors)")
      #expect(!listener.wasKnockedAt)
    }

    @Test("a second coordinator on the same directory: 75, and the first goes on")
    func secondCoordinator() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let first = try await shop.serve()
      let second = try ChildProcess(
        "coordinator", ["serve", "--dir", shop.coordinator, "--listen", "127.0.0.1:0"])
      #expect(try await second.exitCode() == 75, "\(second.errors)")
      let customers = try shop.simulate()
      #expect(try await first.exitCode() == 0, "\(first.errors)")
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
    }

    @Test(
      "a wrong flag: 2",
      arguments: [
        ["coordinator", "serve", "--dri", "x"], ["coordinator", "serve"],
        ["coordinator", "served"],
        ["client", "run", "--hom", "x"], ["client", "recommend", "--home", "x", "--k", "many"],
        ["tacit", "demo", "--users", "5"], ["tacit", "audit", "leger", "x"],
      ])
    func wrongFlag(command: [String]) async throws {
      let outcome = try await run(command[0], Array(command.dropFirst()))
      #expect(outcome.code == 2, "exit \(outcome.code): \(outcome.errors)")
      #expect(!outcome.errors.isEmpty)
    }

    @Test(
      "a missing file or directory: 5, and it is named",
      arguments: [
        ["coordinator", "serve", "--dir", "MISSING"],
        ["coordinator", "status", "--dir", "MISSING"],
        ["coordinator", "init", "--dir", "NEW", "--catalogue", "MISSING"],
        ["coordinator", "policy", "check", "MISSING"],
        ["client", "run", "--home", "MISSING"],
        ["client", "recommend", "--home", "MISSING"],
        ["tacit", "audit", "ledger", "MISSING"],
      ])
    func missingFile(command: [String]) async throws {
      let directory = try TemporaryDirectory()
      let (missing, new) = (directory.file("missing"), directory.file("new"))
      let arguments = command.dropFirst().map { word in
        switch word {
        case "MISSING": missing
        case "NEW": new
        default: word
        }
      }
      let outcome = try await run(command[0], Array(arguments))
      #expect(outcome.code == 5, "exit \(outcome.code): \(outcome.errors)")
      #expect(outcome.errors.contains(missing), "\(outcome.errors)")
    }

    @Test("missing tokens or customer data: 5")
    func missingInputs() async throws {
      let directory = try TemporaryDirectory()
      let missing = directory.file("missing")
      for (data, tokens) in [(missing, "t"), (directory.path, missing)] {
        let outcome = try await run(
          "client",
          [
            "simulate", "--home", directory.file("h"), "--data", data, "--tokens", tokens,
            "--consent",
          ])
        #expect(outcome.code == 5, "exit \(outcome.code): \(outcome.errors)")
      }
    }

    @Test("a coordinator that cannot be reached: 6, after the patience is over")
    func unreachableCoordinator() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve(exitWhenTrained: false)
      try await shop.enrolWithConsent("me")
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
      let outcome = try await run("client", ["run", "--home", shop.file("me"), "--patience", "1"])
      #expect(outcome.code == 6, "exit \(outcome.code): \(outcome.errors)")
      let enrol = try await shop.enrol("other", token: try await shop.token())
      #expect(enrol.code == 6, "exit \(enrol.code): \(enrol.errors)")
    }

    @Test("a quorum that is never met: 9, nothing is charged, and it can be met later")
    func quorumNotMet() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve()
      let unwilling = try shop.simulate(environment: ["TACIT_OPT_OUT": "1"])
      #expect(try await server.exitCode() == 9, "\(server.errors)")
      #expect(try await shop.epsilonSpent() == 0)
      try await unwilling.killNow()
      let story = try shop.story()
      #expect(story == (1...3).flatMap { ["offer \($0)", "void \($0)"] })

      let again = try await shop.serve()
      let willing = try shop.simulate()
      #expect(try await again.exitCode() == 0, "\(again.errors)")
      #expect(try await willing.exitCode() == 0, "\(willing.errors)")
      #expect(try shop.story().suffix(3) == ["offer 4", "charge 4", "release 4"])
    }

    @Test(
      "SIGTERM ends an open round free of charge: 0; SIGINT: 130",
      arguments: [(SIGTERM, Int32(0)), (SIGINT, Int32(130))])
    func signalDrains(signal: Int32, code: Int32) async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2, targetCohort: 3))
      let server = try await shop.serve(environment: ["TACIT_GATHER_SECONDS": "60"])
      let customers = try shop.simulate(patience: 1)
      let token = try EnrolmentToken(text: try await shop.token())
      let farewell = try await HandDriven.connected(token: token, identity: try SigningKey()) {
        _ = try await $0.enrol()
        _ = try await $0.join()
        try await $0.waitForTurn()
        server.send(signal)
        return try await $0.next { if case .refused(let refused) = $0 { refused } else { nil } }
      }
      #expect(farewell.code == .shuttingDown)
      #expect(try await server.exitCode() == code, "\(server.errors)")
      #expect(try shop.story() == ["offer 1", "void 1"])
      #expect(try await shop.epsilonSpent() == 0)
      #expect(try await shop.audit().code == 0)
      #expect(try await customers.exitCode() != 0, "its coordinator is gone")
    }
  }
}
