internal import Cryptography
internal import Ledger
internal import SecureAggregation
internal import VectorMath
internal import WireProtocol

// Rounds of the modes `secagg` and `secagg-ddp`.
extension CoordinatorEngine {
  func makeMaskedRound(
    _ offer: Offer, context: [UInt8], encoding: FixedPointEncoding,
    limits: CoordinatorRound.Limits
  ) throws -> MaskedCoordinatorRound {
    guard let policy = try MaskingPolicy(of: identity.policy) else {
      preconditionFailure("a masked round under a policy of mode sealed")
    }
    return MaskedCoordinatorRound(
      offer: offer, context: context, mode: mode, policy: policy, encoding: encoding,
      limits: limits, startedAt: now)
  }

  /// CHARGE (durable), then its proof to the survivors: ruling 11.
  mutating func chargeAndProve() throws -> [CoordinatorEffect] {
    guard let offer = masked?.offer, let parameters = masked?.parameters else { return [] }
    let contributors = masked?.contributorCount ?? 0
    let heldSizes = masked?.heldCheckpointSizes ?? []
    let record = try ChargeRecord(
      offer: offer, policy: identity.policy, parameters: parameters, rng: noise.source)
    let position = try storage.append(.charge(record))
    let charge = DurableCharge(ledgerIndex: UInt64(position.index), round: offer.round)
    maskedCharge = charge
    try block?.recordParticipation(of: masked?.contributors ?? [])
    let receipt = try storage.receipt(of: position.index)
    var consistency: [UInt64: [UInt8]] = [:]
    // A size that this ledger never had gets no proof: that member holds another ledger, and leaves.
    for held in heldSizes {
      guard let size = Int(exactly: held) else { continue }
      consistency[held] = try storage.consistencyProof(from: size)?.bytes
    }
    let effects = masked?.prove(
      after: charge, evidence: ChargeEvidence(receipt: receipt.text, consistency: consistency))
    return [.note(.roundCharged(round: offer.round, contributors: contributors))]
      + (try perform(effects ?? []))
  }

  /// The masks are off: noise (in `secagg`), blob (durable), RELEASE (durable), broadcast.
  mutating func releaseMasked() throws -> [CoordinatorEffect] {
    guard let offer = masked?.offer, let parameters = masked?.parameters,
      let charge = maskedCharge
    else { return [] }
    let rejections = masked?.rejectionCounts ?? [:]
    let told = unreadableShares(of: offer.round)
    var noiseSteps = noiseSteps(of: offer)
    guard let noised = try takeMaskedRound()?.release(noise: &noise, block: &aggregation)
    else { return [] }
    block?.advance()
    maskedCharge = nil
    if mode.clientsAddNoise {
      // Every survivor added a share, and N_h shares make up the noise that is charged (ruling 19).
      noiseSteps *=
        (Double(noised.contributorCount) / Double(parameters.honestNoiseShares)).squareRoot()
    }
    return told
      + (try release(
        noised, of: offer, chargeIndex: Int(charge.ledgerIndex), noiseSteps: noiseSteps,
        rejections: rejections))
  }

  /// What the members of the open masked round said about shares that did not open for them. (`mutating`
  /// only because a round cannot be copied.)
  mutating func unreadableShares(of round: UInt64) -> [CoordinatorEffect] {
    guard let told = masked?.unreadableShares, !told.dealers.isEmpty else { return [] }
    return [
      .note(.sharesUnreadable(round: round, dealers: told.dealers, holders: told.holders))
    ]
  }

  private mutating func takeMaskedRound() -> MaskedCoordinatorRound? {
    masked.take()
  }

  /// Ends a charged round without a sum: its charge stays (ruling 11).
  mutating func burn(reason: String, culprits: [ClientID]) throws -> [CoordinatorEffect] {
    guard let offer = masked?.offer, let charge = maskedCharge else { return [] }
    let rejections = masked?.rejectionCounts ?? [:]
    let told = unreadableShares(of: offer.round)
    masked = nil
    maskedCharge = nil
    // Its sum is missing from the block, which is over (ruling 20).
    block = nil
    aggregation = nil
    // Before BURNED: after a crash in between, the round is burned by the ledger's recovery.
    try storage.exclude(culprits)
    excluded.formUnion(culprits)
    consecutiveBurnedRounds += 1
    lastLogin = now
    _ = try storage.append(
      .burned(BurnedRecord(round: offer.round, chargeIndex: Int(charge.ledgerIndex))))
    var effects: [CoordinatorEffect] =
      told + [
        .note(.roundBurned(round: offer.round, reason: reason, excluded: culprits.count))
      ]
    effects += note(rejections, round: offer.round)
    return effects + (try close(round: offer.round, outcome: .burned, reason: reason))
  }
}
