internal import Glibc

/// (a - 1) D_a of any mechanism on a Poisson sample, bounded from its own divergences at integer
/// orders.
///
/// - Source: Zhu, Wang, "Poisson subsampled Rényi differential privacy", ICML 2019
///   (proceedings.mlr.press/v97/zhu19c), theorem 5: holds without conditions, with a factor 3 on the
///   terms of third and higher order. For pure mechanisms the classical amplification
///   e^ε' - 1 = q (e^ε - 1) holds as well (Balle, Barthe, Gaboardi, arXiv:1807.01647, theorem 8), and
///   the smaller of the two counts.
///
/// Where noise is symmetric, so that a reflection swaps the outputs with and without the unit, the
/// binomial expansion of the moments is exact and no smaller than in the other direction (Mironov,
/// Talwar, Zhang, arXiv:1908.10530, theorem 5): no factor 3.
struct PoissonBound {
  let samplingRate: Double
  let mechanism: RenyiMechanism
  /// The bound takes all orders below; from here on the unsampled mechanism stands for it.
  private static let largestOrder = 1_024

  func logMoments(_ orders: [Double]) -> [Double] {
    guard samplingRate > 0 else { return orders.map { _ in 0 } }
    let unsampled = orders.map { mechanism.logMoment(order: $0) }
    guard samplingRate < 1 else { return unsampled }
    let last = orders.last { $0 <= Double(Self.largestOrder) } ?? 2
    let base = [0, 0] + (2...Int(last.rounded(.up))).map { mechanism.logMoment(order: Double($0)) }
    let amplified = mechanism.pureEpsilon.map { log1p(samplingRate * expm1($0)) }
    return zip(orders, unsampled).map { order, unsampled in
      var value = unsampled
      if let amplified {
        value = min(value, RenyiMechanism.pure(order: order, epsilon: amplified))
      }
      guard order <= last else { return value }
      return min(value, ConvexInterpolation.logMoment(order: order) { bound(order: $0, base) })
    }
  }

  /// The bound exceeds 1 - (1 - q)^(a-1) (1 + (a-1) q) by construction; the two smallest terms are
  /// combined so that tiny losses keep their digits.
  private func bound(order: Int, _ base: [Double]) -> Double {
    let a = Double(order)
    let (logRate, logComplement) = (log(samplingRate), log1p(-samplingRate))
    if mechanism.isReflected {
      // Moments 0 and 1 of a likelihood ratio are 1, so the excess over 1 starts with the second.
      return LogDomain.softplus(
        LogDomain.sum(
          (2...max(2, order)).map { k in
            LogDomain.binomial(order, k) + Double(k) * logRate + Double(order - k) * logComplement
              + LogDomain.expm1(base[k])
          }))
    }
    var terms = [
      LogDomain.binomial(order, 2) + 2 * logRate + (a - 2) * logComplement + base[2]
    ]
    if order > 2 {
      terms += (3...order).map { k in
        log(3) + LogDomain.binomial(order, k) + Double(k) * logRate
          + Double(order - k) * logComplement + base[k]
      }
    }
    let constant = (a - 1) * logComplement + log1p((a - 1) * samplingRate)
    let excess = LogDomain.sum(terms)
    guard excess < .infinity else { return .infinity }
    return max(
      0,
      excess > 36
        ? LogDomain.add(excess, constant)
        : log1p(expm1(constant) + exp(excess)))
  }
}

extension RenyiMechanism {
  /// Whether a reflection maps the output with the unit to the one without it, and back.
  fileprivate var isReflected: Bool {
    switch self {
    case .gaussian, .tree, .laplace, .discreteLaplace: true
    default: false
    }
  }

  /// Epsilon of mechanisms that are (epsilon, 0)-DP.
  fileprivate var pureEpsilon: Double? {
    switch self {
    case .laplace(let scale): 1 / scale
    case .discreteLaplace(let decay, let sensitivity): decay * Double(sensitivity)
    case .randomizedResponse(let noise, let bucketCount):
      log((1 - noise + noise / Double(bucketCount)) / (noise / Double(bucketCount)))
    case .approximate(let epsilon, 0): epsilon
    default: nil
    }
  }
}
