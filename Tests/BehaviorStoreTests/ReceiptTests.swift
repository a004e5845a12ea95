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
    func refusal(_ round: UInt64?, evidence: String? = nil) -> Refusal {
      Refusal(round: round, reason: "because", evidence: evidence, atSeconds: 1)
    }
    let evidence = refusal(nil, evidence: "note\n")
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

  @Test("a coordinator that signs one ledger after another leaves so many of them as evidence")
  func evidence() throws {
    let limit = BehaviorStore.evidenceLimit
    for ledger in 0..<limit + 5 {
      // The same again is listed once, whether its evidence was kept or not.
      for _ in 0..<2 {
        try store.list(
          Refusal(
            round: nil, reason: "ledger \(ledger)", evidence: "note \(ledger)\n", atSeconds: 1),
          ledgerID: "0123")
      }
    }
    let listed = try store.refusals(ledgerID: "0123")
    #expect(listed.map(\.reason) == (0..<limit + 5).map { "ledger \($0)" })
    #expect(listed.compactMap(\.evidence) == (0..<limit).map { "note \($0)\n" })
  }
}
