package import CanonicalJSON
package import Privacy
internal import Recommendation
internal import SecureAggregation
internal import VectorMath
internal import WireProtocol

/// Makes a policy from the few figures an operator decides: the noise of every planned round
/// follows from the budget and the model's shares of it.
package struct PolicyTemplate: Sendable {
  package var federation: String
  package var model: String
  package var hyperparameters: JSONValue
  package var epsilon: String
  package var delta: String
  package var customers: Int
  package var minimumCohort: Int
  package var maximumCohort: Int
  package var roundDeadlineSeconds: Int
  package var mode: String
  /// Share of a round's members that may collude with the coordinator, in the masked modes.
  package var corruptFraction: String
  /// Share of a round's members that may drop out, in the masked modes.
  package var dropoutFraction: String

  /// Correlated noise for the rounds that the model repeats, in the modes `sealed` and `secagg`.
  package var correlation: NoiseCorrelation?

  /// Every field; decimals as text, so that they are exact.
  package init(
    federation: String, model: String, hyperparameters: JSONValue, epsilon: String, delta: String,
    customers: Int, minimumCohort: Int, maximumCohort: Int, roundDeadlineSeconds: Int,
    mode: String = Self.defaultMode, corruptFraction: String = "0.1",
    dropoutFraction: String = "0.1",
    correlation: NoiseCorrelation? = nil
  ) {
    self.correlation = correlation
    self.mode = mode
    self.corruptFraction = corruptFraction
    self.dropoutFraction = dropoutFraction
    self.federation = federation
    self.model = model
    self.hyperparameters = hyperparameters
    self.epsilon = epsilon
    self.delta = delta
    self.customers = customers
    self.minimumCohort = minimumCohort
    self.maximumCohort = maximumCohort
    self.roundDeadlineSeconds = roundDeadlineSeconds
  }

  /// What `init` and the demo write unless told otherwise.
  package static let defaultMode = "secagg-ddp"

  private static let retentionDays = 365

  /// The policy whose plan spends the whole budget once.
  ///
  /// - Throws: `PrivacyError` or `RecommendationError` naming the field that is wrong.
  package func policy() throws -> PrivacyPolicy {
    let trained = try ModelRegistry.model(identifier: model, hyperparameters: hyperparameters)
    let epsilonLimit = try ExactDecimal(epsilon)
    let delta = try ExactDecimal(self.delta)
    // Ranges first: calibration presumes them.
    let unplanned = try policy(
      epsilonLimit: epsilonLimit, delta: delta,
      plan: [
        PlannedRound(
          stage: "check", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("1"))
      ])
    let block = try correlatedNoise(of: trained)
    // A block is one release: it gets what its rounds would have had.
    let shares = Self.shares(of: trained, block: block)
    // What sparse graphs add to delta is kept off it, for every planned round (ruling 25); the ledger
    // rounds it up on its way, by far less than the thousandth that is added here.
    let reserved = 1.001 * unplanned.largestProtocolDelta * Double(trained.stages.count)
    guard delta.doubleRoundedDown > reserved else {
      throw PrivacyError.invalidPolicyField(
        field: "delta", value: "\(delta)",
        accepted: "above \(reserved), which the sparse graphs of the masked rounds take of it")
    }
    let calibration = try NoiseCalibration(
      epsilonLimit: epsilonLimit.doubleRoundedDown, delta: delta.doubleRoundedDown - reserved,
      shares: shares, fractionBits: try coarsestGrid(of: unplanned, shares: shares, block: block))
    var multipliers = calibration.noiseMultipliers
    if let block {
      multipliers.insert(
        contentsOf: Array(
          repeating: multipliers[block.firstRound], count: block.rule.roundCount - 1),
        at: block.firstRound)
    }
    let plan = try zip(trained.stages, multipliers).map { stage, multiplier in
      PlannedRound(
        stage: stage, clipNorm: try ExactDecimal("1"), noiseMultiplier: multiplier)
    }
    return try policy(epsilonLimit: epsilonLimit, delta: delta, plan: plan, block: block)
  }

  private func correlatedNoise(of model: any FederatedModel) throws -> CorrelatedNoise? {
    guard let correlation else { return nil }
    guard !model.repeatedStages.isEmpty else {
      throw PrivacyError.invalidPolicyField(
        field: "correlated_noise", value: "given",
        accepted: "absent for model \(self.model), which repeats no round")
    }
    return try correlation.noise(of: model.repeatedStages)
  }

  private static func shares(
    of model: any FederatedModel, block: CorrelatedNoise?
  ) -> [Double] {
    guard let block else { return model.budgetShares }
    var shares = model.budgetShares
    shares.replaceSubrange(
      block.planIndices, with: [shares[block.planIndices].reduce(0, +)])
    return shares
  }

  /// The coarsest of the rounds' grids, from noise a little above what calibration will find: a
  /// charge computed on it holds on every finer grid.
  private func coarsestGrid(
    of unplanned: PrivacyPolicy, shares: [Double], block: CorrelatedNoise?
  ) throws -> Int {
    let excess = try FederationIdentity.noiseExcess(of: unplanned)
    let whole = GaussianAccountant.noiseMultiplier(
      epsilon: unplanned.epsilonLimit.doubleRoundedDown, delta: unplanned.delta.doubleRoundedDown)
    return try shares.enumerated().map { index, share in
      let noiseMultiplier = 1.01 * whole / share.squareRoot()
      let bits = try FixedPointEncoding.fractionBits(
        maximumCohort: maximumCohort, noiseMultiplier: noiseMultiplier,
        honestFractionInverse: excess)
      guard let block, index == block.firstRound else { return bits }
      return block.chargeableFractionBits(
        upTo: bits,
        noiseMultiplier: ExactDecimal(roundingUp: noiseMultiplier, significantDigits: 6))
    }.min() ?? 1
  }

  private func policy(
    epsilonLimit: ExactDecimal, delta: ExactDecimal, plan: [PlannedRound],
    block: CorrelatedNoise? = nil
  ) throws -> PrivacyPolicy {
    let isMasked = AggregationMode(rawValue: mode)?.isMasked == true
    let masking =
      isMasked
      ? MaskingTolerance(
        corruptFraction: try ExactDecimal(corruptFraction),
        dropoutFraction: try ExactDecimal(dropoutFraction)) : nil
    return try PrivacyPolicy(
      federation: federation, mode: mode, masking: masking, epsilonLimit: epsilonLimit,
      delta: delta, minimumCohort: minimumCohort, maximumCohort: maximumCohort,
      targetCohort: min(customers, maximumCohort), model: model,
      hyperparameters: hyperparameters, plan: plan, correlatedNoise: block,
      roundDeadlineSeconds: roundDeadlineSeconds, retentionDays: Self.retentionDays)
  }
}
