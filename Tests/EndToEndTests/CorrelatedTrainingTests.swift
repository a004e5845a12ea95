import CanonicalJSON
import Testing

extension EndToEnd {
  /// Matrix factorisation whose steps are charged together, over sockets.
  @Suite("A training with correlated noise") struct CorrelatedTrainingTests {
    @Test(
      "a block is charged once, customers keep apart, and both verifiers agree",
      arguments: ["sealed", "secagg"])
    func training(mode: String) async throws {
      var terms = Shop.Terms(customers: 12)
      terms.initFlags = [
        "--mode", mode, "--model", "mf", "--customers", "6", "--minimum-cohort", "5",
        "--maximum-cohort", "12", "--correlated-noise", "bisr", "--minimum-separation", "2",
        "--dropout-fraction", "0.2",
      ]
      let shop = try await Shop(terms)
      try await shop.train()
      let blocks = try shop.entries().filter { $0["kind"]?.stringValue == "charge" }
        .map { $0["body"]?["block"]?["round"]?.integerValue }
      #expect(blocks == [nil] + (0..<10).map { Int64($0) })
      let epsilon = try await shop.epsilonSpent()
      #expect(epsilon > 7.9 && epsilon <= 8)

      for customer in 0..<terms.customers {
        let receipts = try await run(
          "client", ["receipts", "--home", shop.home(customer), "--json"])
        let own = try JSONValue.parse(Array(receipts.output.utf8))
        let rounds = (own["rounds"]?.arrayValue ?? []).compactMap {
          $0["block_round"]?.integerValue
        }
        #expect(rounds.count == 5)
        #expect(zip(rounds, rounds.dropFirst()).allSatisfy { $1 - $0 >= 2 }, "\(rounds)")
        let spent = try #require(own["epsilon"]?.numberValue)
        #expect(spent <= epsilon + 1e-6, "a device counts a block once")
      }

      let shown = try await run("coordinator", ["policy", "show", "--dir", shop.coordinator])
      #expect(
        shown.output.contains(/rounds 2-11 .* charged once; 1 such blocks alone/), "\(shown.output)"
      )

      let audit = try await shop.audit()
      #expect(audit.code == 0, "\(audit.output)\(audit.errors)")
      let second = try shop.verify()
      #expect(second.code == 0, "\(second.report.prettyText)")
      let recomputed = try #require(second.report["spend"]?["epsilon_spent"]?.numberValue)
      #expect(abs(recomputed - epsilon) < 1e-6)
    }
  }
}
