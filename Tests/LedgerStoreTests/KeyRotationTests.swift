import Cryptography
import FaultSimulation
import Glibc
import Ledger
import LedgerStore
import Synchronization
import Testing

/// Keys in memory, as durable as files that were synced, that can fail like them.
final class MemoryKeys: SigningKeyStore, Sendable {
  struct State {
    var current: SigningKey
    var prepared: SigningKey?
    var wiped: [VerifyingKey] = []
    /// The call that fails, before or after its effect, and how many are made before it.
    var failure: (calls: Int, afterEffect: Bool)?
  }

  struct Failure: Error {}

  let state: Mutex<State>

  init(_ key: SigningKey) { state = Mutex(State(current: key)) }

  func fail(after calls: Int?, afterEffect: Bool = false) {
    state.withLock { $0.failure = calls.map { ($0, afterEffect) } }
  }

  private func change<Result>(_ body: (inout State) throws -> Result) throws -> Result {
    try state.withLock { state in
      defer {
        if let failure = state.failure { state.failure = (failure.calls - 1, failure.afterEffect) }
      }
      guard let failure = state.failure, failure.calls == 0 else { return try body(&state) }
      if failure.afterEffect { _ = try body(&state) }
      throw Failure()
    }
  }

  func current() -> SigningKey { state.withLock { $0.current } }
  func prepared() -> SigningKey? { state.withLock { $0.prepared } }

  func prepare() throws -> SigningKey {
    try change { state in
      let key = try SigningKey()
      state.prepared = key
      return key
    }
  }

  func promote() throws {
    try change { state in
      guard let next = state.prepared else { return }
      state.wiped.append(state.current.verifyingKey)
      (state.current, state.prepared) = (next, nil)
    }
  }

  func clean() throws {
    try change { state in
      if let unused = state.prepared { state.wiped.append(unused.verifyingKey) }
      state.prepared = nil
    }
  }
}

@Suite("A rotation of the signing key") struct KeyRotationTests {
  private func ledger(
    _ keys: MemoryKeys, on disk: SimulatedDisk, _ fixture: LedgerFixture
  ) throws -> LedgerWriter {
    let writer = try LedgerWriter.create(
      on: disk, genesis: fixture.genesis(), signingKey: keys.current())
    _ = try writer.append(.offer(fixture.offer(writer.state)))
    _ = try writer.append(.charge(fixture.charge(writer.state)))
    _ = try writer.append(.release(fixture.release(writer.state)))
    _ = try writer.checkpoint()
    return writer
  }

  private func audit(
    _ disk: SimulatedDisk, _ writer: LedgerWriter, kept: [Checkpoint], _ comment: Comment
  ) throws {
    var handovers: [Int: [UInt8]] = [:]
    for change in writer.state.keys.changes {
      handovers[change.entry] = disk.content(HandoverFile.name(of: change.entry))
    }
    let report = LedgerAudit.run(
      .init(
        log: disk.content(LedgerWriter.FileName.log) ?? [],
        head: disk.content(LedgerWriter.FileName.head),
        operatorCheckpoint: disk.content(LedgerWriter.FileName.checkpoint),
        keptCheckpoints: kept.map { .init(holder: "device", text: $0.text) },
        handovers: handovers))
    #expect(report.verdict.exitCode == 0, comment)
  }

