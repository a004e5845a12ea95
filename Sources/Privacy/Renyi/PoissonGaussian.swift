internal import Glibc

/// (a - 1) D_a of the Gaussian mechanism on a Poisson sample, at any order: ln of the a-th moment of
/// 1 - q + q e^u under N(0, σ²), u = (2x - 1) / 2σ².
///
/// Moments are computed as their excess over 1, a sum of positive terms, so that tiny losses keep
/// their digits. This direction, with the unit present in the numerator, is the larger of the two.
///
/// - Source: Mironov, Talwar, Zhang, "Rényi differential privacy of the sampled Gaussian mechanism",
///   arXiv:1908.10530, theorem 5 and section 3.3. Their two series for fractional orders alternate
///   and lose all digits at large q; an integral is used instead, at no order is the result dropped.
struct PoissonGaussian {
  let samplingRate: Double
  let noiseMultiplier: Double
  /// Below this noise a fractional order costs thousands of nodes; a bound serves there.
  private static let smallestIntegratedNoise = 0.05
  private static let largestTabulatedOrder = 1_024
  /// ln of what may be left out of a sum, relative to it.
  private static let negligible = -50.0

  private var variance: Double { noiseMultiplier * noiseMultiplier }

  func logMoments(_ orders: [Double]) -> [Double] {
    guard samplingRate > 0, noiseMultiplier < .infinity, 1 / variance > 0 else {
      return orders.map { _ in 0 }
    }
    let unsampled = orders.map { RenyiMechanism.gaussian(order: $0, rho: 0.5 / variance) }
    // Where exponents overflow, the whole cohort's infinity or 1e300 is as good as any bound.
    guard samplingRate < 1, 1 / variance < 1e290 else { return unsampled }
    let table = IntegerTable(self, upTo: Self.largestTabulatedOrder)
    let fractional = orders.filter { !Self.isInteger($0) }
    let integral =
      noiseMultiplier >= Self.smallestIntegratedNoise
      ? PoissonGaussianIntegral(self, largestOrder: fractional.last ?? 2) : nil
    return zip(orders, unsampled).map { order, unsampled in
      let value: Double
      if Self.isInteger(order) {
        value =
          order <= Double(Self.largestTabulatedOrder)
          ? table.logMoment(order: Int(order)) : largeOrder(Int(order))
      } else if let integral {
        value = integral.logMoment(order: order)
      } else {
        value = ConvexInterpolation.logMoment(order: order) { table.logMoment(order: $0) }
      }
      // Sampling never adds to a divergence (joint quasi-convexity).
      return min(value, unsampled)
    }
  }

  static func isInteger(_ order: Double) -> Bool { order == order.rounded() }

  /// Σ over k >= 2 of "a choose k" (1 - q)^(a-k) q^k (e^(k(k-1)/2σ²) - 1), for a > 1024.
  ///
  /// Without the last -1 the logarithm of a term, as a function of k, has second differences of about
  /// 1/σ² - a / (k (a - k)): concave near both ends, convex between. So it has at most two peaks, one
  /// in each concave part. Terms are added from each peak outwards until they are negligible; all
  /// others lie below the last ones added, and are counted at that bound.
  private func largeOrder(_ order: Int) -> Double {
    let a = Double(order)
    let (logRate, logComplement) = (log(samplingRate), log1p(-samplingRate))
    func exponent(_ k: Int) -> Double { Double(k) * Double(k - 1) / (2 * variance) }
    func envelope(_ k: Int) -> Double {
      LogDomain.binomial(order, k) + Double(order - k) * logComplement + Double(k) * logRate
        + exponent(k)
    }
    let root = a * a - 4 * a * variance
    let inflection = root > 0 ? Int((a - root.squareRoot()) / 2) : order
    var peaks = [Self.peak(in: 2...max(2, inflection), envelope)]
    if inflection < order / 2 {
      peaks.append(Self.peak(in: max(2, order - inflection - 1)...order, envelope))
    }
    peaks.sort { envelope($0) > envelope($1) }
    var sum = -Double.infinity
    var visited: [ClosedRange<Int>] = []
    for peak in peaks where !visited.contains(where: { $0.contains(peak) }) {
      var range = peak...peak
      for step in [1, -1] {
        var k = step > 0 ? peak : peak - 1
        while (2...order).contains(k), !visited.contains(where: { $0.contains(k) }) {
          let value = envelope(k)
          guard value > sum + Self.negligible else { break }
          let excess = exponent(k)
          sum = LogDomain.add(sum, value - excess + LogDomain.expm1(excess))
          k += step
        }
        range = step > 0 ? peak...max(peak, k - 1) : min(peak, k + 1)...range.upperBound
      }
      visited.append(range)
    }
    return LogDomain.softplus(sum + log1p(a * exp(Self.negligible)))
  }

  /// Where a concave function on integers is largest.
  private static func peak(in range: ClosedRange<Int>, _ value: (Int) -> Double) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = low + (high - low) / 2
      if value(middle) < value(middle + 1) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension PoissonGaussian {
  /// What the sums of all integer orders share.
  private struct IntegerTable {
    /// k ln(q / (1 - q)) + ln(e^(k(k-1)/2σ²) - 1) - ln k! for k = 2, 3, ….
    private let shared: [Double]
    private let logComplement: Double

    init(_ mechanism: PoissonGaussian, upTo largest: Int) {
      let logOdds = log(mechanism.samplingRate) - log1p(-mechanism.samplingRate)
      let halfPrecision = 0.5 / mechanism.variance
      shared = (2...largest).map { k in
        Double(k) * logOdds + LogDomain.expm1(Double(k) * Double(k - 1) * halfPrecision)
          - LogDomain.factorial(k)
      }
      logComplement = log1p(-mechanism.samplingRate)
    }

    func logMoment(order: Int) -> Double {
      guard order > 1 else { return 0 }
      let terms = (2...order).map { shared[$0 - 2] - LogDomain.factorial(order - $0) }
      return LogDomain.softplus(
        LogDomain.sum(terms) + LogDomain.factorial(order) + Double(order) * logComplement)
    }
  }
}

/// Orders between two integers, where only integers have a formula.
enum ConvexInterpolation {
  /// (a - 1) D_a is convex in a and 0 at a = 1, so the chord over the neighbouring integers bounds it.
  ///
  /// Source: Wang, Balle, Kasiviswanathan, arXiv:1808.00087, corollary 10.
  static func logMoment(order: Double, atInteger: (Int) -> Double) -> Double {
    let below = Int(order)
    let share = order - Double(below)
    let lower = below > 1 ? atInteger(below) : 0
    return share == 0 ? lower : (1 - share) * lower + share * atInteger(below + 1)
  }
}
