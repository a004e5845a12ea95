package import Ledger
package import Privacy
package import SecureAggregation

extension MaskingPolicy {
  /// What `policy` fixes about masked rounds; nil in mode `sealed`.
  ///
  /// - Throws: `MaskingParameterError` when no masked round can be run under it.
  package init?(of policy: PrivacyPolicy) throws(MaskingParameterError) {
    guard let masking = policy.masking else { return nil }
    try self.init(
      minimumCohort: policy.minimumCohort, maximumCohort: policy.maximumCohort,
      corruptFraction: masking.corruptFraction, dropoutFraction: masking.dropoutFraction)
  }
}

extension PrivacyPolicy {
  /// The most that one round adds to delta because its graph is sparse (ruling 25): 0 in mode
  /// `sealed` and where every cohort is small enough for the complete graph.
  package var largestProtocolDelta: Double {
    guard let masking, maximumCohort > MaskingPolicy.largestCompleteCohort else { return 0 }
    let sparse = MaskedTerms(
      cohortSize: maximumCohort, degree: 1, corruptFraction: masking.corruptFraction,
      dropoutFraction: masking.dropoutFraction, noiseShares: nil)
    return sparse.protocolDelta(epsilonLimit: epsilonLimit.doubleValue).doubleValue
  }
}

extension PrivacyPolicy {
  /// A filter that holds what was charged against the delta that is left after so many rounds on a
  /// sparse graph (ruling 25); nil where they leave none.
  ///
  /// - Parameters:
  ///   - spentMuSquared: what was charged before.
  ///   - rounds: charged before or to be charged.
  package func makeFilter(spentMuSquared: Double = 0, masked rounds: Int) -> GDPFilter? {
    let added = (Double(rounds) * largestProtocolDelta.nextUp).nextUp
    guard added > 0, largestProtocolDelta > 0 else {
      return makeFilter(spentMuSquared: spentMuSquared)
    }
    let left = (delta.doubleRoundedDown - added).nextDown
    guard left > 0 else { return nil }
    return GDPFilter(
      epsilonLimit: makeFilter().epsilonLimit, delta: left, spentMuSquared: spentMuSquared)
  }
}

extension ChargeRecord {
  /// The one CHARGE that is right for a round: the coordinator writes it, and every member of a
  /// masked round holds what it is shown against it.
  ///
  /// The charge is that of the noise which is promised, however many survive (ruling 19).
  /// - Parameters:
  ///   - offer: of the round; its plan index is one of the policy's.
  ///   - parameters: of the round's roster; nil in mode `sealed`.
  ///   - rng: where the noise comes from.
  /// - Throws: `PrivacyError.sensitivityNotChargeable` for a grid that the policy cannot be run on.
  package init(
    offer: Offer, policy: PrivacyPolicy, parameters: MaskingParameters?, rng: RandomSource
  ) throws(PrivacyError) {
    let index = Int(offer.planIndex)
    let planned = policy.plan[index]
    let masked = parameters.flatMap {
      MaskedTerms(offer: offer, policy: policy, parameters: $0)
    }
    self.init(
      round: offer.round, noiseMultiplier: planned.noiseMultiplier, clipNorm: planned.clipNorm,
      scale: offer.noiseScale,
      sensitivity: try policy.sensitivity(
        ofPlanned: index, fractionBits: Int(offer.fractionBits)),
      fractionBits: Int(offer.fractionBits), dimension: Int(offer.dimension), mode: policy.mode,
      relation: policy.relation, unit: policy.unit,
      cohortMinimum: parameters?.minimumSurvivors ?? policy.minimumCohort, rng: rng,
      protocolDelta: masked?.protocolDelta(
        epsilonLimit: policy.epsilonLimit.doubleValue
      ).description ?? "0", masked: masked, block: offer.block)
  }
}

extension MaskedTerms {
  fileprivate init?(offer: Offer, policy: PrivacyPolicy, parameters: MaskingParameters) {
    guard let mode = AggregationMode(rawValue: policy.mode), let masking = policy.masking
    else { return nil }
    let shares =
      mode.clientsAddNoise
      ? NoiseShares(
        honestShares: parameters.honestNoiseShares,
        variance: Rational(
          offer.noiseScale * offer.noiseScale, over: UInt64(parameters.honestNoiseShares)))
      : nil
    self.init(
      cohortSize: parameters.cohortSize, degree: parameters.degree,
      corruptFraction: masking.corruptFraction, dropoutFraction: masking.dropoutFraction,
      noiseShares: shares)
  }
}
