import CanonicalJSON
import Evaluation
import Foundation
import Recommendation
import Testing
import VectorMath

/// Cohorts are simulated and seeded; every customer's update and the released parameters are the
/// product's own.
@Suite("Experiments: what noised sums say") struct ExperimentAnalysisTests {
  /// A cohort whose customers accept a Poisson number of the items shown.
  private struct Cohort {
    var customers = 400
    /// Accepted items a customer, by arm.
    var rates = [1.0, 1.0]
    /// P(arm 0), which the design says is 1/2.
    var shareOfControl = 0.5
    /// Standard deviation of the noise on the sum of updates.
    var noise = 1.3
  }

  private let model: ExperimentModel
  private let experiment: Experiment

  init() throws {
    model = try #require(
      try ModelRegistry.model(
        identifier: "popularity",
        hyperparameters: Experiment.hyperparameters(
          name: "test", arms: ["control 1 greedy", "explore 1 linucb:1"], budgetShare: "0.1"))
        as? ExperimentModel)
    experiment = try #require(model.experiment)
  }

  private static func poisson(_ mean: Double, using random: inout SeededRandom) -> Int {
    var count = -1
    var product = 1.0
    repeat {
      count += 1
      product *= Double.random(in: 0..<1, using: &random)
    } while product > exp(-mean)
    return count
  }

  private func analysis(
    _ cohort: Cohort, using random: inout SeededRandom
  ) throws -> ExperimentAnalysis {
    let empty = try ModelParameters(tensors: [:])
    var sum = [Double](repeating: 0, count: 14)
    for _ in 0..<cohort.customers {
      let arm = Double.random(in: 0..<1, using: &random) < cohort.shareOfControl ? 0 : 1
      let accepted = Self.poisson(cohort.rates[arm], using: &random)
      let bought = (0..<accepted).count { _ in Double.random(in: 0..<1, using: &random) < 0.1 }
      var history = CustomerHistory.empty
      history.experiment = ExperimentOutcomes(arm: arm, counts: [40, accepted, bought])
      let update = try model.update(
        stage: 1, history: history, parameters: empty, itemCount: 1)
      for index in sum.indices { sum[index] += Double(update[index]) }
    }
    for index in sum.indices {
      sum[index] += cohort.noise * RandomVariates.standardNormal(using: &random)
    }
    let released = try model.advance(
      stage: 1, noisedSum: sum,
      context: StageContext(
        noiseStandardDeviation: cohort.noise, targetCohort: cohort.customers,
        contributorCount: cohort.customers, features: nil), parameters: empty, itemCount: 1)
    return ExperimentAnalysis(try ExperimentSums(released, of: experiment), of: experiment)
  }

  private static func accepted(
    _ analysis: ExperimentAnalysis
  ) throws -> ExperimentAnalysis.Comparison {
    try #require(analysis.comparisons.first { $0.measure == .accepted })
  }

  // Of 1,000 cohorts 950 are expected; 915 and 985 are five standard deviations away (1e-6 together).
  @Test(
    "with no effect 95 % of the intervals hold zero, where noise matters little and where it rules",
    arguments: [0.2, 1.3, 4.5])
  func coverage(noise: Double) throws {
    var random = SeededRandom(seed: 11)
    var covered = 0
    var mismatches = 0
    for _ in 0..<1_000 {
      let analysis = try analysis(Cohort(noise: noise), using: &random)
      if try !Self.accepted(analysis).isDifferent { covered += 1 }
      if analysis.sampleRatio.isMismatch { mismatches += 1 }
    }
    print("coverage of zero with noise \(noise): \(covered) of 1000; mismatches \(mismatches)")
    #expect((915...985).contains(covered))
    // Poisson of mean 1: above 11 has probability below 1e-9.
    #expect(mismatches <= 11)
  }

  @Test("intervals of a rate hold the true rate, and counting the noise is what makes them")
  func rateCoverage() throws {
    var random = SeededRandom(seed: 12)
    var (covered, withoutNoise) = (0, 0)
    for _ in 0..<400 {
      let analysis = try analysis(Cohort(rates: [0.5, 0.5], noise: 4.5), using: &random)
      let rate = try #require(analysis.arms[0].rates)[1]
      if rate.interval.contains(0.5) { covered += 1 }
      // The sampling of 200 customers with variance 0.5 alone.
      if abs(rate.value - 0.5) < 1.96 * (0.5 / 200).squareRoot() { withoutNoise += 1 }
    }
    // 380 expected, standard deviation 4.4.
    #expect((358...400).contains(covered))
    #expect(withoutNoise < 340, "\(withoutNoise)")
  }

  @Test("an effect of the minimum detectable size is found four times in five")
  func power() throws {
    var random = SeededRandom(seed: 13)
    let none = try analysis(Cohort(customers: 1_000), using: &random)
    let effect = try Self.accepted(none).minimumDetectableEffect
    var found = 0
    for _ in 0..<300 {
      let analysis = try analysis(
        Cohort(customers: 1_000, rates: [1, 1 + effect]), using: &random)
      if try Self.accepted(analysis).difference.interval.lowerBound > 0 { found += 1 }
    }
    // 240 expected at the true size; the size itself is an estimate from one cohort. Five sd are 35.
    #expect((205...285).contains(found), "\(found)")
  }

  @Test("a real effect is found, and its interval holds it")
  func effect() throws {
    var random = SeededRandom(seed: 14)
    let analysis = try analysis(
      Cohort(customers: 3_000, rates: [0.8, 1.2]), using: &random)
    let comparison = try Self.accepted(analysis)
    #expect(comparison.isDifferent && comparison.arm == 1)
    #expect(comparison.difference.interval.contains(0.4))
    #expect(!analysis.sampleRatio.isMismatch)
    let impressions = try #require(
      analysis.comparisons.first { $0.measure == .impressions })
    #expect(!impressions.isDifferent && abs(impressions.difference.value) < 5)
  }

  @Test("a broken split is found: 57 to 43 where 50 to 50 was designed")
  func sampleRatio() throws {
    var random = SeededRandom(seed: 15)
    let broken = try analysis(
      Cohort(customers: 3_000, shareOfControl: 0.57), using: &random)
    #expect(broken.sampleRatio.isMismatch && broken.sampleRatio.pValue < 1e-6)
  }

  @Test("the noise is part of the sample-ratio test: what noise explains is no mismatch")
  func sampleRatioUnderNoise() throws {
    let arms = [230.0, 170].map {
      ExperimentSums.Arm(customers: $0, sums: [0, 0, 0], squares: [0, 0, 0])
    }
    let exact = ExperimentAnalysis(
      ExperimentSums(arms: arms, noiseStandardDeviation: 0), of: experiment)
    // z = 30 / sqrt(400 / 4) = 3.
    #expect(abs(exact.sampleRatio.pValue - 0.002_699_796) < 1e-8)
    let noised = ExperimentAnalysis(
      ExperimentSums(arms: arms, noiseStandardDeviation: 20), of: experiment)
    // z = 30 / sqrt(100 + 400 / 2) = sqrt 3.
    #expect(abs(noised.sampleRatio.pValue - 0.083_264_517) < 1e-8)
  }

  @Test("the standard error of a mean is the delta method's, term by term")
  func standardError() throws {
    // 0.16 / 100 + 4 (1 + 0.25) / 10,000.
    let error = ExperimentAnalysis.standardError(
      customers: 100, mean: 0.5, variance: 0.16, noise: 2)
    #expect(abs(error - 0.0021.squareRoot()) < 1e-15)
    let arm = ExperimentSums.Arm(
      customers: 100, sums: [50, 50, 50], squares: [41, 90, 20])
    let analysis = ExperimentAnalysis(
      ExperimentSums(arms: [arm, arm], noiseStandardDeviation: 2), of: experiment)
    let rates = try #require(analysis.arms[0].rates)
    #expect(abs(rates[0].standardError - 200 * 0.0021.squareRoot()) < 1e-9)
    #expect(abs(rates[0].value - 100) < 1e-12)
    // A variance above r (1 - r), or below zero, is the noise's doing.
    #expect(abs(rates[1].standardError - 10 * (0.0025 + 0.0005).squareRoot()) < 1e-9)
    #expect(abs(rates[2].standardError - 5 * 0.0005.squareRoot()) < 1e-9)
    let comparison = try #require(analysis.comparisons.first)
    let error2 = 2.0.squareRoot() * 200 * 0.0021.squareRoot()
    #expect(abs(comparison.minimumDetectableEffect - 2.801_585_218_9 * error2) < 1e-6)
  }

  @Test("arms with too few customers, or with more noise than customers, have no rates")
  func tooFew() throws {
    func analysis(_ customers: Double, noise: Double) -> ExperimentAnalysis {
      let arm = ExperimentSums.Arm(
        customers: customers, sums: [1, 1, 1], squares: [1, 1, 1])
      return ExperimentAnalysis(
        ExperimentSums(arms: [arm, arm], noiseStandardDeviation: noise), of: experiment)
    }
    for few in [analysis(29, noise: 0.1), analysis(90, noise: 9.1), analysis(-4, noise: 2)] {
      #expect(few.arms.allSatisfy { $0.rates == nil } && few.comparisons.isEmpty)
      #expect((0.0...1).contains(few.sampleRatio.pValue))
    }
    #expect(analysis(30, noise: 0.1).comparisons.count == 3)
  }

  @Test("a design promises no effect to an arm that its report would not compare")
  func design() throws {
    func design(_ customers: Double, noise: Double) -> ExperimentDesign {
      ExperimentDesign(
        experiment: experiment, customers: customers, rate: 0.8, noiseStandardDeviation: noise)
    }
    // Ten standard deviations an arm, and thirty customers.
    #expect(design(99, noise: 5).minimumDetectableEffect(ofArm: 1) == nil)
    #expect(design(58, noise: 0.1).minimumDetectableEffect(ofArm: 1) == nil)
    #expect(design(99, noise: 5).fewestCustomers == 100)
    #expect(design(1_000, noise: 5).minimumDetectableEffect(ofArm: 0) == nil)
    // Both arms: 0.8 / 500 + 25 (1 + 0.0064) 100 / 250,000 in accepted items.
    let known = 2.801_585_218_9 * (2 * (0.0016 + 0.010064)).squareRoot()
    let found = try #require(design(1_000, noise: 5).minimumDetectableEffect(ofArm: 1))
    #expect(abs(found - known) < 1e-9)
    // What the design lets pass, the report compares.
    let arm = ExperimentSums.Arm(customers: 50, sums: [1, 4, 1], squares: [1, 1, 1])
    let report = ExperimentAnalysis(
      ExperimentSums(arms: [arm, arm], noiseStandardDeviation: 5), of: experiment)
    #expect(design(100, noise: 5).minimumDetectableEffect(ofArm: 1) != nil)
    #expect(!report.comparisons.isEmpty)
    #expect(ExperimentDesign.highestRate(of: experiment) == 10)
  }
}
