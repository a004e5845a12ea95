internal import Cryptography

// Who signs: the key of GENESIS, and the keys that took its place.
extension LedgerAudit {
  /// Every change of the key must have been agreed to by the key before, and the key that the auditor knows must be one of
  /// them.
  mutating func checkKeys(of state: LedgerState) {
    for change in state.keys.changes { checkHandover(change, of: state) }
    guard let key = evidence.coordinatorKey else { return }
    let title = "coordinator key"
    guard let later = state.keys.changes(after: key) else {
      return fail(
        title,
        .mismatch(
          entry: state.keys.changes.last?.entry ?? 0, field: "coordinator_key",
          expected: "\(key)", found: "\(state.coordinatorKey)"))
    }
    let entry = state.keys.changes.last { $0.record.nextKey == key }?.entry ?? 0
    add(
      .ok, title,
      "entry \(entry) holds the given key, \(key)"
        + (later.isEmpty
          ? "" : "; replaced \(later.count) time(s) since, now \(state.coordinatorKey)"))
  }

  private mutating func checkHandover(_ change: CheckpointKeys.Change, of state: LedgerState) {
    let title = "key change"
    do throws(LedgerError) {
      guard let text = evidence.handovers[change.entry] else {
        throw .handoverMissing(entry: change.entry)
      }
      let checkpoint = try Checkpoint(parsing: text)
      try checkpoint.requireHandover(
        change.record, at: change.entry, ledgerID: state.genesis.ledgerID)
      try checkpoint.requirePrefix(of: replay)
      add(
        .ok, title,
        "\(change.record.previousKey) handed over to \(change.record.nextKey); both signed",
        entry: change.entry)
    } catch {
      fail(title, error)
    }
  }

  /// The key that must have signed a checkpoint of `size` entries. Where the auditor knows a key that is none of this
  /// ledger's, it is that one, so that nothing the operator signed passes.
  func key(ofSize size: Int, in state: LedgerState) -> VerifyingKey {
    if let known = evidence.coordinatorKey, !state.keys.contains(known) { return known }
    return state.keys.key(ofSize: size)
  }
}
