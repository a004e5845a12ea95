internal import Glibc

/// What conditional stochastic rounding does to norms: a vector is rounded to the integer grid at
/// random until the result's norm is at most ``l2``.
///
/// - Source: Kairouz, Liu, Steinke, "The distributed discrete Gaussian mechanism for federated
///   learning with secure aggregation", arXiv:2102.06387, proposition 22 (there with β).
package struct StochasticRoundingNorms: Hashable, Sendable {
  /// The ℓ² bound after rounding, in grid units.
  package let l2: Double
  /// The ℓ¹ bound after rounding: integers satisfy |x| <= x².
  package let l1: Double

  /// - Parameters:
  ///   - clippingNorm: ℓ² bound before rounding, in grid units; 0 or more.
  ///   - beta: in 0..<1; a rounding is kept with probability at least 1 - beta. 0 is always kept.
  ///   - dimension: number of coordinates, at least 1.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(clippingNorm: Double, beta: Double, dimension: Int) throws(PrivacyError) {
    try RenyiMechanism.require(
      "clip norm", clippingNorm, clippingNorm >= 0 && clippingNorm < .infinity,
      accepted: "0 or more, finite")
    try RenyiMechanism.require("beta", beta, beta >= 0 && beta < 1, accepted: "0 up to 1")
    try RenyiMechanism.require(
      "dimension", Double(dimension), dimension >= 1, accepted: "1 or more")
    let d = Double(dimension)
    var bound = clippingNorm + d.squareRoot()
    if beta > 0 {
      let squared =
        clippingNorm * clippingNorm + d / 4
        + (2 * log(1 / beta)).squareRoot() * (clippingNorm + d.squareRoot() / 2)
      bound = min(bound, squared.squareRoot())
    }
    l2 = bound
    l1 = bound * min(d.squareRoot(), bound)
  }
}

/// The sum of the Skellam noise of all clients, on vectors multiplied by `scale` and rounded.
///
/// Skellam noise is closed under addition, so a dropout only lowers the variance.
/// - Source: Agarwal, Kairouz, Liu, "The Skellam mechanism for differentially private federated
///   learning", arXiv:2110.04995, theorem 3.5: integer orders; others by convexity.
package struct SkellamNoise: Hashable, Sendable {
  /// ℓ² and ℓ¹ sensitivity before scaling (those after rounding, divided by `scale`).
  package let l2: Double
  package let l1: Double
  /// Variance of the summed noise before scaling.
  package let variance: Double
  package let scale: Double

  /// - Parameters: as for the properties; ``RenyiCurve/init(_:orders:)`` checks them.
  package init(l2: Double, l1: Double, variance: Double, scale: Double) {
    self.l2 = l2
    self.l1 = l1
    self.variance = variance
    self.scale = scale
  }

  func logMoment(order: Double) -> Double {
    guard variance > 0 else { return l2 > 0 || l1 > 0 ? .infinity : 0 }
    guard variance < .infinity else { return 0 }
    return ConvexInterpolation.logMoment(order: order) { order in
      let a = Double(order)
      let gaussian = a * l2 * l2 / (2 * variance)
      let fine =
        ((2 * a - 1) * scale * l2 * l2 + 6 * l1) / (4 * scale * scale * scale)
        / variance / variance
      let coarse = 3 * l1 / (2 * scale * variance)
      return (a - 1) * (gaussian + Self.lesser(fine, coarse))
    }
  }

  /// The smaller number; an overflow to NaN never counts as small.
  private static func lesser(_ left: Double, _ right: Double) -> Double {
    left <= right ? left : right.isNaN ? .infinity : right
  }

  func validate() throws(PrivacyError) {
    for (name, value) in [("l2 sensitivity", l2), ("l1 sensitivity", l1)] {
      try RenyiMechanism.require(
        name, value, value >= 0 && value < .infinity, accepted: "0 or more, finite")
    }
    try RenyiMechanism.require("Skellam variance", variance, variance >= 0)
    try RenyiMechanism.require(
      "scale", scale, (1e-50...1e50).contains(scale), accepted: "1e-50 to 1e50")
  }
}

/// The sum of `clientCount` independent discrete Gaussians of parameter `localScale`, added to an
/// integer vector.
///
/// - Source: Kairouz, Liu, Steinke, arXiv:2102.06387, proposition 14.
package struct DistributedDiscreteGaussianNoise: Hashable, Sendable {
  /// Sensitivities of the integer vector, in grid units.
  package let l2: Double
  package let l1: Double
  /// Parameter of one client's noise, in grid units.
  package let localScale: Double
  /// The honest clients whose noise is counted on.
  package let clientCount: Int
  package let dimension: Int
  /// How far, in max-divergence per coordinate, the sum is from one discrete Gaussian of the same
  /// variance: 10 Σ over k in 1..<N of exp(-2π² s² k / (k + 1)).
  package let tau: Double

  /// - Parameters: as for the properties; ``RenyiCurve/init(_:orders:)`` checks them.
  package init(l2: Double, l1: Double, localScale: Double, clientCount: Int, dimension: Int) {
    self.l2 = l2
    self.l1 = l1
    self.localScale = localScale
    self.clientCount = clientCount
    self.dimension = dimension
    tau = Self.tau(localScale: localScale, clientCount: clientCount)
  }

  private static func tau(localScale: Double, clientCount: Int) -> Double {
    guard clientCount > 1 else { return 0 }
    let exponent = 2 * Double.pi * Double.pi * localScale * localScale
    // Terms fall with k; past the first million all are counted at the last one's size.
    let explicit = min(clientCount - 1, 1 << 20)
    var sum = 0.0
    var term = 0.0
    for k in 1...explicit {
      term = exp(-exponent * Double(k) / Double(k + 1))
      sum += term
    }
    return 10 * (sum + Double(clientCount - 1 - explicit) * term)
  }

  func logMoment(order a: Double) -> Double {
    guard localScale > 0 else { return l2 > 0 || l1 > 0 ? .infinity : 0 }
    let spread = Double(clientCount).squareRoot() * localScale
    let (d1, d2, d) = (l1 / spread, l2 / spread, Double(dimension))
    let shifted = d2 + d.squareRoot() * tau
    let bounds = [
      a * d2 * d2 / 2 + tau * d,
      a / 2 * (d2 * d2 + 2 * d1 * tau + tau * tau * d),
      a / 2 * shifted * shifted,
    ]
    return (a - 1) * bounds.reduce(.infinity) { $1 < $0 ? $1 : $0 }
  }

  func validate() throws(PrivacyError) {
    for (name, value) in [("l2 sensitivity", l2), ("l1 sensitivity", l1)] {
      try RenyiMechanism.require(
        name, value, value >= 0 && value < .infinity, accepted: "0 or more, finite")
    }
    try RenyiMechanism.require(
      "local scale", localScale, localScale >= 0 && localScale < .infinity,
      accepted: "0 or more, finite")
    try RenyiMechanism.require(
      "clients", Double(clientCount), clientCount >= 1, accepted: "1 or more")
    try RenyiMechanism.require(
      "dimension", Double(dimension), dimension >= 1, accepted: "1 or more")
  }
}
