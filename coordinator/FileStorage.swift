internal import Cryptography
internal import Federation
internal import Glibc
internal import Ledger
internal import LedgerStore
internal import Operations
internal import WireProtocol

/// A coordinator's storage on disk: ledger and blobs in files, the roster in SQLite.
///
/// Used only by the engine of one `CoordinatorServer`, on that actor's thread: nothing else calls it
/// once serving has begun.
final class FileStorage: CoordinatorStorage, @unchecked Sendable {
  private let ledger: LedgerWriter
  private let roster: RosterStore
  private let blobs: BlobDirectory
  private let failpoint: Failpoint
  private let ledgerDirectory: String
  /// The kind of entry that ended each round; read from the log when it is first asked for.
  private var closings: [UInt64: LedgerRecordKind]?

  init(
    ledger: LedgerWriter, ledgerDirectory: String, roster: RosterStore, blobs: BlobDirectory,
    failpoint: Failpoint
  ) {
    self.ledger = ledger
    self.ledgerDirectory = ledgerDirectory
    self.roster = roster
    self.blobs = blobs
    self.failpoint = failpoint
  }

  func member(_ id: ClientID) throws -> RosterEntry? {
    // Read each time: `roster revoke` may run beside this process.
    try roster.member(id)
  }

  func redeem(
    tokenOf id: ClientID, identityKey: VerifyingKey, credential: MemberCredential
  ) throws -> Redemption {
    try roster.redeem(
      tokenOf: id, identityKey: identityKey, credential: credential, now: Int64(time(nil)))
  }

  func exclude(_ members: [ClientID]) throws {
    try roster.setExcluded(members, true)
  }

  func revocations() throws -> [UInt8] { try roster.revocations() ?? [] }

  var ledgerState: LedgerState { ledger.state }

  func closingKind(of round: UInt64) throws -> LedgerRecordKind? {
    if let closed = ledger.state.lastClosed, closed.round == round { return closed.kind }
    let known = try closings ?? LedgerReader.closings(inDirectory: ledgerDirectory)
    closings = known
    return known[round]
  }

  func append(_ record: LedgerRecord) throws -> LedgerPosition {
    let position = try ledger.append(record)
    if let closed = record.closedRound { closings?[closed] = record.kind }
    return position
  }

  func checkpointText() throws -> [UInt8] { try ledger.checkpoint().text }

  func receipt(of index: Int) throws -> LedgerReceipt { try ledger.receipt(of: index) }

  func consistencyProof(from oldSize: Int) throws -> ConsistencyProof? {
    ledger.consistencyProof(from: oldSize)
  }

  func storeBlob(_ bytes: [UInt8]) throws -> SHA256Digest {
    try blobs.store(bytes, reach: failpoint.reach)
  }

  func loadBlob(_ hash: SHA256Digest) throws -> [UInt8]? { try blobs.load(hash) }
}
