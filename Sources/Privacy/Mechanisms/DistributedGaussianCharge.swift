internal import Glibc

/// What a sum is charged whose noise the clients drew: at least `honestShares` independent discrete
/// Gaussians of one variance.
///
/// Up to the factor e^±tau a coordinate (``DistributedDiscreteGaussianNoise/tau``) their sum is one
/// discrete Gaussian of variance s² = shares × share variance, which up to 1 ± 1e-130 is a randomised
/// rounding of a Gaussian of variance s² - 16. More survivors only add noise, so the charge is that of
/// the fewest, however many there are.
///
/// - Source: rulings 18, 19 and 25; `docs/privacy.md` has the derivation.
package struct DistributedGaussianCharge: Sendable, Equatable {
  /// mu² = Δ² / (s² - 16), rounded up in integers.
  package let muSquared: MuSquared
  /// What the share's discreteness adds to epsilon over all coordinates: 2 tau × dimension. Below
  /// 1e-55 for shares of parameter 4 and up.
  package let epsilonSlack: Double

  /// - Parameters:
  ///   - shareVarianceNumerator: of one share's variance in grid steps squared, below 2^61.
  ///   - shareVarianceDenominator: in 1...2^20.
  ///   - honestShares: N_h in 1...2^20.
  ///   - sensitivity: Δ in grid steps, in ``PrivacyEvent/chargeableSensitivities``.
  ///   - dimension: coordinates, at least 1.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)`` for a share of parameter below
  ///   4 or a total below 2^10; ``PrivacyError/sensitivityNotChargeable(_:)``.
  package init(
    shareVarianceNumerator: UInt64, shareVarianceDenominator: UInt64, honestShares: Int,
    sensitivity: UInt64, dimension: Int
  ) throws(PrivacyError) {
    guard (1...1 << 20).contains(shareVarianceDenominator), shareVarianceNumerator < 1 << 61,
      shareVarianceNumerator >= 16 * shareVarianceDenominator
    else {
      throw .invalidParameter(
        name: "share variance", value: "\(shareVarianceNumerator)/\(shareVarianceDenominator)",
        accepted: "16 to 2^61, denominator up to 2^20")
    }
    guard (1...1 << 20).contains(honestShares), dimension >= 1 else {
      throw .invalidParameter(
        name: "honest shares or dimension", value: "\(honestShares), \(dimension)",
        accepted: "1 to 2^20 shares, 1 or more coordinates")
    }
    guard PrivacyEvent.chargeableSensitivities.contains(sensitivity) else {
      throw .sensitivityNotChargeable(sensitivity)
    }
    let denominator = UInt128(shareVarianceDenominator)
    let total = UInt128(shareVarianceNumerator) * UInt128(honestShares)
    guard total >= denominator << 20 else {
      throw .invalidParameter(
        name: "total noise variance", value: "\(total)/\(denominator)", accepted: "2^20 or more")
    }
    muSquared = MuSquared(
      roundingUpQuotient: UInt128(sensitivity) * UInt128(sensitivity) * denominator,
      over: total - 16 * denominator)
    let share = (Double(shareVarianceNumerator) / Double(shareVarianceDenominator)).squareRoot()
    let noise = DistributedDiscreteGaussianNoise(
      l2: Double(sensitivity), l1: Double(sensitivity), localScale: share.nextDown,
      clientCount: honestShares, dimension: dimension)
    epsilonSlack = (2 * noise.tau * Double(dimension)).nextUp
  }
}
