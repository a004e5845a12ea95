package import Cryptography

/// What a device has seen of its coordinator's ledger, and the rules by which it lets itself be shown more.
///
/// The device holds no log: one checkpoint, extended step by step, and receipts under it. Nothing here acts; a refusal
/// means that the device takes no further part until a person looked.
package struct ObservedLedger: Equatable, Sendable {
  /// Which ledger, as pinned at enrolment.
  package let ledgerID: LedgerID
  /// Who signs it, as pinned at enrolment.
  package let coordinatorKey: VerifyingKey
  /// The newest checkpoint accepted; nil before the first.
  package private(set) var checkpoint: Checkpoint?

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
  /// - Throws: `LedgerError`: `.checkpointRefused`, `.rolledBack`, `.splitView`; nothing is taken then.
  package mutating func accept(
    _ newer: Checkpoint, proof: ConsistencyProof
  ) throws(LedgerError) {
    try newer.verify(ledgerID: ledgerID, key: coordinatorKey)
    if let checkpoint { try newer.requireExtension(of: checkpoint, proof: proof) }
    checkpoint = newer
  }

  /// The entry that `receipt` proves to be in the ledger as accepted so far.
  /// - Throws: `LedgerError`: `.checkpointRefused` for a receipt under another checkpoint than the accepted one, else as
  ///   `LedgerReceipt.verify`.
  package func entry(provenBy receipt: LedgerReceipt) throws(LedgerError) -> LedgerEntry {
    guard let checkpoint, receipt.checkpoint.size == checkpoint.size,
      receipt.checkpoint.root == checkpoint.root
    else {
      throw .checkpointRefused(
        problem: "the receipt is under a checkpoint of \(receipt.checkpoint.size) entries that was "
          + "not accepted")
    }
    return try receipt.verify(ledgerID: ledgerID, key: coordinatorKey)
  }

  /// The public OFFER of a round, which must be the one that the coordinator made to this device (rule R6): every
  /// device then starts from the same model and the same catalogue.
  /// - Parameters:
  ///   - receipt: proves the OFFER.
  ///   - round: offered to this device.
  ///   - modelHash: SHA-256 of the parameters this device received.
  ///   - catalogueHash: SHA-256 of the catalogue this device received.
  ///   - policyHash: of the policy consented to.
  /// - Throws: as `entry(provenBy:)`; `LedgerError.outOfOrder` if it is another kind of entry, `.roundMismatch`,
  ///   `.mismatch` naming the field.
  package func offer(
    provenBy receipt: LedgerReceipt, round: UInt64, modelHash: SHA256Digest,
    catalogueHash: SHA256Digest, policyHash: SHA256Digest
  ) throws(LedgerError) -> OfferRecord {
    let entry = try entry(provenBy: receipt)
    guard case .offer(let offer) = entry.record else { throw Self.wrongKind(entry, "offer") }
    try Self.requireRound(entry, round)
    let required = Requirement(entry: entry.index)
    try required.equal("model_in", modelHash, offer.modelIn)
    try required.equal("catalogue_hash", catalogueHash, offer.catalogueHash)
    try required.equal("policy_hash", policyHash, offer.policyHash)
    return offer
  }

  /// The CHARGE of a round, without which no client of a masked round helps to unmask (ruling 11).
  ///
  /// What it charges is for the caller to compare with the offer and with its own journal.
  /// - Throws: as `offer`.
  package func charge(
    provenBy receipt: LedgerReceipt, round: UInt64
  ) throws(LedgerError) -> ChargeRecord {
    let entry = try entry(provenBy: receipt)
    guard case .charge(let charge) = entry.record else { throw Self.wrongKind(entry, "charge") }
    try Self.requireRound(entry, round)
    return charge
  }

  /// How a round ended, without which a device joins no further one (rule R9, ruling 13).
  /// - Returns: `release`, `void` or `burned`.
  /// - Throws: as `offer`.
  package func outcome(
    provenBy receipt: LedgerReceipt, of round: UInt64
  ) throws(LedgerError) -> LedgerRecordKind {
    let entry = try entry(provenBy: receipt)
    switch entry.record {
    case .release, .void, .burned:
      try Self.requireRound(entry, round)
      return entry.record.kind
    case .genesis, .offer, .charge, .policy, .roster:
      throw Self.wrongKind(entry, "release, void or burned")
    }
  }

  private static func wrongKind(_ entry: LedgerEntry, _ expected: String) -> LedgerError {
    .outOfOrder(entry: entry.index, kind: entry.record.kind, expected: expected)
  }

  private static func requireRound(_ entry: LedgerEntry, _ round: UInt64) throws(LedgerError) {
    guard let found = entry.record.round, found == round else {
      throw .roundMismatch(entry: entry.index, round: entry.record.round ?? 0, open: round)
    }
  }
}
