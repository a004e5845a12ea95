internal import Federation
package import Privacy
internal import SecureAggregation
internal import WireProtocol

/// A training in mode `sealed` whose released sums are distributed as those of a masked mode, up to their
/// grid.
///
/// Masks cancel in the sum to the last bit, so that a masked round that nobody leaves differs from a sealed
/// one by its noise and by how fine its grid is. In `secagg-ddp` the noise is the sum of the shares of all
/// survivors: discrete Gaussian of variance |U3| sigma² / N_h, up to the tau of ruling 18 (below 1e-55 a
/// coordinate). Here the coordinator draws it at once, on the grid of the sealed policy and with a
/// deviation of whole steps, 2^10 at the least, so within 2^-11 of the one that is meant. That takes
/// seconds where masks of thousands of clients take hours. It measures accuracy and protects nobody.
package struct UnmaskedTwin: Sendable, Equatable {
  /// The masked policy's plan in mode `sealed`.
  package let policy: PrivacyPolicy
  /// Standard deviation of the noise over the one that is charged: sqrt(|U3| / N_h) with every
  /// member a survivor where clients add the noise, else 1.
  package let deviationFactor: Double
  /// What the ledger of the masked mode would show as spent after the plan.
  package let epsilonSpent: Double

  /// - Parameters:
  ///   - masked: a policy of mode `secagg` or `secagg-ddp`.
  ///   - cohort: members of every round, all of whom survive.
  ///   - devices: how many devices simulate them: `cohort`, but for a ``ResampledCohort``.
  /// - Throws: `MaskingParameterError` if the mode cannot run a round of `cohort`; what the
  ///   policy's types throw; `SimulationError.budgetExhausted` if the plan does not fit the budget.
  package init(of masked: PrivacyPolicy, cohort: Int, devices: Int) throws {
    guard let maskingPolicy = try MaskingPolicy(of: masked) else {
      preconditionFailure("the twin of a policy of mode sealed is that policy")
    }
    let parameters = try MaskingParameters(cohortSize: cohort, policy: maskingPolicy)
    let clientsAddNoise = AggregationMode(rawValue: masked.mode)?.clientsAddNoise == true
    deviationFactor =
      clientsAddNoise ? (Double(cohort) / Double(parameters.honestNoiseShares)).squareRoot() : 1
    policy = try PrivacyPolicy(
      federation: masked.federation, mode: AggregationMode.sealed.rawValue, unit: masked.unit,
      relation: masked.relation, epsilonLimit: masked.epsilonLimit, delta: masked.delta,
      filter: masked.filter, minimumCohort: devices, maximumCohort: devices,
      targetCohort: devices, model: masked.model,
      hyperparameters: masked.hyperparameters, plan: masked.plan,
      correlatedNoise: masked.correlatedNoise,
      roundDeadlineSeconds: masked.roundDeadlineSeconds, retentionDays: masked.retentionDays)
    guard var filter = masked.makeFilter(masked: masked.plan.count) else {
      throw SimulationError.budgetExhausted
    }
    let fractionBits = try FederationIdentity.fractionBits(of: masked)
    for event in try masked.plannedEvents(fractionBits: fractionBits) { try filter.charge(event) }
    epsilonSpent = filter.epsilonSpent
  }
}
