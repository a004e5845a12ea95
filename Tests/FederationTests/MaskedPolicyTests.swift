import CanonicalJSON
import Federation
import Ledger
import Privacy
import Recommendation
import SecureAggregation
import Testing
import WireProtocol

@Suite("Policies of masked rounds")
struct MaskedPolicyTests {
  private func template(customers: Int, dropout: String, mode: String = "secagg-ddp")
    -> PolicyTemplate
  {
    PolicyTemplate(
      federation: "shop", model: "popularity", hyperparameters: .object([:]), epsilon: "8",
      delta: "1e-5", customers: customers, minimumCohort: customers / 2,
      maximumCohort: customers, roundDeadlineSeconds: 60, mode: mode, dropoutFraction: dropout)
  }

  @Test("an experiment whose round does not end the plan, and a round without one, are refused")
  func experimentRound() throws {
    let definition = Experiment.hyperparameters(
      name: "front", arms: ["a 1 greedy", "b 1 linucb:1"], budgetShare: "0.1")
    func policy(
      _ hyperparameters: JSONValue, customers: Int = 100,
      _ plan: (inout [PlannedRound]) -> Void
    ) throws -> PrivacyPolicy {
      var template = template(customers: customers, dropout: "0.1", mode: "sealed")
      template.hyperparameters = definition
      let made = try template.policy()
      var rounds = made.plan
      plan(&rounds)
      return try PrivacyPolicy(
        federation: "shop", mode: "sealed", masking: nil, epsilonLimit: made.epsilonLimit,
        delta: made.delta, minimumCohort: made.minimumCohort, maximumCohort: made.maximumCohort,
        targetCohort: made.targetCohort, model: made.model, hyperparameters: hyperparameters,
        plan: rounds, roundDeadlineSeconds: 60, retentionDays: 30)
    }
    let right = try policy(definition) { _ in }
    #expect(right.plan.map(\.stage) == ["popularity", "experiment"])
    #expect(throws: Never.self) { try FederationIdentity.requireExperimentRound(of: right) }
    let wrong = [
      try policy(definition) { $0.removeLast() }, try policy(definition) { $0.reverse() },
      try policy(.object([:])) { _ in },
      // 13 bits after the binary point, which bias the variance of what is counted.
      try policy(definition, customers: 150_000) { _ in },
    ]
    for policy in wrong {
      #expect(throws: FederationError.self) {
        try FederationIdentity.requireExperimentRound(of: policy)
      }
    }
  }

  @Test(
    "cohorts that a ring can serve are accepted",
    arguments: [(100, "0.3"), (900, "0.2"), (3_613, "0.1")])
  func accepted(customers: Int, dropout: String) throws {
    let policy = try template(customers: customers, dropout: dropout).policy()
    #expect(throws: Never.self) { try FederationIdentity.requireMaskedRounds(of: policy) }
  }

  @Test("a plan that fits only the delta that its sparse graphs do not leave is refused")
  func protocolDelta() throws {
    // A ring adds 1.5 (1 + e^8) 2^-40 = 4.1e-9 to a round; a plan made for sealed rounds knows nothing of it.
    func masked(delta: String, customers: Int) throws -> PrivacyPolicy {
      var template = template(customers: customers, dropout: "0.1", mode: "sealed")
      template.delta = delta
      let sealed = try template.policy()
      return try PrivacyPolicy(
        federation: "shop", mode: "secagg-ddp",
        masking: MaskingTolerance(
          corruptFraction: ExactDecimal("0.1"), dropoutFraction: ExactDecimal("0.1")),
        epsilonLimit: sealed.epsilonLimit, delta: sealed.delta,
        minimumCohort: sealed.minimumCohort, maximumCohort: sealed.maximumCohort,
        targetCohort: sealed.targetCohort, model: sealed.model, plan: sealed.plan,
        roundDeadlineSeconds: 60, retentionDays: 30)
    }
    for delta in ["1e-8", "2e-9"] {
      let complete = try masked(delta: delta, customers: 100)
      #expect(throws: Never.self) { try FederationIdentity.requireMaskedRounds(of: complete) }
      let ring = try masked(delta: delta, customers: 300)
      #expect(throws: FederationError.self, "\(delta)") {
        try FederationIdentity.requireMaskedRounds(of: ring)
      }
    }
  }

  @Test("a template whose delta its sparse graphs would use up is refused, with what they take")
  func deltaOfTemplate() throws {
    var template = template(customers: 300, dropout: "0.1")
    template.delta = "2e-9"
    let error = #expect(throws: PrivacyError.self) { try template.policy() }
    guard case .invalidPolicyField("delta", let value, let accepted) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(value == "2e-9" && accepted.hasPrefix("above 4.0"))
    template.delta = "1e-8"
    #expect(throws: Never.self) { try template.policy() }
  }

  @Test("a cohort that no ring can serve is refused before a federation is made from it")
  func refused() throws {
    let policy = try template(customers: 3_613, dropout: "0.2").policy()
    #expect(throws: MaskingParameterError.noDegree(cohort: 3_613, limit: 254)) {
      try FederationIdentity.requireMaskedRounds(of: policy)
    }
    let sealed = try template(customers: 3_613, dropout: "0.2", mode: "sealed").policy()
    #expect(throws: Never.self) { try FederationIdentity.requireMaskedRounds(of: sealed) }
  }

  @Test("a round whose sparse graph could overspend delta is not offered")
  func protocolDeltaBeforeTheOffer() throws {
    // A cohort of up to 200 may be on a ring, which adds 4.1e-9 to delta.
    for (delta, isOffered) in [("1e-8", true), ("2e-9", false)] {
      let harness = try FederationHarness(
        policy: FederationHarness.policy(
          minimumCohort: 3, targetCohort: 5, mode: "secagg", maximumCohort: 200, delta: delta))
      try harness.enrolEveryone(count: 5)
      try harness.run()
      #expect(harness.finished == (isOffered ? .planComplete : .budgetExhausted))
      #expect(harness.storage.records.map(\.kind).contains(.offer) == isOffered)
    }
  }

  @Test("a device declines a round whose sparse graph could overspend delta with those before it")
  func protocolDeltaOnTheDevice() throws {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(
        minimumCohort: 3, targetCohort: 5, mode: "secagg", maximumCohort: 200, delta: "1e-8"))
    try harness.enrolEveryone(count: 5)
    // Two rounds leave 1.9e-9 of 1e-8, three do not.
    harness.customers[0].device.spendBefore(rounds: 1)
    harness.customers[1].device.spendBefore(rounds: 2)
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(harness.customers[0].device.journal.count == 1)
    #expect(harness.customers[1].device.journal.isEmpty)
    #expect(
      harness.customers[1].notes.contains(.declined(round: 1, .deltaExhausted(rounds: 3))))
  }

  @Test("a round counts once against delta, whether a device took part in it or saw it charged")
  func roundsOnTheDevice() throws {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(
        minimumCohort: 3, targetCohort: 5, mode: "secagg", maximumCohort: 200, delta: "1e-8"),
      settings: CoordinatorSettings(trainings: 3, gatherSeconds: 1))
    try harness.enrolEveryone(count: 6)
    // It sees two rounds of the others, and takes part in none.
    harness.customers[5].device.setConsent(false)
    while harness.storage.ledgerState.rounds.released < 2, harness.finished == nil {
      try harness.tick()
      try harness.pump { harness.storage.ledgerState.rounds.released == 2 }
    }
    harness.customers[5].device.setConsent(true)
    try harness.run()
    // Two leave 1.9e-9 of 1e-8, three do not. Both filters of a member count its own two rounds.
    for customer in harness.customers[..<5] {
      #expect(customer.device.journal.map(\.round) == [1, 2])
    }
    #expect(harness.customers[5].device.journal.isEmpty)
    for customer in harness.customers {
      #expect(customer.notes.contains(.declined(round: 3, .deltaExhausted(rounds: 3))))
    }
  }
}
