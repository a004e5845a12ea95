import Foundation
import Testing
import VectorMath

@testable import Privacy

/// The sampler of arXiv:2004.00010 word by word, which the fast one is compared with: a discrete
/// Laplace draw of parameter σ²/c, c = ⌊σ⌋, kept with probability exp(-(|y| - c)² / 2σ²).
struct CanonneKamathSteinkeSampler {
  private let numerator: UInt64
  private let denominator: UInt64
  private let shift: UInt64
  private let laplace: DiscreteLaplace

  init(varianceNumerator: UInt64, varianceDenominator: UInt64) throws {
    numerator = varianceNumerator
    denominator = varianceDenominator
    shift = UInt64((Double(varianceNumerator) / Double(varianceDenominator)).squareRoot())
    var (left, right) = (numerator, denominator * shift)
    while right > 0 { (left, right) = (right, left % right) }
    laplace = try DiscreteLaplace(
      scaleNumerator: numerator / left, scaleDenominator: denominator * shift / left)
  }

  func sample(from words: () -> UInt64) -> Int64 {
    while true {
      let draw = laplace.sample(from: words)
      let distance = UInt128(
        draw.magnitude > shift ? draw.magnitude - shift : shift - draw.magnitude)
      if ExactBernoulli.exponential(
        minus: distance * distance * UInt128(denominator), over: 2 * numerator, from: words)
      {
        return draw
      }
    }
  }
}

/// False-alarm rates are those of ``SampleStatistics``, below 1e-7 a test for a fresh seed; with the
/// fixed seeds here a run repeats exactly.
@Suite struct MechanismsSamplerTests {
  /// Chi-square of counts against any probabilities; cells are pooled to an expectation of 25.
  /// False-alarm rate below 5.6e-9.
  private func chiSquare(
    _ samples: [Int64], probability: (Int64) -> Double, reach: Int64
  ) -> (statistic: Double, limit: Double) {
    var counts: [Int64: Int] = [:]
    for sample in samples { counts[min(max(sample, -reach), reach), default: 0] += 1 }
    var cells: [(observed: Double, expected: Double)] = [(0, 0)]
    for y in -reach...reach {
      cells[cells.count - 1].observed += Double(counts[y] ?? 0)
      cells[cells.count - 1].expected += Double(samples.count) * probability(y)
      if cells[cells.count - 1].expected >= 25 { cells.append((0, 0)) }
    }
    if let rest = cells.popLast(), !cells.isEmpty {
      cells[cells.count - 1].observed += rest.observed
      cells[cells.count - 1].expected += rest.expected
    }
    let statistic = cells.reduce(0.0) {
      $0 + ($1.observed - $1.expected) * ($1.observed - $1.expected) / $1.expected
    }
    let freedom = Double(cells.count - 1)
    let x = SampleStatistics.chiSquareExponent
    return (statistic, freedom + 2 * (freedom * x).squareRoot() + 2 * x)
  }

