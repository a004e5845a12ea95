import CanonicalJSON
import Cryptography
import Federation
import Ledger
import Privacy
import Testing
import WireProtocol

/// What a device that was away learns of the rounds it sent updates to (R9).
@Suite("Outcomes of missed rounds")
struct OutcomesTests {
  private let harness: FederationHarness

  /// Three customers of a plan without slack: two rounds would not fit the budget.
  init() throws {
    let policy = try PolicyTemplate(
      federation: "shop", model: "popularity", hyperparameters: .object([:]), epsilon: "8",
      delta: "1e-6", customers: 3, minimumCohort: 2, maximumCohort: 100, roundDeadlineSeconds: 60,
      mode: "sealed"
    ).policy()
    harness = try FederationHarness(policy: policy)
    try harness.enrolEveryone(count: 3)
  }

  /// Customer 0 sends its update of the next round; then the coordinator dies and starts again.
  private func loseRound(_ number: UInt64) throws {
    try harness.runUntilOffer(of: number)
    harness.log.clear()
    try harness.pump { harness.log.entries.contains("journal \(number)") }
    try harness.restart()
  }

  @Test("each of several void rounds is given back at the next login, and the plan goes on")
  func severalVoidRounds() throws {
    for number in UInt64(1)...3 {
      try loseRound(number)
      for index in harness.customers.indices { try harness.connect(index) }
      if number < 3 {
        // The devices come back, and hear nothing before the coordinator dies again.
        try harness.pump { harness.connectedMembers == 3 }
      }
    }
    let journalled = harness.customers.map(\.device.journal.count).max() ?? 0
    #expect(journalled >= 2)
    try harness.pump()
    #expect(harness.customers.allSatisfy { $0.device.unsettledRounds().isEmpty })
    #expect(harness.customers.allSatisfy { $0.device.spentMuSquared() == 0 })
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(harness.customers.allSatisfy { $0.failure == nil })
    #expect(harness.storage.ledgerState.rounds.void == 3)
    for customer in harness.customers { #expect(customer.device.outcome(of: 4) == .released) }
  }

  @Test("an offer that arrives before the outcomes waits for them")
  func offerWaits() throws {
    try loseRound(1)
    for index in harness.customers.indices { try harness.connect(index) }
    harness.log.clear()
    try harness.pump()
    try harness.tick(seconds: 2)
    try harness.pump()
    let entries = harness.log.entries
    let outcome = try #require(entries.firstIndex(of: "outcome 1 void"))
    let answer = try #require(entries.firstIndex(of: "client sends answer"))
    #expect(outcome < answer)
  }

  @Test("the coordinator answers from its ledger, and leaves out what is open or never was")
  func answers() throws {
    try loseRound(1)
    try harness.connect(0)
    try harness.connect(1)
    try harness.connect(2)
    try harness.pump()
    try harness.runUntilOffer(of: 2)
    let ask = Message.askOutcomes(AskOutcomes(rounds: [2, 1, 99]))
    let connection = try #require(harness.customers[0].connection)
    let effects = try harness.handle(.received(connection, ask.encoded()))
    // Their proof comes first.
    guard case .send(connection, let proof)? = effects.first, effects.count == 2,
      case .ledgerShown(let shown) = try Message(decoding: proof),
      case .send(connection, let payload) = effects[1],
      case .outcomes(let outcomes) = try Message(decoding: payload)
    else {
      Issue.record("not answered: \(effects)")
      return
    }
    #expect(outcomes.closed.map(\.round) == [1])
    #expect(
      try shown.entries.map {
        try LedgerEntry(decoding: $0.line, at: Int($0.index)).record.closedRound
      } == [1])
    let closed = try #require(outcomes.closed.first)
    #expect(closed.outcome == .void)
    #expect(
      harness.keys.coordinator.verifyingKey.isValidSignature(
        closed.signature, for: closed.signedBytes))
  }

  @Test("more rounds than one request holds are asked for in parts")
  func manyRounds() throws {
    let device = harness.customers[0].device
    let count = UInt64(AskOutcomes.maximumRounds) + 5
    try harness.lose(0)
    for round in 1...count {
      try device.journalSpent(
        SpentRound(
          round: round, policyHash: harness.identity.policyHash, mu: 0.1, charge: "",
          updateDigest: [], mode: harness.policy.mode,
          minimumCohort: harness.policy.minimumCohort))
    }
    try harness.connect(0)
    harness.log.clear()
    try harness.pump()
    // The ledger knows none of them: all were asked for, none is settled, and no offer is joined.
    #expect(harness.log.entries.count { $0 == "client sends askOutcomes" } == 2)
    #expect(device.unsettledRounds().count == Int(count))
  }
}
