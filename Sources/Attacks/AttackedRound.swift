internal import Cryptography
internal import Federation
internal import Privacy
package import Recommendation
internal import SecureAggregation
package import VectorMath
internal import WireProtocol

/// One round of a plan, with what each mode shows to the coordinator.
///
/// Updates come from the model, are clipped and encoded by `FixedPointEncoding`, and added in
/// Z_2^32; noise is drawn from the same exact sampler in the same shares as a client's. Masks are
/// left out: they cancel in the sum, and what they hide is what these views do not hold. Noise is
/// seeded: this is a simulation.
package struct AttackedRound {
  /// Position in the plan.
  package let stage: Int
  /// What clients start from.
  package let parameters: ModelParameters
  package let encoding: FixedPointEncoding
  /// The exact sum, in grid steps modulo 2^32.
  package let exactSum: [UInt32]
  /// The sum with all noise shares, likewise.
  package let noisedSum: [UInt32]
  /// Standard deviation of the noise in units of the update.
  package let noiseStandardDeviation: Double
  /// Charged noise over the clip norm; its inverse is the round's mu up to 1e-6.
  package let noiseMultiplier: Double
  private let cohort: AttackCohort

  /// Runs the round.
  /// - Parameter isNoised: false to leave the noise out: the unprotected setting.
  /// - Throws: what the model, the encoding or the masking parameters refuse.
  init(
    stage: Int, parameters: ModelParameters, cohort: AttackCohort, isNoised: Bool = true,
    generator: inout SeededRandom
  ) throws {
    let identity = FederationIdentity(
      ledgerID: [UInt8](repeating: 0, count: 16), policy: cohort.policy,
      catalogue: cohort.catalogue, featuresHash: try .init(bytes: [UInt8](repeating: 0, count: 32)))
    let encoding = try identity.encoding(forPlanIndex: stage)
    let planned = cohort.policy.plan[stage]
    let dimension = try cohort.model.updateDimension(
      stage: stage, parameters: parameters, itemCount: cohort.catalogue.count)
    var sum = [UInt32](repeating: 0, count: dimension)
    for history in cohort.histories {
      let update = try cohort.model.update(
        stage: stage, history: history, parameters: parameters, itemCount: cohort.catalogue.count)
      FixedPointEncoding.accumulate(try encoding.encode(update), into: &sum)
    }
    let scale = try planned.noiseMultiplier.scaled(toGrid: encoding.fractionBits)
    var noise = [UInt32](repeating: 0, count: dimension)
    let deviation: Double
    if !isNoised {
      deviation = 0
    } else if let masking = try MaskingPolicy(of: cohort.policy),
      cohort.policy.mode == "secagg-ddp"
    {
      let terms = try MaskingParameters(cohortSize: cohort.histories.count, policy: masking)
      let share = try DiscreteGaussian(
        varianceNumerator: scale * scale, varianceDenominator: UInt64(terms.honestNoiseShares))
      for _ in cohort.histories { share.addNoise(to: &noise, using: &generator) }
      deviation = terms.releasedStandardDeviation(
        scale: scale, survivors: cohort.histories.count)
    } else {
      DiscreteGaussian(scale: scale).addNoise(to: &noise, using: &generator)
      deviation = Double(scale)
    }
    self.stage = stage
    self.parameters = parameters
    self.encoding = encoding
    self.cohort = cohort
    noisedSum = zip(sum, noise).map { $0 &+ $1 }
    exactSum = sum
    noiseStandardDeviation = deviation * encoding.clipNorm / Double(encoding.sensitivity)
    noiseMultiplier = planned.noiseMultiplier.doubleValue
  }

  /// The clipped update of one customer, in grid steps: what mode `sealed` decrypts.
  package func update(of customer: Int) throws -> [Int32] {
    try encoding.encode(
      try cohort.model.update(
        stage: stage, history: cohort.histories[customer], parameters: parameters,
        itemCount: cohort.catalogue.count))
  }

  /// What the coordinator has, in units of the update.
  /// - Parameter customer: the victim.
  package func observation(of customer: Int, as view: CoordinatorView) throws -> [Double] {
    switch view {
    case .update:
      return encoding.decode(try update(of: customer).map(UInt32.init(bitPattern:)))
    case .exactSum:
      return encoding.decode(exactSum)
    case .exactSumAndOthers:
      return encoding.decode(try remainder(of: customer, in: exactSum))
    case .noisedSum:
      return encoding.decode(noisedSum)
    case .noisedSumAndOthers:
      return encoding.decode(try remainder(of: customer, in: noisedSum))
    }
  }

  /// The sum less every other customer's update.
  private func remainder(of customer: Int, in sum: [UInt32]) throws -> [UInt32] {
    let own = try update(of: customer)
    return zip(zip(sum, exactSum), own).map { pair, own in
      // What the others sent together is the exact sum less the victim's own.
      let others = pair.1 &- UInt32(bitPattern: own)
      return pair.0 &- others
    }
  }

  /// The parameters after the round, from the noised sum or, without protection, from the exact one.
  func advanced(protected: Bool) throws -> ModelParameters {
    try cohort.model.advance(
      stage: stage, noisedSum: encoding.decode(protected ? noisedSum : exactSum),
      context: StageContext(
        noiseStandardDeviation: protected ? noiseStandardDeviation : 0,
        targetCohort: cohort.policy.targetCohort, contributorCount: cohort.histories.count,
        features: nil),
      parameters: parameters, itemCount: cohort.catalogue.count)
  }
}

/// What the coordinator of a mode has of one customer, and what it knows besides.
package enum CoordinatorView: String, CaseIterable, Sendable {
  /// `sealed`: the customer's own clipped update.
  case update
  /// `secagg`: the exact sum of the cohort.
  case exactSum
  /// `secagg`, and all other updates are known, by collusion or by another cohort without the customer.
  case exactSumAndOthers
  /// `secagg-ddp`, the default: the noised sum.
  case noisedSum
  /// `secagg-ddp`, and all other updates are known, though not their noise.
  case noisedSumAndOthers

  /// Whether the view is one of the default mode.
  package var isDefault: Bool { self == .noisedSum || self == .noisedSumAndOthers }

  /// Standard deviation of the noise on it, for a round with `round` noise.
  func noiseStandardDeviation(in round: AttackedRound) -> Double {
    isDefault ? round.noiseStandardDeviation : 0
  }

  /// For a report's reader.
  package var title: String {
    switch self {
    case .update: "sealed: reads your update"
    case .exactSum: "secagg: reads the exact sum"
    case .exactSumAndOthers: "secagg, knows all other updates"
    case .noisedSum: "default: reads the noised sum"
    case .noisedSumAndOthers: "default, knows all other updates"
    }
  }
}
