import Datasets
import Foundation
import Testing

@testable import Evaluation

/// Files of `Tests/Vectors/exploration`, whose README says where they come from.
enum ExplorationVectors {
  static func path(_ name: String, testFile: String = #filePath) -> String {
    URL(filePath: testFile).deletingLastPathComponent().deletingLastPathComponent()
      .appending(components: "Vectors", "exploration", name).path
  }

  /// The rows of a table without quoting, by column.
  static func rows(_ name: String) throws -> [[String: String]] {
    let lines = try String(contentsOfFile: path(name), encoding: .utf8)
      .split(whereSeparator: \.isNewline)
    let columns = lines[0].split(separator: ",").map(String.init)
    return lines.dropFirst().map { line in
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return Dictionary(uniqueKeysWithValues: zip(columns, cells))
    }
  }

  static func number(_ row: [String: String], _ column: String) throws -> Double {
    try #require(row[column].flatMap(Double.init))
  }
}

/// Relative to what is expected; absolute where that is zero.
private func distance(_ found: Double, _ expected: Double) -> Double {
  expected == 0 ? abs(found) : abs(found - expected) / abs(expected)
}

@Suite("off-policy evaluation")
struct OffPolicyEvaluationTests {
  private static func log(_ name: String) throws -> OpenBanditLog {
    try .read(ExplorationVectors.path(name), itemCount: nil)
  }

  /// 4 rows: item 0 and 1 in turn, each with probability 1/2.
  private static func tiny(
    clicks: [Int] = [1, 0, 0, 1], propensities: [String] = ["0.5", "0.5", "0.5", "0.5"]
  ) throws -> OpenBanditLog {
    var text = "item_id,click,propensity_score\n"
    for row in clicks.indices { text += "\(row % 2),\(clicks[row]),\(propensities[row])\n" }
    return try .decode(Array(text.utf8), file: "tiny.csv", itemCount: nil)
  }

