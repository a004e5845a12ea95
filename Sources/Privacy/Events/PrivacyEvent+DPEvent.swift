extension PrivacyEvent {
  /// What an accountant is asked about a ledger's charge: the Gaussian whose mu the charge holds.
  ///
  /// Integer noise of 2^10 steps or more is dearer than the Gaussian of the same variance by the 16
  /// of ruling 18, which ``muSquared`` includes.
  package var dpEvent: DPEvent {
    // A charge below 2^31 has mu between 2^-30 and 2^21, so its inverse is accepted noise.
    let noiseMultiplier = muSquared == .zero ? 1e12 : (1 / mu).nextDown
    do {
      return try .gaussian(
        noiseMultiplier: min(
          max(noiseMultiplier, DPEvent.acceptedNoise.lowerBound), DPEvent.acceptedNoise.upperBound))
    } catch {
      preconditionFailure("noise was clamped to what is accepted")
    }
  }
}
