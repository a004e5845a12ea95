internal import Glibc

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
