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
