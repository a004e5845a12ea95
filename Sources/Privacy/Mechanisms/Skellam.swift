/// Exact samples of the symmetric Skellam distribution: the difference of two independent Poisson
/// numbers of mean `variance` / 2 each.
///
/// Integer arithmetic only; see ``PoissonSampler`` for why each of the two is exact. Sums of Skellam
/// noise are Skellam noise of the summed variance, whatever the clients that take part.
///
/// - Warning: The time of one draw depends on its value. Draw whole vectors ahead.
/// - Source: Agarwal, Kairouz, Liu, "The Skellam mechanism for differentially private federated
///   learning", arXiv:2110.04995.
package struct Skellam: Sendable, Equatable {
  package static let largestVariance: UInt64 = 1 << 30
  private static let largestDenominator: UInt64 = 1 << 19
  package let varianceNumerator: UInt64
  package let varianceDenominator: UInt64
  private let half: PoissonSampler

  /// - Parameters:
  ///   - varianceNumerator: of a variance above 0, at most 2^30.
  ///   - varianceDenominator: in 1...2^19.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  /// - Complexity: O(√variance) steps of tables, about 0.1 s at the largest; keep the value.
  package init(varianceNumerator: UInt64, varianceDenominator: UInt64) throws(PrivacyError) {
    guard (1...Self.largestDenominator).contains(varianceDenominator), varianceNumerator > 0,
      varianceNumerator <= Self.largestVariance * varianceDenominator
    else {
      throw .invalidParameter(
        name: "Skellam variance", value: "\(varianceNumerator)/\(varianceDenominator)",
        accepted: "above 0, up to 2^30, denominator up to 2^19")
    }
    self.varianceNumerator = varianceNumerator
    self.varianceDenominator = varianceDenominator
    half = PoissonSampler(
      meanNumerator: varianceNumerator, meanDenominator: 2 * varianceDenominator)
  }

  package static func == (left: Skellam, right: Skellam) -> Bool {
    UInt128(left.varianceNumerator) * UInt128(right.varianceDenominator)
      == UInt128(right.varianceNumerator) * UInt128(left.varianceDenominator)
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

  private func sample(from words: WordSource) -> Int64 {
    Int64(half.sample(from: words)) - Int64(half.sample(from: words))
  }
}