  @Test("every estimator on a small log, to 1e-12 of exact fractions computed elsewhere")
  func smallLog() throws {
    let log = try Self.log("small_log.csv")
    let other = try Self.log("small_log_learning.csv")
    let policies = [
      EvaluationPolicy.uniform(for: log),
      try .clickRateEpsilonGreedy(learnedFrom: other, epsilon: 0.1, for: log),
      try .clickRateSoftmax(learnedFrom: other, scale: 20, for: log),
      try .affinity(epsilon: 0.2, for: log),
    ]
    let evaluations = policies.map {
      OffPolicyEvaluation(
        $0, on: log, model: RewardModel(log),
        estimators: OffPolicyEstimator.all(clip: 2, threshold: 2, lambda: 5))
    }
    let byName = Dictionary(uniqueKeysWithValues: evaluations.map { ($0.policy, $0) })
    let rows = try ExplorationVectors.rows("small_log_expected.csv")
    #expect(rows.count == 4 * 8 + 2)
    for row in rows {
      let evaluation = try #require(byName[row["policy"] ?? ""])
      let estimate = try #require(
        evaluation.estimates.first { $0.estimator.identifier == row["estimator"] })
      let value = try #require(estimate.value)
      #expect(distance(value, try ExplorationVectors.number(row, "value")) < 1e-12)
      #expect((estimate.roundRewardError == nil) == (row["round_reward_se"] == ""))
      if let error = estimate.roundRewardError {
        // The variance of terms of size 1 is known to 1e-16.
        #expect(abs(error - (try ExplorationVectors.number(row, "round_reward_se"))) < 1e-12)
      }
      #expect((estimate.standardError == nil) == (row["se"] == ""))
      if let error = estimate.standardError {
        #expect(abs(error - (try ExplorationVectors.number(row, "se"))) < 1e-12)
      }
      let diagnostics = evaluation.diagnostics
      #expect(
        distance(diagnostics.meanWeight, try ExplorationVectors.number(row, "mean_weight")) < 1e-12)
      #expect(
        distance(diagnostics.maxWeight, try ExplorationVectors.number(row, "max_weight")) < 1e-12)
      #expect(
        distance(diagnostics.effectiveSampleSize, try ExplorationVectors.number(row, "ess")) < 1e-12
      )
      #expect(
        distance(
          diagnostics.weightedClicks, try ExplorationVectors.number(row, "weighted_clicks")) < 1e-12
      )
    }
  }

  @Test(
    "a verdict is refused below 100 effective impressions or 30 weighted clicks, with the reason")
  func refusal() throws {
    let few = try Self.tiny()
    let evaluation = OffPolicyEvaluation(.uniform(for: few), on: few, model: RewardModel(few))
    guard case .refused(let reasons) = evaluation.verdict else {
      Issue.record("no verdict can come from four rows")
      return
    }
    #expect(
      reasons == [
        "the effective sample size is 4, below 100", "the weighted clicks are 2, below 30",
      ])
    let clicks = (0..<400).map { $0 % 20 == 0 ? 1 : 0 }
    let many = try Self.tiny(
      clicks: clicks, propensities: [String](repeating: "0.5", count: 400))
    let second = OffPolicyEvaluation(.uniform(for: many), on: many, model: RewardModel(many))
    #expect(second.verdict == .refused(reasons: ["the weighted clicks are 20, below 30"]))
  }

  @Test("the same policy shows no difference; a better and a worse one show it")
  func verdicts() throws {
    // Item 0 is always clicked, item 1 never.
    let clicks = (0..<400).map { $0 % 2 == 0 ? 1 : 0 }
    let log = try Self.tiny(
      clicks: clicks, propensities: [String](repeating: "0.5", count: 400))
    func verdict(_ probabilities: [Double]) -> OffPolicyEvaluation.Verdict {
      OffPolicyEvaluation(
        EvaluationPolicy(name: "p", table: [probabilities]), on: log, model: RewardModel(log)
      ).verdict
    }
    #expect(verdict([0.5, 0.5]) == .noDifferenceShown(0...0))
    guard case .better(let gain) = verdict([0.8, 0.2]) else {
      Issue.record("0.8 against 0.5 is better")
      return
    }
    #expect(gain.contains(0.3))
    guard case .worse(let loss) = verdict([0.2, 0.8]) else {
      Issue.record("0.2 against 0.5 is worse")
      return
    }
    #expect(loss.contains(-0.3))
  }

  @Test("propensities that do not fit the log are remarked, and weight on one row")
  func cautions() throws {
    let log = try Self.tiny(
      clicks: [Int](repeating: 0, count: 400),
      propensities: (0..<400).map { $0 == 7 ? "0.001" : "0.25" })
    let evaluation = OffPolicyEvaluation(.uniform(for: log), on: log, model: RewardModel(log))
    #expect(evaluation.cautions.contains { $0.hasPrefix("one impression carries 38.5 %") })
    let doubled = try Self.tiny(
      clicks: [Int](repeating: 0, count: 400),
      propensities: [String](repeating: "0.25", count: 400))
    let second = OffPolicyEvaluation(
      .uniform(for: doubled), on: doubled, model: RewardModel(doubled))
    #expect(second.cautions.contains { $0.hasPrefix("the mean weight is off 1") })
  }

  @Test("no weight at all gives no ratio, and tiny propensities no overflow")
  func extremes() throws {
    let log = try Self.tiny(clicks: [1, 0, 1, 0])
    let never = EvaluationPolicy(name: "never", table: [[0, 0, 1]])
    let wide = try OpenBanditLog.decode(
      Array("item_id,click,propensity_score\n0,1,0.5\n1,0,0.5\n".utf8), file: "w", itemCount: 3)
    let evaluation = OffPolicyEvaluation(never, on: wide, model: RewardModel(wide))
    #expect(evaluation.estimates.first { $0.estimator == .snipw }?.value == nil)
    #expect(evaluation.diagnostics.effectiveSampleSize == 0)
    let tiny = try Self.tiny(clicks: [1, 0, 1, 0], propensities: ["1e-300", "0.5", "0.5", "1"])
    let extreme = OffPolicyEvaluation(.uniform(for: tiny), on: tiny, model: RewardModel(log))
    #expect(abs(extreme.diagnostics.effectiveSampleSize - 1) < 1e-12)
  }

  @Test("Thompson sampling from counts: the chance that Beta(2, 1) beats Beta(1, 2)")
  func thompson() throws {
    let text = "item_id,click,propensity_score\n0,1,0.5\n1,0,0.5\n"
    let log = try OpenBanditLog.decode(Array(text.utf8), file: "t", itemCount: nil)
    let policy = try EvaluationPolicy.bernoulliThompson(
      learnedFrom: log, draws: 20_000, seed: 4, for: log)
    // E[1 - (1 - X)²] for X of density 2x: 1 - 2 (1/2 - 2/3 + 1/4) = 5/6. Six standard errors.
    let expected = 5.0 / 6
    let tolerance = 6 * (expected * (1 - expected) / 20_000).squareRoot()
    #expect(abs(policy.table[0][0] - expected) < tolerance)
    #expect(
      try policy
        == EvaluationPolicy.bernoulliThompson(learnedFrom: log, draws: 20_000, seed: 4, for: log))
  }

  @Test("policies that do not fit the log are refused")
  func misfits() throws {
    let log = try Self.tiny()
    let table = try OpenBanditPolicyTable.decode(
      Array("item,position,probability\n0,0,1\n0,1,1\n".utf8), file: "t", campaign: nil)
    #expect(throws: EvaluationError.self) { try EvaluationPolicy.table(table, name: "t", for: log) }
    #expect(throws: EvaluationError.self) { try EvaluationPolicy.affinity(epsilon: 0.1, for: log) }
    #expect(throws: EvaluationError.self) {
      try EvaluationPolicy.clickRateEpsilonGreedy(learnedFrom: log, epsilon: 2, for: log)
    }
    #expect(throws: EvaluationError.self) {
      try EvaluationPolicy.clickRateSoftmax(learnedFrom: log, scale: .nan, for: log)
    }
    let wide = try OpenBanditLog.decode(
      Array("item_id,click,propensity_score\n7,1,0.5\n".utf8), file: "w", itemCount: nil)
    #expect(throws: EvaluationError.self) {
      try EvaluationPolicy.clickRateSoftmax(learnedFrom: wide, scale: 1, for: log)
    }
  }
}

