package import Privacy

// What a charge of a masked round must be (rulings 16, 18, 19 and 25).
extension LedgerState {
  private static let sealed = "sealed"
  private static let clientsAddNoise = "secagg-ddp"

  /// Checks the terms of a masked round, and that a sealed one has none.
  func requireMasking(of record: ChargeRecord) throws(LedgerError) {
    let required = Requirement(entry: size)
    let mayBeMasked = record.mode != Self.sealed && genesis.format > 1
    guard let masked = record.masked else {
      try required.equal("masked", mayBeMasked ? "present" : "absent", "absent")
      try required.equal("protocol_delta", "0", record.protocolDelta)
      return
    }
    try required.equal("masked", mayBeMasked ? "present" : "absent", "present")
    try required.contained(
      "cohort_size", in: policy.minimumCohort...policy.maximumCohort, masked.cohortSize)
    try required.contained("degree", in: 1...max(1, masked.cohortSize - 1), masked.degree)
    guard let tolerance = policy.masking else {
      throw .mismatch(entry: size, field: "masked", expected: "absent", found: "present")
    }
    try required.equal("corrupt_fraction", tolerance.corruptFraction, masked.corruptFraction)
    try required.equal("dropout_fraction", tolerance.dropoutFraction, masked.dropoutFraction)
    try required.equal(
      "cohort_minimum", masked.minimumSurvivors(minimumCohort: policy.minimumCohort),
      record.cohortMinimum)
    try requireProtocolDelta(of: record, masked)
    try required.equal(
      "share_variance", record.mode == Self.clientsAddNoise ? "present" : "absent",
      masked.noiseShares == nil ? "absent" : "present")
    if let shares = masked.noiseShares { try requireShares(shares, of: record, masked) }
  }

  private func requireShares(
    _ shares: MaskedTerms.NoiseShares, of record: ChargeRecord, _ masked: MaskedTerms
  ) throws(LedgerError) {
    let required = Requirement(entry: size)
    let honest = masked.honestNoiseShares(minimumCohort: policy.minimumCohort)
    guard honest >= 1 else {
      throw .mismatch(
        entry: size, field: "honest_noise_shares", expected: "at least 1", found: "\(honest)")
    }
    try required.equal("honest_noise_shares", honest, shares.honestShares)
    let (numerator, denominator) = (shares.variance.numerator, shares.variance.denominator)
    let (smallest, overflows) = denominator.multipliedReportingOverflow(
      by: MaskedTerms.NoiseShares.smallestVariance)
    guard !overflows, numerator >= smallest else {
      throw .mismatch(
        entry: size, field: "share_variance",
        expected: "at least \(MaskedTerms.NoiseShares.smallestVariance)",
        found: shares.variance.description)
    }
    // N_h s_i^2 >= s^2: the honest shares alone make the noise that is charged. A scale has at most 30 bits.
    let released = UInt128(shares.honestShares) * UInt128(numerator)
    let charged = UInt128(record.scale) * UInt128(record.scale)
    let (needed, tooLarge) = charged.multipliedReportingOverflow(by: UInt128(denominator))
    guard !tooLarge, released >= needed else {
      throw .mismatch(
        entry: size, field: "share_variance",
        expected: "at least \(record.scale)^2/\(shares.honestShares)",
        found: shares.variance.description)
    }
    guard shares.tau.doubleValue >= shares.recomputedTau,
      shares.tau.doubleValue <= MaskedTerms.NoiseShares.tauBound.doubleValue
    else {
      throw .mismatch(
        entry: size, field: "tau",
        expected: "\(shares.recomputedTau) to \(MaskedTerms.NoiseShares.tauBound)",
        found: shares.tau.description)
    }
  }

  /// Whether a round that is charged `event`, and adds at most so much to delta, still fits: asked
  /// before it is offered, since a charge that is refused later has cost its members their work.
  package func admits(_ event: PrivacyEvent, addingToDelta added: Double) -> Bool {
    guard added > 0 else { return filter.admits(event) }
    let delta = (policy.delta.doubleRoundedDown - (reservedDelta + added.nextUp).nextUp).nextDown
    guard delta > 0 else { return false }
    return GDPFilter(
      epsilonLimit: filter.epsilonLimit, delta: delta, spentMuSquared: filter.spentMuSquared
    ).admits(event)
  }

  private func requireProtocolDelta(
    of record: ChargeRecord, _ masked: MaskedTerms
  ) throws(LedgerError) {
    let least = masked.protocolDelta(epsilonLimit: policy.epsilonLimit.doubleValue)
    // The exponential may be rounded differently elsewhere; six digits are written.
    let claimed = try protocolDelta(of: record).doubleValue
    guard claimed >= least.doubleValue * (1 - 1e-5), claimed == 0 || least.doubleValue > 0 else {
      throw .mismatch(
        entry: size, field: "protocol_delta", expected: least.description,
        found: record.protocolDelta)
    }
  }

  private func protocolDelta(of record: ChargeRecord) throws(LedgerError) -> ExactDecimal {
    do {
      return try ExactDecimal(record.protocolDelta)
    } catch {
      throw .invalidField(
        entry: size, field: "protocol_delta", expected: "a decimal number as text")
    }
  }

  /// The filter after what `record` adds to delta is kept off the policy's delta; nothing is charged yet.
  func filterReserving(
    deltaOf record: ChargeRecord
  ) throws(LedgerError) -> (reserved: Double, filter: GDPFilter) {
    guard let masked = record.masked else { return (reservedDelta, filter) }
    let tau = (masked.noiseShares?.tau.doubleValue ?? 0) * Double(record.dimension)
    let added = try protocolDelta(of: record).doubleValue.nextUp + tau.nextUp
    let reserved = (reservedDelta + added).nextUp
    let delta = (policy.delta.doubleRoundedDown - reserved).nextDown
    guard delta > 0 else {
      throw .mismatch(
        entry: size, field: "protocol_delta",
        expected: "less in all than the policy's delta \(policy.delta)", found: "\(reserved)")
    }
    guard delta != filter.delta else { return (reserved, filter) }
    let reserving = GDPFilter(
      epsilonLimit: filter.epsilonLimit, delta: delta, spentMuSquared: filter.spentMuSquared)
    return (reserved, reserving)
  }
}
