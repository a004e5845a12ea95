/// Exact samples of the discrete Gaussian: probability of y proportional to exp(-y² / 2σ²) on the
/// integers.
///
/// Integer arithmetic only: the distribution is the stated one to the last bit, with no rounding
/// for an attacker to observe. The magnitude |y| = j w + o is drawn as a block j of width w, a power of
/// two below σ/32, an offset o in it and a coin:
///
/// - j has probability proportional to exp(-(j w)² / 2σ²), exactly: ``LazyCategorical`` compares
///   random bits with a table and refines both where they do not decide;
/// - o is uniform on 0..<w;
/// - the pair is kept with probability exp(-(2 j w o + o²) / 2σ²), a coin with a rational exponent
///   (``ExactBernoulli``), so it is exact as well. More than 97 of 100 are kept.
///
/// The product of the three is exp(-(j w + o)² / 2σ²) / (a constant), for every j and o: rejection
/// sampling with nothing approximated. Negative zero is drawn again. Where σ is below 32, w is 1 and
/// the table alone decides.
///
/// A draw takes two random words on average: one for j, o and the sign, one for the coin. The number
/// of rejected proposals is independent of the value that is kept.
///
/// - Warning: The time of one draw still depends a little on its value (how far the table is searched,
///   rarely a second coin). Draw whole vectors ahead (``batch(count:using:)``), and do not let an
///   observer time single coordinates.
/// - Source: the coins are algorithm 1 of Canonne, Kamath, Steinke, "The discrete Gaussian for
///   differential privacy", arXiv:2004.00010; tests compare with their whole sampler. Blocks with
///   rejection are as in Karney, "Sampling exactly from the normal distribution", arXiv:1303.6257.
package struct DiscreteGaussian: Sendable, Equatable {
  /// Largest parameter s: 2^30 grid steps.
  package static let largestScale: UInt64 = 1 << 30
  private static let largestDenominator: UInt64 = 1 << 20
  /// σ / w is at least this.
  private static let blocksPerScale: UInt64 = 32
  /// With 25 bits of offset and one of sign these make a word.
  private static let blockBits = 38

  /// σ² in lowest terms.
  package let varianceNumerator: UInt64
  package let varianceDenominator: UInt64
  /// w as a power of two, at most 25.
  private let widthBits: UInt64
  private let blocks: LazyCategorical<GaussianBlockWeights>

  /// - Parameters:
  ///   - varianceNumerator: of σ² >= 1, at most 2^60.
  ///   - varianceDenominator: in 1...2^20.
  /// - Throws: ``PrivacyError/unsupportedVariance(numerator:denominator:)`` outside these ranges.
  /// - Complexity: tables of up to 1,000 entries are made; keep the value for many draws.
  package init(
    varianceNumerator: UInt64, varianceDenominator: UInt64
  ) throws(PrivacyError) {
    let largestNumerator = Self.largestScale * Self.largestScale
    guard (1...Self.largestDenominator).contains(varianceDenominator),
      varianceNumerator >= varianceDenominator, varianceNumerator <= largestNumerator
    else {
      throw .unsupportedVariance(numerator: varianceNumerator, denominator: varianceDenominator)
    }
    self.init(checkedNumerator: varianceNumerator, denominator: varianceDenominator)
  }

  /// Noise of parameter s = `scale`, hence σ² = s².
  /// - Precondition: `scale` is in 1...2^30; what is charged for is checked by ``PrivacyEvent``.
  package init(scale: UInt64) {
    precondition((1...Self.largestScale).contains(scale), "noise scale out of range")
    self.init(checkedNumerator: scale * scale, denominator: 1)
  }

  /// (32 w)² <= σ² bounds w² × denominator by numerator / 2^10, so that the exponent of a coin,
  /// (2 j + 1) w² × denominator at most, stays below 2 × numerator <= 2^61 for j < 1024.
  private init(checkedNumerator numerator: UInt64, denominator: UInt64) {
    let common = Self.greatestCommonDivisor(numerator, denominator)
    varianceNumerator = numerator / common
    varianceDenominator = denominator / common
    let variance = varianceNumerator / varianceDenominator
    var widthBits: UInt64 = 0
    while Self.blocksPerScale << (widthBits + 1) <= 1 << 31,
      (Self.blocksPerScale << (widthBits + 1)) * (Self.blocksPerScale << (widthBits + 1))
        <= variance
    { widthBits += 1 }
    self.widthBits = widthBits
    blocks = LazyCategorical(
      GaussianBlockWeights(
        numerator: varianceDenominator << (2 * widthBits), denominator: 2 * varianceNumerator),
      bits: Self.blockBits)
  }

  package static func == (left: DiscreteGaussian, right: DiscreteGaussian) -> Bool {
    left.varianceNumerator == right.varianceNumerator
      && left.varianceDenominator == right.varianceDenominator
  }

  /// One draw.
  /// - Parameter generator: a source of uniform independent words; `SecureRandom` outside of
  ///   simulation and tests.
  package func sample(using generator: inout some RandomNumberGenerator) -> Int64 {
    sample { generator.next() }
  }

  /// `count` independent draws, in the order in which ``sample(using:)`` would make them.
  package func batch(
    count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Int64] {
    var draws = [Int64](repeating: 0, count: count)
    fill(&draws) { generator.next() }
    return draws
  }

  private func fill(_ draws: inout [Int64], from words: WordSource) {
    for index in draws.indices { draws[index] = sample(from: words) }
  }

  private func sample(from words: WordSource) -> Int64 {
    for _ in 0..<ExactBernoulli.attemptLimit {
      let word = words()
      guard case .index(let block) = blocks.draw(word >> 26, from: words) else { continue }
      let offset = word & ((1 << widthBits) - 1)
      let magnitude = UInt64(block) << widthBits + offset
      // A set bit means plus: words that are all zero, as of a broken generator, are never kept.
      let isNegative = word & 1 << 25 == 0
      // Zero has one sign, or it would be drawn twice as often.
      if magnitude == 0 && isNegative { continue }
      if offset > 0 && !keeps(block: UInt64(block), offset: offset, from: words) { continue }
      return isNegative ? -Int64(magnitude) : Int64(magnitude)
    }
    ExactBernoulli.stopForBrokenGenerator()
  }

  /// The coin of probability exp(-(2 j w + o) o / 2σ²).
  @inline(__always)
  private func keeps(block: UInt64, offset: UInt64, from words: WordSource) -> Bool {
    let denominator = 2 * varianceNumerator
    let reach = block << (widthBits + 1) + offset
    guard block < 1_024 else {
      // Fewer than one draw in e^512.
      return ExactBernoulli.exponential(
        minus: UInt128(reach) * UInt128(offset) * UInt128(varianceDenominator), over: denominator,
        from: words)
    }
    let numerator = reach * offset * varianceDenominator
    // The first coin of `exponential(minusFraction:over:from:)`, which nearly always decides.
    let product = denominator.multipliedFullWidth(by: words())
    let uniform =
      product.low >= denominator
      ? product.high
      : ExactBernoulli.uniformAfterCheck(below: denominator, first: product, from: words)
    if uniform >= numerator { return true }
    return ExactBernoulli.exponentialAfterFirstCoin(numerator, over: denominator, from: words)
  }

  /// Adds one independent draw to each element, modulo 2^32.
  /// - Parameters:
  ///   - sum: exact sums of fixed-point updates in Z_2^32.
  ///   - generator: as for ``sample(using:)``.
  /// - Complexity: O(`sum.count`) expected, no allocation.
  package func addNoise(
    to sum: inout [UInt32], using generator: inout some RandomNumberGenerator
  ) {
    add(to: &sum) { generator.next() }
  }

  private func add(to sum: inout [UInt32], from words: WordSource) {
    for index in sum.indices {
      sum[index] &+= UInt32(truncatingIfNeeded: sample(from: words))
    }
  }

  private static func greatestCommonDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
    var (left, right) = (left, right)
    while right > 0 { (left, right) = (right, left % right) }
    return left
  }
}

/// e^-(x j²) for j = 0, 1, 2, …, x = numerator / denominator at most 1/2.
struct GaussianBlockWeights: RefinableWeights {
  let numerator: UInt64
  let denominator: UInt64

  func intervals(fractionWords: Int) -> (weights: [FixedPointInterval], tail: FixedPoint) {
    let one = FixedPoint(1, fractionWords: fractionWords)
    let base = FixedPointInterval.exponential(
      minus: numerator, over: denominator, fractionWords: fractionWords)
    let square = base * base
    var weights: [FixedPointInterval] = []
    var weight = FixedPointInterval(lower: one, upper: one)
    var ratio = base
    // What is left out has ratios below 1 - 2^-10, so it sums to less than 2^10 times its first.
    while !weight.upper.isBelow(ulpBits: 40) || ratio.upper.leadingFraction >> 54 == 1_023
      || ratio.upper.whole > 0
    {
      weights.append(weight)
      weight = weight * ratio
      ratio = ratio * square
    }
    var tail = weight.upper
    tail.multiply(by: 1 << 10)
    return (weights, tail)
  }
}
