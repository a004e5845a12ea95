internal import Cryptography
internal import Ledger
internal import Privacy
internal import SecureAggregation
internal import VectorMath
internal import WireProtocol

extension ClientEngine {
  // MARK: - Rounds

  mutating func consider(_ offer: Offer) throws -> [ClientEffect] {
    guard let policy, let policyHash else { return [] }
    if let open = round, open.offer == offer {
      guard try open.isSettled || open.isBeyondRecall || storage.consents(to: policyHash) else {
        // Withdrawn since the connection was lost: what was sealed is not sent again.
        endRound()
        let answer = Message.answer(Answer(round: offer.round, joins: false))
        return [.note(.declined(round: offer.round, .noConsent)), .send(answer.encoded())]
      }
      let effects = round?.reconnected() ?? []
      return try perform(effects)
    }
    endRound()
    let coordinatorKey = try coordinatorKey()
    let joins: Bool
    var notes: [ClientEffect] = []
    do throws(OfferRefusal) {
      charge = try check(
        offer, policy: policy, policyHash: policyHash, coordinatorKey: coordinatorKey)
      joins = true
    } catch {
      joins = false
      listRefusal(round: offer.round, "\(error)")
      notes.append(.note(.declined(round: offer.round, error)))
    }
    round = try makeRound(offer, policy: policy, joins: joins)
    return notes + (try advanceRound(.decided(joins: joins)))
  }

  /// The role that the policy's mode asks for; an offer that is declined needs none of the masks.
  private func makeRound(
    _ offer: Offer, policy: PrivacyPolicy, joins: Bool
  ) throws -> OpenClientRound {
    let context = RoundContext.digest(
      offer: offer, coordinatorKey: try coordinatorKey().bytes, ledgerID: ledgerID)
    guard joins, let mode = AggregationMode(rawValue: policy.mode), mode.isMasked,
      let maskingPolicy = try MaskingPolicy(of: policy), case .login(let enrolment) = start
    else {
      return .sealed(
        ClientRound(offer: offer, context: context, clientID: clientID, identity: identity))
    }
    let setup = MaskedClientSetup(
      clientID: clientID, identity: identity, context: context, mode: mode, policy: policy,
      maskingPolicy: maskingPolicy,
      encoding: try FixedPointEncoding(
        fractionBits: Int(offer.fractionBits),
        clipNorm: policy.plan[Int(offer.planIndex)].clipNorm.doubleValue),
      ledgerID: try LedgerID(bytes: ledgerID), coordinatorKey: try coordinatorKey(),
      enrolmentKey: enrolment.enrolmentKey,
      revoked: Set(try storage.revocations().map(RevocationList.init(bytes:))?.revoked ?? []),
      rosters: rosters)
    return .masked(MaskedClientRound(offer: offer, setup: setup, noise: noiseShares))
  }

  /// Leaves the open round, if any, and erases its secrets.
  mutating func endRound() {
    round?.end()
    round = nil
  }

