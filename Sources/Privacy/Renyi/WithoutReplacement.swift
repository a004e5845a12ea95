internal import Glibc

/// (a - 1) D_a of the Gaussian mechanism on a sample of fixed size, without replacement, under
/// replace-one.
///
/// - Source: Wang, Balle, Kasiviswanathan, "Subsampled Rényi differential privacy and analytical
///   moments accountant", arXiv:1808.00087, theorem 27 for orders up to 256, theorem 9 above;
///   fractional orders by convexity (corollary 10), as dp-accounting 0.6.0 does.
struct WithoutReplacement {
  let samplingRate: Double
  let noiseMultiplier: Double
  private static let largestExactOrder = 256
  /// Above this theorem 9 would take as many terms as the order; the whole cohort stands for it.
  private static let largestOrder = 1_024

  func logMoments(_ orders: [Double]) -> [Double] {
    let variance = noiseMultiplier * noiseMultiplier
    guard samplingRate > 0, noiseMultiplier < .infinity, 1 / variance > 0 else {
      return orders.map { _ in 0 }
    }
    let unsampled = orders.map { RenyiMechanism.gaussian(order: $0, rho: 0.5 / variance) }
    guard samplingRate < 1, 1 / variance < 1e290 else { return unsampled }
    let largest = orders.last { $0 <= Double(Self.largestExactOrder) } ?? 2
    let moments = GaussianRatioMoments(
      variance: variance, largestOrder: Int(largest.rounded(.up)) + 1)
    return zip(orders, unsampled).map { order, unsampled in
      guard order <= Double(Self.largestOrder) else { return unsampled }
      return ConvexInterpolation.logMoment(order: order) {
        bound(order: $0, variance: variance, moments)
      }
    }
  }

  private func bound(order: Int, variance: Double, _ moments: GaussianRatioMoments) -> Double {
    let logRate = log(samplingRate)
    let terms = (2...order).map { k -> Double in
      var factor: Double
      if k == 2 {
        factor = min(log(4) + LogDomain.expm1(1 / variance), log(2) + 1 / variance)
      } else {
        factor = log(2) + Double(k) * Double(k - 1) / (2 * variance)
        if order <= Self.largestExactOrder {
          // Cauchy-Schwarz for odd k, between the even moments beside it.
          factor = min(
            factor, log(4) + (moments.even(k / 2 * 2) + moments.even((k + 1) / 2 * 2)) / 2)
        }
      }
      return factor + LogDomain.binomial(order, k) + Double(k) * logRate
    }
    return LogDomain.softplus(LogDomain.sum(terms))
  }
}

/// ln E[(r - 1)^m] for even m, where r is the likelihood ratio of N(1, σ²) to N(0, σ²) under the
/// latter: the forward differences of theorem 27, as integrals of positive functions instead of
/// alternating sums.
///
/// The integrand is entire, so the trapezoidal rule with a quarter of a standard deviation errs by
/// less than e^-300 relative to E[(r + 1)^m].
struct GaussianRatioMoments {
  private let logMoments: [Double]
  private static let step = 0.25
  private static let reach = 10.0

  init(variance: Double, largestOrder: Int) {
    let noise = variance.squareRoot()
    let width = Double(largestOrder)
    let left = -(Self.reach + width.squareRoot())
    let right = width / noise + width.squareRoot() + Self.reach
    // Beyond this many nodes (noise below 0.02) theorem 9 is as good; see `even`.
    let count = Int(min(60_000, (right - left) / Self.step)) + 1
    var logs: [Double] = []
    var weights: [Double] = []
    for index in 0..<count {
      let t = left + Double(index) * Self.step
      let u = (t - 0.5 / noise) / noise
      logs.append(u > 36 ? u + log1p(-exp(-u)) : log(abs(expm1(u))))
      weights.append(-t * t / 2)
    }
    let isComplete = left + Double(count) * Self.step >= right
    logMoments = stride(from: 2, through: max(2, largestOrder + 1), by: 2).map { order in
      guard isComplete else { return .infinity }
      let exponents = zip(logs, weights).map { Double(order) * $0 + $1 }
      return LogDomain.sum(exponents) + log(Self.step / (2 * Double.pi).squareRoot())
    }
  }

  /// - Parameter order: even, from 2.
  func even(_ order: Int) -> Double { logMoments[order / 2 - 1] }
}
