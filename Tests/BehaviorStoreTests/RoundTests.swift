import Testing

@testable import BehaviorStore

/// Consent, the round journal and kept checkpoints.
@Suite struct RoundTests {
  let directory: TemporaryDirectory
  let store: BehaviorStore
  private let ledger = "0123"

  init() throws {
    directory = try TemporaryDirectory()
    store = try BehaviorStore.create(directory: directory.path + "/device", key: testKey())
  }

  @Test("consent is off until given, holds for one policy, and ends at once")
  func consentLife() throws {
    #expect(try store.consent(policyHash: "aa") == .never)
    try store.giveConsent(policyHash: "aa", atSeconds: 10)
    #expect(try store.consent(policyHash: "aa") == .given(atSeconds: 10))
    #expect(try store.consent(policyHash: "bb") == .givenForAnotherPolicy(policyHash: "aa"))
    try store.withdrawConsent(atSeconds: 20)
    #expect(try store.consent(policyHash: "aa") == .withdrawn(atSeconds: 20))
    try store.giveConsent(policyHash: "bb", atSeconds: 30)
    #expect(try !store.consent(policyHash: "aa").allows)
    #expect(try store.consent(policyHash: "bb").allows)
    #expect(try store.consentHistory().map(\.given) == [true, false, true])
    #expect(try store.consentHistory().map(\.policyHash) == ["aa", "aa", "bb"])
  }

