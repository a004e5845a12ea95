internal import Cryptography

// Who signs: the key of GENESIS, and the keys that took its place.
extension LedgerAudit {
  /// Every change of the key must have been agreed to by the key before, and the key that the auditor knows must be one of
  /// them.
  mutating func checkKeys(of state: LedgerState) {
    for entry in handoverEntries(of: state) { checkHandover(at: entry, of: state) }
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

  /// The KEY entries, and those of which only a file beside the ledger speaks. Behind a faulty entry nothing was read:
  /// what such a file speaks of may stand there.
  private func handoverEntries(of state: LedgerState) -> [Int] {
    let changes = state.keys.changes.map(\.entry)
    let others = evidence.handovers.keys.filter { entry in
      state.keys.change(at: entry) == nil
        && (replay.failure == nil || entry >= replay.lineCount)
    }
    return (changes + others).sorted()
  }

  private mutating func checkHandover(at entry: Int, of state: LedgerState) {
    let title = "key change"
    do throws(LedgerError) {
      guard let text = evidence.handovers[entry] else { throw .handoverMissing(entry: entry) }
      _ = try state.handover(at: entry, reading: text, in: replay.tree)
      guard let record = state.keys.change(at: entry)?.record else { return }
      add(
        .ok, title, "\(record.previousKey) handed over to \(record.nextKey); both signed",
        entry: entry)
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
