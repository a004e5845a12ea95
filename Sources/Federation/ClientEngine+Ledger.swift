internal import Cryptography
internal import Ledger
internal import Privacy
internal import SecureAggregation
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
      throw FederationError.keptLedgerDamaged("\(error)")
    }
  }

  /// Takes a newer checkpoint, and the entries shown under it, durably (R2).
  mutating func keep(
    checkpoint text: [UInt8], consistency: [UInt8], entries: [LedgerShown.Entry] = []
  ) throws {
    var next = try observed ?? heldLedger()
    let known = next.checkpoint
    let receipts: [LedgerReceipt]
    do throws(LedgerError) {
      let held = try next.accept(
        Checkpoint(parsing: text), proof: ConsistencyProof(decoding: consistency))
      receipts = try entries.map { (shown) throws(LedgerError) in
        LedgerReceipt(
          line: shown.line,
          proof: try InclusionProof(
            index: Int(clamping: shown.index), treeSize: held.size, pathBytes: shown.path),
          checkpoint: held)
      }
    } catch {
      throw refusal(error, evidence: text)
    }
    try keep(receipts, in: next, beyond: known)
  }

  /// Takes CHARGE of the open round, which the round has verified under the checkpoint held or one that extends it.
  mutating func keep(charge receipt: LedgerReceipt) throws {
    var next = try observed ?? heldLedger()
    let known = next.checkpoint
    next.adopt(receipt.checkpoint)
    try keep([receipt], in: next, beyond: known)
  }

  private mutating func keep(
    _ receipts: [LedgerReceipt], in ledger: ObservedLedger, beyond known: Checkpoint?
  ) throws {
    var next = ledger
    let unsettled = receipts.isEmpty ? [] : Set(try storage.unsettledRounds())
    var notes: [ReceiptNote] = []
    var charged: Set<UInt64> = []
    var offer: ReceiptNote?
    for receipt in receipts {
      let taken: ObservedLedger.Taken
      do throws(LedgerError) {
        taken = try next.take(receipt, unsettled: unsettled)
      } catch {
        throw refusal(error, evidence: receipt.text)
      }
      let note = ReceiptNote(of: taken.entry, receipt: receipt)
      if taken.isKept { notes.append(note) }
      switch taken.entry.record {
      case .offer: offer = note
      case .charge(let charge) where unsettled.contains(charge.round):
        if try hasMaskedSum(charge.round) { charged.insert(charge.round) }
      default: break
      }
    }
    if let checkpoint = next.checkpoint, checkpoint != known || !notes.isEmpty {
      try storage.keepLedger(
        CheckpointNote(size: checkpoint.size, text: checkpoint.text), receipts: notes,
        charged: charged)
    }
    // Nothing is acted on that a restart would not know.
    observed = next
    offerReceipt = offer ?? offerReceipt
  }

  /// Whether this device's update of `round` left it masked, by the mode that its journal names: the policy may have been
  /// replaced since. A round of which that is not known counts as masked, so that nothing is given back on a word.
  ///
  /// In `sealed` the coordinator has each update anyway: what a second sum tells it, it knows (ruling 27).
  func hasMaskedSum(_ round: UInt64) throws -> Bool {
    let mode = try storage.agreedTerms(of: round)?.mode
    return mode.flatMap(AggregationMode.init(rawValue:))?.isMasked ?? true
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

  func refusal(_ error: LedgerError, evidence: [UInt8]) -> FederationError {
    switch error {
    case .rolledBack(let held, let shown): .ledgerRolledBack(kept: held, shown: shown)
    case .splitView(let size): .ledgerForked(size: size, evidence: evidence)
    case .extensionNotProven(let held, let shown, _):
      .extensionNotProven(kept: held, shown: shown, evidence: evidence)
    case .contradiction(let round, let entry, let held):
      .roundContradicted(round: round, entry: entry, held: held, evidence: evidence)
    default: .badCheckpoint("\(error)")
    }
  }

  /// What the coordinator signed and this device refuses, beside what it holds against it; nil for most refusals.
  func evidence(of error: FederationError) -> RefusalNote.Evidence? {
    switch error {
    case .ledgerForked(_, let refused):
      return .init(refused: refused, held: observed?.checkpoint?.text, convicts: true)
    case .extensionNotProven(_, _, let refused):
      return .init(refused: refused, held: observed?.checkpoint?.text, convicts: false)
    case .roundContradicted(_, _, let held, let refused):
      // Without the other one, which the store may be too damaged to give, it is evidence all the same.
      let kept = (try? storage.receipts()) ?? []
      return .init(
        refused: refused,
        held: kept.first { text in
          // What cannot be read is not the one that is looked for.
          (try? LedgerReceipt(parsing: text))?.proof.index == held
        }, convicts: true)
    default: return nil
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
    // Both are signed by it; the text may differ in the signature.
    guard let held = observed.checkpoint,
      (try? Checkpoint(parsing: closed.checkpoint))?.isSameTree(as: held) == true
    else {
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
    guard let charge = proven.charge, let agreed = try storage.agreedTerms(of: closed.round)
    else { return }
    let charged: Double
    do {
      charged = try charge.event(entry: 0).mu
    } catch {
      throw FederationError.wrongCharge(round: closed.round, "\(error)")
    }
    guard charged >= agreed.mu else {
      throw FederationError.wrongCharge(
        round: closed.round, "mu \(charged), offered with \(agreed.mu)")
    }
    // The policy may have been replaced since, and the process too: the journal knows what it was.
    guard let mode = agreed.mode, let minimumCohort = agreed.minimumCohort else { return }
    guard charge.cohortMinimum >= minimumCohort, charge.mode == mode else {
      throw FederationError.wrongCharge(
        round: closed.round,
        "mode \(charge.mode) and at least \(charge.cohortMinimum) contributions, the policy says "
          + "\(mode) and \(minimumCohort)")
    }
  }

  /// Lists what this device refused. A refusal stands whether or not it could be written down.
  func listRefusal(round: UInt64?, _ reason: String, evidence: RefusalNote.Evidence? = nil) {
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
