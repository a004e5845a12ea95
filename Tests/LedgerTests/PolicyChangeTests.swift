import CanonicalJSON
import Cryptography
import Ledger
import Privacy
import Testing

@Suite("POLICY entries") struct PolicyChangeTests {
  private func changed(
    _ policy: PrivacyPolicy, _ change: (inout [String: JSONValue]) -> Void
  ) throws -> PrivacyPolicy {
    var members = try #require(policy.json.objectValue)
    change(&members)
    return try PrivacyPolicy(json: .object(members))
  }

  private func weaker(_ fixture: LedgerFixture) throws -> PrivacyPolicy {
    try changed(fixture.policy) { $0["epsilon_limit"] = .string("10") }
  }

  /// OFFER under the policy in force.
  private func offer(_ text: LedgerText) -> OfferRecord {
    let state = text.state
    return OfferRecord(
      round: state.lastRound + 1, planIndex: state.nextPlanIndex,
      stage: state.policy.plan[state.nextPlanIndex].stage, mode: state.policy.mode,
      modelIn: SHA256Digest(hashing: [1]), catalogueHash: SHA256Digest(hashing: [2]),
      policyHash: state.policyHash, deadlineSeconds: 60)
  }

  private func sample() throws -> LedgerText {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.appendReleasedRound()
    try text.append(
      .policy(PolicyRecord(policy: weaker(fixture), replacing: text.state.policyHash)))
    try text.append(.offer(offer(text)))
    try text.append(.charge(fixture.charge(text.state)))
    try text.append(.release(fixture.release(text.state)))
    return text
  }

  @Test(
    "the budget goes on under the new limit, the plan begins anew, and offers name the new hash")
  func continues() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.appendReleasedRound()
    let spent = text.state.filter.spentMuSquared
    #expect(text.state.nextPlanIndex == 1 && text.state.filter.epsilonLimit == 8)
    let next = try weaker(fixture)
    try text.append(.policy(PolicyRecord(policy: next, replacing: text.state.policyHash)))
    #expect(text.state.filter.spentMuSquared == spent && text.state.filter.epsilonLimit == 10)
    #expect(text.state.nextPlanIndex == 0 && text.state.rounds.released == 1)
    #expect(text.state.policyHash == SHA256Digest(hashing: next.canonicalBytes))
    #expect(text.state.policyChange?.difference.isWeaker == true)
    // Under the old hash no round may be offered any more.
    #expect(throws: LedgerError.self) { try text.append(.offer(fixture.offer(text.state))) }
    try text.append(.offer(offer(text)))
    try text.append(.charge(fixture.charge(text.state)))
    #expect(text.state.filter.spentMuSquared == 2 * spent)
  }

  @Test("a burned round counts as burned under every later policy, though the plan begins anew")
  func remembersBurned() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    try text.append(.charge(fixture.charge(text.state)))
    try text.append(.burned(fixture.burned(text.state)))
    try text.append(
      .policy(PolicyRecord(policy: weaker(fixture), replacing: text.state.policyHash)))
    #expect(text.state.nextPlanIndex == 0 && text.state.rounds.burned == 1)
  }

  @Test("a stricter limit than what is spent admits no further round, and refunds nothing")
  func stricter() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.appendReleasedRound()
    let strict = try changed(fixture.policy) { $0["epsilon_limit"] = .string("0.5") }
    try text.append(.policy(PolicyRecord(policy: strict, replacing: text.state.policyHash)))
    try text.append(.offer(offer(text)))
    #expect(throws: LedgerError.self) { try text.append(.charge(fixture.charge(text.state))) }
  }

  @Test("a policy within a round, under a false hash, for another model or unchanged is refused")
  func refused() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    let hash = text.state.policyHash
    let next = try weaker(fixture)
    func refuses(_ record: PolicyRecord, _ comment: Comment) {
      #expect(throws: LedgerError.self, comment) { try text.state.appending(.policy(record)) }
    }
    refuses(PolicyRecord(policy: fixture.policy, replacing: hash), "unchanged")
    refuses(PolicyRecord(policy: next, replacing: SHA256Digest(hashing: [9])), "other predecessor")
    refuses(
      PolicyRecord(policy: next.json, policyHash: hash, previousPolicyHash: hash), "false hash")
    refuses(
      PolicyRecord(
        policy: try changed(fixture.policy) { $0["federation"] = .string("other") },
        replacing: hash), "another federation")
    try text.append(.offer(fixture.offer(text.state)))
    refuses(PolicyRecord(policy: next, replacing: hash), "round open")
    try text.append(.charge(fixture.charge(text.state)))
    refuses(PolicyRecord(policy: next, replacing: hash), "round charged")
  }

  @Test("an entry reads back, and every flipped bit of it is found at its place")
  func tampering() throws {
    let text = try sample()
    let good = LedgerAudit.Evidence(log: text.log, head: text.head)
    #expect(LedgerAudit.run(good).verdict.exitCode == 0)
    let ends = LedgerReplay(log: text.log).lineEnds
    let entry = 4
    for index in ends[entry - 1]..<ends[entry] {
      for bit in 0..<8 {
        var files = good
        files.log[index] ^= 1 << UInt8(bit)
        let verdict = LedgerAudit.run(files).verdict
        #expect([4, 8].contains(verdict.exitCode) && verdict.entry == entry, "\(index), \(bit)")
      }
    }
  }

  @Test("whoever consented to the old policy is told that it was replaced, and how")
  func audit() throws {
    let text = try sample()
    let report = LedgerAudit.run(
      .init(
        log: text.log, head: text.head, policyFile: text.fixture.policy.canonicalBytes))
    #expect(report.verdict == .wrong(entry: 4))
    #expect(
      report.findings.contains {
        $0.status == .fail && $0.detail.contains("weaker: epsilon_limit 8 to 10")
      })
    let current = LedgerAudit.run(
      .init(
        log: text.log, head: text.head, policyFile: text.state.policy.canonicalBytes))
    #expect(current.verdict.exitCode == 0)
    #expect(current.findings.contains { $0.status == .warn && $0.title == "policy change" })
  }
}
