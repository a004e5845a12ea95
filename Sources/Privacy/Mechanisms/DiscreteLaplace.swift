/// Exact samples of the discrete Laplace distribution: probability of y proportional to exp(-|y| / t)
/// on the integers, t rational.
///
/// Integer arithmetic only. With t = n / d, |y| is ⌊x / d⌋ for x with probability proportional to
/// exp(-x / n): a remainder u below n, kept with probability exp(-u / n), and a number of whole
/// blocks of n, each of probability 1/e. Negative zero is drawn again.
///
/// - Warning: The time of one draw depends on its value. Draw whole vectors ahead.
/// - Source: Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy",
///   arXiv:2004.00010, algorithm 2.
package struct DiscreteLaplace: Sendable, Equatable {
  package static let largestNumerator: UInt64 = 1 << 40
  package static let largestDenominator: UInt64 = 1 << 20
  package let scaleNumerator: UInt64
  package let scaleDenominator: UInt64

  /// - Parameters:
  ///   - scaleNumerator: n in 1...2^40.
  ///   - scaleDenominator: d in 1...2^20. For sensitivity Δ the noise is (Δ d / n)-DP.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(scaleNumerator: UInt64, scaleDenominator: UInt64) throws(PrivacyError) {
    guard (1...Self.largestNumerator).contains(scaleNumerator),
      (1...Self.largestDenominator).contains(scaleDenominator)
    else {
      throw .invalidParameter(
        name: "Laplace scale", value: "\(scaleNumerator)/\(scaleDenominator)",
        accepted: "1 to 2^40 over 1 to 2^20")
    }
    self.scaleNumerator = scaleNumerator
    self.scaleDenominator = scaleDenominator
  }

  /// One draw.
  /// - Parameter generator: a source of uniform independent words; `SecureRandom` outside of
  ///   simulation and tests.
  package func sample(using generator: inout some RandomNumberGenerator) -> Int64 {
    sample { generator.next() }
  }

  /// `count` independent draws.
  package func batch(
    count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Int64] {
    (0..<count).map { _ in sample { generator.next() } }
  }

  func sample(from words: WordSource) -> Int64 {
    for _ in 0..<ExactBernoulli.attemptLimit {
      let magnitude = magnitude(from: words)
      let isNegative = words() & 1 == 1
      // Zero has one sign, or it would be drawn twice as often.
      if magnitude > 0 || !isNegative {
        return isNegative ? -Int64(magnitude) : Int64(magnitude)
      }
    }
    ExactBernoulli.stopForBrokenGenerator()
  }

  /// |y| with probability proportional to exp(-|y| d / n) on 0, 1, 2, …; below 2^51.
  func magnitude(from words: WordSource) -> UInt64 {
    let remainder = remainder(from: words)
    for block in 0..<UInt64(ExactBernoulli.attemptLimit)
    where !ExactBernoulli.exponentialOfMinusOne(from: words) {
      return (remainder + scaleNumerator * block) / scaleDenominator
    }
    ExactBernoulli.stopForBrokenGenerator()
  }

  /// u in 0..<n with probability proportional to exp(-u / n).
  private func remainder(from words: WordSource) -> UInt64 {
    for _ in 0..<ExactBernoulli.attemptLimit {
      let candidate = ExactBernoulli.uniform(below: scaleNumerator, from: words)
      let keeps = ExactBernoulli.exponential(
        minusFraction: candidate, over: scaleNumerator, from: words)
      if keeps { return candidate }
    }
    ExactBernoulli.stopForBrokenGenerator()
  }
}
