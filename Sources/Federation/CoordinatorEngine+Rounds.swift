internal import Cryptography
internal import Ledger
internal import Privacy
internal import Recommendation
internal import SecureAggregation
internal import VectorMath
internal import WireProtocol

extension CoordinatorEngine {
  /// Feeds the open round, if any, and carries out what it asks for.
  mutating func advanceRound(_ event: CoordinatorRoundEvent) throws -> [CoordinatorEffect] {
    if case .memberConnected(let id, _, _) = event, isBarred(id) { return [] }
    let effects = round?.handle(event) ?? masked?.handle(event)
    return try perform(effects ?? [])
  }

  mutating func perform(
    _ roundEffects: [CoordinatorRoundEffect]
  ) throws -> [CoordinatorEffect] {
    var effects: [CoordinatorEffect] = []
    for effect in roundEffects {
      switch effect {
      case .send(let id, let message):
        guard let connection = connections[id] else { continue }
        // R6: the offer is the public one.
        if case .offer = message, let offerEntry {
          effects += try show([offerEntry], on: connection)
        }
        effects.append(send(message, on: connection))
      case .broadcast(let ids, let message):
        let targets = ids.compactMap { connections[$0] }
        // A member that was restarted since it agreed, or leaves at the proof, holds the charge all
        // the same.
        if case .proof = message, let maskedCharge {
          for target in targets {
            effects += try show([Int(maskedCharge.ledgerIndex)], on: target)
          }
        }
        let payload = message.encoded()
        effects += targets.map { .send($0, payload) }
      case .charge:
        effects += try masked == nil ? chargeAndRelease() : chargeAndProve()
      case .unmask(let removal):
        guard let round = masked?.offer.round else { continue }
        if !removal.inconsistencies.isEmpty {
          effects.append(
            .note(
              .sharesInconsistent(
                round: round, owners: removal.inconsistencies.map(\.ownerID),
                holders: Set(removal.inconsistencies.flatMap(\.holderIDs)).sorted())))
        }
        effects.append(.removeMasks(round: round, removal))
      case .release:
        effects += try releaseMasked()
      case .burn(let reason, let culprits):
        effects += try burn(reason: reason, culprits: culprits)
      case .void(let reason):
        effects += try voidRound(reason: reason)
      }
    }
    return effects
  }

  // MARK: - Start

  /// Opens the next planned round when enough members are here and the budget admits it.
  mutating func startRoundIfDue() throws -> [CoordinatorEffect] {
    guard round == nil, masked == nil, finishReason == nil, !quorumIsHopeless else { return [] }
    let completed = storage.ledgerState.releasedUnderPolicy
    guard completed < settings.trainings * identity.policy.plan.count else {
      return try finish(.planComplete)
    }
    let planIndex = storage.ledgerState.nextPlanIndex
    guard
      settings.measuresExperiment
        || identity.policy.plan[planIndex].stage != ExperimentModel.stage
    else { return try finish(.planComplete) }
    guard !hasLostSum else {
      // Members that come back after a restart are to hear it too.
      return hasGathered ? [.note(.retryRefused)] + (try finish(.sumLost)) : []
    }
    // An experiment is measured once, whatever is trained after it.
    if identity.policy.plan[planIndex].stage == ExperimentModel.stage,
      let experiment = model.experiment,
      ExperimentSums.areReleased(in: parameters, of: experiment)
    {
      return try finish(.planComplete)
    }
    let encoding = try identity.encoding(forPlanIndex: planIndex)
    try endBlockUnlessContinued(at: planIndex)
    let event = try identity.policy.event(
      ofPlanned: planIndex, fractionBits: encoding.fractionBits)
    // The rounds of a block are charged with its first one.
    guard
      block != nil
        || storage.ledgerState.admits(event, addingToDelta: identity.policy.largestProtocolDelta)
    else {
      return [.note(try budgetRefusal(for: event))] + (try finish(.budgetExhausted))
    }
    guard enoughMembers else { return [] }
    return try open(planIndex: planIndex, encoding: encoding)
  }

  /// Drops the block of correlated noise that the next round does not belong to: the plan has left it, it
  /// lost a sum, or its first round was called off before it was charged.
  private mutating func endBlockUnlessContinued(at planIndex: Int) throws {
    guard let open = storage.ledgerState.openBlock, block?.start == open.start,
      block?.nextRound == open.nextRound,
      identity.policy.correlatedNoise(ofPlanned: planIndex) != nil,
      try model.updateDimension(
        stage: planIndex, parameters: parameters, itemCount: identity.catalogue.count)
        == block?.dimension
    else {
      block = nil
      aggregation = nil
      return
    }
  }

