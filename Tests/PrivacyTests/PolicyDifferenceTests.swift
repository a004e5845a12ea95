import CanonicalJSON
import Testing

@testable import Privacy

@Suite struct PolicyDifferenceTests {
  private static let text = """
    {"corrupt_fraction": "0.1", "delta": "0.00001", "dropout_fraction": "0.2", "epsilon_limit": "8",
     "federation": "shop", "filter": "gdp", "format": 1, "hyperparameters": {},
     "maximum_cohort": 64, "minimum_cohort": 10, "mode": "secagg-ddp", "model": "popularity",
     "plan": [{"clip_norm": "1", "noise_multiplier": "2", "stage": "popularity"}],
     "relation": "zero-out", "retention_days": 365, "round_deadline_seconds": 60,
     "target_cohort": 40, "unit": "user"}
    """

  private func policy(_ change: (inout [String: JSONValue]) -> Void = { _ in }) throws
    -> PrivacyPolicy
  {
    var members = try #require(try JSONValue.parse(Array(Self.text.utf8)).objectValue)
    change(&members)
    return try PrivacyPolicy(json: .object(members))
  }

  private func directions(
    _ change: (inout [String: JSONValue]) -> Void
  ) throws -> [String: PolicyDifference.Direction] {
    let difference = PolicyDifference(from: try policy(), to: try policy(change))
    return Dictionary(uniqueKeysWithValues: difference.changes.map { ($0.field, $0.direction) })
  }

  @Test("a policy does not differ from itself")
  func same() throws {
    let difference = PolicyDifference(from: try policy(), to: try policy())
    #expect(difference.changes.isEmpty && !difference.isWeaker && difference.summary.isEmpty)
  }

  @Test(
    "each field moves the protection the way its meaning says, and back the other way",
    arguments: [
      ("epsilon_limit", JSONValue.string("10"), PolicyDifference.Direction.weaker),
      ("delta", .string("0.0001"), .weaker), ("minimum_cohort", .integer(5), .weaker),
      ("maximum_cohort", .integer(100), .neutral), ("target_cohort", .integer(50), .neutral),
      ("corrupt_fraction", .string("0.05"), .weaker),
      ("dropout_fraction", .string("0.3"), .weaker), ("retention_days", .integer(700), .weaker),
      ("round_deadline_seconds", .integer(90), .neutral),
      ("federation", .string("other"), .fixed), ("model", .string("other"), .fixed),
    ])
  func fields(
    field: String, value: JSONValue, direction: PolicyDifference.Direction
  ) throws {
    let (old, new) = (try policy(), try policy { $0[field] = value })
    let forth = PolicyDifference(from: old, to: new)
    #expect(forth.changes.map(\.field) == [field] && forth.changes.first?.direction == direction)
    #expect(forth.isWeaker == (direction == .weaker))
    let back = PolicyDifference(from: new, to: old)
    #expect(back.changes.first?.direction == (direction == .weaker ? .stronger : direction))
  }

  @Test("less noise is weaker, also where the clip norm changes with it")
  func plan() throws {
    func plan(clip: String, noise: String) -> JSONValue {
      .array([
        .object([
          "clip_norm": .string(clip), "noise_multiplier": .string(noise),
          "stage": .string("popularity"),
        ])
      ])
    }
    #expect(
      try directions { $0["plan"] = plan(clip: "2", noise: "1") } == [
        "plan[0].clip_norm": .neutral, "plan[0].noise_multiplier": .weaker,
      ])
    #expect(
      try directions { $0["plan"] = plan(clip: "1", noise: "2.5") } == [
        "plan[0].noise_multiplier": .stronger
      ])
    // The same number in other words is another policy, and no weaker one.
    #expect(
      try directions { $0["plan"] = plan(clip: "1", noise: "2.0") }.values.allSatisfy {
        $0 == .neutral
      })
  }

  @Test("a mode in which the coordinator sees more is weaker")
  func mode() throws {
    let weaker = try directions {
      $0["mode"] = .string("sealed")
      $0["corrupt_fraction"] = nil
      $0["dropout_fraction"] = nil
    }
    #expect(weaker["mode"] == .weaker && weaker["corrupt_fraction"] == .neutral)
    #expect(try directions { $0["mode"] = .string("secagg") } == ["mode": .weaker])
  }
}
