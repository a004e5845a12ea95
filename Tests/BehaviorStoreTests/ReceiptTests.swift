import BehaviorStore
import Testing

/// What a device keeps of the ledger, and of what it refused.
@Suite("Receipts and refusals") struct ReceiptTests {
  private let directory: TemporaryDirectory
  private let store: BehaviorStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try BehaviorStore.create(directory: directory.path + "/device", key: testKey())
  }

  private func checkpoint(_ size: UInt64, ledgerID: String = "0123") -> KeptCheckpoint {
    KeptCheckpoint(ledgerID: ledgerID, size: size, note: "note \(size)\n", atSeconds: 1)
  }

  @Test("a receipt stays as it was first kept, under its own ledger, in the order of entries")
  func receipts() throws {
    let charge = KeptReceipt(entry: 2, round: 1, kind: "charge", text: "first\n")
    let release = KeptReceipt(entry: 3, round: 1, kind: "release", text: "second\n")
    try store.keep(checkpoint(5), receipts: [release])
    try store.keep(
      checkpoint(6),
      receipts: [
        charge, KeptReceipt(entry: 3, round: 1, kind: "release", text: "another\n"),
      ])
    try store.keep(checkpoint(6, ledgerID: "4567"), receipts: [charge])
    #expect(try store.receipts(ledgerID: "0123") == [charge, release])
    #expect(try store.receipts(ledgerID: "4567") == [charge])
    // The newest checkpoint extends those before it.
    #expect(try store.checkpoints(ledgerID: "0123").map(\.size) == [6])
    #expect(try store.checkpoints(ledgerID: "4567").map(\.size) == [6])
  }

  @Test("a checkpoint that is signed over and over takes one row")
  func signedAgain() throws {
    for signature in 1...100 {
      try store.keep(
        KeptCheckpoint(ledgerID: "0123", size: 5, note: "note \(signature)\n", atSeconds: 1))
    }
    #expect(try store.checkpoints(ledgerID: "0123").map(\.note) == ["note 100\n"])
  }

  @Test("checkpoint and receipts are kept together or not at all")
  func atomic() throws {
    #expect(throws: BehaviorStoreError.roundOutOfRange(round: .max)) {
      try store.keep(
        checkpoint(5), receipts: [KeptReceipt(entry: 2, round: .max, kind: "charge", text: "")])
    }
    #expect(try store.checkpoints(ledgerID: "0123").isEmpty)
  }

  @Test("the offer's receipt is kept with the journal entry, and not without it")
  func offer() throws {
    let offer = KeptReceipt(entry: 1, round: 1, kind: "offer", text: "proof\n")
    #expect(throws: BehaviorStoreError.self) {
      try store.journalSpent(entry(round: 1), receipt: offer)
    }
    #expect(try store.receipts(ledgerID: "0123").isEmpty)
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    try store.journalSpent(entry(round: 1), receipt: offer)
    #expect(try store.receipts(ledgerID: "0123") == [offer])
  }

  @Test(
    "a refusal is listed once while it is the newest, and the list is bounded, but for evidence")
  func refusals() throws {
    func refusal(_ round: UInt64?, evidence: Refusal.Evidence? = nil) -> Refusal {
      Refusal(round: round, reason: "because", evidence: evidence, atSeconds: 1)
    }
    let evidence = refusal(
      nil, evidence: Refusal.Evidence(refused: "note\n", held: "held\n", convicts: true))
    for refusal in [evidence, refusal(1), refusal(1), refusal(2), refusal(1)] {
      try store.list(refusal, ledgerID: "0123")
    }
    #expect(
      try store.refusals(ledgerID: "0123") == [evidence, refusal(1), refusal(2), refusal(1)])
    for round in 1...UInt64(BehaviorStore.refusalLimit) {
      try store.list(refusal(round + 10), ledgerID: "0123")
    }
    let listed = try store.refusals(ledgerID: "0123")
    #expect(listed.count == BehaviorStore.refusalLimit + 1)
    #expect(
      listed.first == evidence && listed.last == refusal(UInt64(BehaviorStore.refusalLimit) + 10))
    #expect(try store.refusals(ledgerID: "4567").isEmpty)
  }

  private func list(_ number: Int, convicts: Bool) throws {
    // The same again is listed once.
    for _ in 0..<2 {
      try store.list(
        Refusal(
          round: nil, reason: "ledger \(number)",
          evidence: Refusal.Evidence(
            refused: "note \(number)\n", held: "held \(number)\n", convicts: convicts),
          atSeconds: 1),
        ledgerID: "0123")
    }
  }

  @Test("of one ledger after another the first and the newest stay as evidence")
  func evidence() throws {
    let limit = BehaviorStore.evidenceLimit
    for number in 0..<limit + 5 { try list(number, convicts: true) }
    let listed = try store.refusals(ledgerID: "0123")
    #expect(listed.map(\.reason) == (0..<limit + 5).map { "ledger \($0)" })
    let kept = Array(0..<limit / 2) + Array(limit / 2 + 5..<limit + 5)
    #expect(listed.compactMap(\.evidence?.refused) == kept.map { "note \($0)\n" })
    #expect(listed.compactMap(\.evidence?.held) == kept.map { "held \($0)\n" })
  }

  @Test("what convicts keeps its places, whatever else is shown without a proof")
  func evidenceThatConvicts() throws {
    let limit = BehaviorStore.evidenceLimit
    for number in 0..<3 * limit { try list(number, convicts: false) }
    try list(1_000, convicts: true)
    for number in 3 * limit..<6 * limit { try list(number, convicts: false) }
    let evidence = try store.refusals(ledgerID: "0123").compactMap(\.evidence)
    #expect(evidence.filter(\.convicts).map(\.refused) == ["note 1000\n"])
    #expect(evidence.count { !$0.convicts } == limit)
  }

  @Test("a checkpoint that a refusal was held against is still there when a newer one is kept")
  func heldAgainst() throws {
    try store.keep(checkpoint(5))
    let evidence = Refusal.Evidence(refused: "other 5\n", held: "note 5\n", convicts: true)
    try store.list(
      Refusal(round: nil, reason: "two ledgers", evidence: evidence, atSeconds: 1),
      ledgerID: "0123")
    try store.keep(checkpoint(6))
    #expect(try store.checkpoints(ledgerID: "0123").map(\.size) == [6])
    #expect(try store.refusals(ledgerID: "0123").map(\.evidence) == [evidence])
  }

  @Test("a reason is listed as far as a person reads it")
  func longReason() throws {
    for reason in [
      String(repeating: "r", count: 8_000), "r" + String(repeating: "\u{301}", count: 8_000),
    ] {
      let refusal = Refusal(round: 1, reason: reason, evidence: nil, atSeconds: 1)
      for _ in 0..<2 { try store.list(refusal, ledgerID: "0123") }
    }
    let listed = try store.refusals(ledgerID: "0123")
    let limit = BehaviorStore.reasonLimit
    #expect(listed.map(\.reason.unicodeScalars.count) == [limit, limit])
  }
}
