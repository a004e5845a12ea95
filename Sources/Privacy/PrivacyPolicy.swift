package import CanonicalJSON

/// One round of a policy's plan.
package struct PlannedRound: Sendable, Equatable {
  /// Name of the model's stage that this round serves.
  package let stage: String
  /// ℓ² bound C of one client's update, above zero.
  package let clipNorm: ExactDecimal
  /// Standard deviation of the noise in units of C, above zero; in a block of correlated noise, in units
  /// of the block's sensitivity.
  package let noiseMultiplier: ExactDecimal

  package init(stage: String, clipNorm: ExactDecimal, noiseMultiplier: ExactDecimal) {
    self.stage = stage
    self.clipNorm = clipNorm
    self.noiseMultiplier = noiseMultiplier
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
  /// The block of planned rounds whose noise is correlated, if any; never in mode "secagg-ddp".
  package let correlatedNoise: CorrelatedNoise?
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
    hyperparameters: JSONValue = .object([:]), plan: [PlannedRound],
    correlatedNoise: CorrelatedNoise? = nil, roundDeadlineSeconds: Int, retentionDays: Int
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
    self.correlatedNoise = correlatedNoise
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

  /// The block that planned round `index` belongs to; nil if its noise is its own.
  package func correlatedNoise(ofPlanned index: Int) -> CorrelatedNoise? {
    correlatedNoise.flatMap { $0.planIndices.contains(index) ? $0 : nil }
  }

  /// ℓ² sensitivity of what planned round `index` is charged for: in grid steps, 2^`fractionBits` of
  /// them a clip norm; of a block's round, that of the whole block, in units of 2^-g grid steps.
  /// - Throws: as ``CorrelatedNoise/sensitivity(fractionBits:)``.
  package func sensitivity(
    ofPlanned index: Int, fractionBits: Int
  ) throws(PrivacyError) -> UInt64 {
    guard let block = correlatedNoise(ofPlanned: index) else {
      guard (0...31).contains(fractionBits) else { throw .sensitivityNotChargeable(.max) }
      return relation.sensitivityFactor << UInt64(fractionBits)
    }
    return try block.sensitivity(fractionBits: fractionBits)
  }

  /// The least noise parameter that planned round `index` may have, in the units of its sensitivity.
  /// - Throws: as ``CorrelatedNoise/noiseScale(noiseMultiplier:fractionBits:)`` and
  ///   ``ExactDecimal/scaled(toGrid:)``.
  package func noiseScale(
    ofPlanned index: Int, fractionBits: Int
  ) throws(PrivacyError) -> UInt64 {
    let noiseMultiplier = plan[index].noiseMultiplier
    guard let block = correlatedNoise(ofPlanned: index) else {
      return try noiseMultiplier.scaled(toGrid: fractionBits)
    }
    return try block.noiseScale(noiseMultiplier: noiseMultiplier, fractionBits: fractionBits)
  }

  /// What planned round `index` is charged on a grid of 2^`fractionBits` steps per clip norm. A round of
  /// a block is charged for the block, and only the first one of the block is charged.
  /// - Throws: as ``noiseScale(ofPlanned:fractionBits:)`` and
  ///   ``PrivacyEvent/discreteGaussian(scale:sensitivity:)``.
  package func event(
    ofPlanned index: Int, fractionBits: Int
  ) throws(PrivacyError) -> PrivacyEvent {
    try .discreteGaussian(
      scale: try noiseScale(ofPlanned: index, fractionBits: fractionBits),
      sensitivity: try sensitivity(ofPlanned: index, fractionBits: fractionBits))
  }

  /// Epsilon of the whole plan at ``delta``, with every round on a grid of 2^`fractionBits` steps
  /// per clip norm.
  /// - Throws: as ``event(ofPlanned:fractionBits:)``.
  package func plannedEpsilon(fractionBits: Int) throws(PrivacyError) -> Double {
    try plannedEpsilon(fractionBits: Array(repeating: fractionBits, count: plan.count))
  }

  /// Epsilon of the whole plan at ``delta``.
  /// - Parameter fractionBits: one grid per planned round, in the order of the plan.
  /// - Throws: as ``event(ofPlanned:fractionBits:)``.
  package func plannedEpsilon(fractionBits: [Int]) throws(PrivacyError) -> Double {
    var total = MuSquared.zero
    for event in try plannedEvents(fractionBits: fractionBits) { total = total + event.muSquared }
    return GaussianAccountant.epsilon(mu: total.squareRoot, delta: delta.doubleRoundedDown)
  }

  /// Checks that the whole plan fits ``epsilonLimit``.
  /// - Parameter fractionBits: one grid per planned round, in the order of the plan.
  /// - Throws: ``PrivacyError/budgetExhausted(_:)``, where `roundsThatFit` counts the planned rounds
  ///   that fit, in their order and a block counted once; or as ``event(ofPlanned:fractionBits:)``.
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

  /// What the plan is charged in all: an event a planned round, a block of correlated noise once.
  /// - Parameter fractionBits: one grid per planned round, in the order of the plan.
  /// - Throws: as ``event(ofPlanned:fractionBits:)``.
  package func plannedEvents(fractionBits: [Int]) throws(PrivacyError) -> [PrivacyEvent] {
    precondition(fractionBits.count == plan.count, "one grid per planned round")
    var events: [PrivacyEvent] = []
    for (index, bits) in fractionBits.enumerated() {
      if let block = correlatedNoise(ofPlanned: index), index != block.firstRound { continue }
      events.append(try event(ofPlanned: index, fractionBits: bits))
    }
    return events
  }
}
