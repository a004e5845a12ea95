/// Noise multipliers that spend a budget on several releases in chosen proportions.
package struct NoiseCalibration: Sendable, Equatable {
  /// One per share, in units of the clip norm, rounded up to six significant digits.
  package let noiseMultipliers: [ExactDecimal]
  /// The exact charge of each release on the grid calibrated for.
  package let events: [PrivacyEvent]

  private static let significantDigits = 6
  /// Left unspent, so that a device that sums its own rounded charges also admits the last round.
  private static let reserve = 1e-9

  /// - Parameters:
  ///   - epsilonLimit: in ``PrivacyPolicy/acceptedEpsilon``.
  ///   - delta: in ``PrivacyPolicy/acceptedDelta``.
  ///   - shares: of the budget's mu², one per release; each at least 1e-12, together at most 1 (up to
  ///     rounding).
  ///     A stage that runs k times takes k equal shares.
  ///   - fractionBits: the grid, 2^fractionBits steps per clip norm. The result also fits on every
  ///     finer grid.
  /// - Throws: ``PrivacyError/invalidPolicyField(field:value:accepted:)`` for epsilon or delta out of
  ///   range; ``PrivacyError/invalidShares(_:)``; ``PrivacyError/scaleNotChargeable(_:)`` if the
  ///   noise is below 2^10 or above 2^30 steps of this grid, or other errors of
  ///   ``PrivacyEvent/discreteGaussian(noiseMultiplier:fractionBits:)``.
  package init(
    epsilonLimit: Double, delta: Double, shares: [Double], fractionBits: Int
  ) throws(PrivacyError) {
    try PrivacyPolicy.require("epsilon_limit", epsilonLimit, in: PrivacyPolicy.acceptedEpsilon)
    try PrivacyPolicy.require("delta", delta, in: PrivacyPolicy.acceptedDelta)
    let sum = shares.reduce(0, +)
    guard !shares.isEmpty, shares.allSatisfy({ $0 >= 1e-12 }), sum <= 1 + Self.reserve else {
      throw .invalidShares(shares)
    }
    var filter = GDPFilter(epsilonLimit: epsilonLimit, delta: delta)
    let budget = filter.limit.doubleValue * (1 - Self.reserve) / max(1, sum)
    // Ruling 18: mu² = 1 / (z² - 16 / 4^F) for noise of exactly z × 2^F steps; more steps cost less.
    let graininess = 16 / Double(sign: .plus, exponent: 2 * fractionBits, significand: 1)
    var multipliers: [ExactDecimal] = []
    var events: [PrivacyEvent] = []
    for share in shares {
      let noiseMultiplier = ExactDecimal(
        roundingUp: (1 / (share * budget) + graininess).squareRoot(),
        significantDigits: Self.significantDigits)
      let event = try PrivacyEvent.discreteGaussian(
        noiseMultiplier: noiseMultiplier, fractionBits: fractionBits)
      try filter.charge(event)
      multipliers.append(noiseMultiplier)
      events.append(event)
    }
    noiseMultipliers = multipliers
    self.events = events
  }
}
