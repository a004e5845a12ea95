/// What a ledger is charged for: one release, under the sensitivity that its mechanism was built
/// for.
///
/// Events are compared and stored by their parameters; ``muSquared`` is what they cost.
package struct PrivacyEvent: Equatable, Sendable {
  package enum Mechanism: Equatable, Sendable {
    /// A real-valued Gaussian of standard deviation `noiseMultiplier` × sensitivity.
    case gaussian(noiseMultiplier: Double)
    /// Integer noise of parameter `scale` on integer vectors of ℓ² sensitivity `sensitivity`, both
    /// in grid steps.
    case discreteGaussian(scale: UInt64, sensitivity: UInt64)
  }

  package let mechanism: Mechanism
  /// The cost: the release is mu-GDP, rounded up.
  package let muSquared: MuSquared

  /// Grid steps s for which ``discreteGaussian(scale:sensitivity:)`` is a valid charge. Below 2^10
  /// ruling 18 does not apply; above 2^30 the noise would not fit sums of 32 bits.
  package static let chargeableScales: ClosedRange<UInt64> = 1 << 10...1 << 30
  /// Sensitivities in grid steps that fit sums of 32 bits.
  package static let chargeableSensitivities: ClosedRange<UInt64> = 1...1 << 31

  /// The trade-off parameter mu, rounded up.
  package var mu: Double { muSquared.squareRoot }

  /// The continuous Gaussian mechanism: mu = 1 / `noiseMultiplier`.
  ///
  /// For accounting of hypothetical schedules; what is released carries integer noise.
  /// - Throws: ``PrivacyError/invalidNoiseMultiplier(_:)``.
  /// - Source: Dong, Roth, Su, "Gaussian differential privacy", arXiv:1905.02383, theorem 1.
  package static func gaussian(noiseMultiplier: Double) throws(PrivacyError) -> PrivacyEvent {
    guard noiseMultiplier.isFinite, noiseMultiplier > 0 else {
      throw .invalidNoiseMultiplier(noiseMultiplier)
    }
    let mu = (1 / noiseMultiplier).nextUp
    return PrivacyEvent(
      mechanism: .gaussian(noiseMultiplier: noiseMultiplier),
      muSquared: MuSquared(roundingUp: (mu * mu).nextUp))
  }

  /// The discrete Gaussian mechanism, charged as mu = Δ / √(s² - 16).
  ///
  /// It equals, up to a factor 1 ± 1e-130 on every probability, a randomised rounding of a Gaussian
  /// of variance s² - 16; `docs/privacy.md` has the proof. The quotient is computed in integers and
  /// rounded up.
  /// - Parameters:
  ///   - scale: the parameter s of the noise, probability of y proportional to exp(-y² / 2s²).
  ///   - sensitivity: Δ, the largest ℓ² norm of one unit's contribution; 2^F for a clip norm that
  ///     fixed-point encoding maps to 2^F.
  /// - Throws: ``PrivacyError/scaleNotChargeable(_:)``, ``PrivacyError/sensitivityNotChargeable(_:)``.
  /// - Source: ruling 18; Peikert, "An efficient and parallel Gaussian sampler for lattices",
  ///   eprint 2010/088, theorem 3.1.
  package static func discreteGaussian(
    scale: UInt64, sensitivity: UInt64
  ) throws(PrivacyError) -> PrivacyEvent {
    guard chargeableScales.contains(scale) else { throw .scaleNotChargeable(scale) }
    guard chargeableSensitivities.contains(sensitivity) else {
      throw .sensitivityNotChargeable(sensitivity)
    }
    return PrivacyEvent(
      mechanism: .discreteGaussian(scale: scale, sensitivity: sensitivity),
      muSquared: MuSquared(
        roundingUpQuotient: UInt128(sensitivity) * UInt128(sensitivity),
        over: UInt128(scale) * UInt128(scale) - 16))
  }
  /// The discrete Gaussian mechanism on a grid of 2^`fractionBits` steps per clip norm, with the
  /// noise rounded up to whole steps.
  /// - Throws: ``PrivacyError/notOnGrid(value:fractionBits:)``, or as
  ///   ``discreteGaussian(scale:sensitivity:)``.
  package static func discreteGaussian(
    noiseMultiplier: ExactDecimal, fractionBits: Int
  ) throws(PrivacyError) -> PrivacyEvent {
    let scale = try noiseMultiplier.scaled(toGrid: fractionBits)
    return try discreteGaussian(scale: scale, sensitivity: 1 << UInt64(fractionBits))
  }
}