  /// Whether the open round is not offered to this member.
  private func isBarred(_ id: ClientID) -> Bool {
    excluded.contains(id) || block?.invited?.contains(id) == false
  }

  /// Whether a charged round of `secagg` ended without a sum. The coordinator may have seen it all the same, and
  /// another sum from the same histories, with other customers in it, would tell them apart (ruling 27): as on the
  /// devices, it is the last round of the ledger.
  private var hasLostSum: Bool { mode == .secagg && storage.ledgerState.rounds.burned > 0 }

  /// Round after round had no quorum, or spent its charge for nothing: the operator has to look.
  package var quorumIsHopeless: Bool {
    consecutiveVoidRounds >= settings.voidRoundLimit
      || consecutiveBurnedRounds >= settings.burnedRoundLimit
  }

  private var enoughMembers: Bool {
    presentCount >= identity.policy.minimumCohort && hasGathered
  }

  /// Whether everyone is here, or nobody else has come for a while.
  private var hasGathered: Bool {
    presentCount >= identity.policy.targetCohort
      || lastLogin.adding(seconds: settings.gatherSeconds) <= now
  }

  private var presentCount: Int {
    connections.keys.count { id in
      !excluded.contains(id) && (block?.mayTakePart(id) ?? true)
    }
  }

  private mutating func open(
    planIndex: Int, encoding: FixedPointEncoding
  ) throws -> [CoordinatorEffect] {
    let sealingKey = mode.isMasked ? nil : try RoundSealingKey()
    let dimension = try model.updateDimension(
      stage: planIndex, parameters: parameters, itemCount: identity.catalogue.count)
    let stage = identity.policy.plan[planIndex].stage
    let noise = identity.policy.correlatedNoise(ofPlanned: planIndex)
    let number = storage.ledgerState.lastRound + 1
    var offer = Offer(
      round: number, planIndex: UInt32(planIndex),
      modelHash: modelHash.bytes, catalogueHash: identity.catalogueHash.bytes,
      policyHash: identity.policyHash.bytes,
      roundKey: sealingKey?.publicKey ?? SecureRandom.bytes(32), dimension: UInt32(dimension),
      fractionBits: UInt8(encoding.fractionBits),
      noiseScale: try identity.policy.noiseScale(
        ofPlanned: planIndex, fractionBits: encoding.fractionBits),
      block: noise.map { _ in
        BlockPosition(start: block?.start ?? number, round: block?.nextRound ?? 0)
      },
      deadlineSeconds: UInt32(identity.policy.roundDeadlineSeconds),
      signature: [])
    offer.signature = try keys.coordinator.sign(offer.signedBytes)
    if let noise, block == nil {
      block = CorrelatedBlock(noise: noise, offer: offer)
      aggregation = try CorrelatedAggregation(
        noise: noise, noiseScale: offer.noiseScale, dimension: dimension, encoding: encoding,
        maximumCohort: identity.policy.maximumCohort)
    }
    block?.invite(
      connections.keys.filter { !excluded.contains($0) },
      targetCohort: identity.policy.targetCohort)
    if let members = try storage.rosterCommitment(),
      let change = storage.ledgerState.rosterChange(
        to: members, revocations: try storage.revocations())
    {
      _ = try storage.append(.roster(change))
    }
    offerEntry = try storage.append(
      .offer(
        OfferRecord(
          round: offer.round, planIndex: planIndex, stage: stage, mode: identity.policy.mode,
          modelIn: modelHash, catalogueHash: identity.catalogueHash,
          policyHash: identity.policyHash,
          deadlineSeconds: identity.policy.roundDeadlineSeconds))
    ).index
    let context = RoundContext.digest(
      offer: offer, coordinatorKey: keys.coordinator.verifyingKey.bytes,
      ledgerID: identity.ledgerID)
    let limits = CoordinatorRound.Limits(
      minimumCohort: identity.policy.minimumCohort, maximumCohort: identity.policy.maximumCohort,
      uploadSlots: settings.uploadSlots, uploadSeconds: settings.uploadSeconds,
      phaseSeconds: settings.phaseSeconds)
    if let sealingKey {
      round = CoordinatorRound(
        offer: offer, context: context, sealingKey: sealingKey, encoding: encoding, limits: limits,
        startedAt: now)
    } else {
      masked = try makeMaskedRound(offer, context: context, encoding: encoding, limits: limits)
    }
    var effects: [CoordinatorEffect] = [
      .note(
        .roundOffered(
          round: offer.round, stage: stage, members: connections.count, dimension: dimension))
    ]
    for id in connections.keys.sorted() {
      guard let entry = try storage.member(id) else { continue }
      guard !entry.isRevoked else {
        if let connection = connections[id] { effects += try refuse(connection, .revoked) }
        continue
      }
      learn(entry)
      effects += try advanceRound(
        .memberConnected(id, entry.identityKey, credential: entry.credential))
    }
    return effects
  }

