import CanonicalJSON
import Cryptography
import Federation
import Ledger
import Privacy
import Recommendation
import SecureAggregation
import Testing
import WireProtocol

@Suite("Masked rounds of a federation")
struct MaskedRoundsTests {
  private static let modes = ["secagg", "secagg-ddp"]

  private func harness(
    mode: String = "secagg-ddp", customers: Int = 5, trainings: Int = 1
  ) throws -> FederationHarness {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(minimumCohort: 4, targetCohort: customers, mode: mode),
      settings: CoordinatorSettings(
        trainings: trainings, gatherSeconds: 1, phaseSeconds: 20))
    try harness.enrolEveryone(count: customers)
    return harness
  }

  private func kinds(_ harness: FederationHarness) -> [LedgerRecordKind] {
    harness.storage.records.map(\.kind)
  }

  @Test("a masked round from login to release, over the same engines", arguments: modes)
  func training(mode: String) throws {
    let harness = try harness(mode: mode)
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
    }
    #expect(harness.notes.contains(.roundCharged(round: 1, contributors: 5)))
    // In secagg-ddp the coordinator draws nothing: the noise is in the sum already.
    #expect(harness.log.entries.contains("noise") == (mode == "secagg"))
  }

  @Test("journal before the first byte, CHARGE before the proof, nothing unmasked before both")
  func order() throws {
    let harness = try harness()
    try harness.run()
    let log = harness.log.entries
    let charge = try #require(log.firstIndex(of: "append charge"))
    let masked = log.indices.filter { log[$0] == "client sends maskedHeader" }
    #expect(masked.count == 5)
    for index in masked { #expect(log[index - 1] == "journal 1") }
    #expect(masked.allSatisfy { $0 < charge })
    let unmasked = log.indices.filter { log[$0] == "client sends unmask" }
    #expect(unmasked.count == 5)
    #expect(unmasked.allSatisfy { $0 > charge })
    let release = try #require(log.firstIndex(of: "append release"))
    #expect(unmasked.allSatisfy { $0 < release })
  }

  @Test("a round that ends before its proof is void and free, and stays spent on the devices")
  func voidRound() throws {
    let harness = try harness()
    while !harness.log.entries.contains("client sends agree") {
      try harness.tick()
      try harness.pump { harness.log.entries.contains("client sends agree") }
    }
    // T = 4 of 5 must sign.
    try harness.lose(3)
    try harness.lose(4)
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer, .void])
    #expect(harness.storage.ledgerState.epsilonSpent == 0)
    for index in 0..<3 {
      let device = harness.customers[index].device
      #expect(device.outcome(of: 1) == .burned)
      #expect(device.spentMuSquared() > 0)
    }
  }

  @Test(
    "a device whose update is not in the sum takes the round back, on the proof of that alone",
    arguments: modes)
  func giveBack(mode: String) throws {
    let harness = try harness(mode: mode, trainings: 2)
    harness.swallows = { index, message in
      if index == 4, case .updateChunk(let chunk) = message { chunk.round == 1 } else { false }
    }
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(harness.notes.contains(.roundCharged(round: 1, contributors: 4)))
    let left = harness.customers[4]
    #expect(left.failure == nil)
    #expect(left.device.outcome(of: 1) == .void)
    // It goes on with the next round, which is all that it has spent.
    #expect(left.notes.contains(.contributed(round: 2)))
    #expect(left.device.journal.map(\.round) == [1, 2])
    #expect(2 * left.device.spentMuSquared() == harness.customers[0].device.spentMuSquared())
    // The coordinator's word that it was released comes later, and changes nothing.
    #expect(left.notes.contains(.closed(round: 1, .released)))
    #expect(harness.customers[0].device.outcome(of: 1) == .released)
  }

  @Test("a member that reveals a wrong share changes no sum, and the contradiction is told")
  func wrongShare() throws {
    let harness = try harness(customers: 10)
    harness.rewritesSent = { message in
      guard case .unmask(var unmask) = message, unmask.revealed.clientID == 1 else {
        return message
      }
      unmask.revealed.shares[0].share[0] ^= 1
      return .unmask(unmask)
    }
    try harness.run()
    #expect(kinds(harness).contains(.release) && !kinds(harness).contains(.burned))
    let told = harness.notes.contains {
      guard case .sharesInconsistent(1, let owners, [1]) = $0 else { return false }
      return owners.count == 1
    }
    #expect(told, "\(harness.notes)")
  }

  @Test("a dealer whose shares do not open is told to the operator, with who says so")
  func unreadableShare() throws {
    let harness = try harness(customers: 10)
    harness.rewritesReceived = { index, message in
      guard index == 5, case .deliver(var deliver) = message else { return message }
      deliver.shares[0].ciphertext[9] ^= 1
      return .deliver(deliver)
    }
    try harness.run()
    #expect(kinds(harness).contains(.release))
    #expect(
      harness.notes.contains(.sharesUnreadable(round: 1, dealers: [1], holders: [6])),
      "\(harness.notes)")
  }

  @Test(
    "a member whose process ends between its agreement and the proof goes on with the ledger",
    arguments: modes)
  func restartAfterAgree(mode: String) throws {
    let harness = try harness(mode: mode)
    var agreed: Set<Int> = []
    // The others wait for one of five.
    harness.swallows = { index, message in
      guard case .agree = message else { return false }
      agreed.insert(index)
      return index == 4
    }
    while agreed.count < 5 {
      try harness.tick()
      try harness.pump()
    }
    #expect(kinds(harness) == [.genesis, .offer])
    try harness.restartCustomer(0)
    try harness.connect(0)
    try harness.pump()
    // Four are enough to agree; to unmask, the fifth has to come back.
    harness.swallows = { _, _ in false }
    try harness.lose(4)
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer, .charge])
    #expect(harness.customers[0].device.newestCheckpoint()?.size == 3)
    try harness.connect(4)
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(kinds(harness) == [.genesis, .offer, .charge, .release])
    for customer in harness.customers {
      #expect(customer.failure == nil)
      #expect(customer.device.outcome(of: 1) == .released)
      #expect(customer.device.newestCheckpoint()?.size == 4)
    }
    // The new process does not join the round again; nothing of the ledger is refused.
    #expect(
      harness.customers[0].device.refusals.map(\.reason)
        == ["\(OfferRefusal.roundNotAfter(journal: 1))"])
    #expect(harness.customers.dropFirst().allSatisfy { $0.device.refusals.isEmpty })
  }

  @Test("a charged round without a sum is burned, its culprits are offered no more")
  func burnedRound() throws {
    let harness = try harness()
    while !kinds(harness).contains(.charge) {
      try harness.tick()
      try harness.pump { kinds(harness).contains(.charge) }
    }
    // Every secret needs t = 3 of its owner's four neighbours.
    try harness.lose(3)
    try harness.lose(4)
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer, .charge])
    for _ in 0..<21 {
      try harness.tick()
      try harness.pump()
    }
    #expect(kinds(harness) == [.genesis, .offer, .charge, .burned])
    #expect(harness.storage.ledgerState.epsilonSpent > 0)
    #expect(
      harness.notes.contains(
        .roundBurned(round: 1, reason: "mask-not-recoverable", excluded: 2)))
    for index in 0..<3 {
      #expect(harness.customers[index].device.outcome(of: 1) == .burned)
    }
    #expect(harness.storage.excluded == [4, 5])
    // The culprits come back, and are not offered the round that would need them; nor are they by
    // a coordinator that has restarted.
    for _ in 0..<2 {
      try harness.connect(3)
      try harness.connect(4)
      try harness.run(seconds: 5)
      #expect(kinds(harness).count == 4)
      #expect(harness.customers[3].offers.count == 1)
      try harness.restart()
      for index in 0..<3 { try harness.connect(index) }
      try harness.pump()
    }
    // Readmitted, they are offered it from their next login on.
    for index in [3, 4] {
      harness.storage.readmit(ClientID(index + 1))
      try harness.connect(index)
    }
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(harness.customers[3].offers.count == 2)
  }

  /// A round of `secagg` that is charged and then loses two of five members, so that no sum comes out.
  private func burned(in mode: String) throws -> FederationHarness {
    let harness = try harness(mode: mode)
    while !kinds(harness).contains(.charge) {
      try harness.tick()
      try harness.pump { kinds(harness).contains(.charge) }
    }
    try harness.lose(3)
    try harness.lose(4)
    for _ in 0..<22 where !kinds(harness).contains(.burned) {
      try harness.pump { kinds(harness).contains(.burned) }
      try harness.tick()
    }
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer, .charge, .burned])
    return harness
  }

  @Test("in secagg a charged round without a sum is not asked for again, nor after a restart")
  func noSecondSum() throws {
    let harness = try burned(in: "secagg")
    for restarts in 0..<2 {
      if restarts == 1 {
        try harness.restart()
        for index in [3, 4] { harness.storage.readmit(ClientID(index + 1)) }
        for index in harness.customers.indices { try harness.connect(index) }
        harness.finished = nil
      }
      try harness.run(seconds: 10)
      #expect(harness.finished == .sumLost)
      #expect(kinds(harness).count == 4)
    }
    #expect(harness.notes.contains(.retryRefused))
    for customer in harness.customers {
      #expect(customer.isFinished)
      #expect(customer.offers.count == 1)
    }
    // Under distributed noise there is no exact sum to be had, and the round is asked for again.
    let distributed = try burned(in: "secagg-ddp")
    for index in [3, 4] {
      distributed.storage.readmit(ClientID(index + 1))
      try distributed.connect(index)
    }
    try distributed.run()
    #expect(distributed.finished == .planComplete)
  }

  /// An offer that a coordinator of its own rules signs, with the inputs of `first` or another model.
  private func offer(
    round: UInt64, after first: Offer, by harness: FederationHarness, otherModel: Bool = false
  ) throws -> Offer {
    var offer = first
    offer.round = round
    offer.roundKey[0] ^= 1
    if otherModel { offer.modelHash[0] ^= 1 }
    offer.signature = try harness.keys.coordinator.sign(offer.signedBytes)
    return offer
  }

  @Test(
    "a device gives nothing more after a charged round without a release, whoever asks and for what"
  )
  func noSecondUpdate() throws {
    let harness = try burned(in: "secagg")
    let first = try #require(harness.customers[0].offers.first)
    // One was there to see the charge proven; one heard that the round is burned when it came back.
    try harness.connect(3)
    try harness.pump()
    for index in [0, 3] {
      try harness.deliver(.offer(offer(round: 2, after: first, by: harness)), to: index)
      #expect(
        harness.customers[index].notes.contains(
          .declined(round: 2, .sumLost(round: 1))), "\(index)")
      // The popularity stage reads no model: another one asks for the very same update.
      try harness.deliver(
        .offer(offer(round: 3, after: first, by: harness, otherModel: true)), to: index)
      #expect(
        harness.customers[index].notes.contains(.declined(round: 3, .sumLost(round: 1))),
        "\(index)")
    }
  }

  @Test("a device that stops between the charge and its proof knows that it is charged")
  func stopsAfterTheCharge() throws {
    let harness = try harness(mode: "secagg")
    while !harness.log.entries.contains("charged 1") {
      try harness.tick()
      try harness.pump { harness.log.entries.contains("charged 1") }
    }
    #expect(!harness.log.entries.contains("client sends unmask"))
    let device = try #require(harness.customers.map(\.device).first { $0.charged == [1] })
    #expect(device.unreleasedCharge() == 1)
    let kinds = try device.receipts().map { text in
      let receipt = try LedgerReceipt(parsing: text)
      return try LedgerEntry(decoding: receipt.line, at: receipt.proof.index).record.kind
    }
    #expect(kinds == [.offer, .charge])
  }

  @Test("the word that a round is void does not make a device forget that it saw it charged")
  func voidAfterTheCharge() throws {
    let harness = try harness(mode: "secagg")
    while !harness.log.entries.contains("client sends unmask") {
      try harness.tick()
      try harness.pump { harness.log.entries.contains("client sends unmask") }
    }
    let index = try #require(
      harness.customers.indices.first { harness.customers[$0].device.newestCheckpoint()?.size == 3 }
    )
    let log = harness.log.entries
    let charged = try #require(log.firstIndex(of: "charged 1"))
    #expect(try charged < #require(log.firstIndex(of: "client sends unmask")))
    var closed = RoundClosed(
      round: 1, outcome: .void, modelHash: [UInt8](repeating: 0, count: 32),
      checkpoint: try #require(harness.customers[index].device.newestCheckpoint()?.text),
      reason: "",
      signature: [])
    closed.signature = try harness.keys.coordinator.sign(closed.signedBytes)
    #expect(throws: FederationError.self) { try harness.deliver(.roundClosed(closed), to: index) }
    let first = try #require(harness.customers[index].offers.first)
    try harness.deliver(.offer(offer(round: 2, after: first, by: harness)), to: index)
    #expect(
      harness.customers[index].notes.contains(.declined(round: 2, .outcomeNotProven(round: 1))))
  }

  @Test("a round of secagg that ended before its charge is asked for again")
  func voidIsRepeated() throws {
    let harness = try harness(mode: "secagg")
    while !harness.log.entries.contains("client sends agree") {
      try harness.tick()
      try harness.pump { harness.log.entries.contains("client sends agree") }
    }
    for index in [3, 4] { try harness.lose(index) }
    try harness.pump()
    #expect(kinds(harness) == [.genesis, .offer, .void])
    for index in [3, 4] { try harness.connect(index) }
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(kinds(harness) == [.genesis, .offer, .void, .offer, .charge, .release])
  }

  @Test(
    "what a customer sends has the same sizes after 1, 10,000 and no events",
    arguments: ["sealed", "secagg", "secagg-ddp"])
  func sizes(mode: String) throws {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(minimumCohort: 4, targetCohort: 5, mode: mode))
    for _ in 0..<5 { try harness.addCustomer() }
    harness.customers[0].history = .empty
    harness.customers[1].history = CustomerHistory(rows: [
      .init(item: 1, occasions: 1, lastSeconds: 0)
    ])
    harness.customers[2].history = CustomerHistory(
      rows: (0..<FederationHarness.itemCount).map {
        .init(item: $0, occasions: 10_000, lastSeconds: Int64(1_000 * $0))
      })
    for index in harness.customers.indices { try harness.connect(index) }
    try harness.pump()
    try harness.run()
    #expect(harness.finished == .planComplete)
    let sizes = harness.customers[3].sentSizes
    #expect(sizes.count > 3)
    for index in 0..<3 { #expect(harness.customers[index].sentSizes == sizes, "\(index)") }
  }

  @Test("after two charged rounds without a sum in a row no further round is offered")
  func burnedTwice() throws {
    let harness = try harness(customers: 8)
    for (round, lost) in [(1, [4, 5, 6, 7]), (2, [2, 3])] {
      while kinds(harness).count(where: { $0 == .charge }) < round {
        try harness.tick()
        try harness.pump { kinds(harness).count { $0 == .charge } >= round }
      }
      for index in lost { try harness.lose(index) }
      // The next round must not run on before its own members are lost.
      for _ in 0..<30 where kinds(harness).count(where: { $0 == .burned }) < round {
        try harness.pump { kinds(harness).count { $0 == .burned } >= round }
        try harness.tick()
      }
      #expect(kinds(harness).count { $0 == .burned } == round)
      #expect(harness.quorumIsHopeless == (round == 2))
    }
  }

  @Test("a coordinator that stops after CHARGE burns the round, and its clients hear of it")
  func restartAfterCharge() throws {
    let harness = try harness()
    while !kinds(harness).contains(.charge) {
      try harness.tick()
      try harness.pump { kinds(harness).contains(.charge) }
    }
    try harness.restart()
    #expect(kinds(harness) == [.genesis, .offer, .charge, .burned])
    for index in harness.customers.indices { try harness.connect(index) }
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(
      kinds(harness) == [
        .genesis, .offer, .charge, .burned, .offer, .charge, .release,
      ])
    for customer in harness.customers {
      #expect(customer.device.outcome(of: 1) == .burned)
      #expect(customer.device.outcome(of: 2) == .released)
    }
  }

  @Test("one customer lost after its upload does not hold the round up, nor change its charge")
  func oneLost() throws {
    let harness = try harness()
    while !harness.log.entries.contains("client sends agree") {
      try harness.tick()
      try harness.pump { harness.log.entries.contains("client sends agree") }
    }
    try harness.lose(4)
    try harness.run()
    #expect(kinds(harness) == [.genesis, .offer, .charge, .release])
    #expect(harness.notes.contains(.roundCharged(round: 1, contributors: 5)))
  }
}
