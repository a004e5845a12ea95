import FaultSimulation
import Federation
import Ledger
import LedgerStore
import Testing
import WireProtocol

/// Faults put into the program at a seam: the simulator is worth something only if it finds them.
@Suite("Planted faults")
struct PlantedFaultTests {
  /// A disk that says it made some files durable, and did not.
  struct ForgetfulDisk: Disk {
    let disk: any Disk
    let forgets: @Sendable (String) -> Bool

    func read(_ name: String) throws(DiskError) -> [UInt8]? { try disk.read(name) }
    func create(_ name: String, holding bytes: [UInt8]) throws(DiskError) {
      try disk.create(name, holding: bytes)
    }
    func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskError) {
      try disk.write(bytes, to: name, at: offset)
    }
    func truncate(_ name: String, to byteCount: Int) throws(DiskError) {
      try disk.truncate(name, to: byteCount)
    }
    func synchronize(_ name: String) throws(DiskError) {
      if !forgets(name) { try disk.synchronize(name) }
    }
    func rename(_ name: String, to newName: String) throws(DiskError) {
      try disk.rename(name, to: newName)
    }
    func synchronizeDirectory() throws(DiskError) {
      if !forgets(".") { try disk.synchronizeDirectory() }
    }
    func names() throws(DiskError) -> [String] { try disk.names() }
    func remove(_ name: String) throws(DiskError) { try disk.remove(name) }
  }

  /// The first of so many seeds that breaks an invariant.
  private func found(_ seams: FederationWorld.Seams, seeds: Range<UInt64> = 0..<200) throws
    -> String?
  {
    for seed in seeds {
      if let violation = try FederationWorld.run(FaultPlan(seed: seed), seams: seams).violation {
        return violation
      }
    }
    return nil
  }

  @Test(
    "a skipped fsync is found, whichever it is",
    arguments: ["ledger.jsonl", "ledger.head.tmp", "ledger.checkpoint.tmp", "."])
  func ledgerSynchronize(name: String) throws {
    var seams = FederationWorld.Seams()
    seams.ledgerDisk = { disk in ForgetfulDisk(disk: disk) { $0 == name } }
    let violation = try #require(try found(seams))
    #expect(!violation.hasPrefix("I13"))
  }

  @Test("a skipped fsync of a model, or of its directory, is found", arguments: [false, true])
  func blobSynchronize(ofDirectory: Bool) throws {
    var seams = FederationWorld.Seams()
    seams.blobDisk = { disk in ForgetfulDisk(disk: disk) { ($0 == ".") == ofDirectory } }
    let violation = try #require(try found(seams))
    #expect(violation.contains("is not in the data directory"))
  }

  @Test("a checkpoint that hands over to another key and is not durable is found")
  func handoverSynchronize() throws {
    var seams = FederationWorld.Seams()
    seams.ledgerDisk = { disk in ForgetfulDisk(disk: disk) { $0.hasPrefix("key-") } }
    let violation = try #require(try found(seams))
    #expect(violation.contains("both keys signed") || violation.contains("not readable"))
  }

  @Test(
    "a coordinator that does not prove an offer, or a charge, is found by the devices that go without",
    arguments: [true, false])
  func notProven(isOffer: Bool) throws {
    var seams = FederationWorld.Seams()
    seams.toCustomer = { payload in
      // What no message can be read from is passed on as it is.
      switch try? Message(decoding: payload) {
      case .ledgerShown(var shown) where isOffer:
        shown.entries = shown.entries.filter { entry in
          // What is no entry is left for the device to refuse.
          (try? LedgerEntry(decoding: entry.line, at: Int(entry.index)).record.kind) != .offer
        }
        return Message.ledgerShown(shown).encoded()
      case .proof(var proof) where !isOffer:
        proof.receipt = []
        return Message.proof(proof).encoded()
      default: return payload
      }
    }
    let violation = try #require(try found(seams))
    #expect(violation.contains("does not believe the ledger"))
  }

  @Test("a charge given back after a crash is found") func refund() throws {
    var seams = FederationWorld.Seams()
    seams.beforeStart = { disk in
      // The tail after the last entry but one of an open charge is cut, and the head made to agree.
      guard let log = disk.content("ledger/ledger.jsonl"),
        let state = LedgerReplay(log: log).state, case .charged = state.phase
      else { return }
      let lines = log.split(separator: UInt8(ascii: "\n")).dropLast()
      let shorter = Array(lines.map { Array($0) + [UInt8(ascii: "\n")] }.joined())
      guard let earlier = LedgerReplay(log: shorter).state else { return }
      disk.plant("ledger/ledger.jsonl", shorter)
      disk.plant("ledger/ledger.head", LedgerHead(of: earlier).bytes)
      disk.plant("ledger/ledger.checkpoint", nil)
    }
    let violation = try #require(try found(seams))
    #expect(violation.hasPrefix("I"))
  }
}
