import CanonicalJSON
import Federation
import Ledger
import Privacy
import Testing
import WireProtocol

@Suite("Rounds with correlated noise")
struct CorrelatedRoundsTests {
  private static let modes = ["sealed", "secagg"]

  /// Popularity, then a block of four steps where a customer takes part every second time at most.
  private static func policy(
    mode: String, epsilon: String = "8", customers: Int = 6
  ) throws -> PrivacyPolicy {
    try PolicyTemplate(
      federation: "shop", model: "mf",
      hyperparameters: .object([
        "rounds": .integer(4), "dimension": .integer(2), "head": .integer(4),
      ]),
      epsilon: epsilon, delta: "1e-5", customers: customers / 2, minimumCohort: 3,
      maximumCohort: customers, roundDeadlineSeconds: 60, mode: mode, dropoutFraction: "0.2",
      correlation: NoiseCorrelation(strategy: .bandedInverse, minimumSeparation: 2)
    ).policy()
  }

  private static func charges(_ harness: FederationHarness) -> [ChargeRecord] {
    harness.storage.records.compactMap { record in
      if case .charge(let charge) = record { charge } else { nil }
    }
  }

  @Test(
    "a block is charged once, and nobody takes part twice within its separation", arguments: modes)
  func block(mode: String) throws {
    let policy = try Self.policy(mode: mode)
    let harness = try FederationHarness(policy: policy)
    try harness.enrolEveryone(count: 6)
    try harness.run()
    #expect(harness.finished == .planComplete)
    let state = harness.storage.ledgerState
    #expect(state.rounds.released == 5)
    let charges = Self.charges(harness)
    #expect(
      charges.map(\.block)
        == [nil] + (0..<4).map { BlockPosition(start: 2, round: $0) })
    #expect(Set(charges.dropFirst().map(\.scale)).count == 1)
    let bits = charges.map(\.fractionBits)
    let paid = try [0, 1].map { try policy.event(ofPlanned: $0, fractionBits: bits[$0]).muSquared }
    #expect(state.filter.spent == paid[0] + paid[1])
    #expect(abs(state.epsilonSpent - 8) < 0.01, "the plan is calibrated to its budget")

    for customer in harness.customers {
      let rounds = customer.device.journal.compactMap(\.block?.round)
      #expect(rounds == [0, 2] || rounds == [1, 3])
      #expect(customer.device.spentMuSquared() <= state.filter.spentMuSquared * (1 + 1e-9))
      #expect(customer.failure == nil)
    }
  }

  @Test("a coordinator that lost its memory begins a new block, and pays for it again")
  func restart() throws {
    // Half of what four such blocks would cost.
    let generous = try Self.policy(mode: "sealed", epsilon: "2")
    let policy = try PrivacyPolicy(
      federation: generous.federation, mode: generous.mode, epsilonLimit: ExactDecimal("4"),
      delta: generous.delta, minimumCohort: generous.minimumCohort,
      maximumCohort: generous.maximumCohort, targetCohort: generous.targetCohort,
      model: generous.model, hyperparameters: generous.hyperparameters, plan: generous.plan,
      correlatedNoise: generous.correlatedNoise,
      roundDeadlineSeconds: generous.roundDeadlineSeconds, retentionDays: generous.retentionDays)
    let harness = try FederationHarness(policy: policy)
    try harness.enrolEveryone(count: 6)
    // Popularity and two rounds of the block are out, the third is offered.
    try harness.runUntilOffer(of: 4)
    try harness.restart()
    for index in 0..<6 { try harness.connect(index) }
    try harness.run()
    #expect(harness.finished == .planComplete)
    let charges = Self.charges(harness)
    #expect(
      charges.compactMap(\.block) == [
        BlockPosition(start: 2, round: 0), BlockPosition(start: 2, round: 1),
        BlockPosition(start: 5, round: 0), BlockPosition(start: 5, round: 1),
      ])
    let bits = charges.map(\.fractionBits)
    let first = try policy.event(ofPlanned: 0, fractionBits: bits[0]).muSquared
    let block = try policy.event(ofPlanned: 1, fractionBits: bits[1]).muSquared
    #expect(harness.storage.ledgerState.filter.spent == first + block + block)
  }

  @Test("a new block that the budget does not admit is refused, and training ends")
  func restartOverBudget() throws {
    let harness = try FederationHarness(policy: try Self.policy(mode: "sealed"))
    try harness.enrolEveryone(count: 6)
    try harness.runUntilOffer(of: 3)
    let spent = harness.storage.ledgerState.filter.spent
    try harness.restart()
    for index in 0..<6 { try harness.connect(index) }
    try harness.run()
    #expect(harness.finished == .budgetExhausted)
    #expect(harness.storage.ledgerState.filter.spent == spent)
  }

  @Test("a block whose first round was called off begins anew, at the price of one")
  func voidStart() throws {
    let harness = try FederationHarness(policy: try Self.policy(mode: "sealed"))
    try harness.enrolEveryone(count: 6)
    try harness.runUntilOffer(of: 2)
    for index in 0..<6 { try harness.lose(index) }
    for _ in 0..<70 {
      try harness.tick()
      try harness.pump()
    }
    #expect(harness.storage.ledgerState.rounds.void == 1)
    for index in 0..<6 { try harness.connect(index) }
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(Self.charges(harness).compactMap(\.block).map(\.start) == [3, 3, 3, 3])
    #expect(harness.storage.ledgerState.epsilonSpent <= 8)
  }

  @Test("a member that logs in late is offered a round of a block only if it was chosen for it")
  func lateLogin() throws {
    let harness = try FederationHarness(policy: try Self.policy(mode: "sealed"))
    try harness.enrolEveryone(count: 6)
    try harness.runUntilOffer(of: 2)
    let late = try harness.addCustomer()
    try harness.connect(late)
    try harness.run()
    #expect(harness.finished == .planComplete)
    let offers = harness.customers[late].received.compactMap { message in
      if case .offer(let offer) = message { offer.block?.round } else { nil }
    }
    #expect(!offers.contains(0))
    for customer in harness.customers {
      let rounds = customer.device.journal.compactMap(\.block?.round)
      #expect(zip(rounds, rounds.dropFirst()).allSatisfy { $1 - $0 >= 2 })
    }
  }

  @Test("a model that repeats no round, and a mode whose clients draw the noise, are refused")
  func refusals() throws {
    func template(model: String, mode: String, separation: Int = 1, bands: Int? = nil)
      -> PolicyTemplate
    {
      PolicyTemplate(
        federation: "shop", model: model, hyperparameters: .object([:]), epsilon: "8",
        delta: "1e-5", customers: 100, minimumCohort: 50, maximumCohort: 100,
        roundDeadlineSeconds: 60, mode: mode,
        correlation: NoiseCorrelation(
          strategy: .bandedSquareRoot, bandCount: bands, minimumSeparation: separation))
    }
    #expect(throws: PrivacyError.self) {
      try template(model: "gram", mode: "sealed").policy()
    }
    #expect(throws: PrivacyError.self) {
      try template(model: "mf", mode: "secagg-ddp").policy()
    }
    #expect(throws: PrivacyError.self) {
      try template(model: "mf", mode: "sealed", separation: 11).policy()
    }
    #expect(throws: PrivacyError.self) {
      try template(model: "mf", mode: "sealed", bands: 0).policy()
    }
    _ = try template(model: "mf", mode: "secagg").policy()
  }
}
