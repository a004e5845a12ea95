internal import Cryptography
internal import Ledger
internal import WireProtocol

// A coordinator whose key was replaced since this device last saw it.
extension ClientEngine {
  /// The key that signs for the coordinator: the newest one that was proven to this device, or the one pinned.
  func coordinatorKey() throws -> VerifyingKey {
    if let observed { return observed.coordinatorKey }
    return try pinnedKey()
  }

  /// The pinned key, which was checked to be one when it was enrolled.
  func pinnedKey() throws -> VerifyingKey {
    switch start {
    case .enrol(let token): try VerifyingKey(bytes: token.address.coordinatorKey)
    case .login(let enrolment): enrolment.coordinatorKey
    }
  }

  /// Asks how the key that this device knows was replaced by that of `hello`, which only proves that it is somebody's.
  func askKeys() throws -> ClientEffect {
    .send(
      Message.askKeys(
        AskKeys(
          coordinatorKey: try coordinatorKey().bytes,
          checkpointSize: UInt64(try storage.newestCheckpoint()?.size ?? 0))
      ).encoded())
  }

  /// Follows from key to key, each durably before the next (R2).
  /// - Returns: whether there was any to follow.
  mutating func follow(_ shown: KeysShown) throws -> Bool {
    for change in shown.changes {
      var next = try observed ?? heldLedger()
      let note: (checkpoint: CheckpointNote, receipt: ReceiptNote)
      do throws(LedgerError) {
        let checkpoint = try Checkpoint(parsing: change.checkpoint)
        let receipt = LedgerReceipt(
          line: change.line,
          proof: try InclusionProof(
            index: Int(clamping: change.index), treeSize: checkpoint.size, pathBytes: change.path),
          checkpoint: checkpoint)
        let entry = try next.follow(
          receipt, proof: ConsistencyProof(decoding: change.consistency))
        note = (
          CheckpointNote(size: checkpoint.size, text: checkpoint.text),
          ReceiptNote(of: entry, receipt: receipt)
        )
      } catch {
        throw keyRefusal(error, checkpoint: change.checkpoint)
      }
      // One write: after a crash the device knows both or neither.
      try storage.keepLedger(note.checkpoint, receipts: [note.receipt], charged: [])
      observed = next
    }
    return !shown.changes.isEmpty
  }

  private func keyRefusal(_ error: LedgerError, checkpoint text: [UInt8]) -> FederationError {
    switch error {
    case .rolledBack, .splitView, .extensionNotProven: refusal(error, evidence: text)
    default: .keyNotProven("\(error)")
    }
  }
}
