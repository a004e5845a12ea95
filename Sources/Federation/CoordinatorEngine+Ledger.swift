internal import Cryptography
internal import Ledger
internal import WireProtocol

/// `LedgerShown` for every member that is to see the same entries: members that hold the same checkpoint get the same
/// bytes.
struct LedgerShowing: Sendable {
  /// Entries of the ledger when this was made.
  let size: Int
  /// Which of them are shown.
  let indices: [Int]
  let checkpoint: [UInt8]
  let entries: [LedgerShown.Entry]
  /// Encoded, by the size that the member holds.
  var payloads: [Int: [UInt8]] = [:]
}

extension CoordinatorEngine {
  /// Extends what a member holds of the ledger, and proves these entries to it. After the login
  /// nothing else needs to: the step from the size in `Agree`, which `Proof` still carries, serves
  /// members of 0.4.0 and earlier.
  /// - Parameter indices: ascending, at most `LedgerShown.maximumEntries`.
  mutating func show(
    _ indices: [Int], on connection: ConnectionID
  ) throws -> [CoordinatorEffect] {
    guard let held = sessions[connection]?.shownSize else { return [] }
    var showing = try ledgerShowing(of: indices)
    let payload: [UInt8]
    if let known = showing.payloads[held] {
      payload = known
    } else {
      payload = Message.ledgerShown(
        LedgerShown(
          heldSize: UInt64(held), checkpoint: showing.checkpoint,
          consistency: try storage.consistencyProof(from: held)?.bytes ?? [],
          entries: showing.entries)
      ).encoded()
      showing.payloads[held] = payload
    }
    ledgerShowing = showing
    sessions[connection]?.shownSize = showing.size
    return [.send(connection, payload)]
  }

  private func ledgerShowing(of indices: [Int]) throws -> LedgerShowing {
    let size = storage.ledgerState.size
    if let known = ledgerShowing, known.size == size, known.indices == indices { return known }
    return LedgerShowing(
      size: size, indices: indices, checkpoint: try storage.checkpointText(),
      entries: try indices.map { index in
        let receipt = try storage.receipt(of: index)
        return LedgerShown.Entry(
          index: UInt64(index), line: receipt.line, path: receipt.proof.pathBytes)
      })
  }

  /// Proves the newest RELEASE to a member that was not shown it over this connection: without it a device takes no model.
  mutating func showNewestRelease(on connection: ConnectionID) throws -> [CoordinatorEffect] {
    guard let release = storage.ledgerState.latestRelease,
      let closing = try storage.closing(of: release.round),
      sessions[connection]?.shownRelease != closing.entry
    else { return [] }
    sessions[connection]?.shownRelease = closing.entry
    return try show(entries(closing: closing), on: connection)
  }

  /// The entries that prove how `round` ended: CHARGE, where there is one, and its end.
  func entries(closing round: LedgerState.ClosedRound) -> [Int] {
    [round.chargeEntry, round.entry].compactMap { $0 }
  }
}
