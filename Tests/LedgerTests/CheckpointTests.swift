import Cryptography
import Ledger
import Testing

@Suite struct CheckpointTests {
  private func sample() throws -> (text: LedgerText, checkpoint: Checkpoint) {
    let text = try LedgerText.sample(LedgerFixture())
    return (text, try text.checkpoint())
  }

  @Test("the note has the form of C2SP, and another program's signature is accepted")
  func golden() throws {
    let note = Array(CheckpointVector.note.utf8)
    let checkpoint = try Checkpoint(parsing: note)
    #expect(checkpoint.ledgerID.hex == "000102030405060708090a0b0c0d0e0f")
    #expect(checkpoint.size == 1234)
    #expect(checkpoint.root == SHA256Digest(hashing: Array("root".utf8)))
    #expect(checkpoint.text == note)
    #expect(checkpoint.format == 2)
    let key = try VerifyingKey(hex: CheckpointVector.publicKey)
    try checkpoint.verify(ledgerID: checkpoint.ledgerID, key: key)
  }

  @Test("what was signed verifies, and is a prefix of its ledger") func signed() throws {
    let (text, checkpoint) = try sample()
    let parsed = try Checkpoint(parsing: checkpoint.text)
    #expect(parsed == checkpoint)
    try parsed.verify(
      ledgerID: text.fixture.ledgerID, key: text.fixture.signingKey.verifyingKey)
    let replay = LedgerReplay(log: text.log)
    try parsed.requirePrefix(of: replay)
    #expect(
      throws: LedgerError.shorterThanCheckpoint(entry: 8, checkpointSize: 9)
    ) { try parsed.requirePrefix(of: replay, limit: 8) }
    var other = try LedgerText(text.fixture)
    for _ in 0..<3 { try other.appendReleasedRound() }
    let otherReplay = LedgerReplay(log: other.log)
    #expect(
      throws: LedgerError.checkpointMismatch(
        entry: 8, expected: checkpoint.root, found: otherReplay.root(ofSize: 9))
    ) { try parsed.requirePrefix(of: otherReplay) }
  }

  @Test("any changed, added or dropped byte is refused") func everyByte() throws {
    let (text, checkpoint) = try sample()
    let note = checkpoint.text
    func isAccepted(_ bytes: [UInt8]) -> Bool {
      do {
        try Checkpoint(parsing: bytes).verify(
          ledgerID: text.fixture.ledgerID, key: text.fixture.signingKey.verifyingKey)
        return true
      } catch {
        return false
      }
    }
    #expect(isAccepted(note))
    for index in note.indices {
      for bit in 0..<8 {
        var changed = note
        changed[index] ^= 1 << UInt8(bit)
        #expect(!isAccepted(changed), "byte \(index), bit \(bit)")
      }
      #expect(!isAccepted(Array(note[..<index])), "cut at \(index)")
      var longer = note
      longer.insert(UInt8(ascii: "\n"), at: index)
      #expect(!isAccepted(longer), "line feed at \(index)")
    }
    #expect(!isAccepted(note + note))
  }

  @Test("another key, or another ledger, is refused by name") func otherSigner() throws {
    let (text, checkpoint) = try sample()
    let stranger = try LedgerFixture(seed: 8)
    let otherKey = #expect(throws: LedgerError.self) {
      try checkpoint.verify(
        ledgerID: text.fixture.ledgerID, key: stranger.signingKey.verifyingKey)
    }
    #expect("\(otherKey.map(\.description) ?? "")".contains("names another key"))
    let otherID = try LedgerID(bytes: [UInt8](repeating: 1, count: LedgerID.byteCount))
    let otherLedger = #expect(throws: LedgerError.self) {
      try checkpoint.verify(ledgerID: otherID, key: text.fixture.signingKey.verifyingKey)
    }
    #expect("\(otherLedger.map(\.description) ?? "")".contains(otherID.hex))
  }

  @Test("a forged size or root does not verify") func forged() throws {
    let (text, checkpoint) = try sample()
    let note = String(decoding: checkpoint.text, as: UTF8.self)
    let forged = try Checkpoint(
      parsing: Array(note.replacing("\n9\n", with: "\n8\n").utf8))
    #expect(forged.size == 8)
    #expect(throws: LedgerError.checkpointRefused(problem: "its signature is not valid")) {
      try forged.verify(
        ledgerID: text.fixture.ledgerID, key: text.fixture.signingKey.verifyingKey)
    }
  }
}