  @Test("the new key signs, the old one is wiped, and both signed the checkpoint in between")
  func rotates() throws {
    let fixture = try LedgerFixture()
    let (disk, keys) = (SimulatedDisk(), MemoryKeys(fixture.signingKey))
    let writer = try ledger(keys, on: disk, fixture)
    let before = try writer.checkpoint()
    var steps: [String] = []
    let position = try writer.rotateKey(keys) { steps.append($0) }
    #expect(steps == LedgerFailpoint.keyFileNames)
    #expect(position.index == 4 && keys.prepared() == nil)
    #expect(keys.state.withLock(\.wiped) == [fixture.signingKey.verifyingKey])
    let receipt = try writer.handover(at: 4)
    #expect(receipt.checkpoint.size == 5)
    let (_, change) = try receipt.handover(
      ledgerID: fixture.ledgerID, from: fixture.signingKey.verifyingKey)
    #expect(change.nextKey == keys.current().verifyingKey)
    let newest = try writer.checkpoint()
    #expect(newest.signatures.count == 1 && newest.size == 5)
    try newest.verify(ledgerID: fixture.ledgerID, key: change.nextKey)
    #expect(writer.consistencyProof(from: 4, to: 5) != nil)
    #expect(writer.consistencyProof(from: 5, to: 6) == nil)
    _ = try writer.rotateKey(keys)
    #expect(writer.state.keys.changes.map(\.entry) == [4, 5])
    let opened = try LedgerWriter.open(on: disk, keys: keys)
    #expect(opened.recovery == .init() && opened.writer.state == writer.state)
    try audit(disk, opened.writer, kept: [before, newest], "two rotations")
    // The key that was left opens nothing.
    let left = LedgerStoreError.wrongKey(
      expected: keys.current().verifyingKey, found: fixture.signingKey.verifyingKey)
    #expect(throws: left) {
      try LedgerWriter.open(on: disk, signingKey: fixture.signingKey)
    }
  }

  @Test("what devices follow by is in memory, after a rotation and after a start")
  func handoverFromMemory() throws {
    let fixture = try LedgerFixture()
    let (disk, keys) = (SimulatedDisk(), MemoryKeys(fixture.signingKey))
    let writer = try ledger(keys, on: disk, fixture)
    _ = try writer.rotateKey(keys)
    _ = try writer.rotateKey(keys)
    let opened = try LedgerWriter.open(on: disk, keys: keys).writer
    disk.kill()
    for ledger in [writer, opened] {
      for entry in [4, 5] {
        let change = try #require(ledger.state.keys.changes.first { $0.entry == entry }).record
        let receipt = try ledger.handover(at: entry)
        #expect(receipt.checkpoint.size == entry + 1)
        #expect(
          try receipt.handover(ledgerID: fixture.ledgerID, from: change.previousKey).change
            == change)
      }
      #expect(throws: LedgerStoreError.ledger(.handoverMissing(entry: 3))) {
        try ledger.handover(at: 3)
      }
    }
  }

  @Test("no other round may be open, and nothing is left behind then") func duringRound() throws {
    let fixture = try LedgerFixture()
    let (disk, keys) = (SimulatedDisk(), MemoryKeys(fixture.signingKey))
    let writer = try ledger(keys, on: disk, fixture)
    _ = try writer.append(.offer(fixture.offer(writer.state)))
    #expect(throws: LedgerStoreError.self) { try writer.rotateKey(keys) }
    #expect(writer.state.coordinatorKey == fixture.signingKey.verifyingKey)
    let (opened, recovery) = try LedgerWriter.open(on: disk, keys: keys)
    #expect(recovery.voidedRound != nil && keys.prepared() == nil)
    #expect(opened.state.coordinatorKey == fixture.signingKey.verifyingKey)
  }

  @Test("a ledger whose handover is gone is not gone on with") func handoverMissing() throws {
    let fixture = try LedgerFixture()
    let (disk, keys) = (SimulatedDisk(), MemoryKeys(fixture.signingKey))
    let writer = try ledger(keys, on: disk, fixture)
    _ = try writer.rotateKey(keys)
    let name = HandoverFile.name(of: 4)
    let note = try #require(disk.content(name))
    try disk.remove(name)
    let missing = LedgerStoreError.ledger(.handoverMissing(entry: 4))
    #expect(throws: missing) { try LedgerWriter.open(on: disk, keys: keys) }
    // Nor with one that the old key did not sign, nor with one that was cut.
    let wrong: [([UInt8], LedgerError)] = [
      (
        try writer.checkpoint().text,
        .handoverInvalid(
          entry: 4,
          problem: "a checkpoint of 5 entries with 1 signatures instead of 5 with 2")
      ),
      (
        Array(note.dropLast(2)) + note.suffix(1),
        .checkpointUnreadable(problem: "line 6 is not a signature by the origin of line 1")
      ),
    ]
    for (text, problem) in wrong {
      try disk.create(name, holding: text)
      #expect(throws: LedgerStoreError.ledger(problem)) {
        try LedgerWriter.open(on: disk, keys: keys)
      }
    }
    try disk.create(name, holding: note)
    #expect(try LedgerWriter.open(on: disk, keys: keys).writer.state == writer.state)
  }

  @Test("a ledger is shorter than no handover, and has none where no key is replaced (ruling 14)")
  func handoverOfNoEntry() throws {
    let fixture = try LedgerFixture()
    let (disk, keys) = (SimulatedDisk(), MemoryKeys(fixture.signingKey))
    let writer = try ledger(keys, on: disk, fixture)
    let before = disk.contents
    _ = try writer.rotateKey(keys)
    let after = disk.contents
    let note = try #require(disk.content(HandoverFile.name(of: 4)))
    // A second name for it.
    disk.plant(HandoverFile.name(of: 3), note)
    let stray = LedgerStoreError.ledger(
      .handoverInvalid(entry: 3, problem: "a checkpoint is there, and no key is replaced"))
    #expect(throws: stray) { try LedgerWriter.open(on: disk, keys: keys) }
    disk.plant(HandoverFile.name(of: 3), nil)
    // All but the handover is what it was before, whichever key is there.
    for (name, bytes) in before { disk.plant(name, bytes) }
    let cut = LedgerStoreError.ledger(.shorterThanCheckpoint(entry: 4, checkpointSize: 5))
    for key in [fixture.signingKey, keys.current()] {
      #expect(throws: cut) { try LedgerWriter.open(on: disk, signingKey: key) }
    }
    // With nothing but the handover there was a ledger once, which no other one may replace.
    for name in before.keys { disk.plant(name, nil) }
    #expect(throws: LedgerStoreError.ledger(.headMissing(entry: 0))) {
      try LedgerWriter.open(on: disk, keys: keys)
    }
    #expect(throws: LedgerStoreError.ledger(.headMissing(entry: 0))) {
      try LedgerWriter.create(
        on: disk, genesis: fixture.genesis(), signingKey: fixture.signingKey)
    }
    for (name, bytes) in after { disk.plant(name, bytes) }
    #expect(try LedgerWriter.open(on: disk, keys: keys).writer.state == writer.state)
  }

  /// What a rotation does on the disk, in order, where KEY is entry 4.
  private static let operations: [(operation: String, name: String)] = [
    ("write", "ledger.jsonl"), ("fsync", "ledger.jsonl"), ("create", "ledger.head.tmp"),
    ("fsync", "ledger.head.tmp"), ("rename", "ledger.head.tmp"), ("fsync", "."),
    ("create", "key-4.checkpoint.tmp"), ("fsync", "key-4.checkpoint.tmp"),
    ("rename", "key-4.checkpoint.tmp"), ("fsync", "."),
  ]

  /// The error that `fault` of operation `number` ends a rotation with.
  private static func error(of fault: SimulatedDisk.Fault, at number: Int) throws -> DiskError {
    let met = try #require(
      operations[number...].first { step in
        fault != .failedSynchronize || step.operation == "fsync"
      })
    return DiskError(
      operation: met.operation, name: met.name,
      errorNumber: fault == .noSpace || fault == .shortWrite ? ENOSPC : EIO)
  }

  @Test(
    "whichever operation of the disk or of the key files fails, one of the two keys goes on",
    arguments: SimulatedDisk.CrashOutcome.allCases, SimulatedDisk.Fault.allCases)
  func everyFailure(
    _ outcome: SimulatedDisk.CrashOutcome, _ fault: SimulatedDisk.Fault
  ) throws {
    enum Place { case disk, keys(afterEffect: Bool) }
    for place in [Place.disk, .keys(afterEffect: false), .keys(afterEffect: true)] {
      var number = 0
      var ended: Set<Bool> = []
      while true {
        let fixture = try LedgerFixture()
        let (disk, keys) = (SimulatedDisk(), MemoryKeys(fixture.signingKey))
        var writer = try ledger(keys, on: disk, fixture)
        let kept = try writer.checkpoint()
        switch place {
        case .disk: disk.inject((number, fault, false))
        case .keys(let afterEffect): keys.fail(after: number, afterEffect: afterEffect)
        }
        do {
          _ = try writer.rotateKey(keys)
          break
        } catch LedgerStoreError.disk(let error) {
          // The process ends here, and the machine with it.
          guard case .disk = place else { throw error }
          #expect(try error == Self.error(of: fault, at: number), "\(place), operation \(number)")
        } catch is MemoryKeys.Failure {
          guard case .keys = place else { throw MemoryKeys.Failure() }
        }
        disk.inject(nil)
        keys.fail(after: nil)
        disk.crash(outcome)
        let comment: Comment = "\(place), operation \(number)"
        writer = try LedgerWriter.open(on: disk, keys: keys).writer
        let rotated = !writer.state.keys.changes.isEmpty
        ended.insert(rotated)
        #expect(keys.current().verifyingKey == writer.state.coordinatorKey, comment)
        #expect(keys.prepared() == nil, comment)
        #expect(
          rotated == (keys.state.withLock(\.wiped).contains(fixture.signingKey.verifyingKey)),
          comment)
        #expect(kept.size <= writer.state.size, comment)
        try audit(disk, writer, kept: [kept, try writer.checkpoint()], comment)
        // It goes on, and may be rotated again.
        _ = try writer.rotateKey(keys)
        _ = try writer.append(.offer(fixture.offer(writer.state)))
        try audit(disk, writer, kept: [kept, try writer.checkpoint()], comment)
        number += 1
      }
      if case .disk = place {
        // Both ends were met.
        #expect(number == Self.operations.count)
        if case (.everything, .errorAfterSuccess) = (outcome, fault) {
          // What succeeded is kept, so that the entry always is.
          #expect(ended == [true])
        } else {
          #expect(
            ended == [true, false] || fault == .shortWrite || fault == .noSpace, "\(ended)")
        }
      } else {
        #expect(number == 2)
      }
    }
  }

  @Test("a restart that is interrupted while it ends a rotation is repeated")
  func interruptedRecovery() throws {
    var number = 0
    while true {
      let fixture = try LedgerFixture()
      let (disk, keys) = (SimulatedDisk(), MemoryKeys(fixture.signingKey))
      let writer = try ledger(keys, on: disk, fixture)
      // KEY and its head are durable, the handover is not.
      var next: SigningKey?
      next = try keys.prepare()
      let key = try #require(next)
      _ = try writer.append(.key(writer.state.keyChange(to: key)))
      #expect(throws: LedgerStoreError.self) { try writer.checkpoint() }
      disk.crash(.nothing)
      disk.inject((number, .inputOutput, false))
      do {
        let (opened, recovery) = try LedgerWriter.open(on: disk, keys: keys)
        #expect(recovery.promotedKey == key.verifyingKey)
        #expect(opened.state.coordinatorKey == key.verifyingKey)
        break
      } catch LedgerStoreError.disk {
        disk.inject(nil)
        disk.crash(.nothing)
        let (opened, _) = try LedgerWriter.open(on: disk, keys: keys)
        #expect(keys.current().verifyingKey == key.verifyingKey)
        try audit(disk, opened, kept: [], "operation \(number)")
      }
      number += 1
    }
    #expect(number > 6)
  }
}
