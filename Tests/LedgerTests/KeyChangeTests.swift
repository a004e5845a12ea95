import Cryptography
import Ledger
import Testing

@Suite("KEY entries") struct KeyChangeTests {
  private func key(_ seed: UInt8) throws -> SigningKey {
    var secret = [UInt8](repeating: seed, count: SigningKey.seedByteCount)
    return try SigningKey(seed: SecretBytes(wiping: &secret))
  }

  /// A ledger of one released round, a change of the key, and another round; and what led over.
  private struct Rotated {
    var text: LedgerText
    let next: SigningKey
    let entry: Int
    let handover: LedgerReceipt
    /// The newest checkpoint before the change, by the key before.
    let before: Checkpoint
  }

  private func rotated() throws -> Rotated {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.appendReleasedRound()
    let before = try text.checkpoint()
    let next = try key(9)
    try text.append(.key(try text.state.keyChange(to: next)))
    let handover = try receipt(
      text, try Checkpoint(signing: text.state, with: next, after: fixture.signingKey))
    let entry = text.state.size - 1
    try text.appendReleasedRound()
    return Rotated(text: text, next: next, entry: entry, handover: handover, before: before)
  }

  /// Of the newest entry.
  private func receipt(_ text: LedgerText, _ checkpoint: Checkpoint) throws -> LedgerReceipt {
    let index = text.lines.count - 1
    return LedgerReceipt(
      line: text.lines[index], index: index, tree: MerkleTree(lines: text.lines),
      checkpoint: checkpoint)
  }