  /// Tells the open round which checkpoint this device holds.
  mutating func showCheckpoint() throws -> [ClientEffect] {
    guard let kept = try storage.newestCheckpoint() else { return [] }
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(parsing: kept.text)
    } catch {
      throw FederationError.keptLedgerDamaged("\(error)")
    }
    return try advanceRound(.holds(checkpoint))
  }

  private func check(
    _ offer: Offer, policy: PrivacyPolicy, policyHash: SHA256Digest, coordinatorKey: VerifyingKey
  ) throws(OfferRefusal) -> PrivacyEvent {
    if optedOut { throw .optedOut }
    guard (try? storage.consents(to: policyHash)) == true else {
      // An unreadable store counts as no consent: nothing is sent.
      throw .noConsent
    }
    guard offer.catalogueHash == knownHashes?.catalogue.bytes else { throw .unknownCatalogue }
    let lastRound: UInt64?
    let unsettled: UInt64?
    let spent: GDPFilter?
    let rounds: Int
    let lostSum: UInt64?
    var participation = ParticipationRecord()
    do {
      lastRound = try storage.lastRound()
      unsettled = try storage.unsettledRounds().first
      rounds = try storage.spentRounds() + 1
      lostSum = try storage.unreleasedCharge()
      spent = policy.makeFilter(
        spentMuSquared: try storage.spentMuSquared(outsideBlock: offer.block?.start),
        masked: rounds)
      if let block = offer.block {
        participation = try storage.participation(inBlock: block.start)
      }
    } catch {
      // An unreadable journal counts as no consent: nothing is sent.
      throw .noConsent
    }
    guard let spent else { throw .deltaExhausted(rounds: rounds) }
    // What the ledger has spent as far as it was proven to this device: ruling 16.
    let proven = observed?.spend ?? ProvenSpend()
    guard !proven.isFull else { throw .ledgerTooLong(entries: ProvenSpend.maximumEntries) }
    let charged = proven.chargeCount + 1
    guard
      let ledger = policy.makeFilter(
        spentMuSquared: proven.muSquared.doubleValue, masked: charged)
    else { throw .deltaExhausted(rounds: charged) }
    let event = try OfferRules.check(
      offer, policy: policy, policyHash: policyHash.bytes, coordinatorKey: coordinatorKey,
      lastRound: lastRound, unsettled: unsettled, lostSum: lostSum, spent: spent, ledger: ledger,
      proven: proven, participation: participation)
    try requirePublic(offer, planIndex: Int(offer.planIndex))
    return event
  }

  var clientID: ClientID {
    switch start {
    case .enrol: 0
    case .login(let enrolment): enrolment.clientID
    }
  }

  mutating func advanceRound(_ event: ClientRoundEvent) throws -> [ClientEffect] {
    guard let effects = try round?.handle(event) else { return [] }
    return try perform(effects)
  }

  private mutating func perform(_ roundEffects: [ClientRoundEffect]) throws -> [ClientEffect] {
    guard let offer = round?.offer else { return [] }
    var effects: [ClientEffect] = []
    for effect in roundEffects {
      switch effect {
      case .send(let message):
        effects.append(.send(message.encoded()))
      case .computeUpdate:
        effects += try need(
          [offer.modelHash, offer.catalogueHash], then: .compute(offer))
      case .journal(let digest):
        effects += try journal(offer, digest: digest)
      case .settled(let accepted, let detail):
        effects.append(
          .note(
            accepted
              ? .contributed(round: offer.round)
              : .rejected(round: offer.round, reason: detail)))
      case .keep(let charge):
        // The shares that unmask the round's sum come next.
        try keep(charge: charge)
      case .giveBack:
        // Void is what a device calls a round that does not count (ruling 12).
        try storage.recordOutcome(round: offer.round, .void)
      case .left(let refusal):
        listRefusal(round: offer.round, "left the round: \(refusal.name)")
        effects.append(.note(.left(round: offer.round, refusal)))
      }
    }
    return effects
  }

  private mutating func journal(_ offer: Offer, digest: [UInt8]) throws -> [ClientEffect] {
    guard let policy, let policyHash, let charge else { return [] }
    guard try storage.consents(to: policyHash) else {
      // Withdrawn between the offer and the upload: not one byte of the update leaves.
      endRound()
      listRefusal(round: offer.round, "\(OfferRefusal.noConsent)")
      return [.note(.declined(round: offer.round, .noConsent)), .close]
    }
    let stage = policy.plan[Int(offer.planIndex)].stage
    try storage.journalSpent(
      SpentRound(
        round: offer.round, policyHash: policyHash, mu: charge.mu,
        charge: "discrete Gaussian s=\(offer.noiseScale) sensitivity=2^\(offer.fractionBits) "
          + "stage=\(stage)",
        updateDigest: digest, mode: policy.mode, minimumCohort: policy.minimumCohort,
        block: offer.block,
        offerReceipt: offerReceipt.flatMap { $0.round == offer.round ? $0 : nil }))
    return try advanceRound(.journaled)
  }

  // MARK: - Outcomes

  /// Asks for a first part of `rounds`; what is open still is told when it closes.
  mutating func askOutcomes(of rounds: [UInt64]) -> [ClientEffect] {
    outcomesAsked = Array(rounds.prefix(AskOutcomes.maximumRounds))
    guard !outcomesAsked.isEmpty else { return [] }
    return [.send(Message.askOutcomes(AskOutcomes(rounds: outcomesAsked)).encoded())]
  }

  /// Records what was asked for, asks for the rest, then goes on with what had to wait.
  mutating func settle(_ outcomes: Outcomes) throws -> [ClientEffect] {
    guard let newestAsked = outcomesAsked.last else {
      throw FederationError.unexpectedMessage("outcomes came that were not asked for")
    }
    guard outcomes.closed.allSatisfy({ outcomesAsked.contains($0.round) }) else {
      throw FederationError.unexpectedMessage("the outcome of another round than asked for came")
    }
    var effects: [ClientEffect] = []
    for closed in outcomes.closed { effects += try close(closed) }
    let rest = try storage.unsettledRounds().filter { $0 > newestAsked }
    effects += askOutcomes(of: rest)
    guard outcomesAsked.isEmpty else { return effects }
    let waiting = waitingForOutcomes
    waitingForOutcomes = []
    for message in waiting { effects += try act(on: message) }
    return effects
  }

  mutating func close(_ closed: RoundClosed) throws -> [ClientEffect] {
    guard try coordinatorKey().isValidSignature(closed.signature, for: closed.signedBytes) else {
      throw FederationError.wrongCoordinator("a round outcome is not signed by its key")
    }
    try requireProven(closed)
    try record(closed)
    if round?.offer.round == closed.round { endRound() }
    return [.note(.closed(round: closed.round, closed.outcome))]
  }

  private func record(_ closed: RoundClosed) throws {
    guard try hasMaskedSum(closed.round) else {
      return try storage.recordOutcome(round: closed.round, closed.outcome)
    }
    // Taken back already, on the proof of a survivor set without this device.
    guard try storage.unsettledRounds().contains(closed.round) else { return }
    // A masked update may have left the device, and the word of the coordinator gives nothing back
    // (ruling 12): the round stays spent.
    try storage.recordOutcome(
      round: closed.round, closed.outcome == .void ? .burned : closed.outcome)
  }

  mutating func finish(_ finished: Finished) throws -> [ClientEffect] {
    guard let knownHashes else { return [] }
    let shown = try SHA256Digest(bytes: finished.modelHash)
    let proven = observed?.newestRelease?.modelOut
    if let proven, proven != shown {
      throw FederationError.modelNotReleased(shown: shown, proven: proven)
    }
    let model = proven.map { [$0.bytes] } ?? []
    return try need(
      model + [knownHashes.catalogue.bytes, knownHashes.features.bytes],
      then: .finish(finished.reason, model: proven))
  }
}