  @Test(
    "the fast and the proven sampler agree, in the same cells",
    arguments: [(9, 2), (1_000_000, 1), (123_456_789, 1_000), (1 << 40, 1)] as [(UInt64, UInt64)])
  func fastAgainstProven(numerator: UInt64, denominator: UInt64) throws {
    let count = 200_000
    let seed = 900 + numerator
    var generator = SeededRandom(seed: seed)
    let fast = try DiscreteGaussian(varianceNumerator: numerator, varianceDenominator: denominator)
    let slow = try CanonneKamathSteinkeSampler(
      varianceNumerator: numerator, varianceDenominator: denominator)
    let left = fast.batch(count: count, using: &generator)
    let right = (0..<count).map { _ in slow.sample { generator.next() } }
    // 41 cells over ±5 standard deviations; two-sample chi-square.
    let width = max(1, Int64((Double(numerator) / Double(denominator)).squareRoot() / 4))
    let cell = { (y: Int64) in Int(min(max(y / width, -20), 20)) + 20 }
    var counts = Array(repeating: (0.0, 0.0), count: 41)
    for y in left { counts[cell(y)].0 += 1 }
    for y in right { counts[cell(y)].1 += 1 }
    let used = counts.filter { $0.0 + $0.1 >= 25 }
    let statistic = used.reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) / ($1.0 + $1.1) }
    let freedom = Double(used.count)
    let x = SampleStatistics.chiSquareExponent
    #expect(
      statistic <= freedom + 2 * (freedom * x).squareRoot() + 2 * x,
      "seed \(seed): \(statistic) at \(freedom)")
  }

  @Test("a batch is the same draws as one by one, and every draw is counted")
  func batch() {
    let sampler = DiscreteGaussian(scale: 1 << 20)
    var left = SeededRandom(seed: 77)
    var right = left
    let batch = sampler.batch(count: 5_000, using: &left)
    #expect(batch.count == 5_000)
    #expect(batch == (0..<5_000).map { _ in sampler.sample(using: &right) })
    #expect(left.next() == right.next())
    #expect(sampler.batch(count: 0, using: &left).isEmpty)
  }

  @Test("rare decisions that need more bits are exact too: the same law with 16 bits and with 38")
  func refinement() throws {
    // With 16 bits nearly one in fifty draws is refined, in a table of about 850 blocks.
    let weights = GaussianBlockWeights(numerator: 1, denominator: 2 * 40 * 40)
    let coarse = LazyCategorical(weights, bits: 16)
    var generator = SeededRandom(seed: 78)
    var refined = 0
    let samples = (0..<200_000).map { _ -> Int64 in
      while true {
        var words = 0
        let draw = coarse.draw(generator.next() >> 48) {
          words += 1
          return generator.next()
        }
        if words > 0 { refined += 1 }
        if case .index(let index) = draw { return Int64(index) }
      }
    }
    #expect(refined > 300, "\(refined) draws were refined")
    let total = (0...1_000).reduce(0.0) { $0 + exp(-Double($1 * $1) / 3_200) }
    let result = chiSquare(
      samples, probability: { $0 < 0 ? 0 : exp(-Double($0 * $0) / 3_200) / total }, reach: 400)
    #expect(result.statistic <= result.limit, "\(result)")
  }

  @Test("refined tables bracket the true sums: e^-x against 38 digits, and finer within coarser")
  func intervals() {
    // e^(-1/3) × 2^128 by 50-digit arithmetic.
    let interval = FixedPointInterval.exponential(minus: 1, over: 3, fractionWords: 2)
    let expected = FixedPoint(fraction: [0xB76E989179752689, 0xC5984C9C50EBE4C9])
    #expect(interval.lower <= expected && expected <= interval.upper)
    for (numerator, denominator) in [(1, 3), (1, 1), (0, 1), (7, 1 << 61), (1 << 40, 1 << 50)]
      as [(UInt64, UInt64)]
    {
      let coarse = FixedPointInterval.exponential(
        minus: numerator, over: denominator, fractionWords: 2)
      let fine = FixedPointInterval.exponential(
        minus: numerator, over: denominator, fractionWords: 5)
      var width = coarse.upper
      width.subtract(coarse.lower)
      #expect(width.isBelow(ulpBits: 10))
      // The finer interval lies within the coarser one.
      #expect(
        Array(fine.lower.words.dropFirst(3)).reversed().lexicographicallyPrecedes(
          coarse.upper.words.reversed()))
      #expect(
        !Array(fine.upper.words.dropFirst(3)).reversed().lexicographicallyPrecedes(
          coarse.lower.words.reversed()))
    }
  }

  @Test(
    "discrete Laplace counts match the exact probabilities",
    arguments: [(1, 1), (1, 3), (7, 2), (40, 1), (1 << 40, 1 << 19), (99_991, 8_192)]
      as [(UInt64, UInt64)])
  func discreteLaplace(numerator: UInt64, denominator: UInt64) throws {
    let sampler = try DiscreteLaplace(scaleNumerator: numerator, scaleDenominator: denominator)
    let seed = 500 + numerator
    var generator = SeededRandom(seed: seed)
    let samples = sampler.batch(count: 100_000, using: &generator)
    let scale = Double(numerator) / Double(denominator)
    let factor = tanh(0.5 / scale)
    if scale < 100 {
      let result = chiSquare(
        samples, probability: { factor * exp(-abs(Double($0)) / scale) },
        reach: Int64(scale * 40) + 40)
      #expect(result.statistic <= result.limit, "seed \(seed): \(result)")
    }
    // |y| of a continuous Laplace has mean and standard deviation t; the discrete one nearly so.
    let count = Double(samples.count)
    let mean = samples.reduce(0.0) { $0 + Double(abs($1)) } / count
    let expected = exp(-1 / scale) / -expm1(-1 / scale) * 2 / (1 + exp(-1 / scale))
    #expect(abs(mean - expected) <= 5.5 * scale * 1.1 / count.squareRoot() + 1e-9)
    let sum = samples.reduce(0.0) { $0 + Double($1) } / count
    #expect(abs(sum) <= 5.5 * 1.5 * scale / count.squareRoot())
  }

  @Test(
    "Skellam counts match the exact probabilities for small variances",
    arguments: [(1, 2), (2, 1), (9, 1), (50, 7), (400, 1), (1_024, 1), (9_000, 1)]
      as [(UInt64, UInt64)])
  func skellamSmall(numerator: UInt64, denominator: UInt64) throws {
    let sampler = try Skellam(varianceNumerator: numerator, varianceDenominator: denominator)
    let seed = 600 + numerator
    var generator = SeededRandom(seed: seed)
    let samples = sampler.batch(count: 200_000, using: &generator)
    let mean = Double(numerator) / Double(denominator) / 2
    // Two Poisson mass functions, convolved.
    let size = Int(mean + 12 * mean.squareRoot() + 40)
    let poisson = (0..<size).map { exp(-mean + Double($0) * log(mean) - lgamma(Double($0) + 1)) }
    var probability: [Double] = []
    for y in 0..<size {
      probability.append((y..<size).reduce(0.0) { $0 + poisson[$1] * poisson[$1 - y] })
    }
    let reach = Int64(9 * (2 * mean).squareRoot() + 20)
    let result = chiSquare(
      samples,
      probability: { Int(abs($0)) < size ? probability[Int(abs($0))] : 0 },
      reach: min(reach, Int64(size - 1)))
    #expect(result.statistic <= result.limit, "seed \(seed): \(result)")
  }

  @Test("Skellam moments and shape match the normal distribution for large variances")
  func skellamLarge() throws {
    for variance in [1 << 20, 1 << 24, 1 << 30] as [UInt64] {
      let sampler = try Skellam(varianceNumerator: variance, varianceDenominator: 1)
      let seed = 700 + variance
      var generator = SeededRandom(seed: seed)
      let samples = sampler.batch(count: 100_000, using: &generator)
      let scale = Double(variance).squareRoot()
      // The excess kurtosis, 1 / variance, is far below what 1e5 draws can show.
      #expect(SampleStatistics.momentProblems(samples, scale: scale).isEmpty, "seed \(seed)")
      #expect(SampleStatistics.shapeProblems(samples, scale: scale).isEmpty, "seed \(seed)")
    }
  }

  @Test("parameters out of range are refused, the largest allowed ones are not")
  func bounds() throws {
    for (numerator, denominator) in [(0, 1), (1, 0), (1 << 30 + 1, 1), (1, 1 << 20)]
      as [(UInt64, UInt64)]
    {
      #expect(throws: PrivacyError.self) {
        try Skellam(varianceNumerator: numerator, varianceDenominator: denominator)
      }
    }
    for (numerator, denominator) in [(0, 1), (1, 0), (1 << 40 + 1, 1), (1, 1 << 20 + 1)]
      as [(UInt64, UInt64)]
    {
      #expect(throws: PrivacyError.self) {
        try DiscreteLaplace(scaleNumerator: numerator, scaleDenominator: denominator)
      }
    }
    var generator = SeededRandom(seed: 79)
    let largest = try DiscreteLaplace(scaleNumerator: 1 << 40, scaleDenominator: 1)
    let smallest = try DiscreteLaplace(scaleNumerator: 1, scaleDenominator: 1 << 20)
    let rare = try Skellam(varianceNumerator: 1, varianceDenominator: 1 << 19)
    #expect(largest.batch(count: 1_000, using: &generator).contains { abs($0) > 1 << 38 })
    #expect(smallest.batch(count: 1_000, using: &generator).allSatisfy { $0 == 0 })
    #expect(rare.batch(count: 1_000, using: &generator).allSatisfy { abs($0) <= 1 })
    let fraction = try Skellam(varianceNumerator: 1 << 30 - 1, varianceDenominator: 1 << 19 - 1)
    #expect(fraction.batch(count: 100, using: &generator).contains { $0 != 0 })
  }
}