/// All 126 rows of the published reference; the logs are fetched where `TACIT_TEST_FETCH` asks for it, by one case
/// at a time.
@Suite(
  "Open Bandit anchors", .serialized,
  .enabled(if: MovieLens.fetchedLibrary != nil, "asked for by TACIT_TEST_FETCH"))
struct OffPolicyOpenBanditTests {
  private static let policies = [
    "uniform": "uniform", "bernoulli_ts_zozo_prior": "bernoulli-ts",
    "ctr_eps_greedy_0.1": "ctr-eps-greedy:0.1", "ctr_softmax_200": "ctr-softmax:200.0",
    "affinity_eps_0.2": "affinity:0.2",
  ]

  @Test(
    "nine estimators, five policies, three logs: values, errors and weights to 1e-9",
    arguments: [("all", "random"), ("men", "bts"), ("women", "random")])
  func reference(campaign: String, behavior: String) throws {
    let library = try #require(MovieLens.fetchedLibrary)
    _ = try library.fetch(.openBandit, report: { _ in })
    let selection = OpenBanditSelection(
      campaign: try #require(.init(rawValue: campaign)),
      behavior: try #require(.init(rawValue: behavior)))
    let log = try library.openBanditLog(selection)
    let other = try library.openBanditLog(
      .init(campaign: selection.campaign, behavior: selection.behavior.other))
    #expect(log.count == 10_000)
    let table = try OpenBanditPolicyTable.read(
      ExplorationVectors.path("bernoulli_ts_action_distribution.csv"), campaign: campaign)
    let policies = [
      EvaluationPolicy.uniform(for: log), try .table(table, name: "bernoulli-ts", for: log),
      try .clickRateEpsilonGreedy(learnedFrom: other, epsilon: 0.1, for: log),
      try .clickRateSoftmax(learnedFrom: other, scale: 200, for: log),
      try .affinity(epsilon: 0.2, for: log),
    ]
    let evaluations = Dictionary(
      uniqueKeysWithValues: policies.map {
        ($0.name, OffPolicyEvaluation($0, on: log, model: RewardModel(log)))
      })
    let rows = try ExplorationVectors.rows("ope_open_bandit_small.csv")
      .filter { $0["campaign"] == campaign && $0["behavior"] == behavior }
    #expect(rows.count == 42)
    for row in rows {
      let name = try #require(Self.policies[row["policy"] ?? ""])
      let evaluation = try #require(evaluations[name])
      let estimate = try #require(
        evaluation.estimates.first { $0.estimator.identifier == row["estimator"] })
      func check(_ found: Double?, _ column: String) throws {
        let expected = try ExplorationVectors.number(row, column)
        #expect(distance(try #require(found), expected) < 1e-9, "\(column) of \(row)")
      }
      try check(estimate.value, "value")
      // Replay has none, and that of a constant is rounding.
      if let text = row["se_round_rewards"], let expected = Double(text), expected > 1e-12 {
        try check(estimate.roundRewardError, "se_round_rewards")
      }
      try check(evaluation.diagnostics.meanWeight, "mean_weight")
      try check(evaluation.diagnostics.maxWeight, "max_weight")
      try check(evaluation.diagnostics.effectiveSampleSize, "ess")
      try check(evaluation.diagnostics.clicks, "clicks")
      try check(evaluation.diagnostics.loggedValue, "log_ctr")
    }
  }
}
