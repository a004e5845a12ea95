import Cryptography
import Ledger
import Testing

@Suite struct LedgerReceiptTests {
  private func sample() throws -> (text: LedgerText, receipts: [LedgerReceipt]) {
    let text = try LedgerText.sample(LedgerFixture())
    let tree = MerkleTree(lines: text.lines)
    let checkpoint = try text.checkpoint()
    return (
      text,
      text.lines.indices.map {
        LedgerReceipt(line: text.lines[$0], index: $0, tree: tree, checkpoint: checkpoint)
      }
    )
  }

  @Test("a receipt proves its entry to who has only the key") func proves() throws {
    let (text, receipts) = try sample()
    let (ledgerID, key) = (text.fixture.ledgerID, text.fixture.signingKey.verifyingKey)
    for (index, receipt) in receipts.enumerated() {
      let read = try LedgerReceipt(parsing: receipt.text)
      #expect(read == receipt)
      let entry = try read.verify(ledgerID: ledgerID, key: key)
      #expect(entry.index == index && entry.line == text.lines[index])
    }
  }

  @Test("the text is a tlog-proof: its lines are those of C2SP") func form() throws {
    let receipt = try sample().receipts[3]
    let lines = String(decoding: receipt.text, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "c2sp.org/tlog-proof@v1")
    #expect(lines[1].hasPrefix("extra "))
    #expect(lines[2] == "index 3")
    // Nine leaves: three siblings below the left subtree of eight, and the ninth.
    #expect(lines[3..<7].allSatisfy { $0.utf8.count == 44 })
    #expect(lines[7].isEmpty)
    #expect(lines[8].hasPrefix("tacit-ledger/2/"))
  }

  @Test("any changed bit of a receipt is refused") func everyBit() throws {
    let (text, receipts) = try sample()
    let (ledgerID, key) = (text.fixture.ledgerID, text.fixture.signingKey.verifyingKey)
    let good = receipts[4].text
    for index in good.indices {
      for bit in 0..<8 {
        var changed = good
        changed[index] ^= 1 << UInt8(bit)
        #expect(throws: LedgerError.self, "byte \(index), bit \(bit)") {
          try LedgerReceipt(parsing: changed).verify(ledgerID: ledgerID, key: key)
        }
      }
      #expect(throws: LedgerError.self, "cut at \(index)") {
        try LedgerReceipt(parsing: Array(good[..<index])).verify(ledgerID: ledgerID, key: key)
      }
    }
  }

  @Test("another ledger's key, or another ledger, is refused") func otherLedger() throws {
    let (text, receipts) = try sample()
    let stranger = try LedgerFixture(seed: 8)
    #expect(throws: LedgerError.self) {
      try receipts[1].verify(
        ledgerID: text.fixture.ledgerID, key: stranger.signingKey.verifyingKey)
    }
    let otherID = try LedgerID(bytes: [UInt8](repeating: 1, count: LedgerID.byteCount))
    #expect(throws: LedgerError.self) {
      try receipts[1].verify(ledgerID: otherID, key: text.fixture.signingKey.verifyingKey)
    }
  }
}
