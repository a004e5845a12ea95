import Cryptography
import Ledger
import Testing

/// Every way to damage a small ledger that a program can list, each detected and each blamed on its entry.
@Suite struct LedgerTamperingTests {
  private static let entries = Array(0..<10)
  private static let lineFeed: [UInt8] = [0x0A]

  private func sample() throws -> LedgerText {
    var text = try LedgerText.sample(LedgerFixture())
    let members = RosterCommitment(
      members: [(1, text.fixture.signingKey.verifyingKey.bytes)])
    try text.append(.roster(#require(text.state.rosterChange(to: members, revocations: []))))
    return text
  }

  private func audit(_ lines: [[UInt8]], of text: LedgerText) throws -> LedgerAuditReport.Verdict {
    LedgerAudit.run(
      LedgerAudit.Evidence(
        log: Array(lines.map { $0 + Self.lineFeed }.joined()), head: text.head,
        keptCheckpoints: [.init(holder: "device", text: try text.checkpoint().text)])
    ).verdict
  }

  @Test("every bit of every entry, flipped, is detected and its entry named", arguments: entries)
  func everyBit(entry: Int) throws {
    let text = try sample()
    let good = LedgerAudit.Evidence(log: text.log, head: text.head)
    #expect(LedgerAudit.run(good).verdict.exitCode == 0)
    let ends = LedgerReplay(log: text.log).lineEnds
    for index in (entry == 0 ? 0 : ends[entry - 1])..<ends[entry] {
      for bit in 0..<8 {
        var files = good
        files.log[index] ^= 1 << UInt8(bit)
        let verdict = LedgerAudit.run(files).verdict
        #expect(
          [4, 8].contains(verdict.exitCode) && verdict.entry == entry,
          "byte \(index), bit \(bit): \(verdict)")
      }
    }
  }

  @Test("a dropped, a swapped and a doubled entry are detected and named", arguments: entries)
  func moved(entry: Int) throws {
    let text = try sample()
    var lines = text.lines
    lines.remove(at: entry)
    #expect(try audit(lines, of: text).entry == entry, "dropped")
    lines = text.lines
    lines.insert(lines[entry], at: entry)
    #expect(try audit(lines, of: text).entry == entry + 1, "doubled")
    for other in Self.entries where other > entry {
      lines = text.lines
      lines.swapAt(entry, other)
      #expect(try audit(lines, of: text).entry == entry, "swapped with \(other)")
    }
  }

  @Test(
    "a tail that the operator drops, with head and checkpoint rewritten, shows in a device's checkpoint"
  )
  func droppedTails() throws {
    let text = try sample()
    let kept = LedgerAudit.KeptCheckpoint(holder: "device", text: try text.checkpoint().text)
    var shorter = try LedgerText(text.fixture)
    for entry in Self.entries.dropFirst() {
      var files = LedgerAudit.Evidence(
        log: shorter.log, head: shorter.head,
        operatorCheckpoint: try shorter.checkpoint().text)
      // Nothing in the operator's own files tells.
      #expect(LedgerAudit.run(files).verdict == .consistent(completeThrough: nil))
      files.keptCheckpoints = [kept]
      #expect(LedgerAudit.run(files).verdict == .damaged(entry: entry))
      try shorter.append(try LedgerEntry(decoding: text.lines[entry], at: entry).record)
    }
  }

  @Test(
    "a ledger rewritten from any entry on, in good order and signed, shows in a device's checkpoint"
  )
  func rewrittenTails() throws {
    let text = try sample()
    let kept = LedgerAudit.KeptCheckpoint(holder: "device", text: try text.checkpoint().text)
    for entry in [1, 4, 6] {
      var forged = try LedgerText(text.fixture)
      for index in 1..<entry {
        try forged.append(try LedgerEntry(decoding: text.lines[index], at: index).record)
      }
      while forged.lines.count < text.lines.count {
        try forged.append(
          .offer(text.fixture.offer(forged.state, round: forged.state.lastRound + 7)))
        try forged.append(.void(text.fixture.void(forged.state)))
      }
      var files = LedgerAudit.Evidence(
        log: forged.log, head: forged.head, operatorCheckpoint: try forged.checkpoint().text)
      #expect(LedgerAudit.run(files).verdict.exitCode == 0)
      files.keptCheckpoints = [kept]
      #expect(LedgerAudit.run(files).verdict == .wrong(entry: text.state.size - 1))
    }
  }
}
