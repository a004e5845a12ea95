import CanonicalJSON
import Cryptography
import Ledger
import Privacy
import Testing

@Suite struct LedgerAuditTests {
  private func evidence(_ text: LedgerText, policy: PrivacyPolicy? = nil) -> LedgerAudit.Evidence {
    LedgerAudit.Evidence(
      log: text.log, head: text.head,
      policyFile: (policy ?? text.fixture.policy).canonicalBytes)
  }

  private func status(
    _ title: String, in report: LedgerAuditReport
  ) -> LedgerAuditReport.Finding.Status? {
    report.findings.first { $0.title == title }?.status
  }

  @Test("without a checkpoint that the operator does not hold, completeness is not proven")
  func notProven() throws {
    let text = try LedgerText.sample(LedgerFixture())
    var files = evidence(text)
    files.operatorCheckpoint = try text.checkpoint().text
    let report = LedgerAudit.run(files)
    #expect(report.verdict == .consistent(completeThrough: nil))
    #expect(report.verdict.sentence == "consistent; completeness not proven")
    #expect(report.verdict.exitCode == 0)
    #expect(status("completeness", in: report) == .notProven)
    #expect(status("operator's checkpoint", in: report) == .ok)
    #expect(!report.findings.contains { $0.status == .fail })
  }

  @Test("spend is recomputed, with both figures of one history against another") func spend()
    throws
  {
    let text = try LedgerText.sample(LedgerFixture())
    let report = LedgerAudit.run(evidence(text))
    let spend = try #require(report.spend)
    let muSquared = 1.0 / 16 + 1.0 / 6.25
    #expect(abs(spend.muSquared - muSquared) < 1e-9)
    #expect(spend.epsilonLimit == 8 && report.rounds == text.state.rounds)
    let figures = [
      (spend.epsilonAgainstNone, muSquared),
      (spend.epsilonAgainstAnotherNonNegative, 2 * muSquared),
      (spend.epsilonAgainstAnother, 4 * muSquared),
    ]
    for (epsilon, squared) in figures {
      let expected = GaussianAccountant.epsilon(mu: squared.squareRoot(), delta: 1e-5)
      #expect(abs(epsilon - expected) < 1e-6 * expected)
    }
    let json = report.json
    #expect(json["exit_code"] == .integer(0))
    #expect(json["spend"]?["epsilon_spent"]?.numberValue == spend.epsilonAgainstNone)
    #expect(json["findings"]?.arrayValue?.count == report.findings.count)
  }

