import Federation
import Ledger
import Privacy
import Recommendation
import Simulation
import Testing

/// An experiment is one more round of the plan: the same messages, masks, noise and charges.
@Suite("Experiments in rounds") struct ExperimentRoundTests {
  private static let hyperparameters = Experiment.hyperparameters(
    name: "test", arms: ["control 1 greedy", "explore 1 linucb:1"], budgetShare: "0.2")

  /// 40 customers: 10 take no part; of the others 15 an arm, who accept two and three items.
  private static func shop(mode: String) throws -> SmallShop {
    var shop = try SmallShop(
      model: "popularity", mode: mode, maximumCohort: 60, hyperparameters: hyperparameters)
    for index in shop.histories.indices where index % 4 != 3 {
      let arm = index % 2
      shop.histories[index].experiment = ExperimentOutcomes(
        arm: arm, counts: [20, 2 + arm, 1])
    }
    return shop
  }

  private static func changed(
    _ policy: PrivacyPolicy, clipNorm: String = "1", epsilonLimit: String? = nil
  ) throws -> PrivacyPolicy {
    try PrivacyPolicy(
      federation: policy.federation, mode: policy.mode, masking: nil,
      epsilonLimit: epsilonLimit.map { try ExactDecimal($0) } ?? policy.epsilonLimit,
      delta: policy.delta, minimumCohort: policy.minimumCohort,
      maximumCohort: policy.maximumCohort, targetCohort: policy.targetCohort,
      model: policy.model, hyperparameters: policy.hyperparameters,
      plan: policy.plan.map {
        PlannedRound(
          stage: $0.stage, clipNorm: try ExactDecimal(clipNorm),
          noiseMultiplier: $0.noiseMultiplier)
      }, roundDeadlineSeconds: policy.roundDeadlineSeconds, retentionDays: policy.retentionDays)
  }

  @Test("without noise the released sums are those of the customers")
  func exact() throws {
    let shop = try Self.shop(mode: "sealed")
    let experiment = try #require(shop.model.experiment)
    let outcome = try shop.train(seed: nil)
    let sums = try ExperimentSums(outcome.parameters, of: experiment)
    #expect(outcome.roundsReleased == 2)
    let expected = [
      ExperimentSums.Arm(customers: 20, sums: [2, 4, 4], squares: [0.2, 0.8, 0.8]),
      ExperimentSums.Arm(customers: 10, sums: [1, 3, 2], squares: [0.1, 0.9, 0.4]),
    ]
    for (arm, known) in zip(sums.arms, expected) {
      #expect(abs(arm.customers - known.customers) < 1e-3)
      #expect(zip(arm.sums, known.sums).allSatisfy { abs($0 - $1) < 1e-3 })
      #expect(zip(arm.squares, known.squares).allSatisfy { abs($0 - $1) < 1e-3 })
    }
  }

  @Test(
    "in every mode it is charged by its share of the plan and released with its noise",
    arguments: ["sealed", "secagg", "secagg-ddp"])
  func modes(mode: String) throws {
    let shop = try Self.shop(mode: mode)
    let experiment = try #require(shop.model.experiment)
    let outcome = try shop.train(seed: 9)
    let sums = try ExperimentSums(outcome.parameters, of: experiment)
    let planned = ExperimentSums.noiseStandardDeviation(
      noiseMultiplier: try #require(shop.policy.plan.last).noiseMultiplier.doubleValue)
    // Where clients add the noise, all 40 shares are in it, and fewer carry the guarantee.
    #expect(sums.noiseStandardDeviation > 0.999 * planned)
    #expect(sums.noiseStandardDeviation < (mode == "secagg-ddp" ? 1.5 : 1.001) * planned)
    // Six standard deviations of 14 values: 3e-8, were the seed not fixed.
    #expect(abs(sums.arms[0].customers - 20) < 6 * sums.noiseStandardDeviation)
    #expect(abs(sums.arms[1].customers - 10) < 6 * sums.noiseStandardDeviation)
    #expect(sums.arms[0].customers != sums.arms[0].customers.rounded())
    let charges = outcome.ledgerLines.filter {
      String(decoding: $0, as: UTF8.self).contains(#""kind":"charge""#)
    }
    #expect(charges.count == 2)
    #expect(outcome.epsilonSpent <= 8 && outcome.epsilonSpent > 7.9)
    let multipliers = shop.policy.plan.map { $0.noiseMultiplier.doubleValue }
    // mu² is split 0.8 to 0.2.
    #expect(abs(multipliers[1] / multipliers[0] - 2) < 1e-3)
  }

  @Test("a model is told the noise in its own unit, whatever the clip norm")
  func noiseAtOtherClipNorms() throws {
    var shop = try Self.shop(mode: "sealed")
    let experiment = try #require(shop.model.experiment)
    let made = shop.policy
    shop.policy = try Self.changed(made, clipNorm: "2.5")
    let sums = try ExperimentSums(try shop.train(seed: 9).parameters, of: experiment)
    let atOne = ExperimentSums.noiseStandardDeviation(
      noiseMultiplier: try #require(made.plan.last).noiseMultiplier.doubleValue)
    // The noise is rounded to the grid, upwards.
    #expect(abs(sums.noiseStandardDeviation / (2.5 * atOne) - 1) < 1e-3)
    #expect(abs(sums.arms[0].customers - 20) < 6 * sums.noiseStandardDeviation)
  }

  @Test(
    "an experiment is measured once: a second training ends before its round",
    arguments: [nil, ResampledCohort(copies: [Int](repeating: 1, count: 40))] as [ResampledCohort?])
  func measuredOnce(cohort: ResampledCohort?) throws {
    var shop = try Self.shop(mode: "sealed")
    // Enough for a second training.
    shop.policy = try Self.changed(shop.policy, epsilonLimit: "20")
    let experiment = try #require(shop.model.experiment)
    let once = try shop.train(seed: nil, cohort: cohort)
    let twice = try shop.train(seed: nil, trainings: 2, cohort: cohort)
    #expect(once.roundsReleased == 2 && twice.roundsReleased == 3)
    #expect(
      try ExperimentSums(twice.parameters, of: experiment)
        == ExperimentSums(once.parameters, of: experiment))
  }
}
