import Cryptography
import FaultSimulation
import Ledger
import LedgerStore
import Privacy
import Testing

/// A coordinator that only keeps a ledger: what it did on the strength of it, over any number of lives.
struct Shopkeeper {
  let fixture: LedgerFixture
  let disk = SimulatedDisk()
  /// Rounds for which noise was drawn, because CHARGE was said to be durable.
  var chargedRounds: Set<UInt64> = []
  /// Rounds whose output left the coordinator, because RELEASE was said to be durable.
  var releasedRounds: Set<UInt64> = []
  /// Checkpoints that clients saw.
  var checkpoints: [Checkpoint] = []

  /// Opens the ledger, or makes it if its creation never ended.
  func open() throws(LedgerStoreError) -> (writer: LedgerWriter, recovery: LedgerWriter.Recovery) {
    do {
      return try LedgerWriter.open(on: disk, signingKey: fixture.signingKey)
    } catch .noLedger, .creationInterrupted {
      let writer = try LedgerWriter.create(
        on: disk, genesis: fixture.genesis(), signingKey: fixture.signingKey)
      return (writer, LedgerWriter.Recovery())
    }
  }

  /// A life: one void round, another roster, then released rounds, with a checkpoint after each.
  mutating func live(releasedRounds count: Int) throws {
    let (writer, _) = try open()
    _ = try writer.append(.offer(fixture.offer(writer.state)))
    _ = try writer.append(.void(fixture.void(writer.state)))
    let members = RosterCommitment(
      members: [(UInt32(writer.state.size), fixture.signingKey.verifyingKey.bytes)])
    if let change = writer.state.rosterChange(to: members, revocations: []) {
      _ = try writer.append(.roster(change))
    }
    for _ in 0..<count {
      _ = try writer.append(.offer(fixture.offer(writer.state)))
      _ = try writer.append(.charge(fixture.charge(writer.state)))
      chargedRounds.insert(writer.state.lastRound)
      _ = try writer.append(.release(fixture.release(writer.state)))
      releasedRounds.insert(writer.state.lastRound)
      checkpoints.append(try writer.checkpoint())
    }
  }

  /// Starts once more on a disk that still fails, which must not do harm, then repairs the disk.
  func heal(after test: CrashRecoveryTests.Case) throws {
    guard test.isPersistent else { return }
    do {
      _ = try open()
      Issue.record("a coordinator started on a disk that fails every operation")
    } catch LedgerStoreError.disk {
      // What a disk that fails must look like, and never a damaged ledger.
    }
    disk.inject(nil)
    disk.crash(test.outcome)
  }

  /// Rounds of each kind that the log holds, and a failure if one appears twice.
  func rounds(_ kind: LedgerRecordKind) throws -> Set<UInt64> {
    var seen: Set<UInt64> = []
    let log = try #require(disk.content(LedgerWriter.FileName.log))
    for (index, line) in log.split(separator: UInt8(ascii: "\n")).enumerated() {
      let record = try LedgerEntry(decoding: Array(line), at: index).record
      guard record.kind == kind, let round = record.round else { continue }
      #expect(seen.insert(round).inserted, "round \(round) has two \(kind.rawValue) entries")
    }
    return seen
  }

  /// After a restart: nothing that was acted upon is missing, nothing is there twice, and the audit agrees.
  func checkRecovered(_ writer: LedgerWriter, _ comment: Comment) throws {
    let charged = try rounds(.charge)
    #expect(charged.isSuperset(of: chargedRounds), comment)
    #expect(try rounds(.release).isSuperset(of: releasedRounds), comment)
    #expect(writer.state.rounds.charged == charged.count, comment)
    #expect(writer.state.phase == .idle, comment)
    let report = LedgerAudit.run(
      LedgerAudit.Evidence(
        log: disk.content(LedgerWriter.FileName.log) ?? [],
        head: disk.content(LedgerWriter.FileName.head),
        policyFile: fixture.policy.canonicalBytes,
        operatorCheckpoint: disk.content(LedgerWriter.FileName.checkpoint),
        keptCheckpoints: checkpoints.map { .init(holder: "client", text: $0.text) }))
    #expect(report.verdict.exitCode == 0, comment)
    #expect(report.size == writer.state.size, comment)
  }
}

