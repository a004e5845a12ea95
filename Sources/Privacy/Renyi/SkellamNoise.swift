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
