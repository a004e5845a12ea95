import Cryptography
import Ledger
import Testing

@Suite("ROSTER entries") struct RosterTests {
  private func members(_ numbers: [UInt32]) -> RosterCommitment {
    RosterCommitment(
      members: numbers.map { ($0, [UInt8](repeating: UInt8($0), count: VerifyingKey.byteCount)) })
  }

  // Made with Python's hashlib from the definition: leaves SHA-256(0, number, key), nodes
  // SHA-256(1, left, right).
  @Test("the hash is that of a tree over the members in order, and of nothing without any")
  func hash() {
    #expect(
      members([]).hash.hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      members([1, 2, 3]).hash.hex
        == "1e21070d424c5f393fc8fa3e04dfef8a8d8e86901fcae11ebaef1d314015df76")
    #expect(members([3, 1, 2]) == members([1, 2, 3]) && members([1, 2, 3]).size == 3)
    #expect(members([1, 2]) != members([1, 3]))
  }

  // The format's future: what is written today must be read then, byte for byte.
  @Test("an entry has one spelling") func golden() throws {
    let entry = try LedgerEntry(
      index: 4, previous: SHA256Digest(hashing: [1]),
      record: .roster(
        RosterRecord(
          epoch: 2, members: members([1, 2, 3]), revocationsHash: SHA256Digest(hashing: []))))
    let text =
      #"{"body":{"epoch":2,"revocations_hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#
      + #""roster_hash":"1e21070d424c5f393fc8fa3e04dfef8a8d8e86901fcae11ebaef1d314015df76","#
      + #""size":3},"index":4,"kind":"roster","#
      + #""prev":"4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"}"#
    #expect(String(decoding: entry.line, as: UTF8.self) == text)
    #expect(try LedgerEntry(decoding: Array(text.utf8), at: 4) == entry)
  }

  @Test("a change is recorded once, between rounds, and epochs count up")
  func order() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    #expect(text.state.roster == nil, "a ledger without one is read as before")
    let first = try #require(text.state.rosterChange(to: members([1, 2]), revocations: []))
    #expect(throws: LedgerError.self) {
      try text.append(
        .roster(
          RosterRecord(
            epoch: 2, members: first.members, revocationsHash: first.revocationsHash)))
    }
    try text.append(.roster(first))
    #expect(first.epoch == 1 && text.state.roster?.record == first && text.state.roster?.entry == 1)
    #expect(text.state.rosterChange(to: members([1, 2]), revocations: []) == nil)
    let again = RosterRecord(
      epoch: 2, members: first.members, revocationsHash: first.revocationsHash)
    #expect(throws: LedgerError.self) { try text.append(.roster(again)) }
    let revoked = try #require(text.state.rosterChange(to: members([1, 2]), revocations: [9]))
    try text.append(.offer(fixture.offer(text.state)))
    #expect(throws: LedgerError.self) { try text.append(.roster(revoked)) }
    try text.append(.void(VoidRecord(round: 1, reason: "no quorum")))
    try text.append(.roster(revoked))
    #expect(text.state.roster?.record.epoch == 2)
    #expect(LedgerReplay(log: text.log).state == text.state)
  }

  @Test("an audit compares a list of members with the newest entry") func audit() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    func verdict(_ members: RosterCommitment?) -> LedgerAuditReport.Verdict {
      LedgerAudit.run(.init(log: text.log, head: text.head, members: members)).verdict
    }
    #expect(verdict(members([1])).exitCode == 4, "no entry speaks of members")
    let change = try #require(text.state.rosterChange(to: members([1, 2]), revocations: []))
    try text.append(.roster(change))
    try text.appendReleasedRound()
    #expect(verdict(nil).exitCode == 0 && verdict(members([2, 1])).exitCode == 0)
    #expect(verdict(members([1, 2, 3])) == .wrong(entry: 1))
  }
}
