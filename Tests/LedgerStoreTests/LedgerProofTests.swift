import Cryptography
import FaultSimulation
import Glibc
import Ledger
import LedgerStore
import Testing

/// What a writer proves to its clients.
@Suite struct LedgerProofTests {
  private func world() throws -> (keeper: Shopkeeper, writer: LedgerWriter) {
    var keeper = Shopkeeper(fixture: try LedgerFixture())
    try keeper.live(releasedRounds: 2)
    // Opened again: the tree comes from the log.
    return (keeper, try keeper.open().writer)
  }

  @Test("every entry has a receipt that verifies, before and after further appends")
  func receipts() throws {
    let (keeper, writer) = try world()
    for _ in 0..<3 {
      for index in 0..<writer.state.size {
        let receipt = try writer.receipt(of: index)
        let entry = try receipt.verify(
          ledgerID: keeper.fixture.ledgerID, key: keeper.fixture.signingKey.verifyingKey)
        #expect(entry.index == index)
        #expect(receipt.checkpoint.size == writer.state.size)
        #expect(receipt.checkpoint.root == writer.state.root)
      }
      _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
      _ = try writer.append(.void(keeper.fixture.void(writer.state)))
    }
  }

  @Test("a client that kept any checkpoint is led to the newest, and one from nowhere is not")
  func consistency() throws {
    let (keeper, writer) = try world()
    let newest = try writer.checkpoint()
    #expect(keeper.checkpoints.count == 2)
    for held in keeper.checkpoints + [newest] {
      var observed = ObservedLedger(
        ledgerID: keeper.fixture.ledgerID,
        coordinatorKey: keeper.fixture.signingKey.verifyingKey, checkpoint: held)
      let proof = try #require(
        writer.consistencyProof(from: held.size, to: writer.state.size))
      try observed.accept(newest, proof: proof)
      #expect(observed.checkpoint == newest)
    }
    for size in [-1, 0, newest.size + 1, .max] {
      #expect(writer.consistencyProof(from: size, to: writer.state.size) == nil)
    }
  }

  @Test("an entry that cannot be read back, or reads back changed, gets no receipt")
  func unreadable() throws {
    let (keeper, writer) = try world()
    _ = try writer.checkpoint()
    keeper.disk.inject((0, .inputOutput, false))
    let failure = DiskError(operation: "read", name: LedgerWriter.FileName.log, errorNumber: EIO)
    #expect(throws: LedgerStoreError.disk(failure)) { try writer.receipt(of: 2) }
    #expect(try writer.receipt(of: 2).proof.index == 2)
    var log = try #require(keeper.disk.content(LedgerWriter.FileName.log))
    let second = try #require(log.firstIndex(of: UInt8(ascii: "\n"))) + 20
    log[second] ^= 1
    keeper.disk.plant(LedgerWriter.FileName.log, log)
    let error = #expect(throws: LedgerStoreError.self) { try writer.receipt(of: 1) }
    guard case .ledger(.changedEntry(1, _, _)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    // A failed read tells nothing about what is durable: the writer goes on.
    _ = try writer.append(.offer(keeper.fixture.offer(writer.state)))
  }

  @Test("a range of a file is read, cut at its end, and nil where there is no file") func ranges()
    throws
  {
    let path = "/tmp/ledger-ranges-\(getpid())"
    let disk = try LocalDisk(directory: path)
    defer {
      unlink("\(path)/a")
      unlink("\(path)/\(LocalDisk.lockName)")
      rmdir(path)
    }
    try disk.create("a", holding: Array("0123456789".utf8))
    #expect(try disk.read("a", from: 3, byteCount: 4) == Array("3456".utf8))
    #expect(try disk.read("a", from: 8, byteCount: 4) == Array("89".utf8))
    #expect(try disk.read("a", from: 20, byteCount: 4) == [])
    #expect(try disk.read("b", from: 0, byteCount: 4) == nil)
  }

  @Test("a ledger of another format is neither made nor continued, and the message says what to do")
  func formatOne() throws {
    let fixture = try LedgerFixture()
    let good = fixture.genesis()
    let old = GenesisRecord(
      format: 1, ledgerID: good.ledgerID, coordinatorKey: good.coordinatorKey, policy: good.policy,
      policyHash: good.policyHash, filter: good.filter, softwareVersion: good.softwareVersion,
      createdAtSeconds: good.createdAtSeconds, enrolmentKeyHeldByCoordinator: false)
    let refusal = LedgerStoreError.ledger(.formatNotWritable(entry: 0, format: 1))
    #expect(throws: refusal) {
      try LedgerWriter.create(on: SimulatedDisk(), genesis: old, signingKey: fixture.signingKey)
    }
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious, record: .genesis(old))
    let disk = SimulatedDisk()
    disk.plant(LedgerWriter.FileName.log, entry.line + [UInt8(ascii: "\n")])
    disk.plant(
      LedgerWriter.FileName.head, LedgerHead(of: try LedgerState(genesis: entry)).bytes)
    #expect(throws: refusal) { try LedgerWriter.open(on: disk, signingKey: fixture.signingKey) }
    #expect(refusal.description.contains("coordinator init"))
  }
}