  // MARK: - End

  /// CHARGE (durable), noise, blob (durable), RELEASE (durable), broadcast: ruling 10.
  private mutating func chargeAndRelease() throws -> [CoordinatorEffect] {
    guard let offer = round?.offer else { return [] }
    let contributors = round?.contributorCount ?? 0
    let chargeRecord = try ChargeRecord(
      offer: offer, policy: identity.policy, parameters: nil, rng: noise.source)
    let position = try storage.append(.charge(chargeRecord))
    let charge = DurableCharge(ledgerIndex: UInt64(position.index), round: offer.round)

    try block?.recordParticipation(of: round?.contributors ?? [])
    let noiseSteps = noiseSteps(of: offer)
    guard
      let noised = try round?.release(after: charge, noise: &noise, block: &aggregation)
    else { return [] }
    block?.advance()
    let rejections = round?.rejectionCounts ?? [:]
    round = nil
    let effects = [
      CoordinatorEffect.note(.roundCharged(round: offer.round, contributors: contributors))
    ]
    return effects
      + (try release(
        noised, of: offer, chargeIndex: position.index,
        noiseSteps: noiseSteps,
        rejections: named(rejections)))
  }

  /// Standard deviation of the noise that the coordinator puts on the open round's sum, in grid steps.
  func noiseSteps(of offer: Offer) -> Double {
    let steps = noise.standardDeviation(scale: offer.noiseScale)
    // A simulation without noise says so of every scale.
    guard let block, steps > 0 else { return steps }
    return CorrelatedEstimator(
      strategy: block.noise.strategy, roundCount: block.noise.rule.roundCount
    ).noiseStandardDeviation(round: block.nextRound, noiseScale: offer.noiseScale)
  }

  /// Advances the model by a noised sum, blob (durable), RELEASE (durable), broadcast.
  ///
  /// - Parameter noiseSteps: standard deviation of the noise in the sum, in grid steps.
  mutating func release(
    _ noised: NoisedSum, of offer: Offer, chargeIndex: Int, noiseSteps: Double,
    rejections: [String: Int]
  ) throws -> [CoordinatorEffect] {
    let clipNorm = identity.policy.plan[Int(offer.planIndex)].clipNorm.doubleValue
    let deviation = clipNorm * noiseSteps / Double(UInt64(1) << UInt64(offer.fractionBits))
    let next = try model.advance(
      stage: Int(offer.planIndex), noisedSum: noised.values,
      context: StageContext(
        noiseStandardDeviation: deviation, targetCohort: identity.policy.targetCohort,
        contributorCount: noised.contributorCount, features: features),
      parameters: parameters, itemCount: identity.catalogue.count)
    let nextHash = try storage.storeBlob(next.encoded())
    _ = try storage.append(
      .release(
        ReleaseRecord(
          round: offer.round, chargeIndex: chargeIndex, modelOut: nextHash,
          claims: storage.ledgerState.claims)))
    parameters = next
    modelHash = nextHash
    consecutiveVoidRounds = 0
    consecutiveBurnedRounds = 0
    let signalToNoise =
      Double(noised.contributorCount) / (deviation * Double(offer.dimension).squareRoot())
    var effects: [CoordinatorEffect] = [
      .note(
        .roundReleased(
          round: offer.round, contributors: noised.contributorCount, signalToNoise: signalToNoise))
    ]
    effects += note(rejections, round: offer.round)
    effects += try close(round: offer.round, outcome: .released, reason: "")
    return effects + (try startRoundIfDue())
  }

