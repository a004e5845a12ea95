import Cryptography
import Federation
import Ledger
import Synchronization
import WireProtocol

/// A coordinator's storage in memory, with the ledger's rules, that can fail at any one call.
final class RecordingStorage: CoordinatorStorage, Sendable {
  private struct State {
    var ledger: LedgerState
    var records: [LedgerRecord]
    var lines: [[UInt8]]
    var signingKey: SigningKey
    var handovers: [Int: Checkpoint] = [:]
    var revocations: [UInt8] = []
    var roster: [ClientID: RosterEntry] = [:]
    var blobs: [SHA256Digest: [UInt8]] = [:]
    var calls = 0
    var failingCall: Int?
  }

  let log: CallLog
  private let state: Mutex<State>

  init(genesis: GenesisRecord, signingKey: SigningKey, log: CallLog) throws {
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious, record: .genesis(genesis))
    self.log = log
    state = Mutex(
      State(
        ledger: try LedgerState(genesis: entry), records: [entry.record], lines: [entry.line],
        signingKey: signingKey))
  }

  // MARK: - What tests set and look at

  func revoke(_ id: ClientID) { state.withLock { $0.roster[id]?.isRevoked = true } }

  func readmit(_ id: ClientID) { state.withLock { $0.roster[id]?.isExcluded = false } }

  func show(_ revocations: RevocationList) {
    state.withLock { $0.revocations = revocations.bytes }
  }

  var excluded: [ClientID] {
    state.withLock { $0.roster.values.filter(\.isExcluded).map(\.id).sorted() }
  }

  /// Makes the call after `calls` further ones fail, once; nil for none.
  func fail(after calls: Int?) {
    state.withLock { state in state.failingCall = calls.map { state.calls + $0 } }
  }

  var callCount: Int { state.withLock { $0.calls } }

  var records: [LedgerRecord] { state.withLock { $0.records } }

  var lines: [[UInt8]] { state.withLock { $0.lines } }

  var rosterCount: Int { state.withLock { $0.roster.count } }

  func replaceBlob(_ hash: SHA256Digest, with bytes: [UInt8]?) {
    state.withLock { $0.blobs[hash] = bytes }
  }

  /// What the ledger's writer does to replace the key that signs; `handsOver` says who signs the checkpoint over it.
  func rotate(
    to next: SigningKey, handsOver: (LedgerState, SigningKey) throws -> Checkpoint
  ) throws {
    try state.withLock { state in
      let (entry, ledger) = try state.ledger.appending(.key(state.ledger.keyChange(to: next)))
      state.handovers[entry.index] = try handsOver(ledger, state.signingKey)
      state.ledger = ledger
      state.records.append(entry.record)
      state.lines.append(entry.line)
      state.signingKey = next
    }
  }

  /// A key that no entry speaks of signs from here on.
  func sign(with key: SigningKey) { state.withLock { $0.signingKey = key } }

  /// What the ledger's writer does when it opens: a charge without output is burned, an offer
  /// without charge is void.
  func recover() throws {
    fail(after: nil)
    switch ledgerState.phase {
    case .idle: break
    case .offered(let offer):
      _ = try append(.void(VoidRecord(round: offer.round, reason: VoidRecord.coordinatorRestarted)))
    case .charged(let charge, let index):
      _ = try append(.burned(BurnedRecord(round: charge.round, chargeIndex: index)))
    }
  }

  // MARK: - CoordinatorStorage

  var ledgerState: LedgerState { state.withLock { $0.ledger } }

  private func begin(_ call: String) throws {
    log.append(call)
    let fails = state.withLock { state in
      defer { state.calls += 1 }
      return state.failingCall == state.calls
    }
    if fails { throw DiskFailure(call: call) }
  }

  func member(_ id: ClientID) throws -> RosterEntry? {
    try begin("member")
    return state.withLock { $0.roster[id] }
  }

  func redeem(
    tokenOf id: ClientID, identityKey: VerifyingKey, credential: MemberCredential
  ) throws -> Redemption {
    try begin("redeem")
    return state.withLock { state in
      if let known = state.roster[id] {
        return known.identityKey == identityKey ? .enrolled(known) : .refused(.usedToken)
      }
      guard credential.expiresAtSeconds > Self.nowSeconds else { return .refused(.expiredToken) }
      let entry = RosterEntry(id: id, identityKey: identityKey, credential: credential.bytes)
      state.roster[id] = entry
      return .enrolled(entry)
    }
  }

  static let nowSeconds: UInt64 = 1_000

  func exclude(_ members: [ClientID]) throws {
    try begin("exclude")
    state.withLock { state in
      for id in members { state.roster[id]?.isExcluded = true }
    }
  }

  func revocations() throws -> [UInt8] {
    try begin("revocations")
    return state.withLock { $0.revocations }
  }

  func closing(of round: UInt64) throws -> LedgerState.ClosedRound? {
    try begin("closing")
    return state.withLock { state in
      for (index, record) in state.records.enumerated() where record.closedRound == round {
        return LedgerState.ClosedRound(record, entry: index)
      }
      return nil
    }
  }

  func append(_ record: LedgerRecord) throws -> LedgerPosition {
    try begin("append \(record.kind.rawValue)")
    return try state.withLock { state in
      let (entry, next) = try state.ledger.appending(record)
      state.ledger = next
      state.records.append(record)
      state.lines.append(entry.line)
      return LedgerPosition(index: entry.index, root: next.root)
    }
  }

  func checkpointText() throws -> [UInt8] {
    try begin("checkpoint")
    return try state.withLock { try Checkpoint(signing: $0.ledger, with: $0.signingKey).text }
  }

  func receipt(of index: Int) throws -> LedgerReceipt {
    try begin("receipt")
    return try state.withLock { state in
      LedgerReceipt(
        line: state.lines[index], index: index, tree: MerkleTree(lines: state.lines),
        checkpoint: try Checkpoint(signing: state.ledger, with: state.signingKey))
    }
  }

  /// Writes no ROSTER.
  func rosterCommitment() -> RosterCommitment? { nil }

  func consistencyProof(from oldSize: Int, to newSize: Int) throws -> ConsistencyProof? {
    try begin("consistency")
    return state.withLock {
      MerkleTree(lines: $0.lines).consistencyProof(fromNamed: oldSize, to: newSize)
    }
  }

  func handover(at index: Int) throws -> LedgerReceipt {
    try begin("handover")
    return try state.withLock { state in
      guard let checkpoint = state.handovers[index] else {
        throw LedgerError.handoverMissing(entry: index)
      }
      return LedgerReceipt(
        line: state.lines[index], index: index, tree: MerkleTree(lines: state.lines),
        checkpoint: checkpoint)
    }
  }

  func storeBlob(_ bytes: [UInt8]) throws -> SHA256Digest {
    try begin("store blob")
    let digest = SHA256Digest(hashing: bytes)
    state.withLock { $0.blobs[digest] = bytes }
    return digest
  }

  func loadBlob(_ hash: SHA256Digest) throws -> [UInt8]? {
    try begin("load blob")
    return state.withLock { $0.blobs[hash] }
  }
}
