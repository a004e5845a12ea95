package import Cryptography
package import Ledger

extension LedgerWriter {
  /// Makes a new ledger whose first entry is `genesis`.
  ///
  /// Remains of a creation that was interrupted are replaced: nothing was ever charged to them.
  /// - Parameters:
  ///   - disk: the ledger's directory, which nobody else writes.
  ///   - genesis: its coordinator key is that of `signingKey`.
  ///   - signingKey: signs the ledger's checkpoints.
  ///   - reach: called at each name of `LedgerFailpoint`, while the writer is locked.
  /// - Throws: `LedgerStoreError`: `.alreadyExists`, `.wrongKey`, `.ledger` for a genesis that
  ///   breaks a rule, `.disk`.
  package static func create(
    on disk: any Disk, genesis: GenesisRecord, signingKey: SigningKey,
    reach: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(LedgerStoreError) -> LedgerWriter {
    guard signingKey.verifyingKey == genesis.coordinatorKey else {
      throw .wrongKey(expected: genesis.coordinatorKey, found: signingKey.verifyingKey)
    }
    guard genesis.format == GenesisRecord.currentFormat else {
      throw .ledger(.formatNotWritable(entry: 0, format: genesis.format))
    }
    let files = try LedgerFiles(reading: disk)
    guard try files.isAbsentOrInterrupted() else { throw .alreadyExists }
    let entry: LedgerEntry
    let state: LedgerState
    do {
      entry = try LedgerEntry(
        index: 0, previous: LedgerEntry.genesisPrevious, record: .genesis(genesis))
      state = try LedgerState(genesis: entry)
    } catch {
      throw .ledger(error)
    }
    do {
      try disk.create(FileName.log, holding: [])
      // The log's name must be durable before a head that speaks of it.
      try disk.synchronizeDirectory()
      try write(entry, at: 0, state: state, to: disk, reach: reach)
    } catch {
      throw .disk(error)
    }
    return LedgerWriter(
      disk: disk, signingKey: signingKey, state: state, tree: MerkleTree(lines: [entry.line]),
      lineEnds: [state.byteCount], checkpoint: nil, reach: reach)
  }

  /// Opens a ledger, checks all of it, and puts right what a crash leaves (rulings 13 and 14).
  ///
  /// Only bytes after the head's size are ever cut, and complete valid entries there are kept. An
  /// open OFFER gets VOID, a CHARGE without output gets BURNED. Anything else that is wrong is
  /// refused and nothing is written.
  /// - Parameters:
  ///   - signingKey: the key in force, or the one before where `nextKey` replaced it.
  ///   - nextKey: the key of a rotation that a crash cut short. If the ledger names it, it is used, and the checkpoint that
  ///     hands over to it is made where it is missing; else it is not looked at.
  ///   - reach: as for `create`.
  /// - Returns: the writer, and what was put right.
  /// - Throws: `LedgerStoreError`: `.noLedger`, `.creationInterrupted`, `.ledger` for a ledger that
  ///   is wrong or damaged, `.wrongKey`, `.disk`.
  package static func open(
    on disk: any Disk, signingKey: SigningKey, nextKey: SigningKey? = nil,
    reach: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(LedgerStoreError) -> (writer: LedgerWriter, recovery: Recovery) {
    let files = try LedgerFiles(reading: disk)
    if files.log == nil && files.head == nil && files.checkpoint == nil && files.handovers.isEmpty {
      throw .noLedger
    }
    if try files.isAbsentOrInterrupted() { throw .creationInterrupted }
    let checked: LedgerFiles.Checked
    do {
      checked = try files.check()
    } catch {
      throw .ledger(error)
    }
    let inForce = try key(inForce: checked.state, signingKey, nextKey)
    if let entry = checked.lackingHandover, inForce.verifyingKey == signingKey.verifyingKey {
      // The key before is gone: nobody can sign with it any more.
      throw .ledger(.handoverMissing(entry: entry))
    }
    var recovery = Recovery()
    recovery.keptEntryCount = checked.state.size - checked.head.size
    recovery.cutByteCount = checked.log.count - checked.state.byteCount
    do {
      try settle(checked, on: disk)
    } catch {
      throw .disk(error)
    }
    let writer = LedgerWriter(
      disk: disk, signingKey: inForce, state: checked.state, tree: checked.tree,
      lineEnds: checked.lineEnds, checkpoint: checked.checkpoint, handovers: checked.handovers,
      reach: reach)
    if checked.lackingHandover != nil { try writer.handOver(from: signingKey, to: inForce) }
    try writer.endOpenRound(&recovery)
    return (writer, recovery)
  }

  /// The one of the two keys that signs the ledger as it stands.
  private static func key(
    inForce state: LedgerState, _ signingKey: SigningKey, _ nextKey: SigningKey?
  ) throws(LedgerStoreError) -> SigningKey {
    if signingKey.verifyingKey == state.coordinatorKey { return signingKey }
    // The key before must be there too, until the new one took its place: without it nothing could be handed over.
    if let nextKey, nextKey.verifyingKey == state.coordinatorKey,
      signingKey.verifyingKey == state.keys.changes.last?.record.previousKey
    {
      return nextKey
    }
    throw .wrongKey(expected: state.coordinatorKey, found: signingKey.verifyingKey)
  }

  /// Makes the log and the head on the disk those of `checked`, durably.
  private static func settle(_ checked: LedgerFiles.Checked, on disk: any Disk) throws(DiskError) {
    let acknowledged = checked.head.byteCount
    if checked.log.count > acknowledged {
      try disk.truncate(FileName.log, to: checked.state.byteCount)
      // Written again, not only synchronized: after a failed fsync the system may hold kept bytes
      // as clean although they never reached the disk.
      let kept = Array(checked.log[acknowledged..<checked.state.byteCount])
      if !kept.isEmpty { try disk.write(kept, to: FileName.log, at: acknowledged) }
    }
    try disk.synchronize(FileName.log)
    if checked.state.size > checked.head.size {
      try disk.replace(FileName.head, with: LedgerHead(of: checked.state).bytes) { _ in }
    } else {
      try disk.synchronizeDirectory()
    }
  }

  private func endOpenRound(_ recovery: inout Recovery) throws(LedgerStoreError) {
    switch state.phase {
    case .idle: break
    case .offered(let offer):
      let record = VoidRecord(round: offer.round, reason: VoidRecord.coordinatorRestarted)
      _ = try append(.void(record))
      recovery.voidedRound = offer.round
    case .charged(let charge, let chargeIndex):
      _ = try append(.burned(BurnedRecord(round: charge.round, chargeIndex: chargeIndex)))
      recovery.burnedRound = charge.round
    }
  }
}
