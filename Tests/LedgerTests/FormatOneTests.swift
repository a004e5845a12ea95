import Cryptography
import Ledger
import Testing

@Suite struct FormatOneTests {
  private var log: [UInt8] { Array(FormatOneLedger.lines.map { $0 + "\n" }.joined().utf8) }

  private var evidence: LedgerAudit.Evidence {
    LedgerAudit.Evidence(
      log: log, head: Array(FormatOneLedger.head.utf8),
      keptCheckpoints: [.init(holder: "device", text: Array(FormatOneLedger.checkpoint.utf8))])
  }

  @Test("a ledger of format 1 is audited, with the spend that its own time claimed")
  func audited() throws {
    let report = LedgerAudit.run(evidence)
    #expect(report.verdict == .consistent(completeThrough: 7))
    #expect(report.rounds.released == 2)
    // The claim in its last line.
    let spend = try #require(report.spend)
    #expect(abs(spend.epsilonAgainstNone - 7.999979861419916) < 1e-9)
  }

  @Test("a changed byte of it is still found, and its entry named") func everyByte() {
    var entry = 0
    for index in log.indices {
      defer { if log[index] == UInt8(ascii: "\n") { entry += 1 } }
      guard index % 11 == 0 else { continue }
      var files = evidence
      files.log[index] ^= 1 << UInt8(index % 8)
      let verdict = LedgerAudit.run(files).verdict
      #expect(verdict.entry == entry && verdict.exitCode != 0, "byte \(index)")
    }
  }

  @Test("its checkpoint is none of a ledger of format 2, nor the other way round") func mixed()
    throws
  {
    let new = try LedgerText.sample(LedgerFixture())
    let old = LedgerReplay(log: log)
    #expect(old.format == 1 && old.failure == nil)
    #expect(throws: LedgerError.self) { try new.checkpoint().requirePrefix(of: old) }
    let checkpoint = try Checkpoint(parsing: Array(FormatOneLedger.checkpoint.utf8))
    #expect(checkpoint.format == 1)
    #expect(throws: LedgerError.self) {
      try checkpoint.requirePrefix(of: LedgerReplay(log: new.log))
    }
  }

  @Test("a format from the future is refused by number") func unknown() throws {
    let future = log.split(separator: UInt8(ascii: "\n"))[0]
    let text = String(decoding: future, as: UTF8.self)
      .replacing(#""format":1,"ledger_id""#, with: #""format":3,"ledger_id""#)
    let entry = try LedgerEntry(decoding: Array(text.utf8), at: 0)
    let error = #expect(throws: LedgerError.self) { try LedgerState(genesis: entry) }
    #expect(error == .unknownFormat(entry: 0, format: 3))
    #expect(error?.severity == .damaged)
  }
}
