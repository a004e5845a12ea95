internal import Cryptography
internal import Federation
internal import Ledger
internal import WireProtocol

/// A coordinator's storage for one simulated run, in memory; the ledger keeps the same rules.
///
/// Used only by the one `InProcessFederation` that made it, which is itself confined.
final class MemoryCoordinatorStorage: CoordinatorStorage, @unchecked Sendable {
  private(set) var ledgerState: LedgerState
  private(set) var entries: [LedgerEntry]
  private var tree = MerkleTree()
  private let signingKey: SigningKey
  private var roster: [ClientID: RosterEntry] = [:]
  private var blobs: [SHA256Digest: [UInt8]] = [:]
  private var closings: [UInt64: LedgerState.ClosedRound] = [:]
  private var signedCheckpoint: Checkpoint?

  init(genesis: GenesisRecord, signingKey: SigningKey) throws {
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious, record: .genesis(genesis))
    ledgerState = try LedgerState(genesis: entry)
    entries = [entry]
    tree.append(entry.hash)
    self.signingKey = signingKey
  }

  func member(_ id: ClientID) -> RosterEntry? { roster[id] }

  func redeem(
    tokenOf id: ClientID, identityKey: VerifyingKey, credential: MemberCredential
  ) -> Redemption {
    if let known = roster[id] {
      return known.identityKey == identityKey ? .enrolled(known) : .refused(.usedToken)
    }
    let entry = RosterEntry(id: id, identityKey: identityKey, credential: credential.bytes)
    roster[id] = entry
    return .enrolled(entry)
  }

  func exclude(_ members: [ClientID]) {
    for id in members { roster[id]?.isExcluded = true }
  }

  func revocations() -> [UInt8] { [] }

  func closing(of round: UInt64) -> LedgerState.ClosedRound? { closings[round] }

  func append(_ record: LedgerRecord) throws -> LedgerPosition {
    let (entry, state) = try ledgerState.appending(record)
    // Of hundreds of rounds' models only the newest is asked for.
    if case .release(let release) = record, let previous = ledgerState.latestRelease?.modelOut,
      previous != release.modelOut
    {
      blobs[previous] = nil
    }
    entries.append(entry)
    tree.append(entry.hash)
    ledgerState = state
    if let closed = state.lastClosed { closings[closed.round] = closed }
    return LedgerPosition(index: entry.index, root: state.root)
  }

  func checkpointText() throws -> [UInt8] { try checkpoint().text }

  func receipt(of index: Int) throws -> LedgerReceipt {
    LedgerReceipt(
      line: entries[index].line, index: index, tree: tree, checkpoint: try checkpoint())
  }

  /// Writes no ROSTER.
  func rosterCommitment() -> RosterCommitment? { nil }

  func consistencyProof(from oldSize: Int, to newSize: Int) -> ConsistencyProof? {
    tree.consistencyProof(fromNamed: oldSize, to: newSize)
  }

  /// No simulation changes its key.
  func handover(at index: Int) throws -> LedgerReceipt {
    throw LedgerError.handoverMissing(entry: index)
  }

  private func checkpoint() throws -> Checkpoint {
    if let signedCheckpoint, signedCheckpoint.size == ledgerState.size { return signedCheckpoint }
    let signed = try Checkpoint(signing: ledgerState, with: signingKey)
    signedCheckpoint = signed
    return signed
  }

  func storeBlob(_ bytes: [UInt8]) -> SHA256Digest {
    let digest = SHA256Digest(hashing: bytes)
    blobs[digest] = bytes
    return digest
  }

  func loadBlob(_ hash: SHA256Digest) -> [UInt8]? { blobs[hash] }
}
