internal import Cryptography
internal import Federation
internal import Synchronization
internal import WireProtocol

/// One simulated customer's journal and checkpoints, in memory. Consent is given: the data of a
/// simulation is the data of whoever runs it.
final class MemoryDeviceStorage: DeviceStorage, Sendable {
  private struct State {
    var rounds: [UInt64: (mu: Double, outcome: RoundClosed.Outcome?)] = [:]
    var checkpoint: CheckpointNote?
  }

  private let state = Mutex(State())

  func consents(to policyHash: SHA256Digest) -> Bool { true }

  func lastRound() -> UInt64? { state.withLock { $0.rounds.keys.max() } }

  func unsettledRounds() -> [UInt64] {
    state.withLock { state in
      state.rounds.filter { $0.value.outcome == nil }.keys.sorted()
    }
  }

  func spentMuSquared() -> Double {
    state.withLock { state in
      state.rounds.values.reduce(0) { sum, round in
        round.outcome == .void ? sum : sum + round.mu * round.mu
      }
    }
  }

  func journalSpent(_ entry: SpentRound) {
    state.withLock { $0.rounds[entry.round] = (entry.mu, nil) }
  }

  func recordOutcome(round: UInt64, _ outcome: RoundClosed.Outcome) {
    state.withLock { $0.rounds[round]?.outcome = outcome }
  }

  func keepCheckpoint(_ checkpoint: CheckpointNote) {
    state.withLock { $0.checkpoint = checkpoint }
  }

  func newestCheckpoint() -> CheckpointNote? { state.withLock { $0.checkpoint } }
}
