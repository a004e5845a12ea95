import CanonicalJSON
import Cryptography
import Foundation
import Ledger
import LedgerStore
import Privacy
import Testing

/// `scripts/verify_ledger.py`, which shares no code with this package, must agree with
/// `LedgerAudit` on every ledger.
@Suite struct IndependentVerifierTests {
  // Python 3 is wherever the path has it.
  private static let launcher = "/usr/bin/env"
  private static let script = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().appendingPathComponent("../../scripts/verify_ledger.py").path

  /// A coordinator's directory as `coordinator` lays it out, removed with this value.
  private final class Shop {
    let path = FileManager.default.temporaryDirectory.path + "/ledger-\(UUID().uuidString)"
    let fixture: LedgerFixture

    /// Writes a ledger of released, void and burned rounds through the real writer.
    init(_ fixture: LedgerFixture) throws {
      self.fixture = fixture
      try FileManager.default.createDirectory(
        atPath: path + "/ledger", withIntermediateDirectories: true)
      try write(Array(fixture.policy.json.prettyText.utf8), to: "policy.json")
      let writer = try LedgerWriter.create(
        directory: path + "/ledger", genesis: fixture.genesis(), signingKey: fixture.signingKey)
      for round in 0..<5 {
        if round == 2 { _ = try writer.append(.roster(Self.roster(epoch: 1, of: [3, 8]))) }
        _ = try writer.append(.offer(fixture.offer(writer.state)))
        if round == 1 {
          _ = try writer.append(.void(fixture.void(writer.state)))
          continue
        }
        _ = try writer.append(.charge(fixture.charge(writer.state)))
        _ = try writer.append(
          round == 3
            ? .burned(fixture.burned(writer.state)) : .release(fixture.release(writer.state)))
      }
      try write(writer.receipt(of: 3).text, to: "receipt.tlog-proof")
      try write(writer.checkpoint().text, to: "kept.note")
    }

    static func roster(epoch: Int, of numbers: [UInt32]) -> RosterRecord {
      RosterRecord(
        epoch: epoch,
        members: RosterCommitment(
          members: numbers.map { ($0, [UInt8](repeating: UInt8($0), count: 32)) }),
        revocationsHash: SHA256Digest(hashing: []))
    }

    deinit {
      // A directory left behind in the temporary folder harms nobody.
      try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
      try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
    }

    func read(_ name: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
    }

    private func handovers() throws -> [Int: [UInt8]] {
      var found: [Int: [UInt8]] = [:]
      for name in try FileManager.default.contentsOfDirectory(atPath: path + "/ledger") {
        guard let entry = HandoverFile.entry(named: name) else { continue }
        found[entry] = try read("ledger/" + name)
      }
      return found
    }

    func evidence(kept: Bool) throws -> LedgerAudit.Evidence {
      LedgerAudit.Evidence(
        log: try read("ledger/ledger.jsonl"), head: try read("ledger/ledger.head"),
        policyFile: fixture.policy.canonicalBytes,
        operatorCheckpoint: try read("ledger/ledger.checkpoint"),
        keptCheckpoints: kept ? [.init(holder: "device", text: try read("kept.note"))] : [],
        keptReceipts: kept ? [.init(holder: "device", text: try read("receipt.tlog-proof"))] : [],
        handovers: try handovers())
    }