  // Made with Python's json and hashlib; the signature by `openssl pkeyutl -sign -rawin` (OpenSSL 3.0) under the seed
  // 20 21 ... 3f, of ledger 00 01 ... 0f, entry 4, and the key of `CheckpointVector`.
  @Test("an entry has one spelling, and another program's signature is accepted")
  func golden() throws {
    let text =
      #"{"body":{"next_key":"29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7","#
      + #""possession":"48db43b6896a752cf5eb23e9a1c36a1adc73701f18c710d71409cccc1a824971d9fbaa2e17181516"#
      + #"13bdb6c14e71d4fa74a6222fc5819ec9150b24ac87819c0d","#
      + #""previous_key":"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"},"#
      + #""index":4,"kind":"key","#
      + #""prev":"4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"}"#
    let entry = try LedgerEntry(decoding: Array(text.utf8), at: 4)
    guard case .key(let record) = entry.record else {
      Issue.record("\(entry.record.kind)")
      return
    }
    #expect(record.previousKey.description == CheckpointVector.publicKey)
    let ledgerID = try LedgerID(bytes: (0..<16).map { UInt8($0) })
    #expect(record.isPossessed(ledgerID: ledgerID, index: 4))
    #expect(!record.isPossessed(ledgerID: ledgerID, index: 5))
    let other = try LedgerID(bytes: [UInt8](repeating: 0, count: 16))
    #expect(!record.isPossessed(ledgerID: other, index: 4))
    let written = try LedgerEntry(
      index: 4, previous: SHA256Digest(hashing: [1]), record: .key(record))
    #expect(String(decoding: written.line, as: UTF8.self) == text)
    #expect(
      try KeyRecord(
        replacing: record.previousKey, by: seeded(0x20), ledgerID: ledgerID, index: 4) == record)
  }

  private func seeded(_ first: UInt8) throws -> SigningKey {
    var seed = (0..<32).map { first + UInt8($0) }
    return try SigningKey(seed: SecretBytes(wiping: &seed))
  }

  @Test("the key in force is replaced between rounds, by one that says it is there, and never back")
  func order() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    let (second, third) = (try key(9), try key(10))
    // For another place, another ledger, and by another key than the one that signs.
    let stale = try text.state.keyChange(to: third)
    try text.append(.key(try text.state.keyChange(to: second)))
    #expect(text.state.coordinatorKey == second.verifyingKey)
    #expect(throws: LedgerError.self) { try text.append(.key(stale)) }
    for (previous, id, index) in [
      (fixture.signingKey.verifyingKey, fixture.ledgerID, 2),
      (second.verifyingKey, try LedgerID(bytes: [UInt8](repeating: 1, count: 16)), 2),
      (second.verifyingKey, fixture.ledgerID, 1),
    ] {
      let record = try KeyRecord(replacing: previous, by: third, ledgerID: id, index: index)
      #expect(throws: LedgerError.self) { try text.append(.key(record)) }
    }
    let right = try text.state.keyChange(to: third)
    #expect(throws: LedgerError.self) {
      try text.append(
        .key(
          KeyRecord(
            previousKey: right.previousKey, nextKey: seeded(1).verifyingKey,
            possession: right.possession)))
    }
    for left in [fixture.signingKey, second] {
      let back = try text.state.keyChange(to: left)
      #expect(throws: LedgerError.self) { try text.append(.key(back)) }
    }
    try text.append(.offer(fixture.offer(text.state)))
    let during = try text.state.keyChange(to: third)
    #expect(throws: LedgerError.self) { try text.append(.key(during)) }
    try text.append(.charge(fixture.charge(text.state)))
    let charged = try text.state.keyChange(to: third)
    #expect(throws: LedgerError.self) { try text.append(.key(charged)) }
    try text.append(.release(fixture.release(text.state)))
    let spent = text.state.filter
    try text.append(.key(try text.state.keyChange(to: third)))
    #expect(text.state.filter == spent && text.state.nextPlanIndex == 1)
    let keys = text.state.keys
    #expect(keys.changes.map(\.entry) == [1, 5] && keys.current == third.verifyingKey)
    let expected = [fixture.signingKey, second, second, second, second, third, third]
    #expect((1...7).map { keys.key(ofSize: $0) == expected[$0 - 1].verifyingKey }.allSatisfy { $0 })
    #expect(LedgerReplay(log: text.log).state == text.state)
  }

  @Test("a ledger has as many keys as a device keeps, and no more") func limit() throws {
    var text = try LedgerText(try LedgerFixture())
    for number in 1...CheckpointKeys.maximumChanges {
      var seed = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32)
      seed[0] = UInt8(truncatingIfNeeded: number >> 8) &+ 100
      try text.append(
        .key(try text.state.keyChange(to: try SigningKey(seed: SecretBytes(wiping: &seed)))))
    }
    let oneMore = try text.state.keyChange(to: try seeded(3))
    #expect(throws: LedgerError.self) { try text.append(.key(oneMore)) }
  }

  @Test("any changed, added or dropped byte of a checkpoint by two keys is refused")
  func everyByte() throws {
    let rotated = try rotated()
    let note = rotated.handover.checkpoint.text
    func isAccepted(_ bytes: [UInt8]) -> Bool {
      do {
        let checkpoint = try Checkpoint(parsing: bytes)
        let change = try #require(rotated.text.state.keys.changes.first)
        try checkpoint.requireHandover(
          change.record, at: change.entry, ledgerID: rotated.text.fixture.ledgerID)
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
    }
    // One of the lines, or both of one key, hand nothing over.
    let lines = note.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for drop in [4, 5] {
      var fewer = lines
      fewer.remove(at: drop)
      #expect(!isAccepted(Array(fewer.joined(separator: [UInt8(ascii: "\n")]))))
      var twice = lines
      twice[drop] = twice[9 - drop]
      #expect(!isAccepted(Array(twice.joined(separator: [UInt8(ascii: "\n")]))))
    }
  }

  @Test("whoever knows the key before follows by a receipt of the change, and by nothing less")
  func follow() throws {
    let rotated = try rotated()
    let (old, id) = (rotated.text.fixture.signingKey, rotated.text.fixture.ledgerID)
    let tree = MerkleTree(lines: rotated.text.lines)
    func device() throws -> ObservedLedger {
      try ObservedLedger(
        ledgerID: id, coordinatorKey: old.verifyingKey,
        checkpoint: Checkpoint(parsing: rotated.before.text))
    }
    let proof = tree.consistencyProof(from: rotated.before.size, to: rotated.entry + 1)
    var holder = try device()
    let later = try Checkpoint(signing: rotated.text.state, with: rotated.next)
    let laterProof = tree.consistencyProof(from: rotated.entry + 1, to: later.size)
    // The new key alone is nobody's.
    #expect(throws: LedgerError.self) {
      try holder.accept(
        later, proof: tree.consistencyProof(from: rotated.before.size, to: later.size))
    }
    let read = try LedgerReceipt(parsing: rotated.handover.text)
    #expect(read == rotated.handover)
    #expect(try holder.follow(read, proof: proof).index == rotated.entry)
    #expect(holder.coordinatorKey == rotated.next.verifyingKey)
    #expect(holder.checkpoint == rotated.handover.checkpoint)
    // From here on what the old key signs is not taken, of whatever size.
    for size in [rotated.entry + 1, later.size] {
      let replay = LedgerReplay(
        log: Array(rotated.text.lines[..<size].map { $0 + [UInt8(ascii: "\n")] }.joined()))
      let state = try #require(replay.state)
      let signedOn = try Checkpoint(signing: state, with: old)
      var view = holder
      #expect(throws: LedgerError.self) {
        try view.accept(
          signedOn, proof: tree.consistencyProof(from: rotated.entry + 1, to: size))
      }
      #expect(view == holder)
    }
    try holder.accept(later, proof: laterProof)
    // A process that starts again knows it from the receipt that was kept.
    var restarted = try device()
    try restarted.restore(LedgerEntry(decoding: read.line, at: read.proof.index))
    #expect(restarted.coordinatorKey == rotated.next.verifyingKey)
    // Kept twice, or pinned later: the same key.
    var pinnedLater = ObservedLedger(
      ledgerID: id, coordinatorKey: rotated.next.verifyingKey, checkpoint: nil)
    try pinnedLater.restore(LedgerEntry(decoding: read.line, at: read.proof.index))
    #expect(pinnedLater.coordinatorKey == rotated.next.verifyingKey)
    // Not without the consistency proof, not from the middle.
    var refusing = try device()
    #expect(throws: LedgerError.self) {
      try refusing.follow(read, proof: try ConsistencyProof(decoding: []))
    }
    var stranger = ObservedLedger(
      ledgerID: id, coordinatorKey: try key(77).verifyingKey, checkpoint: nil)
    #expect(throws: LedgerError.self) { try stranger.follow(read, proof: proof) }
    #expect(try refusing == device())
  }

  @Test("one signature, a later checkpoint, or another entry hands nothing over")
  func incomplete() throws {
    let rotated = try rotated()
    let (old, id) = (rotated.text.fixture.signingKey, rotated.text.fixture.ledgerID)
    let tree = MerkleTree(lines: rotated.text.lines)
    func refuses(_ checkpoint: Checkpoint, of index: Int? = nil) {
      let index = index ?? rotated.entry
      let receipt = LedgerReceipt(
        line: rotated.text.lines[index], index: index, tree: tree, checkpoint: checkpoint)
      #expect(throws: LedgerError.self) {
        try receipt.handover(ledgerID: id, from: old.verifyingKey)
      }
    }
    let state = try #require(
      LedgerReplay(
        log: Array(
          rotated.text.lines[...rotated.entry].map { $0 + [UInt8(ascii: "\n")] }.joined())
      ).state)
    refuses(try Checkpoint(signing: state, with: old))
    refuses(try Checkpoint(signing: state, with: rotated.next))
    refuses(try Checkpoint(signing: state, with: try key(77), after: old))
    refuses(try Checkpoint(signing: state, with: rotated.next, after: try key(77)))
    refuses(try Checkpoint(signing: rotated.text.state, with: rotated.next, after: old))
    refuses(rotated.handover.checkpoint, of: rotated.entry - 1)
    let other = try LedgerID(bytes: [UInt8](repeating: 1, count: 16))
    #expect(throws: LedgerError.self) {
      try rotated.handover.handover(ledgerID: other, from: old.verifyingKey)
    }
  }

  @Test("a file hands over at the entry of its one name")
  func fileNames() {
    #expect(HandoverFile.name(of: 12) == "key-12.checkpoint")
    #expect(HandoverFile.entry(named: "key-12.checkpoint") == 12)
    for name in [
      "key-.checkpoint", "key-012.checkpoint", "key-+1.checkpoint", "key--1.checkpoint",
      "key-0.checkpoint", "key-1.checkpoint.tmp", "key-1", "ledger.checkpoint",
      "key-99999999999999999999.checkpoint",
    ] { #expect(HandoverFile.entry(named: name) == nil, "\(name)") }
  }

  @Test("an audit follows every change, and names the entry of one that it cannot follow")
  func audit() throws {
    let rotated = try rotated()
    let old = rotated.text.fixture.signingKey
    let newest = try Checkpoint(signing: rotated.text.state, with: rotated.next)
    func report(
      handover: [UInt8]?, kept: [Checkpoint] = [], key: VerifyingKey? = nil
    ) -> LedgerAuditReport {
      LedgerAudit.run(
        .init(
          log: rotated.text.log, head: rotated.text.head, operatorCheckpoint: newest.text,
          keptCheckpoints: kept.map { .init(holder: "device", text: $0.text) },
          keptReceipts: [.init(holder: "device", text: rotated.handover.text)],
          handovers: handover.map { [rotated.entry: $0] } ?? [:], coordinatorKey: key))
    }
    let handover = rotated.handover.checkpoint.text
    let keys = [nil, old.verifyingKey, rotated.next.verifyingKey]
    for key in keys {
      let passed = report(
        handover: handover, kept: [rotated.before, rotated.handover.checkpoint], key: key)
      #expect(
        passed.verdict == .consistent(completeThrough: rotated.entry + 1), "\(passed.findings)")
    }
    #expect(report(handover: nil).verdict == .wrong(entry: rotated.entry))
    let alone = try Checkpoint(signing: rotated.text.state, with: old)
    #expect(report(handover: rotated.before.text).verdict == .wrong(entry: rotated.entry))
    #expect(
      report(handover: handover, key: try key(77).verifyingKey).verdict
        == .wrong(entry: rotated.entry))
    // A coordinator that signs on with the old key convicts itself by the checkpoint that a device kept.
    let signedOn = report(handover: handover, kept: [alone])
    #expect(signedOn.verdict.exitCode == 4)
    #expect(
      signedOn.findings.contains { $0.status == .fail && $0.detail.contains("another key") })
  }
}
