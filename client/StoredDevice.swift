internal import BehaviorStore
internal import Cryptography
internal import Federation
internal import Glibc
internal import Ledger
internal import Privacy
internal import WireProtocol

/// One customer's journal, consent and checkpoints, in the customer's own SQLite store.
///
/// Used only on the executor of the `ClientHost` that made it: `StorePool` is not shared.
final class StoredDevice: DeviceStorage, @unchecked Sendable {
  private let home: ClientHome
  private let pool: StorePool
  private let ledgerID: String

  init(home: ClientHome, pool: StorePool, ledgerID: [UInt8]) {
    self.home = home
    self.pool = pool
    self.ledgerID = HexCoding.encode(ledgerID)
  }

  private var store: BehaviorStore {
    get throws { try pool.store(of: home) }
  }

  func consents(to policyHash: SHA256Digest) throws -> Bool {
    try store.consent(policyHash: policyHash.hex).allows
  }

  func lastRound() throws -> UInt64? { try store.lastRound(ledgerID: ledgerID) }

  func unsettledRounds() throws -> [UInt64] { try store.unsettledRounds(ledgerID: ledgerID) }

  /// A round that the coordinator declared void, under its signature, is not counted: in mode
  /// `sealed` it holds the update in clear anyway, and a void round has no output.
  func spentMuSquared(outsideBlock start: UInt64?) throws -> Double {
    try store.spentMuSquared(
      ledgerID: ledgerID, states: [.spent, .released, .burned], outsideBlock: start)
  }

  func participation(inBlock start: UInt64) throws -> ParticipationRecord {
    let rounds = try store.journal(ledgerID: ledgerID).filter { $0.state != .void }
      .compactMap(\.block).filter { $0.start == start }.map(\.round)
    return try ParticipationRecord(lastRound: rounds.max(), count: rounds.count)
  }

  func spentRounds() throws -> Int {
    try store.journal(ledgerID: ledgerID).count { $0.state != .void }
  }

  func journalSpent(_ entry: SpentRound) throws {
    try store.journalSpent(
      JournalEntry(
        round: entry.round, ledgerID: ledgerID, policyHash: entry.policyHash.hex, mu: entry.mu,
        charge: entry.charge, updateDigest: HexCoding.encode(entry.updateDigest),
        atSeconds: Int64(time(nil)), state: .spent,
        block: entry.block.map { JournalEntry.Block(start: $0.start, round: $0.round) },
        terms: JournalEntry.Terms(mode: entry.mode, minimumCohort: entry.minimumCohort)),
      receipt: entry.offerReceipt.map(KeptReceipt.init))
  }

  func agreedTerms(of round: UInt64) throws -> AgreedTerms? {
    try store.journal(ledgerID: ledgerID).first { $0.round == round }.map { entry in
      AgreedTerms(
        mu: entry.mu, mode: entry.terms?.mode, minimumCohort: entry.terms?.minimumCohort)
    }
  }

  func unreleasedCharge() throws -> UInt64? {
    try store.journal(ledgerID: ledgerID)
      .last { $0.isCharged && ($0.state == .spent || $0.state == .burned) }?.round
  }

  func recordOutcome(round: UInt64, _ outcome: RoundClosed.Outcome) throws {
    let state: RoundState =
      switch outcome {
      case .released: .released
      case .void: .void
      case .burned: .burned
      }
    let store = try store
    do throws(BehaviorStoreError) {
      try store.recordOutcome(
        state, round: round, ledgerID: ledgerID, atSeconds: Int64(time(nil)))
    } catch .roundNotJournaled {
      // Another device's round.
    }
  }

  func keepLedger(
    _ checkpoint: CheckpointNote, receipts: [ReceiptNote], charged: Set<UInt64>
  ) throws {
    try store.keep(
      KeptCheckpoint(
        ledgerID: ledgerID, size: UInt64(checkpoint.size),
        note: String(decoding: checkpoint.text, as: UTF8.self), atSeconds: Int64(time(nil))),
      receipts: receipts.map(KeptReceipt.init), charged: charged)
  }

  func receipts() throws -> [[UInt8]] {
    try store.receipts(ledgerID: ledgerID).map { Array($0.text.utf8) }
  }

  func recordRefusal(_ refusal: RefusalNote) throws {
    try store.list(
      Refusal(
        round: refusal.round, reason: refusal.reason,
        evidence: refusal.evidence.map { evidence in
          Refusal.Evidence(
            refused: String(decoding: evidence.refused, as: UTF8.self),
            held: evidence.held.map { String(decoding: $0, as: UTF8.self) },
            convicts: evidence.convicts)
        },
        atSeconds: Int64(time(nil))), ledgerID: ledgerID)
  }

  func newestCheckpoint() throws -> CheckpointNote? {
    try store.newestCheckpoint(ledgerID: ledgerID).map { kept in
      CheckpointNote(size: Int(kept.size), text: Array(kept.note.utf8))
    }
  }

  private var revocationsSetting: String { "revocations " + ledgerID }

  func keepRevocations(_ bytes: [UInt8]) throws {
    try store.set(revocationsSetting, to: Base64URL.encode(bytes))
  }

  func revocations() throws -> [UInt8]? {
    try store.setting(revocationsSetting).map(Base64URL.decode)
  }
}

extension KeptReceipt {
  init(_ note: ReceiptNote) {
    self.init(
      entry: note.entry, round: note.round, kind: note.kind,
      text: String(decoding: note.text, as: UTF8.self))
  }
}
