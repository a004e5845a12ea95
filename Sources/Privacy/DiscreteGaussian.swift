/// Exact samples of the discrete Gaussian: probability of y proportional to exp(-y² / 2σ²) on the
/// integers.
///
/// Integer arithmetic only: the distribution is the stated one to the last bit, with no rounding
/// for an attacker to observe. A sample is a discrete Laplace draw of parameter σ²/c, c = ⌊σ⌋,
/// kept with probability exp(-(|y| - c)² / 2σ²): the product of both is proportional to
/// exp(-y² / 2σ²). The published algorithm fixes the Laplace parameter to an integer instead; a
/// rational one keeps every denominator within 64 bits.
///
/// - Warning: The time a draw takes depends on the value drawn. Draw whole vectors, and do not let
///   an observer time single coordinates.
/// - Source: Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy",
///   arXiv:2004.00010, algorithms 1 to 3.
package struct DiscreteGaussian: Sendable, Equatable {
  /// Largest parameter s: 2^30 grid steps.
  package static let largestScale: UInt64 = 1 << 30
  private static let largestDenominator: UInt64 = 1 << 20

  /// σ² in lowest terms.
  package let varianceNumerator: UInt64
  package let varianceDenominator: UInt64
  /// c above.
  private let shift: UInt64
  /// The Laplace parameter σ²/c in lowest terms.
  private let laplaceNumerator: UInt64
  private let laplaceDenominator: UInt64

  /// - Parameters:
  ///   - varianceNumerator: of σ² >= 1, at most 2^60.
  ///   - varianceDenominator: in 1...2^20.
  /// - Throws: ``PrivacyError/unsupportedVariance(numerator:denominator:)`` outside these ranges.
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

  /// The ranges above keep all of this and every draw free of overflow: the Laplace parameter is
  /// below 2^31, so within ``ExactBernoulli/attemptLimit`` blocks |y| is below 2^42 and
  /// (|y| - c)² × denominator below 2^104; a remainder with its blocks is below 2^60 + 2^60, and
  /// twice the numerator at most 2^61.
  private init(checkedNumerator numerator: UInt64, denominator: UInt64) {
    let common = Self.greatestCommonDivisor(numerator, denominator)
    varianceNumerator = numerator / common
    varianceDenominator = denominator / common
    shift = Self.integerSquareRoot(varianceNumerator / varianceDenominator)
    let product = varianceDenominator * shift
    let commonLaplace = Self.greatestCommonDivisor(varianceNumerator, product)
    laplaceNumerator = varianceNumerator / commonLaplace
    laplaceDenominator = product / commonLaplace
  }

  /// One draw.
  /// - Parameter generator: a source of uniform independent words; `SecureRandom` outside of
  ///   simulation and tests.
  package func sample(using generator: inout some RandomNumberGenerator) -> Int64 {
    sample { generator.next() }
  }

  private func sample(from words: WordSource) -> Int64 {
    for _ in 0..<ExactBernoulli.attemptLimit {
      let magnitude = laplaceMagnitude(from: words)
      let isNegative = words() & 1 == 1
      // Zero has one sign, or it would be drawn twice as often.
      if magnitude == 0 && isNegative { continue }
      let distance = UInt128(magnitude > shift ? magnitude - shift : shift - magnitude)
      let keeps = ExactBernoulli.exponential(
        minus: distance * distance * UInt128(varianceDenominator), over: 2 * varianceNumerator,
        from: words)
      if keeps { return isNegative ? -Int64(magnitude) : Int64(magnitude) }
    }
    ExactBernoulli.stopForBrokenGenerator()
  }

  /// Adds one independent draw to each element, modulo 2^32.
  /// - Parameters:
  ///   - sum: exact sums of fixed-point updates in Z_2^32.
  ///   - generator: as for ``sample(using:)``.
  /// - Complexity: O(`sum.count`) expected, no allocation.
  package func addNoise(
    to sum: inout [UInt32], using generator: inout some RandomNumberGenerator
  ) {
    for index in sum.indices {
      sum[index] &+= UInt32(truncatingIfNeeded: sample { generator.next() })
    }
  }

  /// |y| with probability proportional to exp(-|y| × denominator / numerator) on 0, 1, 2, ….
  ///
  /// Source: arXiv:2004.00010, algorithm 2 without the sign.
  private func laplaceMagnitude(from words: WordSource) -> UInt64 {
    let remainder = laplaceRemainder(from: words)
    for block in 0..<UInt64(ExactBernoulli.attemptLimit)
    where !ExactBernoulli.exponentialOfMinusOne(from: words) {
      guard laplaceDenominator > 1 else { return remainder + laplaceNumerator * block }
      let (whole, rest) = laplaceNumerator.quotientAndRemainder(dividingBy: laplaceDenominator)
      return whole * block + (remainder + rest * block) / laplaceDenominator
    }
    ExactBernoulli.stopForBrokenGenerator()
  }

  /// u in 0..<numerator with probability proportional to exp(-u / numerator).
  private func laplaceRemainder(from words: WordSource) -> UInt64 {
    for _ in 0..<ExactBernoulli.attemptLimit {
      let candidate = ExactBernoulli.uniform(below: laplaceNumerator, from: words)
      let keeps = ExactBernoulli.exponential(
        minusFraction: candidate, over: laplaceNumerator, from: words)
      if keeps { return candidate }
    }
    ExactBernoulli.stopForBrokenGenerator()
  }

  private static func greatestCommonDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
    var (left, right) = (left, right)
    while right > 0 { (left, right) = (right, left % right) }
    return left
  }

  /// The largest integer whose square is at most `value`.
  private static func integerSquareRoot(_ value: UInt64) -> UInt64 {
    var root: UInt64 = 0
    for bit in stride(from: 31, through: 0, by: -1) {
      let candidate = root | 1 << UInt64(bit)
      if candidate * candidate <= value { root = candidate }
    }
    return root
  }
}