@Suite struct CrashRecoveryTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let fault: SimulatedDisk.Fault
    let isPersistent: Bool
    let outcome: SimulatedDisk.CrashOutcome
    var testDescription: String {
      "\(fault), \(isPersistent ? "persistent" : "once"), crash keeps \(outcome)"
    }
  }

  static let cases: [Case] = SimulatedDisk.Fault.allCases.flatMap { fault in
    [false, true].flatMap { isPersistent in
      SimulatedDisk.CrashOutcome.allCases.map {
        Case(fault: fault, isPersistent: isPersistent, outcome: $0)
      }
    }
  }

  @Test("whichever operation fails, no spend is lost and the federation goes on", arguments: cases)
  func everyOperation(_ test: Case) throws {
    var operation = 0
    while true {
      var keeper = Shopkeeper(fixture: try LedgerFixture())
      keeper.disk.inject((operation, test.fault, test.isPersistent))
      var failure: LedgerStoreError?
      do {
        try keeper.live(releasedRounds: 1)
      } catch let error as LedgerStoreError {
        failure = error
      }
      guard let failure else { break }
      guard case .disk = failure else {
        Issue.record("operation \(operation): \(failure)")
        return
      }
      keeper.disk.crash(test.outcome)
      try keeper.heal(after: test)
      try keeper.checkRecovered(keeper.open().writer, "operation \(operation)")
      try keeper.live(releasedRounds: 1)
      try keeper.checkRecovered(keeper.open().writer, "operation \(operation), next life")
      operation += 1
    }
    // Creation, 6 entries and a checkpoint take more than this: the loop did not end by accident.
    #expect(operation > 46)
  }

  @Test(
    "a process that is killed, and a machine that stops, at every failpoint lose no spend",
    arguments: SimulatedDisk.CrashOutcome.allCases)
  func everyFailpoint(_ outcome: SimulatedDisk.CrashOutcome) throws {
    for phase in [LedgerRecordKind.offer, .charge, .release] {
      for step in LedgerFailpoint.appendSteps {
        let point = "\(phase.rawValue)-\(step)"
        var keeper = Shopkeeper(fixture: try LedgerFixture())
        try keeper.live(releasedRounds: 1)
        let (writer, _) = try LedgerWriter.open(
          on: keeper.disk, signingKey: keeper.fixture.signingKey
        ) { [disk = keeper.disk] reached in
          if reached == point { disk.inject((0, .inputOutput, true)) }
        }
        do {
          _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
          _ = try writer.append(.charge(keeper.fixture.charge(writer.state)))
          keeper.chargedRounds.insert(writer.state.lastRound)
          _ = try writer.append(.release(keeper.fixture.release(writer.state)))
          keeper.releasedRounds.insert(writer.state.lastRound)
        } catch LedgerStoreError.disk, LedgerStoreError.dead {
          // The operation after the failpoint failed; the machine stops here.
        }
        keeper.disk.inject(nil)
        keeper.disk.crash(outcome)
        try keeper.checkRecovered(keeper.open().writer, "\(point)")
      }
    }
  }

  @Test("a restart that is itself interrupted is repeated", arguments: cases)
  func interruptedRecovery(_ test: Case) throws {
    for openKind in [LedgerRecordKind.offer, .charge] {
      var operation = 0
      while true {
        var keeper = Shopkeeper(fixture: try LedgerFixture())
        try keeper.live(releasedRounds: 1)
        do {
          let (writer, _) = try keeper.open()
          _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
          if openKind == .charge {
            _ = try writer.append(.charge(keeper.fixture.charge(writer.state)))
            keeper.chargedRounds.insert(writer.state.lastRound)
          }
          // The next entry is written and made durable, its head is not.
          keeper.disk.inject((2, .inputOutput, false))
          #expect(throws: LedgerStoreError.self) {
            try writer.append(
              openKind == .charge
                ? .burned(keeper.fixture.burned(writer.state))
                : .charge(keeper.fixture.charge(writer.state)))
          }
        }
        keeper.disk.crash(.everything)
        keeper.disk.inject((operation, test.fault, test.isPersistent))
        do {
          _ = try keeper.open()
          break
        } catch LedgerStoreError.disk {
          keeper.disk.crash(test.outcome)
          try keeper.heal(after: test)
          try keeper.checkRecovered(keeper.open().writer, "operation \(operation)")
        }
        operation += 1
      }
      #expect(operation > 8)
    }
  }

  @Test("an entry whose fsync failed is made durable by the next life before anything relies on it")
  func failedSynchronizeThenRestart() throws {
    for lost in [LedgerRecordKind.charge, .release] {
      var keeper = Shopkeeper(fixture: try LedgerFixture())
      let (writer, _) = try keeper.open()
      _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
      if lost == .release { _ = try writer.append(.charge(keeper.fixture.charge(writer.state))) }
      let record: LedgerRecord =
        lost == .release
        ? .release(keeper.fixture.release(writer.state))
        : .charge(try keeper.fixture.charge(writer.state))
      // The write succeeds, its fsync does not; only the process ends, so the bytes stay visible
      // and count as clean.
      keeper.disk.inject((1, .inputOutput, false))
      #expect(throws: LedgerStoreError.self) { try writer.append(record) }
      keeper.disk.inject(nil)
      let (second, recovery) = try keeper.open()
      #expect(recovery.keptEntryCount == 1)
      #expect(recovery.burnedRound == (lost == .charge ? 1 : nil))
      keeper.chargedRounds.insert(1)
      if lost == .release { keeper.releasedRounds.insert(1) }
      let size = second.state.size
      keeper.disk.crash(.nothing)
      let third = try keeper.open().writer
      #expect(third.state.size == size)
      try keeper.checkRecovered(third, "\(lost)")
    }
  }

  @Test("a hundred crashes in one round give a hundred charges at most and one output each")
  func crashLoop() throws {
    var keeper = Shopkeeper(fixture: try LedgerFixture())
    var refused = false
    for _ in 0..<100 {
      let (writer, _) = try keeper.open()
      _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
      do {
        _ = try writer.append(.charge(keeper.fixture.charge(writer.state)))
      } catch LedgerStoreError.ledger(.budgetExhausted) {
        refused = true
        break
      }
      keeper.chargedRounds.insert(writer.state.lastRound)
      keeper.disk.crash(.nothing)
    }
    #expect(refused)
    let (writer, recovery) = try keeper.open()
    #expect(recovery.voidedRound == writer.state.lastRound)
    #expect(writer.state.rounds.burned == keeper.chargedRounds.count)
    #expect(writer.state.epsilonSpent <= 8)
    try keeper.checkRecovered(writer, "after the loop")
  }
}
