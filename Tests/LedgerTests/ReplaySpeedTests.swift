import Cryptography
import Glibc
import Ledger
import Privacy
import Testing

/// Replay of a million entries, timed: `TACIT_BENCHMARK=1 scripts/test.sh --filter ReplaySpeed`. It
/// asserts results, and prints speeds: a machine under load must not fail a test.
@Suite(.enabled(if: getenv("TACIT_BENCHMARK") != nil))
struct ReplaySpeedTests {
  private static let rounds = 333_333

  @Test("a million entries are verified, and one of them proven") func million() throws {
    let clock = ContinuousClock()
    let (log, state, key) = try Self.ledger()
    var replay = LedgerReplay(log: [])
    let processorStart = Self.processorSeconds
    let seconds = clock.measure { replay = LedgerReplay(log: log) } / .seconds(1)
    #expect(replay.failure == nil && replay.state == state)
    let processorSeconds = Self.processorSeconds - processorStart
    print(
      "replay: \(state.size) entries, \(log.count >> 20) MiB, "
        + "\(Int(Double(state.size) / seconds)) entries/s by the clock, "
        + "\(Int(Double(state.size) / processorSeconds)) by this thread's processor time")
    let checkpoint = try Checkpoint(signing: state, with: key)
    var receipt: LedgerReceipt?
    let proving = clock.measure {
      receipt = LedgerReceipt(
        line: replay.line(at: 654_321), index: 654_321, tree: replay.tree, checkpoint: checkpoint)
    }
    let proof = try #require(receipt)
    let checking = try clock.measure {
      _ = try proof.verify(ledgerID: state.genesis.ledgerID, key: key.verifyingKey)
    }
    print("inclusion of one entry: proven in \(proving), checked in \(checking)")
  }

  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }

  /// A ledger of `rounds` released rounds, each at a price of 1e-12 of mu squared.
  private static func ledger() throws -> (log: [UInt8], state: LedgerState, key: SigningKey) {
    let multiplier = try ExactDecimal("1000000")
    let planned = PlannedRound(
      stage: "gram", clipNorm: try ExactDecimal("1"), noiseMultiplier: multiplier)
    let policy = try PrivacyPolicy(
      federation: "benchmark", epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-5"),
      minimumCohort: 10, maximumCohort: 200, targetCohort: 100, model: "gram", plan: [planned],
      roundDeadlineSeconds: 60, retentionDays: 365)
    let fixture = try LedgerFixture()
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious,
      record: .genesis(fixture.genesis(policy: policy)))
    var state = try LedgerState(genesis: entry)
    var log = entry.line + [0x0A]
    func append(_ record: LedgerRecord) throws {
      let (entry, next) = try state.appending(record)
      state = next
      log += entry.line
      log.append(0x0A)
    }
    for _ in 0..<rounds {
      try append(.offer(fixture.offer(state)))
      try append(
        .charge(
          ChargeRecord(
            round: state.lastRound, noiseMultiplier: multiplier, clipNorm: planned.clipNorm,
            scale: multiplier.scaled(toGrid: 10), sensitivity: 1 << 10, fractionBits: 10,
            dimension: 50, mode: policy.mode, relation: policy.relation, unit: policy.unit,
            cohortMinimum: policy.minimumCohort, rng: .system)))
      try append(.release(fixture.release(state)))
    }
    return (log, state, fixture.signingKey)
  }
}