  @Test("the last decision counts, also when the clock was set back")
  func consentOrderIsEntryOrder() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 100)
    try store.withdrawConsent(atSeconds: 50)
    #expect(try store.consent(policyHash: "aa") == .withdrawn(atSeconds: 50))
  }

  @Test("withdrawing where nothing was given is recorded and stays a refusal")
  func withdrawFirst() throws {
    try store.withdrawConsent(atSeconds: 5)
    #expect(try store.consent(policyHash: "aa") == .withdrawn(atSeconds: 5))
    #expect(
      try store.consentHistory() == [
        ConsentDecision(given: false, policyHash: "", atSeconds: 5)
      ])
  }

  @Test("without consent to its policy a round is not journaled")
  func journalNeedsConsent() throws {
    #expect(throws: BehaviorStoreError.consentMissing(policyHash: "aa")) {
      try store.journalSpent(entry(round: 1))
    }
    try store.giveConsent(policyHash: "bb", atSeconds: 1)
    #expect(throws: BehaviorStoreError.consentMissing(policyHash: "aa")) {
      try store.journalSpent(entry(round: 1))
    }
    #expect(try store.lastRound(ledgerID: ledger) == nil)
  }

  @Test("a withdrawal through another connection stops the very next round")
  func withdrawalStopsAtOnce() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    try store.journalSpent(entry(round: 1))
    let other = try BehaviorStore.open(directory: directory.path + "/device", key: testKey())
    try other.withdrawConsent(atSeconds: 2)
    #expect(throws: BehaviorStoreError.consentMissing(policyHash: "aa")) {
      try store.journalSpent(entry(round: 2))
    }
    #expect(try store.lastRound(ledgerID: ledger) == 1)
  }

  @Test("what is journaled reads back as it was given")
  func journalReadsBack() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    let spent = entry(round: 7, mu: 0.123_456_789_012_345_67)
    try store.journalSpent(spent)
    #expect(try store.journal(ledgerID: ledger) == [spent])
    #expect(try store.journal(ledgerID: "other").isEmpty)
  }

  @Test("that a round was charged reads back, whatever is said of it later")
  func charged() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    for round: UInt64 in [1, 2] {
      try store.journalSpent(
        JournalEntry(
          round: round, ledgerID: ledger, policyHash: "aa", mu: 1, charge: "{}", updateDigest: "00",
          atSeconds: 1))
    }
    func keep(charged: Set<UInt64>, ledgerID: String) throws {
      try store.keep(
        KeptCheckpoint(ledgerID: ledgerID, size: 3, note: "note", atSeconds: 1), charged: charged)
    }
    try keep(charged: [2, 9], ledgerID: ledger)
    try keep(charged: [1], ledgerID: "other")
    #expect(try store.journal(ledgerID: ledger).map(\.isCharged) == [false, true])
    try store.recordOutcome(.void, round: 2, ledgerID: ledger, atSeconds: 2)
    #expect(try store.journal(ledgerID: ledger).map(\.isCharged) == [false, true])
  }

  @Test("rounds only go up, ledger by ledger")
  func roundsIncrease() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    try store.journalSpent(entry(round: 5))
    for round: UInt64 in [1, 4, 5] {
      #expect(throws: BehaviorStoreError.roundNotNewer(round: round, last: 5)) {
        try store.journalSpent(entry(round: round))
      }
    }
    try store.journalSpent(entry(round: 6))
    try store.journalSpent(
      JournalEntry(
        round: 1, ledgerID: "4567", policyHash: "aa", mu: 1, charge: "{}", updateDigest: "00",
        atSeconds: 1))
    #expect(try store.lastRound(ledgerID: ledger) == 6)
    #expect(try store.lastRound(ledgerID: "4567") == 1)
  }

  @Test(
    "a charge that is not positive and finite is refused",
    arguments: [0, -1, Double.nan, Double.infinity])
  func chargeIsChecked(mu: Double) throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    #expect(throws: BehaviorStoreError.chargeNotFinite(round: 1)) {
      try store.journalSpent(entry(round: 1, mu: mu))
    }
  }

  @Test("a round number beyond the database's integers is refused, not wrapped")
  func hugeRound() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    try store.journalSpent(entry(round: UInt64(Int64.max)))
    #expect(throws: BehaviorStoreError.roundOutOfRange(round: .max)) {
      try store.journalSpent(entry(round: .max))
    }
  }

  @Test("what was spent is the sum of squares, rounded up, over every state")
  func spentMuSquared() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    #expect(try store.spentMuSquared(ledgerID: ledger) == 0)
    for (round, mu) in [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)] as [(UInt64, Double)] {
      try store.journalSpent(entry(round: round, mu: mu))
    }
    try store.recordOutcome(.released, round: 1, ledgerID: ledger, atSeconds: 2)
    try store.recordOutcome(.void, round: 2, ledgerID: ledger, atSeconds: 2)
    try store.recordOutcome(.burned, round: 3, ledgerID: ledger, atSeconds: 2)
    let all = try store.spentMuSquared(ledgerID: ledger)
    // 0.30 exactly for the decimals; the doubles are off by less than 1e-16 each.
    #expect(all >= 0.3 && all < 0.3 + 1e-14)
    let withoutVoid = try store.spentMuSquared(
      ledgerID: ledger, states: [.spent, .released, .burned])
    #expect(withoutVoid >= 0.26 && withoutVoid < 0.26 + 1e-14)
  }

  @Test("a block counts once, at its dearest round, and not at all where it is left out")
  func spentInBlocks() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    for (round, mu, start) in [(1, 0.1, nil), (2, 0.3, 2), (3, 0.4, 2), (4, 0.2, 4)]
      as [(UInt64, Double, UInt64?)]
    {
      try store.journalSpent(
        JournalEntry(
          round: round, ledgerID: ledger, policyHash: "aa", mu: mu, charge: "{}",
          updateDigest: "00", atSeconds: 1,
          block: start.map { JournalEntry.Block(start: $0, round: Int(round - $0)) }))
    }
    for (start, sum) in [(nil, 0.21), (2, 0.05), (4, 0.17), (9, 0.21)] as [(UInt64?, Double)] {
      let spent = try store.spentMuSquared(ledgerID: ledger, outsideBlock: start)
      #expect(spent >= sum && spent < sum + 1e-14)
    }
  }

  @Test("an outcome is recorded once; the same again is fine, another is refused")
  func outcomes() throws {
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    try store.journalSpent(entry(round: 1))
    try store.recordOutcome(.released, round: 1, ledgerID: ledger, atSeconds: 2)
    try store.recordOutcome(.released, round: 1, ledgerID: ledger, atSeconds: 3)
    #expect(
      throws: BehaviorStoreError.outcomeAlreadyRecorded(
        round: 1, recorded: .released, offered: .void)
    ) { try store.recordOutcome(.void, round: 1, ledgerID: ledger, atSeconds: 4) }
    #expect(throws: BehaviorStoreError.roundNotJournaled(round: 2)) {
      try store.recordOutcome(.void, round: 2, ledgerID: ledger, atSeconds: 4)
    }
    #expect(try store.journal(ledgerID: ledger).map(\.state) == [.released])
  }

  @Test("the newest checkpoint is the largest; of one size one is kept")
  func checkpoints() throws {
    let notes = [(8, "late"), (3, "early"), (8, "another of size 8"), (3, "early")]
    for (size, note) in notes {
      try store.keep(
        KeptCheckpoint(ledgerID: ledger, size: UInt64(size), note: note, atSeconds: 1))
    }
    #expect(
      try store.checkpoints(ledgerID: ledger).map(\.note) == ["early", "another of size 8"])
    #expect(try store.newestCheckpoint(ledgerID: ledger)?.size == 8)
    #expect(try store.newestCheckpoint(ledgerID: "other") == nil)
  }

  @Test("settings and model state are replaced, and settings can be removed")
  func keyedValues() throws {
    #expect(try store.setting("theme") == nil)
    try store.set("theme", to: "dark")
    try store.set("theme", to: "light")
    #expect(try store.setting("theme") == "light")
    try store.set("theme", to: nil)
    #expect(try store.setting("theme") == nil)
    #expect(try store.modelState("user") == nil)
    try store.setModelState("user", to: [1, 2])
    try store.setModelState("user", to: [0, 255])
    #expect(try store.modelState("user") == [0, 255])
  }
}
