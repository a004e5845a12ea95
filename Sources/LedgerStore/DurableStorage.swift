package import Cryptography
package import Federation
package import Ledger
package import WireProtocol

/// Who is admitted. SQLite in the executable, memory in the simulator.
package protocol MemberRoster: AnyObject, Sendable {
  /// As `CoordinatorStorage.member`.
  func member(_ id: ClientID) throws -> RosterEntry?

  /// As `CoordinatorStorage.redeem`.
  func redeem(
    tokenOf id: ClientID, identityKey: VerifyingKey, credential: MemberCredential
  ) throws -> Redemption

  /// As `CoordinatorStorage.exclude`.
  func exclude(_ members: [ClientID]) throws

  /// As `CoordinatorStorage.revocations`.
  func revocations() throws -> [UInt8]

  /// As `CoordinatorStorage.rosterCommitment`.
  func commitment() throws -> RosterCommitment
}

/// A coordinator's storage: the ledger and the blobs on disks, the roster beside them.
///
/// The executable and the fault simulator run this same code, over `LocalDisk` and over a simulated disk. Used by one
/// engine, on that engine's executor: nothing else calls it once serving has begun.
package final class DurableStorage: CoordinatorStorage, @unchecked Sendable {
  private let ledger: LedgerWriter
  private let roster: any MemberRoster
  private let blobs: BlobStore
  /// Read from the log when it is first asked for.
  private var history: LedgerHistory?

  package init(ledger: LedgerWriter, roster: any MemberRoster, blobs: BlobStore) {
    self.ledger = ledger
    self.roster = roster
    self.blobs = blobs
  }

  /// Removes models that no RELEASE names: what a crash between blob and RELEASE leaves. Such a round is burned, and its
  /// output must not become a second one beside the next round's.
  /// - Parameter published: digests of the catalogue, the features and other blobs that are no models.
  /// - Returns: how many files were removed.
  package func removeOrphans(keeping published: Set<SHA256Digest>) throws -> Int {
    let history = try ledger.history()
    self.history = history
    return try blobs.removeAll(except: published.union(history.releasedModels))
  }

  package func member(_ id: ClientID) throws -> RosterEntry? { try roster.member(id) }

  package func redeem(
    tokenOf id: ClientID, identityKey: VerifyingKey, credential: MemberCredential
  ) throws -> Redemption {
    try roster.redeem(tokenOf: id, identityKey: identityKey, credential: credential)
  }

  package func exclude(_ members: [ClientID]) throws { try roster.exclude(members) }

  package func revocations() throws -> [UInt8] { try roster.revocations() }

  package func rosterCommitment() throws -> RosterCommitment? { try roster.commitment() }

  package var ledgerState: LedgerState { ledger.state }

  package func closing(of round: UInt64) throws -> LedgerState.ClosedRound? {
    if let closed = ledger.state.lastClosed, closed.round == round { return closed }
    let known = try history ?? ledger.history()
    history = known
    return known.closings[round]
  }

  package func append(_ record: LedgerRecord) throws -> LedgerPosition {
    let position = try ledger.append(record)
    history?.append(record, at: position.index)
    return position
  }

  package func checkpointText() throws -> [UInt8] { try ledger.checkpoint().text }

  package func receipt(of index: Int) throws -> LedgerReceipt { try ledger.receipt(of: index) }

  package func consistencyProof(from oldSize: Int, to newSize: Int) -> ConsistencyProof? {
    ledger.consistencyProof(from: oldSize, to: newSize)
  }

  package func handover(at index: Int) throws -> LedgerReceipt { try ledger.handover(at: index) }

  package func storeBlob(_ bytes: [UInt8]) throws -> SHA256Digest { try blobs.store(bytes) }

  package func loadBlob(_ hash: SHA256Digest) throws -> [UInt8]? { try blobs.load(hash) }
}
