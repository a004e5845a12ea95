import Evaluation
import Recommendation
import Testing
import VectorMath

@Suite("Paired bootstrap")
struct PairedBootstrapTests {
  /// Normal with variance 1.
  private static func draws(
    _ count: Int, mean: Double, using generator: inout SeededRandom
  ) -> [Double] {
    (0..<count).map { _ in mean + RandomVariates.standardNormal(using: &generator) }
  }

  @Test("one seed gives the same intervals to the bit, another gives others")
  func repeatable() {
    var generator = SeededRandom(seed: 1)
    let series = (0..<3).map { Self.draws(50, mean: Double($0), using: &generator) }
    let first = PairedBootstrap(resamples: 400, seed: 7).intervals(of: series)
    #expect(PairedBootstrap(resamples: 400, seed: 7).intervals(of: series) == first)
    #expect(PairedBootstrap(resamples: 400, seed: 8).intervals(of: series) != first)
    // Resamples are shared, so that a series has its interval whatever stands beside it.
    #expect(PairedBootstrap(resamples: 400, seed: 7).intervals(of: [series[1]])[0] == first[1])
  }

  @Test("two customers by hand: the mean of a resample is 0, 1/2 or 1")
  func byHand() {
    let interval = PairedBootstrap(resamples: 999, seed: 3).intervals(of: [[0, 1]])[0]
    // A quarter of all resamples at each end, so that both ends of 95 % lie there.
    #expect(interval.mean == 0.5 && interval.lower == 0 && interval.upper == 1)
    // 2 (1/4) of the resamples are at 0 or below; binomial, sd 0.027.
    #expect(abs(interval.level - 0.5) < 0.14)
    let certain = PairedBootstrap(resamples: 999, seed: 3).intervals(of: [[1, 1, 1]])[0]
    #expect(certain.lower == 1 && certain.upper == 1 && certain.level == 2.0 / 1000)
  }

  @Test("the interval is that of the normal law, and holds the truth as often as it says")
  func coverage() {
    var generator = SeededRandom(seed: 5)
    let trials = (0..<200).map { _ in Self.draws(60, mean: 0.3, using: &generator) }
    var covered = 0
    for (index, trial) in trials.enumerated() {
      let interval = PairedBootstrap(resamples: 399, seed: UInt64(index)).intervals(of: [trial])[0]
      if interval.lower <= 0.3, 0.3 <= interval.upper { covered += 1 }
      let mean = trial.reduce(0, +) / 60
      let variance = trial.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 60
      let half = 1.96 * (variance / 60).squareRoot()
      // An end of 399 resamples has a standard error of about 0.13 half widths: 0.6 is 4.5 of them,
      // for 400 ends less than 3 false alarms in 1,000 choices of the seed.
      #expect(abs(interval.lower - (mean - half)) < 0.6 * half)
      #expect(abs(interval.upper - (mean + half)) < 0.6 * half)
    }
    // Binomial with 0.94 (percentile intervals of 60 are a little short): sd 3.4, so 171 to 200 is
    // 5 of them.
    #expect(covered > 171)
  }

  @Test("what makes a customer hard for both models cancels: pairing makes the interval narrow")
  func pairing() {
    var generator = SeededRandom(seed: 9)
    let hardness = Self.draws(100, mean: 0, using: &generator)
    let first = hardness.map { 10 * $0 + 0.1 }
    let second = hardness.map { 10 * $0 }
    let bootstrap = PairedBootstrap(resamples: 399, seed: 1)
    let paired = bootstrap.intervals(of: [zip(first, second).map { $0 - $1 }])[0]
    let single = bootstrap.intervals(of: [first])[0]
    #expect(paired.lower > 0.099 && paired.upper < 0.101)
    #expect(single.upper - single.lower > 2)
  }
}
