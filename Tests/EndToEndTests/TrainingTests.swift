import CanonicalJSON
import Foundation
import Testing

extension EndToEnd {
  @Suite("A whole training over sockets") struct TrainingTests {
    @Test("a training ends with 0 on both sides, and everything that shows it agrees")
    func trainingIsWholeAndVisible() async throws {
      let shop = try await Shop()
      try await shop.train()

      #expect(try shop.story() == ["offer 1", "charge 1", "release 1"])
      let audit = try await shop.audit()
      #expect(audit.code == 0, "\(audit.output)")
      #expect(audit.output.contains("consistent; completeness not proven"))

      let status = try await shop.status()
      #expect(status["rounds_released"]?.integerValue == 1)
      #expect(status["members"]?.integerValue == 24)
      #expect(status["open_tokens"]?.integerValue == 0)
      let epsilon = try #require(status["epsilon_spent"]?.numberValue)
      #expect(epsilon > 0 && epsilon < 8)

      let receipts = try await run("client", ["receipts", "--home", shop.home(), "--json"])
      #expect(receipts.code == 0, "\(receipts.errors)")
      let own = try JSONValue.parse(Array(receipts.output.utf8))
      #expect(own["rounds"]?.arrayValue?.count == 1)
      #expect(own["rounds"]?.arrayValue?.first?["state"]?.stringValue == "released")
      let ownEpsilon = try #require(own["epsilon"]?.numberValue)
      #expect(abs(ownEpsilon - epsilon) < 1e-6, "the device counts what the ledger charges")
    }

    @Test("a device recommends from the released model alone, with a reason for each item")
    func recommendationHasReasons() async throws {
      let shop = try await Shop(Shop.Terms(customers: 8, noiseMultiplier: "0.61"))
      try await shop.train()
      let shown = try await run(
        "client", ["recommend", "--home", shop.home(), "--why", "--json", "--k", "5"])
      #expect(shown.code == 0, "\(shown.errors)")
      let items = try JSONValue.parse(Array(shown.output.utf8))["items"]?.arrayValue ?? []
      #expect(items.count == 5)
      let owned = (0..<5).map { Shop.code($0 * $0) }
      for item in items {
        #expect(!owned.contains(item["item"]?.stringValue ?? ""), "what is owned is suppressed")
        let reasons = try #require(item["reasons"]?.arrayValue)
        let sum = reasons.compactMap { $0["contribution"]?.numberValue }.reduce(0, +)
        let score = try #require(item["score"]?.numberValue)
        #expect(!reasons.isEmpty && abs(sum - score) < 1e-6, "reasons add up to the score")
      }
      let text = try await run("client", ["recommend", "--home", shop.home(), "--why"])
      #expect(text.code == 0 && text.output.hasPrefix("1. I"), "\(text.output)")
    }

    @Test("a transformer is trained over sockets, and devices read the order of their own log")
    func sequenceModel() async throws {
      var terms = Shop.Terms(customers: 8)
      terms.initFlags = [
        "--mode", "sealed", "--model", "sasrec", "--customers", "8", "--minimum-cohort", "5",
        "--maximum-cohort", "8",
      ]
      let shop = try await Shop(terms)
      try await shop.train()
      let epsilon = try await shop.epsilonSpent()
      #expect(epsilon > 7.9 && epsilon <= 8)
      let shown = try await run(
        "client", ["recommend", "--home", shop.home(), "--why", "--json", "--k", "5"])
      #expect(shown.code == 0, "\(shown.errors)")
      let items = try JSONValue.parse(Array(shown.output.utf8))["items"]?.arrayValue ?? []
      #expect(items.count == 5)
      for item in items {
        let reasons = try #require(item["reasons"]?.arrayValue)
        let sum = reasons.compactMap { $0["contribution"]?.numberValue }.reduce(0, +)
        #expect(abs(sum - (try #require(item["score"]?.numberValue))) < 1e-6)
        let order = try #require(reasons.first { $0["component"] == .string("sequence") })
        #expect(order["evidence"]?["read"] == .integer(5))
        #expect(order["evidence"]?["latest"]?.arrayValue?.count == 3)
      }
    }

    @Test("status --json has every field, also beside a live server")
    func statusHasItsSchema() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve(exitWhenTrained: false)
      let customers = try shop.simulate()
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      let status = try await shop.status()
      guard case .object(let fields) = status else {
        Issue.record("not an object")
        return
      }
      #expect(
        Set(fields.keys) == [
          "delta", "disk_free_bytes", "entries", "epsilon_limit", "epsilon_spent", "federation",
          "head", "last_round",
          "ledger", "live", "members", "mode", "mode_sentence", "model", "open_tokens",
          "planned_rounds", "rounds_burned", "rounds_left", "rounds_released", "rounds_void",
        ])
      #expect(fields["live"]?["pid"]?.integerValue == Int64(server.identifier))
      #expect(fields["mode"]?.stringValue == "sealed")
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await shop.status()["live"] == .null)
    }

    @Test("a customer who comes after training gets the model and contributes nothing")
    func lateCustomerGetsTheModel() async throws {
      let shop = try await Shop(Shop.Terms(customers: 4, minimumCohort: 3, targetCohort: 3))
      let server = try await shop.serve(exitWhenTrained: false)
      let early = try shop.simulate(users: 3)
      #expect(try await early.exitCode() == 0, "\(early.errors)")
      let spent = try await shop.epsilonSpent()
      let late = try shop.simulate(users: 1, skip: 3)
      #expect(try await late.exitCode() == 0, "\(late.errors)")
      let shown = try await run("client", ["recommend", "--home", shop.home(3)])
      #expect(shown.code == 0, "\(shown.errors)")
      #expect(try await shop.epsilonSpent() == spent)
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
    }
  }
}
