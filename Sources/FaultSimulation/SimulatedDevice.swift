internal import Cryptography
internal import Federation
internal import Privacy
internal import WireProtocol

/// One customer's journal, consent and checkpoints: durable, transaction by transaction, as SQLite keeps them, and
/// failing on request before or after a write.
///
/// Confined to the one thread of its `FederationWorld`.
final class SimulatedDevice: DeviceStorage, @unchecked Sendable {
  /// A write that did not go well; the process that made it is dead.
  struct Died: Error {}

  private struct Journaled {
    let entry: SpentRound
    var outcome: RoundClosed.Outcome?
    var isCharged = false
  }

  private var rounds: [UInt64: Journaled] = [:]
  private var checkpoint: CheckpointNote?
  private var keptReceipts: [Int: [UInt8]] = [:]
  private var keptRevocations: [UInt8]?
  private var consented: Set<SHA256Digest>
  private let watch: InvariantWatch
  /// Whether the next write dies, and on which side of it; asked at each write.
  private let fault: () -> WriteFault?

  enum WriteFault: CaseIterable {
    case before
    case after
  }

  /// - Parameter policyHash: of the policy that its customer has agreed to.
  init(watch: InvariantWatch, consents policyHash: SHA256Digest, fault: @escaping () -> WriteFault?)
  {
    self.watch = watch
    consented = [policyHash]
    self.fault = fault
  }

  /// Digest that was journaled for a round, durably.
  func journaledDigest(of round: UInt64) -> [UInt8]? { rounds[round]?.entry.updateDigest }

  func consents(to policyHash: SHA256Digest) -> Bool { consented.contains(policyHash) }

  /// The customer agrees: `client consent give`.
  func giveConsent(to policyHash: SHA256Digest) { consented.insert(policyHash) }

  /// Under which policy a round was journaled; nil for none.
  func policyHash(of round: UInt64) -> SHA256Digest? { rounds[round]?.entry.policyHash }

  func lastRound() -> UInt64? { rounds.keys.max() }

  func unsettledRounds() -> [UInt64] {
    rounds.filter { $0.value.outcome == nil }.keys.sorted()
  }

  /// What counts, in the order of the rounds: a void round does not.
  private var spent: [SpentRound] {
    rounds.values.filter { $0.outcome != .void }.map(\.entry).sorted { $0.round < $1.round }
  }

  func spentMuSquared(outsideBlock start: UInt64?) -> Double {
    spent.muSquared(outsideBlock: start)
  }

  func participation(inBlock start: UInt64) throws -> ParticipationRecord {
    try spent.participation(inBlock: start)
  }

  func spentRounds() -> Int { spent.count }

  func journalSpent(_ entry: SpentRound) throws {
    try write {
      if let last = lastRound(), last >= entry.round {
        watch.violate("I5", "a device journals round \(entry.round) after round \(last)")
      }
      rounds[entry.round] = Journaled(entry: entry)
    }
  }

  func unreleasedCharge() -> UInt64? {
    rounds.filter { entry in
      entry.value.isCharged && (entry.value.outcome == nil || entry.value.outcome == .burned)
    }.keys.max()
  }

  func recordOutcome(round: UInt64, _ outcome: RoundClosed.Outcome) throws {
    guard let recorded = rounds[round]?.outcome else {
      return try write { rounds[round]?.outcome = outcome }
    }
    if recorded != outcome {
      watch.violate("I9", "round \(round) ended as \(recorded), then as \(outcome)")
    }
  }

  func agreedTerms(of round: UInt64) -> AgreedTerms? {
    rounds[round].map { AgreedTerms(of: $0.entry) }
  }

  func keepLedger(
    _ checkpoint: CheckpointNote, receipts: [ReceiptNote], charged: Set<UInt64>
  ) throws {
    if let known = self.checkpoint, checkpoint.size < known.size {
      watch.violate("I9", "a device takes a ledger of \(checkpoint.size) after \(known.size)")
    }
    try write {
      self.checkpoint = checkpoint
      for receipt in receipts { keptReceipts[receipt.entry] = receipt.text }
      for round in charged { rounds[round]?.isCharged = true }
    }
  }

  func receipts() -> [[UInt8]] {
    keptReceipts.sorted { $0.key < $1.key }.map(\.value)
  }

  /// A list for a person; nothing that a run depends on.
  func recordRefusal(_ refusal: RefusalNote) {}

  func newestCheckpoint() -> CheckpointNote? { checkpoint }

  func keepRevocations(_ bytes: [UInt8]) throws {
    try write { keptRevocations = bytes }
  }

  func revocations() -> [UInt8]? { keptRevocations }

  private func write(_ change: () -> Void) throws {
    let fault = fault()
    if fault == .before { throw Died() }
    change()
    if fault == .after { throw Died() }
  }
}
