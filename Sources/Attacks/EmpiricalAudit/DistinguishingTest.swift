internal import Glibc
internal import Privacy

/// Tells from samples of a statistic with and without one customer how private a mechanism can be at most.
///
/// One half of the samples chooses a threshold, the other half counts on which side of it they
/// fall; exact binomial bounds on the two error rates then refute every smaller mu or epsilon.
/// Nothing is assumed of the mechanism but that the samples are independent.
/// - Source: Kairouz, Oh, Viswanath, arXiv:1311.0776 (an event bounds (epsilon, delta)); Dong,
///   Roth, Su, arXiv:1905.02383 (two error rates bound mu); the hockey-stick test is that of Kong
///   et al., "DP-Auditorium", arXiv:2307.05608.
package struct DistinguishingTest: Equatable, Sendable {
  /// With confidence 1 - significance the mechanism is not mu-GDP for any smaller mu.
  package let muLowerBound: Double
  /// Likewise for (epsilon, delta), by events alone. At most about ln(samples / 6).
  package let epsilonLowerBound: Double

  /// - Parameters:
  ///   - with: statistics with the customer, larger ones expected; at least 20 values, finite.
  ///   - without: statistics without, as many or more.
  ///   - delta: in [0, 1).
  ///   - significance: in (0, 1), of each of the two bounds.
  package init(with: [Double], without: [Double], delta: Double, significance: Double) {
    precondition(with.count >= 20 && without.count >= 20, "a test has samples")
    precondition(significance > 0 && significance < 1, "significance in (0, 1)")
    let choice = Half(with: with, without: without, parity: 0)
    let count = Half(with: with, without: without, parity: 1)
    // Each bound uses two binomial bounds, so each of these gets half of the significance.
    let each = significance / 2
    let thresholds = choice.thresholds
    let rates = thresholds.map { choice.approximateRates($0) }
    let forMu = rates.indices.max { Self.mu(rates[$0]) < Self.mu(rates[$1]) }
    let forEpsilon = rates.indices.max {
      Self.epsilon(rates[$0], delta: delta) < Self.epsilon(rates[$1], delta: delta)
    }
    muLowerBound = forMu.map { max(0, Self.mu(count.rates(thresholds[$0], each))) } ?? 0
    epsilonLowerBound =
      forEpsilon.map { max(0, Self.epsilon(count.rates(thresholds[$0], each), delta: delta)) } ?? 0
  }

  private typealias Rates = (falsePositive: Double, truePositive: Double)

  /// Every second sample of each side, sorted.
  private struct Half {
    let with: [Double]
    let without: [Double]

    init(with: [Double], without: [Double], parity: Int) {
      func half(_ values: [Double]) -> [Double] {
        values.indices.filter { $0 % 2 == parity }.map { values[$0] }.sorted()
      }
      self.with = half(with)
      self.without = half(without)
    }

    /// Quantiles of both sides: dense enough to find a good one, few enough to be fast.
    var thresholds: [Double] {
      let shares = stride(from: 0.01, through: 0.99, by: 0.02)
      func quantiles(_ sorted: [Double]) -> [Double] {
        shares.map { sorted[Int($0 * Double(sorted.count - 1))] } + [sorted[sorted.count - 1]]
      }
      // Just above the largest sample without: the event that it never shows.
      return quantiles(with) + quantiles(without) + [without[without.count - 1].nextUp]
    }

    private static func countAtLeast(_ threshold: Double, in sorted: [Double]) -> Int {
      var (low, high) = (0, sorted.count)
      while low < high {
        let middle = (low + high) / 2
        if sorted[middle] < threshold { low = middle + 1 } else { high = middle }
      }
      return sorted.count - low
    }

    /// About the bounds, by three deviations: good enough to choose by.
    func approximateRates(_ threshold: Double) -> Rates {
      func margin(_ share: Double, _ count: Int) -> Double {
        3 * (share * (1 - share) / Double(count)).squareRoot() + 4 / Double(count)
      }
      let without = Double(Self.countAtLeast(threshold, in: without)) / Double(without.count)
      let with = Double(Self.countAtLeast(threshold, in: with)) / Double(with.count)
      return (
        min(1, without + margin(without, self.without.count)),
        max(0, with - margin(with, self.with.count))
      )
    }

    /// Upper bound of P[statistic >= threshold] without, lower bound of it with.
    func rates(_ threshold: Double, _ significance: Double) -> Rates {
      let falsePositives = Self.countAtLeast(threshold, in: without)
      let truePositives = Self.countAtLeast(threshold, in: with)
      return (
        BinomialBound.upper(
          count: falsePositives, trials: without.count, significance: significance),
        BinomialBound.lower(count: truePositives, trials: with.count, significance: significance)
      )
    }

  }

  /// The mu that two error rates refute all smaller ones of.
  private static func mu(_ rates: Rates) -> Double {
    guard rates.falsePositive > 0, rates.falsePositive < 1, rates.truePositive > 0,
      rates.truePositive < 1
    else { return 0 }
    return NormalDistribution.quantile(rates.truePositive)
      - NormalDistribution.quantile(rates.falsePositive)
  }

  /// Likewise for epsilon.
  private static func epsilon(_ rates: Rates, delta: Double) -> Double {
    guard rates.falsePositive > 0, rates.truePositive > delta else { return 0 }
    return log((rates.truePositive - delta) / rates.falsePositive)
  }
}
