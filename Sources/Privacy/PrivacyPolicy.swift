package import CanonicalJSON

/// One round of a policy's plan.
package struct PlannedRound: Sendable, Equatable {
  /// Name of the model's stage that this round serves.
  package let stage: String
  /// ℓ² bound C of one client's update, above zero.
  package let clipNorm: ExactDecimal
  /// Standard deviation of the noise in units of C, above zero.
  package let noiseMultiplier: ExactDecimal

  package init(stage: String, clipNorm: ExactDecimal, noiseMultiplier: ExactDecimal) {
    self.stage = stage
    self.clipNorm = clipNorm
    self.noiseMultiplier = noiseMultiplier
  }

  /// What this round is charged when clip norm C is encoded as 2^`fractionBits` grid steps.
  /// - Throws: as ``PrivacyEvent/discreteGaussian(noiseMultiplier:fractionBits:)``.
  package func event(fractionBits: Int) throws(PrivacyError) -> PrivacyEvent {
    try .discreteGaussian(noiseMultiplier: noiseMultiplier, fractionBits: fractionBits)
  }
}

/// What a round whose sum is masked must bear: how many of its members may collude with the
/// coordinator, and how many may be lost on the way (ruling 19).
package struct MaskingTolerance: Sendable, Equatable {
  /// gamma: the share of a cohort that may collude with the coordinator, 0 to 0.33.
  package let corruptFraction: ExactDecimal
  /// delta_drop: the share of a cohort that may be lost, 0 to 0.45.
  package let dropoutFraction: ExactDecimal

  package init(corruptFraction: ExactDecimal, dropoutFraction: ExactDecimal) {
    self.corruptFraction = corruptFraction
    self.dropoutFraction = dropoutFraction
  }
}

/// What customers consent to and a ledger's first entry fixes: how much privacy loss is allowed,
/// under which definition, and which rounds will spend it.
///
/// Written as canonical JSON with decimals as strings, so that every party hashes the same bytes and
/// computes the same charges.
package struct PrivacyPolicy: Sendable, Equatable {
  package let federation: String
  /// How updates are aggregated: "sealed", "secagg" or "secagg-ddp". The charge is the same in all.
  package let mode: String
  /// What the masked modes bear; nil in mode "sealed", present in the others.
  package let masking: MaskingTolerance?
  package let unit: PrivacyUnit
  package let relation: NeighbouringRelation
  package let epsilonLimit: ExactDecimal
  package let delta: ExactDecimal
  /// The budget filter of the ledger; "gdp".
  package let filter: String
  /// Fewest contributors with which a round is released.
  package let minimumCohort: Int
  /// Most contributors of a round; it fixes the grid.
  package let maximumCohort: Int
  /// The constant that sums are divided by.
  package let targetCohort: Int
  package let model: String
  /// An object of strings and integers that the model interprets.
  package let hyperparameters: JSONValue
  package let plan: [PlannedRound]
  package let roundDeadlineSeconds: Int
  /// How long devices keep behaviour rows.
  package let retentionDays: Int

  /// - Throws: ``PrivacyError/invalidPolicyField(field:value:accepted:)`` for the first field
  ///   outside its accepted range.
  package init(
    federation: String, mode: String = "sealed", masking: MaskingTolerance? = nil,
    unit: PrivacyUnit = .user, relation: NeighbouringRelation = .zeroOut,
    epsilonLimit: ExactDecimal, delta: ExactDecimal, filter: String = "gdp",
    minimumCohort: Int, maximumCohort: Int, targetCohort: Int, model: String,
    hyperparameters: JSONValue = .object([:]), plan: [PlannedRound], roundDeadlineSeconds: Int,
    retentionDays: Int
  ) throws(PrivacyError) {
    self.federation = federation
    self.mode = mode
    self.masking = masking
    self.unit = unit
    self.relation = relation
    self.epsilonLimit = epsilonLimit
    self.delta = delta
    self.filter = filter
    self.minimumCohort = minimumCohort
    self.maximumCohort = maximumCohort
    self.targetCohort = targetCohort
    self.model = model
    self.hyperparameters = hyperparameters
    self.plan = plan
    self.roundDeadlineSeconds = roundDeadlineSeconds
    self.retentionDays = retentionDays
    try requireAcceptedRanges()
  }

  /// The filter that a ledger under this policy starts with.
  package func makeFilter(spentMuSquared: Double = 0) -> GDPFilter {
    // The nearest double may lie above the decimal; one step down is certainly not.
    GDPFilter(
      epsilonLimit: epsilonLimit.doubleRoundedDown, delta: delta.doubleRoundedDown,
      spentMuSquared: spentMuSquared)
  }

  /// Epsilon of the whole plan at ``delta``, with every round on a grid of 2^`fractionBits` steps
  /// per clip norm.
  /// - Throws: as ``PlannedRound/event(fractionBits:)``.
  package func plannedEpsilon(fractionBits: Int) throws(PrivacyError) -> Double {
    try plannedEpsilon(fractionBits: Array(repeating: fractionBits, count: plan.count))
  }

  /// Epsilon of the whole plan at ``delta``.
  /// - Parameter fractionBits: one grid per planned round, in the order of the plan.
  /// - Throws: as ``PlannedRound/event(fractionBits:)``.
  package func plannedEpsilon(fractionBits: [Int]) throws(PrivacyError) -> Double {
    var total = MuSquared.zero
    for event in try plannedEvents(fractionBits: fractionBits) { total = total + event.muSquared }
    return GaussianAccountant.epsilon(mu: total.squareRoot, delta: delta.doubleRoundedDown)
  }

  /// Checks that the whole plan fits ``epsilonLimit``.
  /// - Parameter fractionBits: one grid per planned round, in the order of the plan.
  /// - Throws: ``PrivacyError/budgetExhausted(_:)``, where `roundsThatFit` counts the planned rounds
  ///   that fit, in their order; or as ``PlannedRound/event(fractionBits:)``.
  package func requirePlanFits(fractionBits: [Int]) throws(PrivacyError) {
    var filter = makeFilter()
    for (index, event) in try plannedEvents(fractionBits: fractionBits).enumerated() {
      if filter.admits(event) {
        try filter.charge(event)
        continue
      }
      throw .budgetExhausted(
        BudgetShortfall(
          spentEpsilon: filter.epsilonSpent,
          neededEpsilon: try plannedEpsilon(fractionBits: fractionBits),
          limitEpsilon: filter.epsilonLimit, delta: filter.delta, roundsThatFit: index))
    }
  }

  /// Every reason not to run under this policy on the given grids, as sentences for its author;
  /// empty if there is none.
  package func check(fractionBits: [Int]) -> [String] {
    var problems: [String] = []
    do {
      try requirePlanFits(fractionBits: fractionBits)
    } catch {
      problems.append("the plan does not fit: \(error)")
    }
    if delta.doubleValue * Double(targetCohort) >= 1 {
      problems.append(
        "delta \(delta) is not below 1 / target_cohort: it would allow publishing a customer's data"
      )
    }
    return problems
  }

  private func plannedEvents(fractionBits: [Int]) throws(PrivacyError) -> [PrivacyEvent] {
    precondition(fractionBits.count == plan.count, "one grid per planned round")
    var events: [PrivacyEvent] = []
    for (round, bits) in zip(plan, fractionBits) {
      events.append(try round.event(fractionBits: bits))
    }
    return events
  }
}