    /// Runs the script. Its absence, or that of Python, fails the test by name.
    func verify(
      kept: Bool, roster: String? = nil, key: VerifyingKey? = nil
    ) throws -> (code: Int32, report: JSONValue) {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: IndependentVerifierTests.launcher)
      let evidence = [
        "--checkpoint", path + "/kept.note", "--receipt", path + "/receipt.tlog-proof",
      ]
      process.arguments =
        ["python3", IndependentVerifierTests.script, path, "--json"] + (kept ? evidence : [])
        + (roster.map { ["--roster", path + "/" + $0] } ?? [])
        + (key.map { ["--key", $0.description] } ?? [])
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let bytes = output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      try #require(process.terminationStatus != 127, "the second verifier needs Python 3")
      return (process.terminationStatus, try JSONValue.parse(Array(bytes)))
    }
  }

  private func close(_ left: JSONValue?, _ right: JSONValue?) -> Bool {
    guard let left = left?.numberValue, let right = right?.numberValue else { return false }
    return abs(left - right) <= 1e-6 * max(1, abs(left))
  }

  private func expectAgreement(_ shop: Shop, kept: Bool, _ comment: Comment) throws {
    let ours = LedgerAudit.run(try shop.evidence(kept: kept))
    let theirs = try shop.verify(kept: kept)
    #expect(theirs.code == ours.verdict.exitCode, comment)
    #expect(theirs.report["verdict"] == ours.json["verdict"], comment)
    #expect(theirs.report["entry"] == ours.json["entry"], comment)
    #expect(theirs.report["ledger_id"] == ours.json["ledger_id"], comment)
  }

  @Test(
    "a block of correlated noise that no policy may have is refused by both: it could cost nothing",
    arguments: [
      ("coefficients", .array([.integer(0)])), ("coefficients", .array([])),
      ("coefficients", .array([.integer(-256)])), ("coefficients", .array([.string("256")])),
      ("coefficients", .array([.integer(1 << 40)])), ("rounds", .integer(0)),
      ("rounds", .integer(1_000)), ("minimum_separation", .integer(0)),
      ("maximum_participations", .integer(0)), ("first_round", .integer(-1)),
    ] as [(String, JSONValue)])
  func impossibleBlock(field: String, value: JSONValue) throws {
    let shop = try Shop(try LedgerFixture(epsilonLimit: "12", noiseMultiplier: "4"))
    let lines = try shop.read("ledger/ledger.jsonl").split(separator: UInt8(ascii: "\n"))
    let line = try #require(lines.first)
    var entry = try #require(try JSONValue.parse(Array(line)).objectValue)
    var body = try #require(entry["body"]?.objectValue)
    var policy = try #require(body["policy"]?.objectValue)
    let block: [String: JSONValue] = [
      "first_round": .integer(0), "rounds": .integer(1), "minimum_separation": .integer(1),
      "maximum_participations": .integer(1), "coefficients": .array([.integer(256)]),
      "fraction_bits": .integer(8),
    ]
    /// The ledger of this block; its chain is broken at entry 1.
    func write(_ block: [String: JSONValue]) throws {
      policy["correlated_noise"] = .object(block)
      body["policy"] = .object(policy)
      body["policy_hash"] = .string(
        SHA256Digest(hashing: JSONValue.object(policy).canonicalBytes).hex)
      entry["body"] = .object(body)
      let changed = [JSONValue.object(entry).canonicalBytes[...]] + lines.dropFirst()
      try shop.write(
        Array(changed.joined(separator: [UInt8(ascii: "\n")])) + [10], to: "ledger/ledger.jsonl")
    }
    try write(block)
    #expect(try shop.verify(kept: false).code == 4, "the block itself is one that is read")
    try write(block.merging([field: value]) { $1 })
    try expectAgreement(shop, kept: false, "\(field) \(value)")
    let theirs = try shop.verify(kept: false)
    #expect(theirs.code == 8 && theirs.report["entry"] == .integer(0))
  }

  @Test("both verifiers agree on verdict, rounds and every figure of the budget to 1e-6")
  func agreement() throws {
    for noise in ["4", "0.9", "30"] {
      let fixture = try LedgerFixture(epsilonLimit: "12", noiseMultiplier: noise)
      let shop = try Shop(fixture)
      for kept in [false, true] {
        try expectAgreement(shop, kept: kept, "noise \(noise), kept \(kept)")
        let ours = LedgerAudit.run(try shop.evidence(kept: kept)).json
        let theirs = try shop.verify(kept: kept).report
        #expect(ours["exit_code"] == .integer(0))
        #expect(ours["rounds"] == theirs["rounds"] && ours["entries"] == theirs["entries"])
        for field in try #require(ours["spend"]?.objectValue).keys {
          #expect(
            close(ours["spend"]?[field], theirs["spend"]?[field]),
            "\(field): \(String(describing: theirs["spend"]?[field]))")
        }
      }
    }
  }

  /// A Python that has dp-accounting: named by the environment, or the one on the path.
  private static let peerPython =
    ProcessInfo.processInfo.environment["TACIT_DP_ACCOUNTING_PYTHON"] ?? "python3"

  private static let hasPeer: Bool = {
    do {
      return try status(of: [peerPython, "-c", "import dp_accounting"]) == 0
    } catch {
      return false
    }
  }()

  private static func status(of arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: launcher)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test(
    "Google's dp-accounting finds the same epsilon to 1e-6",
    .enabled(
      if: hasPeer, "install dp-accounting 0.6.0 and name its Python in TACIT_DP_ACCOUNTING_PYTHON"))
  func peer() throws {
    let script = URL(fileURLWithPath: Self.script).deletingLastPathComponent()
      .appendingPathComponent("compare_epsilon.py").path
    for mode in ["sealed", "secagg-ddp"] {
      let shop = try Shop(LedgerFixture(mode: mode))
      // The script compares with verify_ledger.py, which the tests above hold against LedgerAudit.
      #expect(try Self.status(of: [Self.peerPython, script, shop.path]) == 0, "\(mode)")
    }
  }

  @Test("they agree on masked rounds too", arguments: ["secagg", "secagg-ddp"])
  func masked(mode: String) throws {
    let shop = try Shop(LedgerFixture(mode: mode))
    try expectAgreement(shop, kept: true, "\(mode)")
    let ours = LedgerAudit.run(try shop.evidence(kept: true)).json
    let theirs = try shop.verify(kept: true).report
    #expect(ours["exit_code"] == .integer(0) && ours["rounds"] == theirs["rounds"])
    #expect(close(ours["spend"]?["epsilon_spent"], theirs["spend"]?["epsilon_spent"]))
  }

  @Test("a flipped, dropped, swapped or doubled entry gets the same verdict from both")
  func tampering() throws {
    let shop = try Shop(LedgerFixture())
    let lines = try shop.read("ledger/ledger.jsonl").split(separator: 0x0A).map { Array($0) }
    for entry in lines.indices {
      var flipped = lines
      flipped[entry][lines[entry].count / 2] ^= 1
      var dropped = lines
      dropped.remove(at: entry)
      var swapped = lines
      swapped.swapAt(entry, (entry + 1) % lines.count)
      var doubled = lines
      doubled.insert(lines[entry], at: entry)
      for (name, tampered) in [
        ("flipped", flipped), ("dropped", dropped), ("swapped", swapped), ("doubled", doubled),
      ] {
        try shop.write(
          Array(tampered.map { $0 + [0x0A] }.joined()), to: "ledger/ledger.jsonl")
        let comment: Comment = "\(name) \(entry)"
        guard (name, entry) == ("flipped", 0) else {
          try expectAgreement(shop, kept: true, comment)
          #expect(try shop.verify(kept: true).code != 0, comment)
          continue
        }
        // The script checks a policy's hash first, LedgerAudit its ranges: 4 or 8, of the same entry.
        let theirs = try shop.verify(kept: true)
        #expect([4, 8].contains(theirs.code) && theirs.report["entry"] == .integer(0), comment)
      }
    }
  }

  @Test("a charge whose sparse graph takes all of delta is found by both")
  func reservedDelta() throws {
    let shop = try Shop(LedgerFixture(mode: "secagg"))
    var lines = String(decoding: try shop.read("ledger/ledger.jsonl"), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let charge = try #require(lines.firstIndex { $0.contains("\"kind\":\"charge\"") })
    lines[charge] = lines[charge].replacing(/"degree":[0-9]+/, with: "\"degree\":1")
      .replacing(/"protocol_delta":"[^"]*"/, with: "\"protocol_delta\":\"0.5\"")
    try shop.write(Array(lines.joined(separator: "\n").utf8), to: "ledger/ledger.jsonl")
    try expectAgreement(shop, kept: true, "all of delta")
    #expect(try shop.verify(kept: true).report["entry"] == .integer(Int64(charge)))
  }

  @Test("a tampered head, checkpoint or receipt gets the same verdict from both")
  func otherFiles() throws {
    let shop = try Shop(LedgerFixture())
    for name in [
      "ledger/ledger.head", "ledger/ledger.checkpoint", "kept.note", "receipt.tlog-proof",
    ] {
      let good = try shop.read(name)
      for index in stride(from: 0, to: good.count, by: max(1, good.count / 12)) {
        var changed = good
        changed[index] ^= 1
        try shop.write(changed, to: name)
        let ours = LedgerAudit.run(try shop.evidence(kept: true)).verdict
        let theirs = try shop.verify(kept: true).code
        #expect(ours.exitCode != 0 && theirs == ours.exitCode, "\(name), byte \(index): \(ours)")
      }
      try shop.write(good, to: name)
    }
    try expectAgreement(shop, kept: true, "restored")
  }

  @Test("they agree on a ledger whose policy was replaced, and on a false one")
  func replacedPolicy() throws {
    let fixture = try LedgerFixture()
    let shop = try Shop(fixture)
    let writer = try LedgerWriter.open(
      directory: shop.path + "/ledger", signingKey: fixture.signingKey
    ).writer
    var members = try #require(fixture.policy.json.objectValue)
    members["epsilon_limit"] = .string("10")
    let policy = try PrivacyPolicy(json: .object(members))
    _ = try writer.append(.policy(PolicyRecord(policy: policy, replacing: writer.state.policyHash)))
    _ = try writer.checkpoint()
    try shop.write(Array(policy.json.prettyText.utf8), to: "policy.json")
    var evidence = try shop.evidence(kept: true)
    evidence.policyFile = policy.canonicalBytes
    let ours = LedgerAudit.run(evidence)
    let theirs = try shop.verify(kept: true)
    #expect(ours.verdict.exitCode == 0 && theirs.code == 0, "\(ours.verdict)")
    #expect(close(ours.json["spend"]?["epsilon_limit"], theirs.report["spend"]?["epsilon_limit"]))
    // With the policy that customers consented to before, both fail, at the same entry.
    try shop.write(Array(fixture.policy.json.prettyText.utf8), to: "policy.json")
    try expectAgreement(shop, kept: true, "the replaced policy")
    #expect(try shop.verify(kept: true).code == 4)
  }

  @Test("they agree on a ledger whose key was replaced, by every key, and on what is wrong with it")
  func replacedKey() throws {
    let fixture = try LedgerFixture()
    let shop = try Shop(fixture)
    let directory = shop.path + "/ledger"
    func reopened(
      _ key: SigningKey, next: SigningKey
    ) throws -> (before: [UInt8], entry: Int, after: [UInt8]) {
      let writer = try LedgerWriter.open(directory: directory, signingKey: key).writer
      let before = try writer.checkpoint().text
      let entry = try writer.replaceKey(by: next).index
      try shop.write(writer.handover(at: entry).text, to: "receipt.tlog-proof")
      _ = try writer.append(.offer(fixture.offer(writer.state)))
      _ = try writer.append(.void(fixture.void(writer.state)))
      return (before, entry, try writer.checkpoint().text)
    }
    let (second, third) = (
      try LedgerFixture(seed: 9).signingKey, try LedgerFixture(seed: 10).signingKey
    )
    let first = try reopened(fixture.signingKey, next: second)
    let last = try reopened(second, next: third)
    #expect(first.entry < last.entry)
    for kept in [first.before, first.after, last.after] {
      try shop.write(kept, to: "kept.note")
      try expectAgreement(shop, kept: true, "a checkpoint of another time")
      #expect(try shop.verify(kept: true).code == 0)
    }
    let stranger = try LedgerFixture(seed: 11).signingKey
    for (key, code): (SigningKey, Int32) in [
      (fixture.signingKey, 0), (second, 0), (third, 0), (stranger, 4),
    ] {
      var evidence = try shop.evidence(kept: true)
      evidence.coordinatorKey = key.verifyingKey
      let ours = LedgerAudit.run(evidence)
      let theirs = try shop.verify(kept: true, key: key.verifyingKey)
      #expect(ours.verdict.exitCode == code && theirs.code == code, "\(ours.findings)")
      #expect(theirs.report["entry"] == ours.json["entry"])
    }
    // Signed on with a key that was left.
    let state = try #require(LedgerReplay(log: shop.read("ledger/ledger.jsonl")).state)
    for key in [fixture.signingKey, second] {
      try shop.write(Checkpoint(signing: state, with: key).text, to: "kept.note")
      try expectAgreement(shop, kept: true, "signed on")
      #expect(try shop.verify(kept: true).code == 4)
    }
    try shop.write(last.after, to: "kept.note")
    // The checkpoint that hands over: gone, another one, and each part of it changed.
    let name = "ledger/" + HandoverFile.name(of: first.entry)
    let note = try shop.read(name)
    try FileManager.default.removeItem(atPath: shop.path + "/" + name)
    try expectAgreement(shop, kept: true, "no handover")
    #expect(try shop.verify(kept: true).report["entry"] == .integer(Int64(first.entry)))
    for wrong in [first.before, first.after, last.after] {
      try shop.write(wrong, to: name)
      try expectAgreement(shop, kept: true, "another checkpoint")
      #expect(try shop.verify(kept: true).code == 4)
    }
    for index in stride(from: 0, to: note.count, by: 7) {
      var changed = note
      changed[index] ^= 1
      try shop.write(changed, to: name)
      let ours = LedgerAudit.run(try shop.evidence(kept: true)).verdict
      let theirs = try shop.verify(kept: true).code
      #expect(ours.exitCode != 0 && theirs == ours.exitCode, "byte \(index): \(ours)")
    }
    try shop.write(note, to: name)
    // Entries that break a rule: back to an old key, of another place, from another key.
    let log = try shop.read("ledger/ledger.jsonl")
    let wrong = [
      try state.keyChange(to: second),
      try KeyRecord(
        replacing: state.coordinatorKey, by: stranger, ledgerID: fixture.ledgerID,
        index: state.size + 1),
      try KeyRecord(
        replacing: second.verifyingKey, by: stranger, ledgerID: fixture.ledgerID,
        index: state.size),
    ]
    for record in wrong {
      let line = try LedgerEntry(
        index: state.size, previous: state.lastHash, record: .key(record)
      ).line
      try shop.write(log + line + [UInt8(ascii: "\n")], to: "ledger/ledger.jsonl")
      try expectAgreement(shop, kept: true, "\(record)")
      #expect(try shop.verify(kept: true).code != 0)
    }
    try shop.write(log, to: "ledger/ledger.jsonl")
    try expectAgreement(shop, kept: true, "restored")
  }

  @Test("they agree on handovers that say more than the ledger does") func strayHandover() throws {
    let fixture = try LedgerFixture()
    let shop = try Shop(fixture)
    let files = [LedgerWriter.FileName.log, LedgerWriter.FileName.head].map { "ledger/" + $0 }
    let checkpoint = "ledger/" + LedgerWriter.FileName.checkpoint
    let older = try (files + [checkpoint]).map { ($0, try shop.read($0)) }
    let writer = try LedgerWriter.open(
      directory: shop.path + "/ledger", signingKey: fixture.signingKey
    ).writer
    let entry = try writer.replaceKey(by: LedgerFixture(seed: 9).signingKey).index
    try expectAgreement(shop, kept: true, "rotated")
    #expect(try shop.verify(kept: true).code == 0)
    // A second name for it, where no key is replaced.
    let note = try shop.read("ledger/" + HandoverFile.name(of: entry))
    let stray = "ledger/" + HandoverFile.name(of: entry - 1)
    try shop.write(note, to: stray)
    try expectAgreement(shop, kept: true, "another entry's")
    #expect(try shop.verify(kept: true).code == 4)
    try FileManager.default.removeItem(atPath: shop.path + "/" + stray)
    // A line that is no entry hides what stands behind it, and what is said of that.
    var changed = try shop.read(files[0]).split(separator: UInt8(ascii: "\n"))
    changed[entry - 1] = changed[entry - 1].dropLast()
    try shop.write(
      Array(changed.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")], to: files[0])
    try expectAgreement(shop, kept: false, "unread")
    #expect(try shop.verify(kept: false).report["entry"] == .integer(Int64(entry - 1)))
    // The ledger went back to before the change, and its handover is still there.
    for (name, bytes) in older { try shop.write(bytes, to: name) }
    try expectAgreement(shop, kept: true, "cut")
    let cut = try shop.verify(kept: true)
    #expect(cut.code == 8 && cut.report["entry"] == .integer(Int64(entry)))
  }

  @Test("they agree on who may take part, and on rosters out of order")
  func roster() throws {
    let fixture = try LedgerFixture()
    let shop = try Shop(fixture)
    for (numbers, code): ([UInt32], Int32) in [([8, 3], 0), ([3], 4), ([3, 9], 4), ([], 4)] {
      // A revoked member is on the list, and not of those who may take part.
      let rows = (numbers + [5]).map { number in
        JSONValue.object([
          "id": .integer(Int64(number)),
          "identity_key": .string(
            HexCoding.encode([UInt8](repeating: UInt8(number), count: 32))),
          "revoked": .bool(number == 5), "excluded": .bool(false),
        ])
      }
      try shop.write(JSONValue.object(["members": .array(rows)]).canonicalBytes, to: "roster.json")
      var evidence = try shop.evidence(kept: true)
      evidence.members = Shop.roster(epoch: 1, of: numbers).members
      let theirs = try shop.verify(kept: true, roster: "roster.json")
      #expect(LedgerAudit.run(evidence).verdict.exitCode == code && theirs.code == code)
      #expect(theirs.report["entry"] == LedgerAudit.run(evidence).json["entry"])
    }
    // An entry that repeats the roster in force, and one that skips an epoch.
    for epoch in [2, 3] {
      let log = try shop.read("ledger/ledger.jsonl")
      let state = try #require(LedgerReplay(log: log).state)
      let line = try LedgerEntry(
        index: state.size, previous: state.lastHash,
        record: .roster(Shop.roster(epoch: epoch, of: [3, 8]))
      ).line
      try shop.write(log + line + [UInt8(ascii: "\n")], to: "ledger/ledger.jsonl")
      try expectAgreement(shop, kept: true, "epoch \(epoch)")
      #expect(try shop.verify(kept: true).code != 0)
      try shop.write(log, to: "ledger/ledger.jsonl")
    }
  }

  @Test("a checkpoint of another view of the ledger is exposed by both") func splitView() throws {
    let shop = try Shop(LedgerFixture())
    let other = try Shop(LedgerFixture())
    let log = try other.read("ledger/ledger.jsonl")
    let writer = try LedgerWriter.open(
      directory: other.path + "/ledger", signingKey: other.fixture.signingKey
    ).writer
    #expect(try log == shop.read("ledger/ledger.jsonl"))
    _ = try writer.append(.offer(other.fixture.offer(writer.state)))
    try shop.write(writer.checkpoint().text, to: "kept.note")
    try expectAgreement(shop, kept: true, "a longer view")
    #expect(try shop.verify(kept: true).code == 8)
  }
}
