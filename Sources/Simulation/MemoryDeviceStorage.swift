internal import Cryptography
internal import Federation
internal import Privacy
internal import Synchronization
internal import WireProtocol

/// One simulated customer's journal and checkpoints, in memory. Consent is given, but while the device
/// is away: the data of a simulation is the data of whoever runs it.
final class MemoryDeviceStorage: DeviceStorage, Sendable {
  private struct State {
    var rounds: [UInt64: (entry: SpentRound, outcome: RoundClosed.Outcome?)] = [:]
    var charged: Set<UInt64> = []

    /// What counts: a void round does not.
    var spent: [SpentRound] {
      rounds.values.filter { $0.outcome != .void }.map(\.entry)
    }
    var checkpoint: CheckpointNote?
    var isAway = false
    var revocations: [UInt8]?
  }

  private let state = Mutex(State())

  func consents(to policyHash: SHA256Digest) -> Bool { state.withLock { !$0.isAway } }

  /// Whether the device declines what it is offered, as one does that is not there.
  func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

  func lastRound() -> UInt64? { state.withLock { $0.rounds.keys.max() } }

  func unsettledRounds() -> [UInt64] {
    state.withLock { state in
      state.rounds.filter { $0.value.outcome == nil }.keys.sorted()
    }
  }

  func spentMuSquared(outsideBlock start: UInt64?) -> Double {
    state.withLock(\.spent).muSquared(outsideBlock: start)
  }

  func participation(inBlock start: UInt64) throws -> ParticipationRecord {
    try state.withLock(\.spent).participation(inBlock: start)
  }

  func spentRounds() -> Int {
    state.withLock { $0.rounds.values.count { $0.outcome != .void } }
  }

  func journalSpent(_ entry: SpentRound) {
    state.withLock { $0.rounds[entry.round] = (entry, nil) }
  }

  func unreleasedCharge() -> UInt64? {
    state.withLock { state in
      state.charged.filter { round in
        state.rounds[round].map { $0.outcome == nil || $0.outcome == .burned } ?? false
      }.max()
    }
  }

  func recordOutcome(round: UInt64, _ outcome: RoundClosed.Outcome) {
    state.withLock { $0.rounds[round]?.outcome = outcome }
  }

  func agreedTerms(of round: UInt64) -> AgreedTerms? {
    state.withLock { $0.rounds[round].map { AgreedTerms(of: $0.entry) } }
  }

  /// Keeps no receipts: a simulated customer logs in once, and thousands of them would hold the ledger thousands of
  /// times.
  func keepLedger(
    _ checkpoint: CheckpointNote, receipts: [ReceiptNote], charged: Set<UInt64>
  ) {
    state.withLock { state in
      state.checkpoint = checkpoint
      state.charged.formUnion(charged)
    }
  }

  func receipts() -> [[UInt8]] { [] }

  /// Nobody reads what a simulated customer refused; the notes say it.
  func recordRefusal(_ refusal: RefusalNote) {}

  func newestCheckpoint() -> CheckpointNote? { state.withLock { $0.checkpoint } }

  func keepRevocations(_ bytes: [UInt8]) { state.withLock { $0.revocations = bytes } }

  func revocations() -> [UInt8]? { state.withLock { $0.revocations } }
}