  @Test("any changed byte of the head or the policy file is caught")
  func everyByteOfTheOthers() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let good = evidence(text)
    let head = try #require(good.head)
    for index in head.indices {
      for bit in 0..<8 {
        var files = good
        files.head?[index] ^= 1 << UInt8(bit)
        #expect([4, 8].contains(LedgerAudit.run(files).verdict.exitCode), "head byte \(index)")
      }
    }
    let policy = try #require(good.policyFile)
    for index in policy.indices {
      var files = good
      files.policyFile?[index] ^= 1 << UInt8(index % 8)
      #expect(LedgerAudit.run(files).verdict == .wrong(entry: 0), "policy byte \(index)")
    }
  }

  @Test("a swapped policy is named with the fields that differ") func swappedPolicy() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let report = LedgerAudit.run(
      evidence(text, policy: try LedgerFixture(epsilonLimit: "80", noiseMultiplier: "1").policy))
    #expect(report.verdict == .wrong(entry: 0))
    let finding = try #require(report.findings.first { $0.title == "policy" })
    #expect(finding.status == .fail)
    #expect(finding.detail.contains("they differ in epsilon_limit, plan"))
  }

  @Test("a policy file in another spelling is not the policy, a line end is") func policySpelling()
    throws
  {
    let text = try LedgerText.sample(LedgerFixture())
    var files = evidence(text)
    files.policyFile = text.fixture.policy.canonicalBytes + [UInt8(ascii: "\n")]
    #expect(LedgerAudit.run(files).verdict.exitCode == 0)
    files.policyFile = Array(text.fixture.policy.json.prettyText.utf8)
    let report = LedgerAudit.run(files)
    #expect(report.verdict == .wrong(entry: 0))
    #expect(report.findings.contains { $0.detail.contains("not in canonical form") })
  }

  @Test("a dropped tail under a rewritten head is caught by a client's checkpoint only")
  func droppedTail() throws {
    let fixture = try LedgerFixture()
    let shorter = try LedgerText.sample(fixture)
    var full = shorter
    try full.appendReleasedRound()
    var files = evidence(shorter)
    files.operatorCheckpoint = try shorter.checkpoint().text
    #expect(LedgerAudit.run(files).verdict == .consistent(completeThrough: nil))

    files.keptCheckpoints = [
      LedgerAudit.KeptCheckpoint(holder: "client 3", text: try full.checkpoint().text)
    ]
    let report = LedgerAudit.run(files)
    #expect(report.verdict == .damaged(entry: shorter.state.size))
    #expect(report.verdict.exitCode == 8)
    #expect(status("checkpoint kept by client 3", in: report) == .fail)
    #expect(status("completeness", in: report) == .notProven)

    files.log = full.log
    files.head = full.head
    #expect(
      LedgerAudit.run(files).verdict == .consistent(completeThrough: full.state.size))
  }

  @Test("a receipt that a device kept proves the ledger as far as its checkpoint") func receipts()
    throws
  {
    let text = try LedgerText.sample(LedgerFixture())
    var files = evidence(text)
    let receipt = LedgerReceipt(
      line: text.lines[3], index: 3, tree: MerkleTree(lines: text.lines),
      checkpoint: try text.checkpoint())
    files.keptReceipts = [.init(holder: "device", text: receipt.text)]
    let report = LedgerAudit.run(files)
    #expect(report.verdict == .consistent(completeThrough: 9))
    #expect(status("receipt kept by device", in: report) == .ok)

    var rewritten = try LedgerText(text.fixture)
    for _ in 0..<3 { try rewritten.appendReleasedRound() }
    var other = evidence(rewritten)
    other.keptReceipts = files.keptReceipts
    #expect(LedgerAudit.run(other).verdict == .wrong(entry: 8))
  }

  @Test("two views of one ledger, shown to two groups, are exposed by the other group's checkpoint")
  func splitView() throws {
    let fixture = try LedgerFixture()
    var one = try LedgerText(fixture)
    try one.appendReleasedRound()
    var other = one
    try one.append(.offer(fixture.offer(one.state)))
    try one.append(.void(fixture.void(one.state)))
    try other.appendReleasedRound()
    // Each view is whole, signed and consistent in itself.
    for (view, its) in [(one, other), (other, one)] {
      var files = evidence(view)
      files.operatorCheckpoint = try view.checkpoint().text
      files.keptCheckpoints = [.init(holder: "own group", text: try view.checkpoint().text)]
      #expect(LedgerAudit.run(files).verdict.exitCode == 0)
      files.keptCheckpoints.append(
        .init(holder: "other group", text: try its.checkpoint().text))
      let report = LedgerAudit.run(files)
      #expect([4, 8].contains(report.verdict.exitCode))
      #expect(status("checkpoint kept by other group", in: report) == .fail)
      #expect(report.verdict.entry.map { $0 >= 5 } == true)
    }
  }

  @Test("a rewritten and signed history is caught by a client's checkpoint") func rewritten() throws
  {
    let fixture = try LedgerFixture()
    let told = try LedgerText.sample(fixture)
    var rewritten = try LedgerText(fixture)
    for _ in 0..<3 { try rewritten.appendReleasedRound() }
    var files = evidence(rewritten)
    files.operatorCheckpoint = try rewritten.checkpoint().text
    #expect(LedgerAudit.run(files).verdict.exitCode == 0)
    files.keptCheckpoints = [
      LedgerAudit.KeptCheckpoint(holder: "client 9", text: try told.checkpoint().text)
    ]
    #expect(LedgerAudit.run(files).verdict == .wrong(entry: told.state.size - 1))
  }

  @Test("a checkpoint by another key is no evidence, and fails") func foreignCheckpoint() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let stranger = try LedgerText.sample(LedgerFixture(seed: 8))
    var files = evidence(text)
    files.keptCheckpoints = [
      LedgerAudit.KeptCheckpoint(holder: "x", text: try stranger.checkpoint().text)
    ]
    #expect(LedgerAudit.run(files).verdict == .wrong(entry: nil))
    files.keptCheckpoints = [LedgerAudit.KeptCheckpoint(holder: "x", text: [1, 2, 3])]
    #expect(LedgerAudit.run(files).verdict == .damaged(entry: nil))
  }

  @Test("the key that the auditor knows is compared with GENESIS") func pinnedKey() throws {
    let text = try LedgerText.sample(LedgerFixture())
    var files = evidence(text)
    files.coordinatorKey = text.fixture.signingKey.verifyingKey
    #expect(LedgerAudit.run(files).verdict.exitCode == 0)
    files.coordinatorKey = try LedgerFixture(seed: 8).signingKey.verifyingKey
    #expect(LedgerAudit.run(files).verdict == .wrong(entry: 0))
  }

  @Test("a missing, short or rolled-back log is damaged") func damaged() throws {
    let text = try LedgerText.sample(LedgerFixture())
    var files = evidence(text)
    files.head = nil
    #expect(LedgerAudit.run(files).verdict == .damaged(entry: 8))
    files = evidence(text)
    for index in stride(from: 0, to: text.log.count, by: 3) {
      files.log = Array(text.log[..<index])
      let complete = files.log.count { $0 == UInt8(ascii: "\n") }
      #expect(LedgerAudit.run(files).verdict == .damaged(entry: complete), "cut at \(index)")
    }
  }

  @Test("what a crash leaves after the head is a warning, and a charge in it is counted")
  func unacknowledgedTail() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    var files = evidence(text)
    try text.append(.charge(fixture.charge(text.state)))
    files.log = text.log
    let report = LedgerAudit.run(files)
    #expect(report.verdict.exitCode == 0)
    #expect(status("tail", in: report) == .warn)
    #expect(status("open round", in: report) == .warn)
    #expect(report.rounds.charged == 1)
    files.log = Array(text.log.dropLast(5))
    let torn = LedgerAudit.run(files)
    #expect(torn.verdict.exitCode == 0 && torn.rounds.charged == 0)
    #expect(status("tail", in: torn) == .warn)
  }

  @Test("seeded noise fails the audit, and the entry is named") func seeded() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.appendReleasedRound()
    try text.append(.offer(fixture.offer(text.state)))
    try text.append(.charge(fixture.charge(text.state, rng: .seeded)))
    try text.append(.burned(fixture.burned(text.state)))
    let report = LedgerAudit.run(evidence(text))
    #expect(report.verdict == .wrong(entry: 5))
    #expect(status("noise source", in: report) == .fail)
  }

  @Test("rules broken by a writer that signs and chains correctly are found") func brokenRules()
    throws
  {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    let charge = try text.state.appending(.charge(fixture.charge(text.state)))
    let claims = SpendClaims(epsilonAfter: "0.1", muSquaredAfter: "0.001")
    let lie = ReleaseRecord(
      round: 1, chargeIndex: 2, modelOut: SHA256Digest(hashing: [3]), claims: claims)
    let forged = try LedgerEntry(index: 3, previous: charge.entry.hash, record: .release(lie))
    var files = evidence(text)
    files.log += charge.entry.line + [UInt8(ascii: "\n")] + forged.line + [UInt8(ascii: "\n")]
    let root = LedgerReplay(log: files.log).root(ofSize: 4)
    let head = #"{"bytes":\#(files.log.count),"root":"\#(root.hex)","size":4}"# + "\n"
    files.head = Array(head.utf8)
    let report = LedgerAudit.run(files)
    #expect(report.verdict == .wrong(entry: 3))
    #expect(report.findings.contains { $0.detail.contains("claims epsilon_after 0.1") })
  }

  @Test("holding the enrolment key too is a warning") func enrolmentKey() throws {
    let fixture = try LedgerFixture()
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious,
      record: .genesis(fixture.genesis(holdsEnrolmentKey: true)))
    let state = try LedgerState(genesis: entry)
    let report = LedgerAudit.run(
      LedgerAudit.Evidence(
        log: entry.line + [UInt8(ascii: "\n")], head: LedgerHead(of: state).bytes))
    #expect(status("enrolment key", in: report) == .warn)
    #expect(status("policy", in: report) == .notProven)
    #expect(report.verdict.exitCode == 0)
  }

  @Test("nothing at all is damaged, not consistent") func empty() {
    let report = LedgerAudit.run(LedgerAudit.Evidence(log: [], head: nil))
    #expect(report.verdict == .damaged(entry: 0))
    #expect(report.spend == nil && report.size == 0)
  }
}
