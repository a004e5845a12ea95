internal import Cryptography
internal import Ledger
internal import Privacy
internal import WireProtocol

// What a device lets itself be shown of the ledger: rules R2, R6 and R9, and what R3 is recomputed from.
extension ClientEngine {
  /// What this device holds of the ledger, read back from its store.
  func heldLedger() throws -> ObservedLedger {
    do {
      var held = ObservedLedger(
        ledgerID: try LedgerID(bytes: ledgerID), coordinatorKey: try pinnedKey(),
        checkpoint: try storage.newestCheckpoint().map { try Checkpoint(parsing: $0.text) })
      // They were verified before they were kept.
      for text in try storage.receipts() {
        let receipt = try LedgerReceipt(parsing: text)
        try held.restore(LedgerEntry(decoding: receipt.line, at: receipt.proof.index))
      }
      return held
    } catch let error as LedgerError {
      throw FederationError.badCheckpoint("what this device keeps is damaged: \(error)")
    }
  }

  /// Takes a newer checkpoint, and the entries shown under it, durably (R2).
  mutating func keep(
    checkpoint text: [UInt8], consistency: [UInt8], entries: [LedgerShown.Entry] = []
  ) throws {
    var next = try observed ?? heldLedger()
    let (known, isFull) = (next.checkpoint, next.spend.isFull)
    var receipts: [ReceiptNote] = []
    do throws(LedgerError) {
      let checkpoint = try Checkpoint(parsing: text)
      try next.accept(checkpoint, proof: ConsistencyProof(decoding: consistency))
      for shown in entries {
        let receipt = LedgerReceipt(
          line: shown.line,
          proof: try InclusionProof(
            index: Int(clamping: shown.index), treeSize: checkpoint.size, pathBytes: shown.path),
          checkpoint: checkpoint)
        let entry = try next.take(receipt)
        receipts.append(ReceiptNote(of: entry, receipt: receipt))
      }
    } catch {
      throw refusal(error, checkpoint: text)
    }
    let own = try receipts.filter { try isKept($0, isFull: isFull) }
    if let checkpoint = next.checkpoint, checkpoint != known || !own.isEmpty {
      try storage.keepLedger(
        CheckpointNote(size: checkpoint.size, text: checkpoint.text), receipts: own)
    }
    // Nothing is acted on that a restart would not know.
    observed = next
    offerReceipt = receipts.last { $0.kind == LedgerRecordKind.offer.rawValue } ?? offerReceipt
  }

  /// The coordinator shows more of its ledger.
  mutating func accept(_ shown: LedgerShown) throws -> [ClientEffect] {
    let kept = observed?.checkpoint?.size ?? 0
    guard shown.heldSize == UInt64(kept) else {
      throw FederationError.ledgerNotExtended(kept: kept, from: shown.heldSize)
    }
    try keep(
      checkpoint: shown.checkpoint, consistency: shown.consistency, entries: shown.entries)
    return []
  }

  // Every charge and output of the ledger counts (ruling 16), up to as many as a device adds up: it
  // joins no round after them. How rounds of others ended otherwise costs a coordinator nothing to
  // say, and is kept for no round but the device's own; an OFFER is kept with the journal entry.
  private func isKept(_ receipt: ReceiptNote, isFull: Bool) throws -> Bool {
    switch LedgerRecordKind(rawValue: receipt.kind) {
    case .charge where !isFull, .release where !isFull: true
    case .charge, .release, .void, .burned:
      try storage.unsettledRounds().contains(receipt.round)
    default: false
    }
  }

  func refusal(_ error: LedgerError, checkpoint text: [UInt8]) -> FederationError {
    switch error {
    case .rolledBack(let held, let shown): .ledgerRolledBack(kept: held, shown: shown)
    case .splitView(let held, let shown, _):
      .ledgerForked(kept: held, shown: shown, evidence: text)
    default: .badCheckpoint("\(error)")
    }
  }

  /// R6: the offer is the one that the ledger holds for everybody.
  func requirePublic(_ offer: Offer, planIndex: Int) throws(OfferRefusal) {
    guard let policy, let observed else { throw .offerNotProven("no ledger was shown") }
    do {
      try observed.requireOffer(
        OfferRecord(
          round: offer.round, planIndex: planIndex, stage: policy.plan[planIndex].stage,
          mode: policy.mode, modelIn: try SHA256Digest(bytes: offer.modelHash),
          catalogueHash: try SHA256Digest(bytes: offer.catalogueHash),
          policyHash: try SHA256Digest(bytes: offer.policyHash),
          deadlineSeconds: Int(offer.deadlineSeconds)))
    } catch {
      throw .offerNotProven("\(error)")
    }
  }

  /// R9, and R5 and R7 in hindsight: the ledger says that the round ended so, and charged what this device journalled.
  func requireProven(_ closed: RoundClosed) throws {
    guard let observed else {
      throw FederationError.outcomeNotProven(round: closed.round, "no ledger was shown")
    }
    guard closed.checkpoint == observed.checkpoint?.text else {
      throw FederationError.outcomeNotProven(
        round: closed.round, "its checkpoint is not the one that was shown")
    }
    let proven: ObservedLedger.Outcome
    do {
      proven = try observed.outcome(of: closed.round)
    } catch {
      throw FederationError.outcomeNotProven(round: closed.round, "\(error)")
    }
    guard proven.record.kind == closed.outcome.recordKind else {
      throw FederationError.outcomeNotProven(
        round: closed.round, "the ledger says \(proven.record.kind.rawValue)")
    }
    guard let charge = proven.charge, let journalled = try storage.journaledMu(of: closed.round)
    else { return }
    let charged: Double
    do {
      charged = try charge.event(entry: 0).mu
    } catch {
      throw FederationError.wrongCharge(round: closed.round, "\(error)")
    }
    guard charged >= journalled else {
      throw FederationError.wrongCharge(
        round: closed.round, "mu \(charged), offered with \(journalled)")
    }
    guard let policy = roundPolicy, round?.offer.round == closed.round else { return }
    guard charge.cohortMinimum >= policy.minimumCohort, charge.mode == policy.mode else {
      throw FederationError.wrongCharge(
        round: closed.round,
        "mode \(charge.mode) and at least \(charge.cohortMinimum) contributions, the policy says "
          + "\(policy.mode) and \(policy.minimumCohort)")
    }
  }

  /// Lists what this device refused. A refusal stands whether or not it could be written down.
  func listRefusal(round: UInt64?, _ reason: String, evidence: [UInt8]? = nil) {
    try? storage.recordRefusal(RefusalNote(round: round, reason: reason, evidence: evidence))
  }
}

extension RoundClosed.Outcome {
  /// The kind of entry that says so.
  var recordKind: LedgerRecordKind {
    switch self {
    case .released: .release
    case .void: .void
    case .burned: .burned
    }
  }
}

extension ReceiptNote {
  init(of entry: LedgerEntry, receipt: LedgerReceipt) {
    self.init(
      entry: entry.index, round: entry.record.round ?? 0, kind: entry.record.kind.rawValue,
      text: receipt.text)
  }
}
