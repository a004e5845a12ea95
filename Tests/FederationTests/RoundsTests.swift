import CanonicalJSON
import Cryptography
import Federation
import Ledger
import Privacy
import Recommendation
import Testing
import WireProtocol

@Suite("Coordinator rounds")
struct RoundsTests {
  private func harness(
    trainings: Int = 1, noiseFails: Bool = false, noiseMultiplier: String = "4"
  ) throws -> FederationHarness {
    try FederationHarness(
      policy: FederationHarness.policy(noiseMultiplier: noiseMultiplier),
      settings: CoordinatorSettings(trainings: trainings, gatherSeconds: 1),
      noiseFails: noiseFails)
  }

  private func kinds(_ harness: FederationHarness) -> [LedgerRecordKind] {
    harness.storage.records.map(\.kind)
  }

  @Test("a round from login to release; every customer contributes and keeps the outcome")
  func training() throws {
    let harness = try harness()
    try harness.enrolEveryone(count: 3)
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(kinds(harness) == [.genesis, .offer, .charge, .release])
    for customer in harness.customers {
      #expect(customer.failure == nil)
      #expect(customer.isFinished)
      #expect(customer.notes.contains(.contributed(round: 1)))
      #expect(customer.notes.contains(.closed(round: 1, .released)))
      #expect(customer.device.outcome(of: 1) == .released)
      #expect(customer.device.newestCheckpoint()?.size == 4)
      #expect(customer.enrolments.count == 1)
      #expect(customer.enrolments.first?.policyHash == harness.identity.policyHash)
    }
  }

