import Foundation
import Testing
import VectorMath

@testable import Privacy

/// All false-alarm rates are for a fresh seed; with the fixed seeds below a run repeats exactly.
@Suite struct DiscreteGaussianTests {
  private func draw(_ sampler: DiscreteGaussian, count: Int, seed: UInt64) -> [Int64] {
    var generator = SeededRandom(seed: seed)
    return (0..<count).map { _ in sampler.sample(using: &generator) }
  }

  @Test(
    "counts match the exact probabilities for small variances, whole and rational",
    arguments: [
      (1, 1), (4, 1), (9, 1), (400, 1), (3, 2), (50, 7), (123_457, 1_000), (1 << 20, 999),
    ] as [(UInt64, UInt64)])
  func exactProbabilities(numerator: UInt64, denominator: UInt64) throws {
    let sampler = try DiscreteGaussian(
      varianceNumerator: numerator, varianceDenominator: denominator)
    let seed = 20_000 + numerator
    let problems = SampleStatistics.exactProblems(
      draw(sampler, count: 200_000, seed: seed), variance: Double(numerator) / Double(denominator))
    #expect(problems.isEmpty, "seed \(seed)")
  }

  @Test(
    "moments and shape match the normal distribution for large scales",
    arguments: [
      333_000, 1 << 20, 1 << 30,
    ] as [UInt64])
  func largeScales(scale: UInt64) {
    let seed = 30_000 + scale
    let samples = draw(DiscreteGaussian(scale: scale), count: 500_000, seed: seed)
    let problems =
      SampleStatistics.momentProblems(samples, scale: Double(scale))
      + SampleStatistics.shapeProblems(samples, scale: Double(scale))
    #expect(problems.isEmpty, "seed \(seed)")
  }

  @Test("a large rational variance, as a share of distributed noise has, is sampled as stated")
  func largeRationalVariance() throws {
    let sampler = try DiscreteGaussian(varianceNumerator: 1 << 42, varianceDenominator: 607)
    let scale = (Double(1 << 42) / 607).squareRoot()
    let samples = draw(sampler, count: 300_000, seed: 31)
    #expect(SampleStatistics.momentProblems(samples, scale: scale).isEmpty)
    #expect(SampleStatistics.shapeProblems(samples, scale: scale).isEmpty)
  }

  @Test("the statistics catch a sampler that is off, silent, halved, shifted or one-sided")
  func brokenSamplersAreCaught() {
    let scale = 333_000.0
    let good = draw(DiscreteGaussian(scale: 333_000), count: 500_000, seed: 5)
    let broken: [(String, [Int64])] = [
      ("off", good.map { _ in 0 }),
      ("half the scale", draw(DiscreteGaussian(scale: 166_500), count: 500_000, seed: 6)),
      ("one per cent low", draw(DiscreteGaussian(scale: 329_670), count: 500_000, seed: 7)),
      ("shifted by one per cent", good.map { $0 + 3_330 }),
      ("one-sided", good.map { abs($0) }),
      ("repeated", zip(good.indices, good).map { good[$0 / 2 * 2] + $1 * 0 }),
      ("tails cut at three scales", good.map { min(max($0, -999_000), 999_000) }),
    ]
    for (name, samples) in broken {
      #expect(!SampleStatistics.momentProblems(samples, scale: scale).isEmpty, "\(name)")
    }
    #expect(!SampleStatistics.shapeProblems(good.map { $0 / 2 * 2 }, scale: scale).isEmpty)
    #expect(!SampleStatistics.shapeProblems(good.map { _ in 0 }, scale: scale).isEmpty)
    let small = draw(DiscreteGaussian(scale: 2), count: 200_000, seed: 8)
    #expect(!SampleStatistics.exactProblems(small, variance: 4.2).isEmpty)
    #expect(!SampleStatistics.exactProblems(small.map { _ in 0 }, variance: 4).isEmpty)
  }

