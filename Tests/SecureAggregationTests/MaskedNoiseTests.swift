import Privacy
import Testing

@testable import SecureAggregation

@Suite("Distributed noise")
struct MaskedNoiseTests {
  /// n = 50 at 10 % corrupt and 30 % dropping: c = 5, n_s = 35, N_h = 30.
  @Test(
    "the released variance is sigma² |U3| / N_h at 0, 5, 20 and 30 % dropout",
    arguments: [0, 2, 10, 15])
  func variance(dropouts: Int) throws {
    let dimension = 8000
    let cohort = try MaskedCohort(
      size: 50, policy: MaskingParametersTests.policy("0.1", "0.3", from: 20),
      mode: .secaggDDP, dimension: dimension)
    var stages = [MaskedCohort.Stage](repeating: .unmask, count: 50)
    // Those that are lost after their shares: their noise must not be in the sum.
    for index in 0..<dropouts { stages[3 * index] = .shares }
    let outcome = try cohort.run(lastStage: stages, seed: UInt64(1000 * dropouts))
    #expect(outcome.survivors.count == 50 - dropouts)
    let exact = try cohort.plainSum(of: outcome.survivors)
    let noise = zip(outcome.sum, exact).map { Double(Int32(bitPattern: $0 &- $1)) }
    let parameters = try MaskingParameters(cohortSize: 50, policy: cohort.policy)
    #expect(parameters.honestNoiseShares == 30)
    let scale = Double(cohort.noiseScale)
    let expected = scale * scale * Double(50 - dropouts) / 30
    let released = parameters.releasedStandardDeviation(
      scale: cohort.noiseScale, survivors: 50 - dropouts)
    #expect(abs(released * released / expected - 1) < 1e-12)
    // The seeds are fixed, so that this cannot flake; for a fresh seed the false-alarm rate of each
    // statement is 3.8e-8 (5.5 standard deviations). The sample variance of 8,000 normal values has
    // a relative standard deviation of 1.58 %, their mean one of sigma / √8000.
    let mean = noise.reduce(0, +) / Double(dimension)
    let variance = noise.reduce(0) { $0 + $1 * $1 } / Double(dimension)
    #expect(abs(variance / expected - 1) < 5.5 * (2 / Double(dimension)).squareRoot())
    #expect(abs(mean) < 5.5 * (expected / Double(dimension)).squareRoot())
    // The part of honest survivors is never below what is charged.
    let honest = scale * scale * Double(50 - dropouts - parameters.corruptBound) / 30
    #expect(honest >= scale * scale)
  }

  @Test("beyond the dropout that the policy allows, the round ends before anything is signed")
  func tooManyDropouts() throws {
    let cohort = try MaskedCohort(
      size: 50, policy: MaskingParametersTests.policy("0.1", "0.3", from: 20),
      mode: .secaggDDP, dimension: 16)
    var stages = [MaskedCohort.Stage](repeating: .unmask, count: 50)
    for index in 0..<16 { stages[index] = .shares }
    #expect(throws: MaskingAbort.tooFewSurvivors) { try cohort.run(lastStage: stages) }
  }

  @Test("a share's variance is the exact fraction of the charge, for every cohort")
  func shareVariance() throws {
    let policy = try MaskingParametersTests.policy("0.1", "0.1", from: 2)
    for cohort in [5, 50, 128, 900, 4096] {
      let parameters = try MaskingParameters(cohortSize: cohort, policy: policy)
      let scale: UInt64 = (1 << 10) + 1
      let share = NoiseShare.distribution(scale: scale, parameters: parameters)
      // N_h shares have at least the variance of the charge: cross-multiplied, exact.
      let honest = UInt128(parameters.honestNoiseShares)
      #expect(
        UInt128(share.varianceNumerator) * honest
          == UInt128(scale * scale) * UInt128(share.varianceDenominator))
      // Ruling 18 asks for a parameter of at least 4.
      #expect(share.varianceNumerator >= 16 * share.varianceDenominator)
    }
  }
}
