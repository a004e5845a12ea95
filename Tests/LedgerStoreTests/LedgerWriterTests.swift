import Cryptography
import FaultSimulation
import Glibc
import Ledger
import LedgerStore
import Synchronization
import Testing

@Suite struct LedgerWriterTests {
  typealias FileName = LedgerWriter.FileName

  private func world() throws -> (keeper: Shopkeeper, writer: LedgerWriter) {
    let keeper = Shopkeeper(fixture: try LedgerFixture())
    return (keeper, try keeper.open().writer)
  }

  @Test("an append returns where the entry stands, and the head says the same") func append()
    throws
  {
    let (keeper, writer) = try world()
    let position = try writer.append(.offer(keeper.fixture.offer(writer.state)))
    #expect(position.index == 1 && position.size == 2)
    #expect(position.root == writer.state.root)
    let head = try LedgerHead(decoding: #require(keeper.disk.content(FileName.head)))
    #expect(head == LedgerHead(of: writer.state))
    #expect(keeper.disk.content(FileName.log)?.count == head.byteCount)
  }

  @Test("a record that may not stand next is refused, and the writer goes on") func refused() throws
  {
    let (keeper, writer) = try world()
    let before = keeper.disk.content(FileName.log)
    #expect(
      throws: LedgerStoreError.ledger(
        .outOfOrder(entry: 1, kind: .void, expected: "offer, policy, roster or key"))
    ) { try writer.append(.void(VoidRecord(round: 1, reason: "r"))) }
    #expect(keeper.disk.content(FileName.log) == before)
    _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
  }