  @Test("noise is added modulo 2^32, one draw an element, in order")
  func addNoiseWraps() {
    let sampler = DiscreteGaussian(scale: 1 << 20)
    var left = SeededRandom(seed: 9)
    var right = left
    let start: [UInt32] = (0..<1_000).map { $0 % 2 == 0 ? .max : 0 }
    var noised = start
    sampler.addNoise(to: &noised, using: &left)
    var wraps = 0
    for (before, after) in zip(start, noised) {
      let sample = sampler.sample(using: &right)
      #expect(after == before &+ UInt32(truncatingIfNeeded: sample))
      if before == .max && sample > 0 || before == 0 && sample < 0 { wraps += 1 }
    }
    #expect(wraps > 300)
    #expect(left.next() == right.next(), "both have drawn the same number of words")
  }

  @Test("the added noise itself has the scale that was asked for")
  func addedNoiseHasItsScale() {
    var generator = SeededRandom(seed: 10)
    var sum = [UInt32](repeating: 0, count: 300_000)
    DiscreteGaussian(scale: 4_096).addNoise(to: &sum, using: &generator)
    let samples = sum.map { Int64(Int32(bitPattern: $0)) }
    #expect(SampleStatistics.momentProblems(samples, scale: 4_096).isEmpty)
  }

  @Test(
    "coins of probability e^-x come up as often as e^-x says",
    arguments: [
      (0, 1), (1, 3), (1, 1), (5, 2), (7, 1), (1 << 62, 1 << 62),
    ] as [(UInt64, UInt64)])
  func exponentialCoins(numerator: UInt64, denominator: UInt64) {
    var generator = SeededRandom(seed: 100 + numerator)
    let count = 200_000
    var heads = 0
    for _ in 0..<count
    where ExactBernoulli.exponential(
      minus: UInt128(numerator), over: denominator, from: { generator.next() })
    {
      heads += 1
    }
    let probability = exp(-Double(numerator) / Double(denominator))
    let spread = (Double(count) * probability * (1 - probability)).squareRoot()
    #expect(
      abs(Double(heads) - Double(count) * probability)
        <= SampleStatistics.deviations * spread)
  }

  @Test("uniform words below a bound reach every value equally, with a bound that needs rejection")
  func uniformBelowBound() {
    var generator = SeededRandom(seed: 12)
    var counts = Array(repeating: 0, count: 3)
    let bound: UInt64 = 3 << 62  // a quarter of all words is rejected
    for _ in 0..<90_000 {
      counts[Int(ExactBernoulli.uniform(below: bound, from: { generator.next() }) >> 62)] += 1
    }
    for count in counts {
      #expect(abs(Double(count) - 30_000) <= SampleStatistics.deviations * 20_000.0.squareRoot())
    }
    #expect(ExactBernoulli.uniform(below: 1, from: { .max }) == 0)
  }

  @Test("variances that could overflow are refused, the largest allowed ones are not")
  func bounds() throws {
    for (numerator, denominator) in [
      (0, 1), (1, 0), (2, 3), (1 << 60 + 1, 1), (1 << 21, 1 << 20 + 1),
    ]
      as [(UInt64, UInt64)]
    {
      #expect(
        throws: PrivacyError.unsupportedVariance(numerator: numerator, denominator: denominator)
      ) { try DiscreteGaussian(varianceNumerator: numerator, varianceDenominator: denominator) }
    }
    var generator = SeededRandom(seed: 13)
    for (numerator, denominator) in [
      (1 << 60, 1), (1 << 20, 1 << 20), (1 << 60 - 1, 1 << 20 - 3), (1 << 60, 1 << 20),
    ] as [(UInt64, UInt64)] {
      let sampler = try DiscreteGaussian(
        varianceNumerator: numerator, varianceDenominator: denominator)
      for _ in 0..<1_000 { _ = sampler.sample(using: &generator) }
    }
    #expect(
      try DiscreteGaussian(varianceNumerator: 50, varianceDenominator: 2)
        == DiscreteGaussian(scale: 5))
  }

  @Test("a generator that returns only zeros stops the process and does not hang it")
  func brokenGeneratorTraps() async {
    struct Silent: RandomNumberGenerator {
      func next() -> UInt64 { 0 }
    }
    await #expect(processExitsWith: .failure) {
      var generator = Silent()
      _ = DiscreteGaussian(scale: 333_000).sample(using: &generator)
    }
  }
}
