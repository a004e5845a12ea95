package import Cryptography

extension LedgerReceipt {
  /// Follows a change of the coordinator's key: this receipt must be of a KEY entry, under the checkpoint that ends with
  /// it and that both keys signed.
  /// - Parameters:
  ///   - ledgerID: of the ledger that it must be of.
  ///   - previous: the key that is known.
  /// - Returns: the KEY entry and what it says; its `nextKey` signs every larger checkpoint.
  /// - Throws: `LedgerError`: `.handoverInvalid` naming the entry, `.checkpointRefused`, `.proofInvalid`, or why the line is
  ///   no entry.
  package func handover(
    ledgerID: LedgerID, from previous: VerifyingKey
  ) throws(LedgerError) -> (entry: LedgerEntry, change: KeyRecord) {
    let entry = try verify(ledgerID: ledgerID, key: previous)
    guard case .key(let change) = entry.record else {
      throw .outOfOrder(entry: entry.index, kind: entry.record.kind, expected: "key")
    }
    try Requirement(entry: entry.index).equal("previous_key", previous, change.previousKey)
    guard change.isPossessed(ledgerID: ledgerID, index: entry.index) else {
      throw .handoverInvalid(entry: entry.index, problem: "the next key did not sign the change")
    }
    try checkpoint.requireHandover(change, at: entry.index, ledgerID: ledgerID)
    return (entry, change)
  }
}

extension Checkpoint {
  /// Checks that this is the checkpoint that ends with KEY entry `entry`, and that both of its keys signed it.
  /// - Throws: `LedgerError.handoverInvalid`.
  package func requireHandover(
    _ change: KeyRecord, at entry: Int, ledgerID: LedgerID
  ) throws(LedgerError) {
    guard size == entry + 1, signatures.count == Self.maximumSignatures else {
      throw .handoverInvalid(
        entry: entry,
        problem: "a checkpoint of \(size) entries with \(signatures.count) signatures instead of "
          + "\(entry + 1) with \(Self.maximumSignatures)")
    }
    for key in [change.previousKey, change.nextKey] {
      do {
        try verify(ledgerID: ledgerID, key: key)
      } catch {
        throw .handoverInvalid(entry: entry, problem: "\(error)")
      }
    }
  }
}