  @Test("CHARGE is durable before noise is drawn, and RELEASE before anything is broadcast")
  func order() throws {
    let harness = try harness()
    try harness.enrolEveryone(count: 3)
    try harness.run()
    let calls = harness.log.entries.filter {
      $0.hasPrefix("append") || $0 == "noise" || $0 == "store blob" || $0.hasPrefix("outcome")
    }
    let charge = try #require(calls.firstIndex(of: "append charge"))
    #expect(
      Array(calls[charge...].prefix(5)) == [
        "append charge", "noise", "store blob", "append release", "outcome 1 released",
      ])
    #expect(calls.count { $0 == "noise" } == 1)
    #expect(calls.firstIndex(of: "append offer").map { $0 < charge } == true)
  }

  @Test("wherever the storage fails, nothing unrecorded was broadcast, and a restart goes on")
  func storageFailures() throws {
    let callsBefore: Int
    let callsAfter: Int
    do {
      let harness = try harness()
      try harness.enrolEveryone(count: 3)
      callsBefore = harness.storage.callCount
      try harness.run()
      callsAfter = harness.storage.callCount
    }
    #expect(callsAfter > callsBefore + 5)
    var failedCalls = Set<String>()
    for call in 0..<(callsAfter - callsBefore) {
      let harness = try harness()
      try harness.enrolEveryone(count: 3)
      harness.storage.fail(after: call)
      do {
        try harness.run()
        Issue.record("call \(call) did not fail")
      } catch let failure as DiskFailure {
        failedCalls.insert(failure.call)
      }
      // The effects of the failed event are lost with it: what customers have is what was sent.
      let released = harness.storage.ledgerState.rounds.released
      for customer in harness.customers {
        #expect(customer.closedRounds.filter { $0.outcome == .released }.count <= released)
      }
      let noiseDrawn = harness.log.entries.count { $0 == "noise" }
      #expect(noiseDrawn <= harness.storage.ledgerState.rounds.charged, "call \(call)")
      let spent = harness.storage.ledgerState.epsilonSpent

      try harness.restart()
      #expect(harness.storage.ledgerState.epsilonSpent >= spent)
      for index in harness.customers.indices { try harness.connect(index) }
      try harness.pump()
      try harness.run()
      #expect(harness.finished == .planComplete, "call \(call)")
      let outputs = harness.storage.records.compactMap { record in
        if case .release(let release) = record { release.round } else { nil }
      }
      #expect(outputs.count == 1, "call \(call)")
      let charges = harness.storage.records.count { $0.kind == .charge }
      #expect(harness.storage.ledgerState.rounds.charged == charges)
    }
    #expect(
      failedCalls.isSuperset(of: [
        "append offer", "append charge", "append release", "store blob", "checkpoint", "member",
      ]))
  }

  @Test("without entropy the charge stays, nothing is released, and a restart burns the round")
  func noiseFails() throws {
    let harness = try harness(noiseFails: true)
    try harness.enrolEveryone(count: 3)
    #expect(throws: RecordingNoise.NoEntropy.self) { try harness.run() }
    #expect(kinds(harness) == [.genesis, .offer, .charge])
    let spent = harness.storage.ledgerState.epsilonSpent
    #expect(spent > 0)
    #expect(harness.customers.allSatisfy { $0.closedRounds.isEmpty })
    try harness.restart()
    #expect(kinds(harness).last == .burned)
    #expect(harness.storage.ledgerState.epsilonSpent == spent)
  }

  @Test("a round that the budget does not admit is refused before it is offered")
  func budget() throws {
    // Three rounds of z = 1.5 fit under epsilon 8, delta 1e-6.
    let harness = try harness(trainings: 100, noiseMultiplier: "1.5")
    let event = try harness.policy.event(
      ofPlanned: 0, fractionBits: try FederationIdentity.fractionBits(of: harness.policy)[0])
    let fits = harness.policy.makeFilter().roundsLeft(of: event)
    try #require((1..<20).contains(fits))
    try harness.enrolEveryone(count: 3)
    try harness.run(seconds: 1_000)
    #expect(harness.finished == .budgetExhausted)
    #expect(harness.storage.ledgerState.rounds.released == fits)
    #expect(harness.storage.ledgerState.rounds.offered == fits)
    let refusals = harness.notes.filter { if case .budgetRefused = $0 { true } else { false } }
    #expect(refusals.count == 1)
    guard
      case .budgetRefused(let spent, let withRound, let limit, let left, let inAll)? =
        refusals.first
    else { return }
    #expect(spent == harness.storage.ledgerState.epsilonSpent)
    #expect(spent <= 8 && withRound > 8 && limit == 8)
    #expect(left == 0 && inAll == fits)
    for customer in harness.customers {
      #expect(customer.offers.count == fits)
      #expect(customer.received.contains { $0.kind == .finished })
      #expect(customer.device.journal.count == fits)
    }
  }

  @Test("a restarted coordinator goes on at the next round with the released model")
  func restart() throws {
    let harness = try harness(trainings: 2)
    try harness.enrolEveryone(count: 3)
    try harness.runUntilOffer(of: 2)
    let model = try #require(harness.storage.ledgerState.latestRelease?.modelOut)
    try harness.restart()
    for index in harness.customers.indices { try harness.connect(index) }
    try harness.pump()
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(harness.storage.ledgerState.rounds.released == 2)
    let rounds = harness.storage.records.compactMap { record in
      if case .offer(let offer) = record { offer.round } else { nil }
    }
    #expect(rounds == [1, 2, 3])
    let last = try #require(harness.customers[0].offers.last)
    #expect(last.round == 3 && last.modelHash == model.bytes)
  }

  @Test("a round that a crash made void costs the devices nothing: a plan without slack goes on")
  func crashBeforeCharge() throws {
    let policy = try PolicyTemplate(
      federation: "shop", model: "popularity", hyperparameters: .object([:]), epsilon: "8",
      delta: "1e-6", customers: 3, minimumCohort: 2, maximumCohort: 100, roundDeadlineSeconds: 60,
      mode: "sealed"
    ).policy()
    let harness = try FederationHarness(policy: policy)
    try harness.enrolEveryone(count: 3)
    try harness.runUntilOffer(of: 1)
    // Two devices have journalled the round and sent their updates when the coordinator dies.
    try harness.pump { harness.log.entries.count { $0 == "client sends updateHeader" } == 2 }
    try harness.restart()
    #expect(kinds(harness) == [.genesis, .offer, .void])
    for index in harness.customers.indices { try harness.connect(index) }
    try harness.pump()
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(kinds(harness) == [.genesis, .offer, .void, .offer, .charge, .release])
    #expect(harness.customers.allSatisfy { $0.failure == nil })
  }

  @Test("a coordinator whose released model is gone does not start")
  func missingModel() throws {
    let harness = try harness()
    try harness.enrolEveryone(count: 3)
    try harness.run()
    let model = try #require(harness.storage.ledgerState.latestRelease?.modelOut)
    harness.storage.replaceBlob(model, with: nil)
    #expect(throws: FederationError.missingModel(model)) { try harness.restart() }
  }

  @Test("a missed quorum is void and free, and the next round has the next number")
  func voidRound() throws {
    let harness = try harness()
    try harness.enrolEveryone(count: 3)
    for index in 0..<2 { harness.customers[index].device.setConsent(false) }
    try harness.tick(seconds: 2)
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer, .void])
    #expect(harness.storage.ledgerState.epsilonSpent == 0)
    #expect(harness.customers[2].device.outcome(of: 1) == .void)
    #expect(harness.customers[2].device.spentMuSquared() == 0)
    #expect(harness.consecutiveVoidRounds == 1)
    for index in 0..<2 { harness.customers[index].device.setConsent(true) }
    try harness.run()
    #expect(kinds(harness) == [.genesis, .offer, .void, .offer, .charge, .release])
    #expect(harness.storage.ledgerState.lastRound == 2)
    #expect(harness.consecutiveVoidRounds == 0)
  }

  @Test("a drained coordinator voids the open round, charges nothing and says goodbye")
  func drain() throws {
    let harness = try harness()
    try harness.enrolEveryone(count: 3)
    try harness.tick(seconds: 2)
    try harness.perform(harness.coordinator.drain())
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer, .void])
    #expect(harness.storage.ledgerState.epsilonSpent == 0)
    for customer in harness.customers {
      #expect(customer.connection == nil)
      let farewell = FederationError.refused(
        .shuttingDown, reason: RefusalCode.shuttingDown.meaning)
      #expect(customer.failure as? FederationError == farewell)
      #expect(customer.closedRounds.map(\.outcome) == [.void])
    }
  }

  @Test("no round starts below the minimum cohort, or while members are still coming in")
  func gathering() throws {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(minimumCohort: 2, targetCohort: 10),
      settings: CoordinatorSettings(gatherSeconds: 5))
    try harness.connect(try harness.addCustomer())
    try harness.pump()
    try harness.tick(seconds: 100)
    #expect(kinds(harness) == [.genesis])
    try harness.connect(try harness.addCustomer())
    try harness.pump()
    try harness.tick(seconds: 4)
    #expect(kinds(harness) == [.genesis])
    try harness.tick(seconds: 1)
    #expect(kinds(harness) == [.genesis, .offer])
  }

  // MARK: - Late members and lost connections

  @Test("a member who logs in while the second round is open takes part in it")
  func lateInSecondRound() throws {
    let harness = try harness(trainings: 2)
    try harness.enrolEveryone(count: 3)
    let late = try harness.addCustomer()
    try harness.runUntilOffer(of: 2)
    try harness.connect(late)
    try harness.pump()
    #expect(harness.customers[late].failure == nil)
    #expect(harness.customers[late].notes.contains(.contributed(round: 2)))
  }

  @Test("a member who reconnects while the second round is open is told how the first ended")
  func reconnectInSecondRound() throws {
    let harness = try harness(trainings: 2)
    try harness.enrolEveryone(count: 3)
    try harness.runUntilOffer(of: 2)
    try harness.lose(0)
    try harness.connect(0)
    try harness.pump()
    try harness.run()
    #expect(harness.customers[0].failure == nil)
    #expect(harness.customers[0].device.outcome(of: 1) == .released)
    #expect(harness.storage.ledgerState.rounds.released == 2)
  }

  @Test("the last member to upload may replace its connection without losing the round")
  func replacedConnection() throws {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(minimumCohort: 3, targetCohort: 3),
      settings: CoordinatorSettings(gatherSeconds: 1))
    try harness.enrolEveryone(count: 3)
    // Customer 0 hears nothing of the round: its connection is dead, and only it knows.
    try harness.lose(0, coordinatorNotices: false)
    try harness.tick(seconds: 2)
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer])
    try harness.connect(0)
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer, .charge, .release])
    #expect(harness.customers[0].notes.contains(.contributed(round: 1)))
  }

  @Test("a member revoked while it is connected is not offered the next round")
  func revokedWhileConnected() throws {
    let harness = try harness()
    try harness.enrolEveryone(count: 4)
    harness.storage.revoke(4)
    try harness.run()
    #expect(harness.storage.ledgerState.rounds.released == 1)
    #expect(harness.customers[3].offers.isEmpty)
    #expect(harness.customers[3].device.journal.isEmpty)
  }

  @Test("a member who never answers holds the round until its deadline and no longer")
  func silentMember() throws {
    let harness = try harness()
    try harness.enrolEveryone(count: 3)
    try harness.lose(0, coordinatorNotices: false)
    try harness.tick(seconds: 2)
    try harness.pump()
    try harness.tick(seconds: 59)
    #expect(kinds(harness) == [.genesis, .offer])
    try harness.tick(seconds: 1)
    #expect(kinds(harness) == [.genesis, .offer, .charge, .release])
    let contributors = harness.notes.compactMap { note -> Int? in
      if case .roundCharged(_, let contributors) = note { contributors } else { nil }
    }
    #expect(contributors == [2])
  }
}
