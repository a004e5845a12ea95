import Cryptography
import Foundation
import Ledger
import LedgerStore
import Privacy

/// A ledger of a million entries: replayed as an auditor does, opened as a coordinator does, and its entries proven.
enum LedgerBenchmark {
  /// OFFER, CHARGE and RELEASE each; with GENESIS a million entries.
  private static let roundCount = 333_333
  private static let provenEntry = 654_321

  /// Entries that the coordinator proves one after another, spread over the log.
  private static let receiptCount = 1_000
  private static let spread = 7_919

  static func run() throws {
    let (log, state, key) = try ledger()
    try coordinate(log, state, key)
    var replay = LedgerReplay(log: [])
    let replaying = Measurement.best(of: 3) { replay = LedgerReplay(log: log) }
    precondition(replay.failure == nil && replay.state == state, "the ledger is valid")
    let checkpoint = try Checkpoint(signing: state, with: key)
    var receipt: LedgerReceipt?
    let proving = Measurement.best(of: 3) {
      receipt = LedgerReceipt(
        line: replay.line(at: provenEntry), index: provenEntry, tree: replay.tree,
        checkpoint: checkpoint)
    }
    let checking = try Measurement.best(of: 3) {
      _ = try receipt?.verify(ledgerID: state.genesis.ledgerID, key: key.verifyingKey)
    }
    Measurement.report(
      "ledger: \(state.size) entries, \(log.count >> 20) MiB",
      [
        "replay_seconds": replaying, "entries_per_second": Double(state.size) / replaying,
        "prove_seconds": proving, "check_seconds": checking,
      ])
  }

  /// What a coordinator does for a device that asks: the tree is in memory since the opening, the line is read from disk.
  private static func coordinate(_ log: [UInt8], _ state: LedgerState, _ key: SigningKey) throws {
    let directory = FileManager.default.temporaryDirectory.path + "/ledger-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer {
      // A directory left behind in the temporary folder harms nobody.
      try? FileManager.default.removeItem(atPath: directory)
    }
    func write(_ bytes: [UInt8], _ name: String) throws {
      try Data(bytes).write(to: URL(filePath: "\(directory)/\(name)"))
    }
    try write(log, LedgerWriter.FileName.log)
    try write(LedgerHead(of: state).bytes, LedgerWriter.FileName.head)
    let start = Measurement.cpuSeconds()
    let writer = try LedgerWriter.open(directory: directory, signingKey: key).writer
    let opened = Measurement.cpuSeconds()
    let history = try writer.history()
    let known = Measurement.cpuSeconds()
    precondition(history.closings.count == roundCount, "every round has an end")
    // The first one signs and stores the checkpoint that the others are under.
    _ = try writer.receipt(of: provenEntry)
    var (slowest, total) = (0.0, 0.0)
    for number in 0..<receiptCount {
      let index = number * spread % state.size
      let begin = Measurement.cpuSeconds()
      let receipt = try writer.receipt(of: index)
      let elapsed = Measurement.cpuSeconds() - begin
      precondition(receipt.proof.index == index, "the entry asked for")
      slowest = max(slowest, elapsed)
      total += elapsed
    }
    Measurement.report(
      "ledger: \(state.size) entries on disk, as a coordinator holds them",
      [
        "open_seconds": opened - start, "history_seconds": known - opened,
        "receipt_seconds": total / Double(receiptCount), "slowest_receipt_seconds": slowest,
      ])
  }

  /// Rounds at so small a price that the budget holds all of them.
  private static func ledger() throws -> (log: [UInt8], state: LedgerState, key: SigningKey) {
    let planned = PlannedRound(
      stage: "gram", clipNorm: try ExactDecimal("1"), noiseMultiplier: try ExactDecimal("1000000"))
    let policy = try PrivacyPolicy(
      federation: "benchmark", epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-5"),
      minimumCohort: 10, maximumCohort: 200, targetCohort: 100, model: "gram", plan: [planned],
      roundDeadlineSeconds: 60, retentionDays: 365)
    let key = try SigningKey()
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious,
      record: .genesis(
        GenesisRecord(
          ledgerID: LedgerID(bytes: [UInt8](repeating: 1, count: LedgerID.byteCount)),
          coordinatorKey: key.verifyingKey, policy: policy, softwareVersion: "benchmark",
          createdAtSeconds: 0, enrolmentKeyHeldByCoordinator: false)))
    var state = try LedgerState(genesis: entry)
    var log = entry.line + [UInt8(ascii: "\n")]
    let model = SHA256Digest(hashing: [1])
    for round in 1...UInt64(roundCount) {
      let records: [(LedgerState) throws -> LedgerRecord] = [
        { state in
          .offer(
            OfferRecord(
              round: round, planIndex: 0, stage: planned.stage, mode: policy.mode, modelIn: model,
              catalogueHash: model, policyHash: state.policyHash, deadlineSeconds: 60))
        },
        { _ in
          .charge(
            ChargeRecord(
              round: round, noiseMultiplier: planned.noiseMultiplier, clipNorm: planned.clipNorm,
              scale: try planned.noiseMultiplier.scaled(toGrid: 10), sensitivity: 1 << 10,
              fractionBits: 10, dimension: 50, mode: policy.mode, relation: policy.relation,
              unit: policy.unit, cohortMinimum: policy.minimumCohort, rng: .system))
        },
        { state in
          .release(
            ReleaseRecord(
              round: round, chargeIndex: state.size - 1, modelOut: model, claims: state.claims))
        },
      ]
      for record in records {
        let (entry, next) = try state.appending(record(state))
        state = next
        log += entry.line
        log.append(UInt8(ascii: "\n"))
      }
    }
    return (log, state, key)
  }
}
