internal import Glibc

/// Exact (epsilon, delta) of a mu-GDP mechanism, such as any composition of Gaussian mechanisms.
///
/// delta(epsilon) = Φ(mu/2 - epsilon/mu) - e^epsilon Φ(-mu/2 - epsilon/mu). Every function returns
/// the safe side: what is reported is never smaller than the truth, by a margin that covers
/// rounding (about 1e-14 relative).
///
/// Source: Balle, Wang, "Improving the Gaussian mechanism for differential privacy",
/// arXiv:1805.06530, theorem 8; composition by √(Σ mu²) is arXiv:1905.02383, corollary 2.
package enum GaussianAccountant {
  /// The smallest epsilon at `delta`, rounded up; 0 where delta alone covers the loss, infinity for
  /// infinite mu.
  /// - Parameters:
  ///   - mu: not negative, not NaN.
  ///   - delta: in (0, 1).
  package static func epsilon(mu: Double, delta: Double) -> Double {
    precondition(mu >= 0, "mu is not negative")
    let target = logarithmRoundedDown(delta)
    guard mu > 0, logDelta(mu: mu, epsilon: 0) > target else { return 0 }
    // Φ(-a) <= exp(-a²/2) makes this an upper bound up to rounding.
    var high = mu * (mu / 2 + (-2 * target).squareRoot())
    while high.isFinite, logDelta(mu: mu, epsilon: high) > target { high *= 2 }
    guard high.isFinite else { return .infinity }
    return bisect(from: 0, to: high) { logDelta(mu: mu, epsilon: $0) <= target }.upper
  }

  /// An upper bound of ln delta at `epsilon`, in -infinity...0.
  /// - Parameters:
  ///   - mu: not negative, not NaN.
  ///   - epsilon: not negative, not NaN.
  package static func logDelta(mu: Double, epsilon: Double) -> Double {
    precondition(mu >= 0 && epsilon >= 0, "mu and epsilon are not negative")
    guard mu > 0, epsilon < .infinity else { return -.infinity }
    guard mu < .infinity else { return 0 }
    let near = epsilon / mu - mu / 2
    let far = epsilon / mu + mu / 2
    // near² is about to overflow; ln delta <= -near² / 2 is below any bound that is asked for.
    guard near < 1e150 else { return -1e299 }
    // Errors of the arguments enter through the exponent; the rest is a few units of rounding.
    let relativeError = Double.ulpOfOne * (64 + 2 * far * far)
    if near <= -1 {
      // 1 - delta = φ(near) (R(-near) + R(far)): a sum of positive terms.
      let complement =
        density(near) * (MillsRatio.ratio(-near) + MillsRatio.ratio(far))
        * (1 - min(1, relativeError))
      return min(0, log1p(-complement).nextUp)
    }
    // delta = φ(near) (R(near) - R(far)), since φ(far) e^epsilon = φ(near).
    let difference = ratioDifference(near, far, width: mu)
    let value = -near * near / 2 - log(2 * Double.pi) / 2 + log(difference)
    return min(0, value + relativeError)
  }

  /// The largest mu that is (epsilon, delta)-DP, rounded down.
  /// - Parameters:
  ///   - epsilon: finite, not negative.
  ///   - delta: in (0, 1).
  package static func mu(epsilon: Double, delta: Double) -> Double {
    precondition(epsilon >= 0 && epsilon < .infinity, "epsilon is finite and not negative")
    let target = logarithmRoundedDown(delta)
    let exceeds = { (mu: Double) in logDelta(mu: mu, epsilon: epsilon) > target }
    var high = 1.0
    while !exceeds(high) { high *= 2 }
    var low = high / 2
    while exceeds(low) { low /= 2 }
    return bisect(from: low, to: high, until: exceeds).lower
  }

  /// The smallest ratio of noise to sensitivity that makes one release (epsilon, delta)-DP, rounded
  /// up. Ranges as for ``mu(epsilon:delta:)``.
  package static func noiseMultiplier(epsilon: Double, delta: Double) -> Double {
    (1 / mu(epsilon: epsilon, delta: delta)).nextUp
  }

  private static func logarithmRoundedDown(_ delta: Double) -> Double {
    precondition(delta > 0 && delta < 1, "delta lies strictly between 0 and 1")
    return log(delta).nextDown
  }

  private static func density(_ t: Double) -> Double {
    exp(-t * t / 2) / (2 * Double.pi).squareRoot()
  }

  /// R(near) - R(far) without cancellation, far = near + width.
  private static func ratioDifference(_ near: Double, _ far: Double, width: Double) -> Double {
    guard width < 0.5 else { return MillsRatio.ratio(near) - MillsRatio.ratio(far) }
    // The integral of -R' by Gauss-Legendre quadrature of 8 points: its error for a width below
    // 0.5 is under 1e-17 relative, as R varies on the scale of 1.
    let middle = (near + far) / 2
    var sum = 0.0
    for (node, weight) in quadrature {
      let offset = node * width / 2
      sum +=
        weight * (MillsRatio.descent(middle - offset) + MillsRatio.descent(middle + offset))
    }
    return sum * width / 2
  }

  private static let quadrature = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362_0),
    (0.525_532_409_916_329_0, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_3),
  ]

  /// Neighbouring doubles around the first point where `reached` holds.
  /// - Precondition: `reached` fails at `low`, holds at `high`, and changes once up to rounding.
  private static func bisect(
    from low: Double, to high: Double, until reached: (Double) -> Bool
  ) -> (lower: Double, upper: Double) {
    var (low, high) = (low, high)
    while true {
      let middle = low + (high - low) / 2
      guard middle > low, middle < high else { return (low, high) }
      if reached(middle) { high = middle } else { low = middle }
    }
  }
}