  private mutating func voidRound(reason: String) throws -> [CoordinatorEffect] {
    guard let offer = round?.offer ?? masked?.offer else { return [] }
    let rejections = masked?.rejectionCounts ?? named(round?.rejectionCounts ?? [:])
    let told = unreadableShares(of: offer.round)
    round = nil
    masked = nil
    consecutiveVoidRounds += 1
    lastLogin = now
    _ = try storage.append(.void(VoidRecord(round: offer.round, reason: reason)))
    var effects = told + [.note(.roundVoid(round: offer.round, reason: reason))]
    effects += note(rejections, round: offer.round)
    return effects + (try close(round: offer.round, outcome: .void, reason: reason))
  }

  /// Ends an open round (a drained SIGTERM): free before its charge, which stays otherwise.
  package mutating func drain() throws -> [CoordinatorEffect] {
    var effects: [CoordinatorEffect] = []
    if round != nil || masked?.isBeforeCharge == true {
      effects += try voidRound(reason: "coordinator is shutting down")
    } else if masked != nil {
      effects += try burn(reason: "coordinator is shutting down", culprits: [])
    }
    let refusal = Refused(.shuttingDown, RefusalCode.shuttingDown.meaning)
    effects += broadcast(.refused(refusal))
    return effects + sessions.keys.sorted().map { .close($0) }
  }

  mutating func close(
    round number: UInt64, outcome: RoundClosed.Outcome, reason: String
  ) throws -> [CoordinatorEffect] {
    guard let closing = try storage.closing(of: number) else { return [] }
    let payload = Message.roundClosed(try signed(outcome, of: number, reason: reason)).encoded()
    var effects: [CoordinatorEffect] = []
    // R9: with the proof that the ledger says so, too.
    for connection in connections.values.sorted() {
      effects += try show(entries(closing: closing), on: connection)
      if outcome == .released { sessions[connection]?.shownRelease = closing.entry }
      effects.append(.send(connection, payload))
    }
    return effects
  }

  /// How rounds ended, for a member who was not there: from the ledger, so that a restart forgets
  /// nothing, and with the newest checkpoint, which is never older than the one of the welcome.
  mutating func tell(
    _ rounds: [UInt64], on connection: ConnectionID
  ) throws -> [CoordinatorEffect] {
    var closed: [RoundClosed] = []
    var indices: Set<Int> = []
    for number in rounds {
      guard let closing = try storage.closing(of: number) else { continue }
      let outcome: RoundClosed.Outcome =
        switch closing.kind {
        case .release: .released
        case .burned: .burned
        default: .void
        }
      closed.append(try signed(outcome, of: number, reason: ""))
      indices.formUnion(entries(closing: closing))
    }
    let outcomes = send(.outcomes(Outcomes(closed: closed)), on: connection)
    return try show(indices.sorted(), on: connection) + [outcomes]
  }

  private func signed(
    _ outcome: RoundClosed.Outcome, of number: UInt64, reason: String
  ) throws -> RoundClosed {
    var closed = RoundClosed(
      round: number, outcome: outcome, modelHash: modelHash.bytes,
      checkpoint: try storage.checkpointText(), reason: reason, signature: [])
    closed.signature = try keys.coordinator.sign(closed.signedBytes)
    return closed
  }

  private mutating func finish(_ reason: Finished.Reason) throws -> [CoordinatorEffect] {
    finishReason = reason
    var effects: [CoordinatorEffect] = []
    for connection in connections.values.sorted() {
      effects += try showNewestRelease(on: connection)
    }
    let message = Message.finished(Finished(reason: reason, modelHash: modelHash.bytes))
    return effects + broadcast(message) + [.finished(reason)]
  }

  private func budgetRefusal(for event: PrivacyEvent) throws -> CoordinatorNote {
    let filter = storage.ledgerState.filter
    let policy = identity.policy
    let muWith = (filter.spentMuSquared + event.mu * event.mu).squareRoot()
    return .budgetRefused(
      spentEpsilon: filter.epsilonSpent,
      epsilonWithRound: GaussianAccountant.epsilon(mu: muWith, delta: policy.delta.doubleValue),
      limit: policy.epsilonLimit.doubleValue, roundsLeft: filter.roundsLeft(of: event),
      roundsInAll: policy.makeFilter().roundsLeft(of: event))
  }

  func note(_ rejections: [String: Int], round: UInt64) -> [CoordinatorEffect] {
    rejections.isEmpty ? [] : [.note(.updatesRejected(round: round, counts: rejections))]
  }

  private func named(_ rejections: [UpdateRejection: Int]) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: rejections.map { ($0.key.rawValue, $0.value) })
  }
}
