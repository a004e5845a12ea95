import CanonicalJSON
import Foundation
import Testing

extension EndToEnd {
  /// Lists, reasons, feedback and interests as a customer commands them, with the coordinator down.
  @Suite("Recommendations and interests") struct RecommendTests {
    private let shop: Shop

    init() async throws {
      shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      try await shop.train()
    }

    private func client(_ arguments: String..., code: Int32 = 0) async throws -> Outcome {
      let outcome = try await run("client", arguments + ["--home", shop.home()])
      #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
      return outcome
    }

    private func json(_ arguments: String...) async throws -> JSONValue {
      let outcome = try await run("client", arguments + ["--home", shop.home(), "--json"])
      #expect(outcome.code == 0, "\(arguments): \(outcome.errors)")
      return try JSONValue.parse(Array(outcome.output.utf8))
    }

    @Test(
      "every policy draws a slate that its seed draws again, logs its propensities and adds up",
      arguments: [
        "greedy", "epsilon-greedy:0.4,floor=0.1,half-life=10", "plackett-luce:0.5",
        "linucb:1,epsilon=0.1", "linear-thompson:1,draws=50,mmr=0.7",
        "category-thompson:5,draws=50,calibrated=0.3",
      ])
    func policies(policy: String) async throws {
      let first = try await json("recommend", "--explore", policy, "--seed", "11", "--k", "5")
      let items = try #require(first["items"]?.arrayValue)
      #expect(items.count == 5)
      for item in items {
        let parts = try #require(item["reasons"]?.arrayValue)
        let sum = parts.reduce(0) { $0 + ($1["contribution"]?.numberValue ?? .nan) }
        #expect(abs(sum - (item["score"]?.numberValue ?? .nan)) < 1e-5)
        #expect((0.0...1).contains(item["propensity"]?.numberValue ?? -1))
      }
      let second = try await json("recommend", "--explore", policy, "--seed", "11", "--k", "5")
      // An epsilon that decays has decayed by one slate.
      if !policy.contains("half-life") { #expect(second["items"] == first["items"]) }
      let exported = try await client("data", "export").output.split(separator: "\n")
      let logged = try exported.map { try JSONValue.parse(Array($0.utf8)) }.filter {
        $0["table"] == .string("slateItem") && $0["slateID"] == first["slate"]
      }
      #expect(
        Set(logged.compactMap { $0["propensity"]?.numberValue })
          == Set(items.compactMap { $0["propensity"]?.numberValue }))
    }

    @Test(
      "feedback changes what is recommended next; the list without the customer does not change")
    func feedback() async throws {
      let anyone = try await json("recommend", "--non-personalised", "--k", "5")
      let slate = try await json("recommend", "--explore", "plackett-luce:2", "--seed", "3")
      let number = String(try #require(slate["slate"]?.integerValue))
      for item in try #require(slate["items"]?.arrayValue).prefix(3) {
        _ = try await client(
          "feedback", number, try #require(item["item"]?.stringValue), "dismissed")
      }
      let profile = try await json("profile", "show")
      let shown = profile["interests"]?.arrayValue?.compactMap { $0["shown"]?.integerValue } ?? []
      #expect(shown.reduce(0, +) == 3)
      let item = try #require(slate["items"]?.arrayValue?.first?["item"]?.stringValue)
      let why = try await json("why", item)
      let feedback = why["reasons"]?.arrayValue?.first { $0["component"] == .string("feedback") }
      #expect(try #require(feedback?["contribution"]?.numberValue) < 0)
      #expect(try await json("recommend", "--non-personalised", "--k", "5") == anyone)
      let text = try await client("why", item).output
      #expect(text.contains("the sum of:") && text.contains("feedback: You passed over"))
    }

    @Test("a deleted interest is gone from lists and profile until it is restored")
    func deletedInterest() async throws {
      let before = try await json("profile", "show")
      let known = before["interests"]?.arrayValue?.first { $0["standing"] == .string("known") }
      let tag = try #require(known?["tag"]?.stringValue)
      _ = try await client("profile", "delete", tag)
      let after = try await json("profile", "show")
      let deleted = after["interests"]?.arrayValue?.first { $0["tag"] == .string(tag) }
      #expect(deleted?["purchases"] == .integer(0))
      #expect(after["deleted"]?.arrayValue?.first?["tag"] == .string(tag))
      let hidden = try await json("recommend", "--k", "30")
      let asked = try await json("recommend", "--k", "30", "--category", tag, "--repeat", "allow")
      func codes(_ slate: JSONValue) -> Set<String> {
        Set(slate["items"]?.arrayValue?.compactMap { $0["item"]?.stringValue } ?? [])
      }
      #expect(!codes(asked).isEmpty && codes(hidden).isDisjoint(with: codes(asked)))
      #expect(try await client("profile", "show").output.contains("Deleted: \(tag)"))
      _ = try await client("profile", "restore", tag)
      #expect(try await json("profile", "show")["interests"] == before["interests"])
      _ = try await client("profile", "restore", tag, code: 2)
      let wrong = try await client("profile", "delete", tag + "x", code: 2)
      #expect(wrong.errors.contains("did you mean \(tag)?"))
    }

    @Test("with a budget of zero nothing is left to chance, whatever is asked for")
    func zeroBudget() async throws {
      _ = try await client("profile", "budget", "--slots-per-day", "0")
      let slate = try await json("recommend", "--explore", "epsilon-greedy:1", "--k", "6")
      #expect(slate["explored_slots"] == .integer(0))
      #expect(slate["items"]?.arrayValue?.allSatisfy { $0["propensity"] == .integer(1) } == true)
      _ = try await client("profile", "budget", "--slots-per-day", "4")
      let some = try await json("recommend", "--explore", "epsilon-greedy:1", "--k", "6")
      #expect(some["explored_slots"] == .integer(4))
      let rest = try await json("recommend", "--explore", "epsilon-greedy:1", "--k", "6")
      #expect(rest["explored_slots"] == .integer(0))
      #expect(
        try await client("profile", "budget", "--slots-per-day", "default").output
          .contains("at most 100 positions"))
      _ = try await client("profile", "budget", "--slots-per-day", "-1", code: 2)
    }
  }
}
