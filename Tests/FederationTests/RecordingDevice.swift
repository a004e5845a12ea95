import Cryptography
import Federation
import Privacy
import Synchronization
import WireProtocol

/// A device's journal, consent and checkpoints in memory, that can fail to write.
final class RecordingDevice: DeviceStorage, Sendable {
  private struct State {
    var consents = true
    var consentChecksLeft: Int?
    var rounds: [UInt64: (entry: SpentRound, outcome: RoundClosed.Outcome?)] = [:]
    var charged: Set<UInt64> = []
    var extraMuSquared = 0.0
    var extraRounds = 0
    var checkpoint: CheckpointNote?
    var receipts: [Int: ReceiptNote] = [:]
    var journalFails = false
    var ledgerFails = false
    var revocations: [UInt8]?
    var refusals: [RefusalNote] = []

    var counted: [SpentRound] {
      rounds.values.filter { $0.outcome != .void }.map(\.entry)
    }
  }

  let log: CallLog
  private let state = Mutex(State())

  init(log: CallLog) { self.log = log }

  // MARK: - What tests set and look at

  func setConsent(_ consents: Bool) { state.withLock { $0.consents = consents } }

  /// Consent is withdrawn after so many more looks at it.
  func withdrawConsent(afterChecks checks: Int) {
    state.withLock { $0.consentChecksLeft = checks }
  }

  func spendBefore(muSquared: Double) { state.withLock { $0.extraMuSquared = muSquared } }

  func spendBefore(rounds: Int) { state.withLock { $0.extraRounds = rounds } }

  func failJournal(_ fails: Bool) { state.withLock { $0.journalFails = fails } }

  func failLedger(_ fails: Bool) { state.withLock { $0.ledgerFails = fails } }

  /// Receipts that an earlier process has kept.
  func plant(_ receipts: [ReceiptNote]) {
    state.withLock { state in
      for receipt in receipts { state.receipts[receipt.entry] = receipt }
    }
  }

  func outcome(of round: UInt64) -> RoundClosed.Outcome? {
    state.withLock { $0.rounds[round]?.outcome }
  }

  /// Rounds that are recorded as charged.
  var charged: Set<UInt64> { state.withLock(\.charged) }

  var refusals: [RefusalNote] { state.withLock { $0.refusals } }

  var journal: [SpentRound] {
    state.withLock { $0.rounds.values.map(\.entry).sorted { $0.round < $1.round } }
  }

  // MARK: - DeviceStorage

  func consents(to policyHash: SHA256Digest) -> Bool {
    state.withLock { state in
      guard let left = state.consentChecksLeft else { return state.consents }
      state.consentChecksLeft = max(0, left - 1)
      return left > 0
    }
  }

  func lastRound() -> UInt64? { state.withLock { $0.rounds.keys.max() } }

  func unsettledRounds() -> [UInt64] {
    state.withLock { $0.rounds.filter { $0.value.outcome == nil }.keys.sorted() }
  }

  func spentMuSquared(outsideBlock start: UInt64? = nil) -> Double {
    state.withLock { $0.extraMuSquared + $0.counted.muSquared(outsideBlock: start) }
  }

  func participation(inBlock start: UInt64) throws -> ParticipationRecord {
    try state.withLock(\.counted).participation(inBlock: start)
  }

  func spentRounds() -> Int {
    state.withLock { state in
      state.extraRounds + state.rounds.values.count { $0.outcome != .void }
    }
  }

  func journalSpent(_ entry: SpentRound) throws {
    log.append("journal \(entry.round)")
    try state.withLock { state in
      if state.journalFails { throw DiskFailure(call: "journal") }
      state.rounds[entry.round] = (entry, nil)
      if let receipt = entry.offerReceipt { state.receipts[receipt.entry] = receipt }
    }
  }

  func unreleasedCharge() -> UInt64? {
    state.withLock { state in
      state.charged.filter { round in
        state.rounds[round].map { $0.outcome == nil || $0.outcome == .burned } ?? false
      }.max()
    }
  }

  /// The first outcome stands, as in the device's store.
  func recordOutcome(round: UInt64, _ outcome: RoundClosed.Outcome) throws {
    log.append("outcome \(round) \(outcome)")
    try state.withLock { state in
      if let recorded = state.rounds[round]?.outcome, recorded != outcome {
        throw DiskFailure(call: "another outcome is recorded")
      }
      state.rounds[round]?.outcome = outcome
    }
  }

  func agreedTerms(of round: UInt64) -> AgreedTerms? {
    state.withLock { $0.rounds[round].map { AgreedTerms(of: $0.entry) } }
  }

  func keepLedger(
    _ checkpoint: CheckpointNote, receipts: [ReceiptNote], charged: Set<UInt64>
  ) throws {
    for round in charged.sorted() { log.append("charged \(round)") }
    try state.withLock { state in
      if state.ledgerFails { throw DiskFailure(call: "ledger") }
      state.checkpoint = checkpoint
      state.charged.formUnion(charged)
      for receipt in receipts { state.receipts[receipt.entry] = receipt }
    }
  }

  func receipts() -> [[UInt8]] {
    state.withLock { $0.receipts.sorted { $0.key < $1.key }.map(\.value.text) }
  }

  func recordRefusal(_ refusal: RefusalNote) {
    state.withLock { $0.refusals.append(refusal) }
  }

  func newestCheckpoint() -> CheckpointNote? { state.withLock { $0.checkpoint } }

  func keepRevocations(_ bytes: [UInt8]) { state.withLock { $0.revocations = bytes } }

  func revocations() -> [UInt8]? { state.withLock { $0.revocations } }
}
