package import Cryptography

/// What a device has seen of its coordinator's ledger, and the rules by which it lets itself be shown more.
///
/// The device holds no log: one checkpoint, extended step by step, and what was proven under it. Nothing here acts; a
/// refusal means that the device takes no further part until a person looked.
package struct ObservedLedger: Equatable, Sendable {
  /// A round's end as it was proven.
  package struct Outcome: Equatable, Sendable {
    /// RELEASE, VOID or BURNED.
    package let record: LedgerRecord
    /// What was charged; nil for a VOID.
    package let charge: ChargeRecord?
  }

  /// An entry that was taken.
  package struct Taken: Equatable, Sendable {
    /// OFFER, CHARGE, RELEASE, VOID or BURNED.
    package let entry: LedgerEntry
    /// Whether the device is to keep it, as it does not yet: a later process then knows what this one does.
    package let isKept: Bool
  }

  /// Which entries of a round are kept.
  private struct KeptRound: Equatable {
    var charge: Int?
    var end: Int?
    var isVoid = false
  }

  /// A record, and which entry it is.
  private struct Placed<Record: Equatable & Sendable>: Equatable {
    let entry: Int
    let record: Record
  }

  /// Which ledger, as pinned at enrolment.
  package let ledgerID: LedgerID
  /// Who signs it: the key pinned at enrolment, or the newest one that took its place.
  package private(set) var coordinatorKey: VerifyingKey
  /// The newest checkpoint accepted; nil before the first.
  package private(set) var checkpoint: Checkpoint?
  /// What the CHARGE and RELEASE entries proven so far add up to.
  package private(set) var spend = ProvenSpend()
  /// The RELEASE of the highest index that was proven, in this process or one before.
  package private(set) var newestRelease: ReleaseRecord?
  private var newestReleaseEntry = -1
  private var keyChangeCount = 0
  // The offer waits while outcomes are asked for; the rest is of use to the one message that follows.
  private var offer: Placed<OfferRecord>?
  private var charges: [UInt64: Placed<ChargeRecord>] = [:]
  private var closings: [UInt64: Placed<LedgerRecord>] = [:]
  private var kept: [UInt64: KeptRound] = [:]

  /// - Parameter checkpoint: the newest one that was accepted and stored before; it is trusted here.
  package init(ledgerID: LedgerID, coordinatorKey: VerifyingKey, checkpoint: Checkpoint?) {
    self.ledgerID = ledgerID
    self.coordinatorKey = coordinatorKey
    self.checkpoint = checkpoint
  }

  /// Takes a newer checkpoint of the same ledger (rule R2). Store it before acting on it.
  /// - Parameters:
  ///   - newer: as the coordinator sent it.
  ///   - proof: from the size of `checkpoint` to that of `newer`; not looked at while there is no checkpoint.
  /// - Returns: the one that is held now: of the same entries the one held before, whatever its signature.
  /// - Throws: `LedgerError`: `.checkpointRefused`, `.rolledBack`, `.splitView`, `.extensionNotProven`; nothing is taken then.
  @discardableResult
  package mutating func accept(
    _ newer: Checkpoint, proof: ConsistencyProof
  ) throws(LedgerError) -> Checkpoint {
    let held: Checkpoint
    if let checkpoint, newer.isSameTree(as: checkpoint) {
      if newer != checkpoint { try newer.verify(ledgerID: ledgerID, key: coordinatorKey) }
      held = checkpoint
    } else {
      try newer.verify(ledgerID: ledgerID, key: coordinatorKey)
      if let checkpoint { try newer.requireExtension(of: checkpoint, proof: proof) }
      held = newer
    }
    checkpoint = held
    charges = [:]
    closings = [:]
    return held
  }

  /// Takes the key that replaced `coordinatorKey`, and the checkpoint with which it did. Store the receipt before acting
  /// on it: from here on nothing that the key before signed is taken.
  /// - Parameters:
  ///   - receipt: of the KEY entry, as `LedgerReceipt.handover` asks for it.
  ///   - proof: as for `accept`.
  /// - Returns: the KEY entry.
  /// - Throws: `LedgerError` as `LedgerReceipt.handover` and `accept`; nothing is taken then.
  package mutating func follow(
    _ receipt: LedgerReceipt, proof: ConsistencyProof
  ) throws(LedgerError) -> LedgerEntry {
    let (entry, change) = try receipt.handover(ledgerID: ledgerID, from: coordinatorKey)
    if let checkpoint { try receipt.checkpoint.requireExtension(of: checkpoint, proof: proof) }
    guard keyChangeCount < CheckpointKeys.maximumChanges else {
      throw .handoverInvalid(
        entry: entry.index,
        problem: "a ledger changes its key at most \(CheckpointKeys.maximumChanges) times")
    }
    coordinatorKey = change.nextKey
    keyChangeCount += 1
    checkpoint = receipt.checkpoint
    charges = [:]
    closings = [:]
    return entry
  }

  /// Takes a checkpoint that was held against `checkpoint` already, in a masked round's `Proof`.
  package mutating func adopt(_ verified: Checkpoint) { checkpoint = verified }

  /// Takes the entry that `receipt` proves to be in the ledger as accepted so far.
  ///
  /// Every CHARGE and RELEASE of the ledger is to be kept (ruling 16), up to as many as are added up: no round is joined
  /// after them. How rounds of others ended otherwise costs a coordinator nothing to say, and is kept of no round but the
  /// device's own, one charge and one end of each. An OFFER is kept with the journal entry.
  /// - Parameter unsettled: the device's own rounds whose end is not known to it yet.
  /// - Throws: `LedgerError`: `.checkpointRefused` for a receipt under another checkpoint than the accepted one, else as
  ///   `LedgerReceipt.verify`; `.outOfOrder` for another kind; `.falseClaim` for a RELEASE that says less than what is
  ///   proven to be charged; `.contradiction` with an entry that is kept.
  @discardableResult
  package mutating func take(
    _ receipt: LedgerReceipt, unsettled: Set<UInt64> = []
  ) throws(LedgerError) -> Taken {
    guard let checkpoint, receipt.checkpoint == checkpoint else {
      throw .checkpointRefused(
        problem: "the receipt is under a checkpoint of \(receipt.checkpoint.size) entries that was "
          + "not accepted")
    }
    // Its signature was verified when it was accepted.
    let entry = try receipt.entryUnderCheckpoint()
    try requireNoContradiction(entry)
    let counts = !spend.isFull
    try spend.add(entry)
    switch entry.record {
    case .offer(let record): offer = Placed(entry: entry.index, record: record)
    case .charge(let record): charges[record.round] = Placed(entry: entry.index, record: record)
    case .release, .void, .burned:
      noteRelease(entry)
      if let round = entry.record.closedRound {
        closings[round] = Placed(entry: entry.index, record: entry.record)
      }
    case .genesis, .policy, .roster, .key:
      throw .outOfOrder(
        entry: entry.index, kind: entry.record.kind,
        expected: "offer, charge, release, void or burned")
    }
    if holds(entry) { return Taken(entry: entry, isKept: false) }
    let isOwn = entry.record.round.map(unsettled.contains) ?? false
    let isKept =
      switch entry.record.kind {
      case .charge, .release: counts || isOwn
      case .void, .burned: isOwn
      default: false
      }
    if isKept { hold(entry) }
    return Taken(entry: entry, isKept: isKept)
  }

  /// Takes what an earlier process took, and kept: counts a CHARGE or RELEASE, remembers how a round ended, and follows a
  /// KEY from the key held so far: one that was pinned at enrolment needs no earlier change.
  /// - Parameter entry: by rising index.
  /// - Throws: as `ProvenSpend.add`.
  package mutating func restore(_ entry: LedgerEntry) throws(LedgerError) {
    if case .key(let change) = entry.record, change.previousKey == coordinatorKey {
      coordinatorKey = change.nextKey
      keyChangeCount += 1
    }
    noteRelease(entry)
    try spend.add(entry)
    hold(entry)
  }

  private mutating func noteRelease(_ entry: LedgerEntry) {
    guard case .release(let release) = entry.record, entry.index > newestReleaseEntry else {
      return
    }
    (newestRelease, newestReleaseEntry) = (release, entry.index)
  }

  private func holds(_ entry: LedgerEntry) -> Bool {
    guard let held = entry.record.round.flatMap({ kept[$0] }) else { return false }
    return entry.index == held.charge || entry.index == held.end
  }

  private mutating func hold(_ entry: LedgerEntry) {
    guard let round = entry.record.round else { return }
    switch entry.record.kind {
    case .charge: kept[round, default: KeptRound()].charge = entry.index
    case .release, .void, .burned:
      kept[round, default: KeptRound()].end = entry.index
      kept[round]?.isVoid = entry.record.kind == .void
    default: break
    }
  }

  private func requireNoContradiction(_ entry: LedgerEntry) throws(LedgerError) {
    guard let round = entry.record.round, let held = kept[round] else { return }
    let others: [Int?] =
      switch entry.record.kind {
      case .charge: [held.charge, held.isVoid ? held.end : nil]
      case .void: [held.charge, held.end]
      case .release, .burned: [held.end]
      default: []
      }
    if let other = others.compactMap({ $0 }).first(where: { $0 != entry.index }) {
      throw .contradiction(round: round, entry: entry.index, held: other)
    }
  }

  /// Requires that the ledger holds `expected` as the OFFER of its round, so that every device is offered the same
  /// model, catalogue and policy (rule R6).
  /// - Throws: `LedgerError.notProven` if no OFFER of that round was taken; `.mismatch` naming the first field that differs.
  package func requireOffer(_ expected: OfferRecord) throws(LedgerError) {
    guard let offer, offer.record.round == expected.round else {
      throw .notProven(round: expected.round, kind: "offer")
    }
    let (required, offered) = (Requirement(entry: offer.entry), offer.record)
    try required.equal("plan_index", expected.planIndex, offered.planIndex)
    try required.equal("stage", expected.stage, offered.stage)
    try required.equal("mode", expected.mode, offered.mode)
    try required.equal("model_in", expected.modelIn, offered.modelIn)
    try required.equal("catalogue_hash", expected.catalogueHash, offered.catalogueHash)
    try required.equal("policy_hash", expected.policyHash, offered.policyHash)
    try required.equal("deadline_seconds", expected.deadlineSeconds, offered.deadlineSeconds)
  }

  /// How a round ended, without which a device joins no further one (rule R9, ruling 13).
  /// - Throws: `LedgerError.notProven` if its end, or the CHARGE that its end names, was not taken under the newest
  ///   checkpoint; `.mismatch` if the end names another CHARGE.
  package func outcome(of round: UInt64) throws(LedgerError) -> Outcome {
    guard let closing = closings[round] else {
      throw .notProven(round: round, kind: "release, void or burned")
    }
    let named: Int
    switch closing.record {
    case .release(let release): named = release.chargeIndex
    case .burned(let burned): named = burned.chargeIndex
    default: return Outcome(record: closing.record, charge: nil)
    }
    guard let charge = charges[round] else { throw .notProven(round: round, kind: "charge") }
    try Requirement(entry: closing.entry).equal("charge_index", charge.entry, named)
    return Outcome(record: closing.record, charge: charge.record)
  }
}