  @Test("after a failed fsync the writer is dead, says why, and does not try again") func dead()
    throws
  {
    let (keeper, writer) = try world()
    // Operation 0 is the write, operation 1 its fsync.
    keeper.disk.inject((1, .inputOutput, false))
    let cause = DiskError(operation: "fsync", name: FileName.log, errorNumber: EIO)
    #expect(throws: LedgerStoreError.disk(cause)) {
      try writer.append(.offer(keeper.fixture.offer(writer.state)))
    }
    let count = keeper.disk.operationCount
    #expect(throws: LedgerStoreError.dead(cause: cause)) {
      try writer.append(.offer(keeper.fixture.offer(writer.state)))
    }
    #expect(throws: LedgerStoreError.dead(cause: cause)) { try writer.checkpoint() }
    #expect(keeper.disk.operationCount == count)
    #expect(writer.state.size == 1)
  }

  @Test("the disk's words and number are in the message") func messages() {
    let full = DiskError(operation: "write", name: "ledger.jsonl", errorNumber: ENOSPC)
    #expect(full.isOutOfSpace)
    #expect(full.description.contains("No space left on device (errno 28)"))
    #expect(LedgerStoreError.disk(full).description.contains("Make room"))
    let broken = DiskError(operation: "fsync", name: "ledger.jsonl", errorNumber: EIO)
    #expect(!broken.isOutOfSpace)
    #expect(DiskError(operation: "write", name: "x", errorNumber: EFBIG).isOutOfSpace)
    #expect(!DiskError(operation: "read", name: "x", errorNumber: EFBIG).isOutOfSpace)
  }

  @Test("every failpoint of an append is called, in order") func failpoints() throws {
    let fixture = try LedgerFixture()
    let reached = Mutex<[String]>([])
    let disk = SimulatedDisk()
    let writer = try LedgerWriter.create(
      on: disk, genesis: fixture.genesis(), signingKey: fixture.signingKey
    ) { name in reached.withLock { $0.append(name) } }
    _ = try writer.append(.offer(fixture.offer(writer.state)))
    _ = try writer.checkpoint()
    let steps = LedgerFailpoint.appendSteps
    #expect(
      reached.withLock { $0 } == steps.map { "genesis-\($0)" } + steps.map { "offer-\($0)" }
        + LedgerFailpoint.checkpointNames)
    #expect(Set(reached.withLock { $0 }).isSubset(of: LedgerFailpoint.names))
  }

  @Test("a checkpoint is stored before it is shown, and signed once for a size") func checkpoint()
    throws
  {
    let (keeper, writer) = try world()
    let first = try writer.checkpoint()
    #expect(keeper.disk.content(FileName.checkpoint) == first.text)
    let count = keeper.disk.operationCount
    #expect(try writer.checkpoint() == first)
    #expect(keeper.disk.operationCount == count)
    _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
    #expect(try writer.checkpoint().size == 2)
  }

  @Test("a second ledger is not made over the first, and none is opened where none is")
  func createAndOpen() throws {
    let (keeper, _) = try world()
    let (fixture, disk) = (keeper.fixture, keeper.disk)
    #expect(throws: LedgerStoreError.alreadyExists) {
      try LedgerWriter.create(on: disk, genesis: fixture.genesis(), signingKey: fixture.signingKey)
    }
    #expect(throws: LedgerStoreError.noLedger) {
      try LedgerWriter.open(on: SimulatedDisk(), signingKey: fixture.signingKey)
    }
    let stranger = try LedgerFixture(seed: 8).signingKey
    #expect(
      throws: LedgerStoreError.wrongKey(
        expected: fixture.signingKey.verifyingKey, found: stranger.verifyingKey)
    ) { try LedgerWriter.open(on: disk, signingKey: stranger) }
  }

  @Test("an open OFFER becomes VOID and an open CHARGE becomes BURNED") func openRounds() throws {
    let (keeper, writer) = try world()
    _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
    let (second, voided) = try keeper.open()
    #expect(voided.voidedRound == 1 && voided.burnedRound == nil)
    #expect(second.state.rounds.void == 1 && second.state.epsilonSpent == 0)
    _ = try second.append(.offer(keeper.fixture.offer(second.state)))
    _ = try second.append(.charge(keeper.fixture.charge(second.state)))
    let spent = second.state.epsilonSpent
    let (third, burned) = try keeper.open()
    #expect(burned.burnedRound == 2 && burned.voidedRound == nil)
    #expect(third.state.rounds.burned == 1 && third.state.epsilonSpent == spent)
    #expect(try keeper.open().recovery == LedgerWriter.Recovery())
  }

  @Test("a log torn at any byte of its last three entries is cut after the head, refused before it")
  func tornTail() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    var heads = [text.head]
    func append(_ record: LedgerRecord) throws {
      try text.append(record)
      heads.append(text.head)
    }
    try append(.offer(fixture.offer(text.state)))
    try append(.charge(fixture.charge(text.state)))
    try append(.release(fixture.release(text.state)))
    let ends = LedgerReplay(log: text.log).lineEnds
    for last in 1...3 {
      for cut in ends[last - 1]..<ends[last] {
        let disk = SimulatedDisk()
        disk.plant(FileName.log, Array(text.log[..<cut]))
        disk.plant(FileName.head, heads[last - 1])
        let (writer, recovery) = try LedgerWriter.open(on: disk, signingKey: fixture.signingKey)
        #expect(recovery.cutByteCount == cut - ends[last - 1])
        #expect(recovery.keptEntryCount == 0)
        // A CHARGE that the head acknowledges stays spent.
        #expect(writer.state.rounds.charged == (last > 2 ? 1 : 0))
        _ = try writer.append(.offer(fixture.offer(writer.state)))

        disk.plant(FileName.log, Array(text.log[..<cut]))
        disk.plant(FileName.head, heads[last])
        #expect(
          throws: LedgerStoreError.ledger(
            .shorterThanHead(entry: last, byteCount: cut, headByteCount: ends[last]))
        ) { try LedgerWriter.open(on: disk, signingKey: fixture.signingKey) }
        #expect(disk.content(FileName.log)?.count == cut)
      }
    }
  }

  @Test("a complete CHARGE beyond the head is kept, so that its spend is not lost")
  func unacknowledgedCharge() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    let head = text.head
    try text.append(.charge(fixture.charge(text.state)))
    let disk = SimulatedDisk()
    disk.plant(FileName.log, text.log + Array("{\"body\":".utf8))
    disk.plant(FileName.head, head)
    let (writer, recovery) = try LedgerWriter.open(on: disk, signingKey: fixture.signingKey)
    #expect(recovery.keptEntryCount == 1 && recovery.cutByteCount == 8)
    #expect(recovery.burnedRound == 1)
    #expect(writer.state.epsilonSpent == text.state.epsilonSpent)
  }

  @Test("what stands beyond the head and is no valid next entry is cut") func invalidTail() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    let repeated = text.log + text.lines[1] + [UInt8(ascii: "\n")]
    let disk = SimulatedDisk()
    disk.plant(FileName.log, repeated)
    disk.plant(FileName.head, text.head)
    let (writer, recovery) = try LedgerWriter.open(on: disk, signingKey: fixture.signingKey)
    #expect(recovery.cutByteCount == text.lines[1].count + 1)
    #expect(writer.state.size == 3 && writer.state.rounds.void == 1)
  }

  @Test("any changed byte before the head is refused by entry, and nothing is repaired")
  func changedByte() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    try text.append(.charge(fixture.charge(text.state)))
    let ends = LedgerReplay(log: text.log).lineEnds
    for index in text.log.indices {
      var log = text.log
      log[index] ^= 1 << UInt8(index % 8)
      let disk = SimulatedDisk()
      disk.plant(FileName.log, log)
      disk.plant(FileName.head, text.head)
      let error = #expect(throws: LedgerStoreError.self) {
        try LedgerWriter.open(on: disk, signingKey: fixture.signingKey)
      }
      guard case .ledger(let problem) = error else {
        // A changed key in GENESIS is still a key of someone: then the operator's key no longer fits.
        if case .wrongKey = error, index < ends[0] { continue }
        Issue.record("byte \(index): \(String(describing: error))")
        continue
      }
      let entry = try #require(ends.firstIndex { index < $0 })
      #expect(problem.entry.map { [entry, entry + 1].contains($0) } == true, "byte \(index)")
      #expect(disk.content(FileName.log) == log)
    }
  }

  @Test("a log and head restored from an older backup are refused by the signed checkpoint")
  func rolledBack() throws {
    let (keeper, writer) = try world()
    let log = keeper.disk.content(FileName.log)
    let head = keeper.disk.content(FileName.head)
    _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
    _ = try writer.checkpoint()
    keeper.disk.plant(FileName.log, log)
    keeper.disk.plant(FileName.head, head)
    #expect(
      throws: LedgerStoreError.ledger(.shorterThanCheckpoint(entry: 1, checkpointSize: 2))
    ) { try keeper.open() }
  }

  @Test("a checkpoint of another history, or no checkpoint at all, is refused") func otherHistory()
    throws
  {
    let (keeper, writer) = try world()
    _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
    var other = try LedgerText(keeper.fixture)
    try other.append(.offer(keeper.fixture.offer(other.state, round: 5)))
    keeper.disk.plant(FileName.checkpoint, try other.checkpoint().text)
    let error = #expect(throws: LedgerStoreError.self) { try keeper.open() }
    guard case .ledger(.checkpointMismatch(1, _, _)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    keeper.disk.plant(FileName.checkpoint, [0])
    #expect(throws: LedgerStoreError.self) { try keeper.open() }
  }

  @Test("entries without a head are damaged, never a new ledger") func missingHead() throws {
    let (keeper, writer) = try world()
    _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
    keeper.disk.plant(FileName.head, nil)
    #expect(throws: LedgerStoreError.ledger(.headMissing(entry: 1))) { try keeper.open() }
    let (fixture, disk) = (keeper.fixture, keeper.disk)
    #expect(throws: LedgerStoreError.ledger(.headMissing(entry: 1))) {
      try LedgerWriter.create(on: disk, genesis: fixture.genesis(), signingKey: fixture.signingKey)
    }
  }
}
