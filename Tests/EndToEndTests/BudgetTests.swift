import CanonicalJSON
import Foundation
import Testing

extension EndToEnd {
  @Suite("A budget that holds exactly k rounds") struct BudgetTests {
    /// Three rounds at noise 1.05 come to mu^2 = 2.72, four to 3.63; epsilon 8 at delta 1e-5 is
    /// mu^2 = 2.776 (spec privacy-accounting, section 2).
    @Test(
      "round k + 1 is refused before it starts: exit 3, and how many would have fitted")
    func roundTooManyIsRefused() async throws {
      let shop = try await Shop(
        Shop.Terms(customers: 3, minimumCohort: 3, noiseMultiplier: "1.05"))
      #expect(try await shop.status()["rounds_left"]?.integerValue == 3)
      let server = try await shop.serve(trainings: 10)
      let customers = try shop.simulate()
      #expect(try await server.exitCode() == 3, "\(server.errors)")
      #expect(server.errors.contains("the next round is refused before it starts"))
      #expect(server.errors.contains("0 such round(s) would have fitted"))

      let releases = try shop.story().filter { $0.hasPrefix("release") }
      #expect(releases == ["release 1", "release 2", "release 3"])
      #expect(try !shop.story().contains("offer 4"), "it is refused before it starts")
      #expect(try await shop.epsilonSpent() < 8)
      #expect(try await customers.exitCode() == 3, "\(customers.errors)")
      #expect(try await shop.audit().code == 0)
    }

    @Test("a spent budget is refused again after every restart, and nothing is written")
    func refusalIsForLife() async throws {
      let shop = try await Shop(
        Shop.Terms(customers: 3, minimumCohort: 3, noiseMultiplier: "0.61"))
      try await shop.train()
      let ledger = text(of: shop.ledger)
      for _ in 0..<2 {
        let server = try await shop.serve(trainings: 2, waits: false)
        #expect(try await server.exitCode() == 3, "\(server.errors)")
        #expect(server.errors.contains("refused before it starts"))
      }
      #expect(text(of: shop.ledger) == ledger)
    }

    @Test("a plan beyond its own budget is refused when the federation is made")
    func planMayNotFit() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let policy = shop.file("dear.json")
      let dear = text(of: shop.file("policy.json")).replacing("\"50\"", with: "\"0.3\"")
      try Data(dear.utf8).write(to: URL(fileURLWithPath: policy))
      let made = try await run(
        "coordinator",
        [
          "init", "--dir", shop.file("other"), "--catalogue", shop.file("catalogue.csv"),
          "--policy", policy,
        ])
      #expect([3, 5].contains(made.code), "exit \(made.code): \(made.output)\(made.errors)")
      #expect(!FileManager.default.fileExists(atPath: shop.file("other")))
    }

    @Test("a model that devices cannot feed is refused before a budget is spent on it: 5")
    func modelWithoutData() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let policy = shop.file("response.json")
      let other = text(of: shop.file("policy.json"))
        .replacing(#""model": "popularity""#, with: #""model": "response""#)
        .replacing(#""hyperparameters": {}"#, with: #""hyperparameters": {"inputs": 22}"#)
      try Data(other.utf8).write(to: URL(fileURLWithPath: policy))
      let made = ["init", "--dir", shop.file("other"), "--catalogue", shop.file("catalogue.csv")]
      for arguments in [
        ["policy", "check", policy], made + ["--policy", policy], made + ["--model", "response"],
        ["policy", "sign", policy, "--dir", shop.coordinator, "--accept-weaker"],
      ] {
        let outcome = try await run("coordinator", arguments)
        #expect(outcome.code == 5, "exit \(outcome.code): \(outcome.output)\(outcome.errors)")
        #expect(outcome.errors.contains(#"there is no model "response""#), "\(outcome.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: shop.file("other")))
      #expect(text(of: shop.coordinator + "/policy.json").contains("popularity"))
    }
  }
}
