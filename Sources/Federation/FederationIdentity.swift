package import Cryptography
package import Privacy
package import Recommendation
internal import SecureAggregation
package import VectorMath
internal import WireProtocol

/// What every member of a federation must agree on, and its digests: the ledger, the policy, the
/// public catalogue and the public item features.
package struct FederationIdentity: Equatable, Sendable {
  /// 16 bytes.
  package let ledgerID: [UInt8]
  package let policy: PrivacyPolicy
  package let policyBytes: [UInt8]
  package let policyHash: SHA256Digest
  package let catalogue: Catalogue
  package let catalogueHash: SHA256Digest
  /// Digest of the item features; all zero when the model uses none.
  package let featuresHash: SHA256Digest

  /// - Parameter featuresHash: of the stored features blob.
  package init(
    ledgerID: [UInt8], policy: PrivacyPolicy, catalogue: Catalogue, featuresHash: SHA256Digest
  ) {
    self.ledgerID = ledgerID
    self.policy = policy
    self.policyBytes = policy.canonicalBytes
    self.policyHash = SHA256Digest(hashing: policyBytes)
    self.catalogue = catalogue
    self.catalogueHash = SHA256Digest(hashing: catalogue.encoded())
    self.featuresHash = featuresHash
  }

  /// The catalogue and the features are public to every member.
  func isPublic(_ digest: SHA256Digest) -> Bool {
    digest == catalogueHash || digest == featuresHash
  }

  /// The fixed-point encoding of a planned round.
  package func encoding(forPlanIndex index: Int) throws -> FixedPointEncoding {
    try FixedPointEncoding(
      fractionBits: try Self.fractionBits(of: policy)[index],
      clipNorm: policy.plan[index].clipNorm.doubleValue)
  }

  /// F of every planned round (ruling 24).
  package static func fractionBits(of policy: PrivacyPolicy) throws -> [Int] {
    let excess = try noiseExcess(of: policy)
    return try policy.plan.enumerated().map { index, planned in
      guard let block = policy.correlatedNoise(ofPlanned: index) else {
        return try FixedPointEncoding.fractionBits(
          maximumCohort: policy.maximumCohort,
          noiseMultiplier: planned.noiseMultiplier.doubleValue, honestFractionInverse: excess)
      }
      // The noise of a block is never in the ring of the updates.
      return block.chargeableFractionBits(
        upTo: try FixedPointEncoding.fractionBits(
          maximumCohort: policy.maximumCohort, noiseMultiplier: 0, honestFractionInverse: excess),
        noiseMultiplier: planned.noiseMultiplier)
    }
  }

  /// The largest n / N_h where clients add the noise: the released variance may be so many times
  /// what is charged. 1 where the coordinator draws it.
  static func noiseExcess(of policy: PrivacyPolicy) throws -> Double {
    guard AggregationMode(rawValue: policy.mode)?.clientsAddNoise == true,
      let maskingPolicy = try MaskingPolicy(of: policy)
    else { return 1 }
    return try maskingPolicy.worstHonestFractionInverse()
  }

  /// Checks that masked rounds of the expected and of the largest cohort can be run under `policy`;
  /// nothing is to be checked in mode `sealed`.
  ///
  /// The plan must fit the budget at the delta that its sparse graphs leave (ruling 25): otherwise a
  /// round would be offered, and refused only when it is charged.
  ///
  /// - Throws: `MaskingParameterError` or `FederationError.badPolicy`, saying what to change.
  package static func requireMaskedRounds(of policy: PrivacyPolicy) throws {
    guard let maskingPolicy = try MaskingPolicy(of: policy) else { return }
    for cohort in Set([policy.targetCohort, policy.maximumCohort]).sorted() {
      _ = try MaskingParameters(cohortSize: cohort, policy: maskingPolicy)
    }
    guard var filter = policy.makeFilter(masked: policy.plan.count) else {
      throw FederationError.badPolicy(
        "the sparse graphs of \(policy.plan.count) rounds add more to delta than the policy's "
          + "\(policy.delta); raise delta")
    }
    for event in try policy.plannedEvents(fractionBits: try fractionBits(of: policy)) {
      do {
        try filter.charge(event)
      } catch {
        throw FederationError.badPolicy(
          "at the delta that sparse graphs leave, \(filter.delta), the plan needs more than epsilon "
            + "\(policy.epsilonLimit); raise the noise or the limit, or shorten the plan")
      }
    }
  }

  /// Checks that an experiment is measured by the plan's last round, and only there: its stage is
  /// told by name, its work by place, and neither can be changed in the life of a ledger.
  ///
  /// - Throws: `FederationError.badPolicy`, and what `Experiment` throws.
  package static func requireExperimentRound(of policy: PrivacyPolicy) throws {
    let places = policy.plan.indices.filter { policy.plan[$0].stage == ExperimentModel.stage }
    guard try Experiment(hyperparameters: policy.hyperparameters) != nil else {
      guard places.isEmpty else {
        throw FederationError.badPolicy(
          "the plan has a round \"\(ExperimentModel.stage)\" but the hyperparameters no experiment")
      }
      return
    }
    guard places == [policy.plan.count - 1], policy.plan[places[0]].clipNorm.doubleValue == 1 else {
      throw FederationError.badPolicy(
        "an experiment needs a round \"\(ExperimentModel.stage)\" of clip norm 1 at the end of the plan, and "
          + "nowhere else")
    }
    guard try fractionBits(of: policy)[places[0]] >= ExperimentModel.fewestFractionBits else {
      throw FederationError.badPolicy(
        "a cohort of \(policy.maximumCohort) leaves an experiment's counts a grid too coarse for their "
          + "variance; at most about 130,000 customers a round may take part")
    }
  }

  /// - Throws: `FederationError.badPolicy` for a mode that this program lacks.
  func aggregationMode() throws -> AggregationMode {
    guard let mode = AggregationMode(rawValue: policy.mode) else {
      throw FederationError.badPolicy("mode \(policy.mode) is unknown")
    }
    return mode
  }
}
