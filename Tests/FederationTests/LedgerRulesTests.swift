import Cryptography
import Federation
import Ledger
import Privacy
import Testing
import WireProtocol

/// A coordinator that lies about its ledger, and the rule of the reliability specification that each lie breaks.
@Suite("A coordinator that lies about its ledger")
struct LedgerRulesTests {
  static let modes = ["sealed", "secagg", "secagg-ddp"]

  func harness(mode: String = "sealed", trainings: Int = 1) throws -> FederationHarness {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(
        minimumCohort: FederationHarness.policyTerms.minimumCohort, targetCohort: 5, mode: mode),
      settings: CoordinatorSettings(trainings: trainings, gatherSeconds: 1, phaseSeconds: 20))
    try harness.enrolEveryone(count: 5)
    return harness
  }

  /// What customer 0 makes of a coordinator whose messages to it are changed on the way.
  private func failure(
    _ harness: FederationHarness, changing change: @escaping (Message) throws -> Message
  ) throws -> FederationError? {
    harness.rewritesReceived = { index, message in
      guard index == 0 else { return message }
      do {
        return try change(message)
      } catch {
        Issue.record("\(error)")
        return message
      }
    }
    var error: FederationError?
    for _ in 0..<60 where error == nil && harness.finished == nil {
      try harness.tick()
      try harness.pump()
      error = harness.customers[0].failure as? FederationError
    }
    return error
  }

  func decline(_ harness: FederationHarness) -> OfferRefusal? {
    for case .declined(_, let refusal) in harness.customers[0].notes { return refusal }
    return nil
  }

  /// Another ledger of the same coordinator: all of its rounds are void.
  private func fork(_ harness: FederationHarness, size: Int) throws -> LedgerShown {
    let other = try FederationHarness(policy: harness.policy)
    try other.addCustomer()
    while other.storage.records.count < size {
      let offer = try offer(other, round: other.storage.ledgerState.lastRound + 1)
      _ = try other.storage.append(
        .offer(
          OfferRecord(
            round: offer.round, planIndex: 0, stage: "popularity", mode: other.policy.mode,
            modelIn: SHA256Digest(hashing: [9]), catalogueHash: SHA256Digest(hashing: [9]),
            policyHash: other.identity.policyHash, deadlineSeconds: 60)))
      if other.storage.records.count < size { _ = try other.end(offer, .void) }
    }
    return try other.shown([], to: 0)
  }

  func offer(_ harness: FederationHarness, round: UInt64) throws -> Offer {
    let bits = try FederationIdentity.fractionBits(of: harness.policy)[0]
    var offer = Offer(
      round: round, planIndex: 0, modelHash: try harness.installBlobs(on: 0).bytes,
      catalogueHash: harness.identity.catalogueHash.bytes,
      policyHash: harness.identity.policyHash.bytes, roundKey: try AgreementKey().publicKey,
      dimension: UInt32(FederationHarness.itemCount), fractionBits: UInt8(bits),
      noiseScale: try harness.policy.plan[0].noiseMultiplier.scaled(toGrid: bits),
      deadlineSeconds: 60, signature: [])
    offer.signature = try harness.keys.coordinator.sign(offer.signedBytes)
    return offer
  }

  // MARK: - R2

  @Test("R2: a ledger that was rolled back is refused, with both sizes", arguments: modes)
  func rolledBack(mode: String) throws {
    let harness = try harness(mode: mode)
    let old = try harness.storage.checkpointText()
    let error = try failure(harness) { message in
      guard case .ledgerShown(var shown) = message, shown.heldSize > 1 else { return message }
      shown.checkpoint = old
      return .ledgerShown(shown)
    }
    guard case .ledgerRolledBack(let kept, 1) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(kept > 1 && harness.customers[0].device.newestCheckpoint()?.size == kept)
  }

  @Test(
    "R2: a second ledger is refused wherever it forks; the checkpoint that belongs to it is kept",
    arguments: modes)
  func forked(mode: String) throws {
    let harness = try harness(mode: mode)
    var lie: [UInt8] = []
    let error = try failure(harness) { message in
      guard case .ledgerShown(var shown) = message, shown.heldSize > 1 else { return message }
      let size = try Checkpoint(parsing: shown.checkpoint).size
      let other = try fork(harness, size: size)
      (shown.checkpoint, shown.entries) = (other.checkpoint, [])
      lie = other.checkpoint
      return .ledgerShown(shown)
    }
    let kept = try #require(harness.customers[0].device.newestCheckpoint())
    guard case .extensionNotProven(kept.size, _, lie) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(kept.text != lie)
    let listed = try #require(harness.customers[0].device.refusals.last)
    #expect(
      listed.evidence == .init(refused: lie, held: kept.text, convicts: false)
        && listed.round == nil)
    #expect(!listed.reason.contains("two ledgers"))
  }

  @Test("R2: two checkpoints of one size with different roots are two ledgers, and called so")
  func twoOfOneSize() throws {
    let harness = try harness()
    try harness.prove(try offer(harness, round: 1), to: 0)
    let kept = try #require(harness.customers[0].device.newestCheckpoint())
    var shown = try fork(harness, size: kept.size)
    (shown.heldSize, shown.consistency) = (UInt64(kept.size), [])
    let lie = shown.checkpoint
    #expect(throws: FederationError.ledgerForked(size: kept.size, evidence: lie)) {
      try harness.deliver(.ledgerShown(shown), to: 0)
    }
    let listed = try #require(harness.customers[0].device.refusals.last)
    #expect(listed.evidence == .init(refused: lie, held: kept.text, convicts: true))
    #expect(listed.reason.contains("two ledgers"))
    #expect(harness.customers[0].device.newestCheckpoint() == kept)
  }

  @Test(
    "R2: without a consistency proof no newer checkpoint is taken, at a login either",
    arguments: modes)
  func notConsistent(mode: String) throws {
    let harness = try harness(mode: mode, trainings: 2)
    try harness.lose(0)
    try harness.run()
    try #require(harness.storage.records.count > 4)
    let kept = try #require(harness.customers[0].device.newestCheckpoint())
    harness.rewritesReceived = { index, message in
      guard index == 0, case .welcome(var welcome) = message else { return message }
      welcome.consistency = []
      return .welcome(welcome)
    }
    try harness.connect(0)
    try harness.pump()
    guard
      case .extensionNotProven(kept.size, _, _)? = harness.customers[0].failure as? FederationError
    else {
      Issue.record("\(String(describing: harness.customers[0].failure))")
      return
    }
    #expect(harness.customers[0].device.newestCheckpoint() == kept)
    // With the proof it is taken, by a process that knows only what the device has kept.
    harness.rewritesReceived = nil
    try harness.connect(0)
    try harness.pump()
    #expect(harness.customers[0].failure == nil)
    let newest = try #require(harness.customers[0].device.newestCheckpoint())
    #expect(newest.size == harness.storage.records.count)
  }

  @Test("R2: a proof from another size than the one this device holds is no proof")
  func anotherSize() throws {
    let harness = try harness()
    let error = try failure(harness) { message in
      guard case .ledgerShown(var shown) = message else { return message }
      shown.heldSize += 1
      return .ledgerShown(shown)
    }
    #expect(error == .ledgerNotExtended(kept: 1, from: 2))
  }

  @Test("what a device could not keep it does not hold: an offer that it proves is not joined")
  func keepFails() throws {
    let harness = try harness()
    let device = harness.customers[0].device
    let held = device.newestCheckpoint()
    let offer = try offer(harness, round: 1)
    device.failLedger(true)
    #expect(throws: DiskFailure.self) { try harness.prove(offer, to: 0) }
    device.failLedger(false)
    #expect(device.newestCheckpoint() == held)
    try harness.deliver(.offer(offer), to: 0)
    guard case .offerNotProven? = decline(harness) else {
      Issue.record("\(String(describing: decline(harness)))")
      return
    }
    // It is extended again from what it holds.
    try harness.prove(offer, to: 0)
    #expect(device.newestCheckpoint()?.size == harness.storage.records.count)
  }

  // MARK: - R3, R5, R7

  @Test("R3: a ledger that has spent its budget on others is not given another round")
  func spentByOthers() throws {
    let harness = try harness()
    var round: UInt64 = 0
    while harness.storage.ledgerState.admits(
      try harness.policy.event(
        ofPlanned: 0, fractionBits: FederationIdentity.fractionBits(of: harness.policy)[0]),
      addingToDelta: 0)
    {
      round += 1
      let offer = try offer(harness, round: round)
      try harness.prove(offer, to: 0)
      let entries = try harness.end(offer, .released)
      // It sees some of the charges, and the newest one's claim stands for the rest.
      if round % 3 == 0 { try harness.deliver(.ledgerShown(harness.shown(entries, to: 0)), to: 0) }
    }
    let last = harness.storage.records.count
    try harness.deliver(.ledgerShown(harness.shown([last - 2, last - 1], to: 0)), to: 0)
    #expect(harness.customers[0].device.journal.isEmpty)
    let next = try offer(harness, round: round + 1)
    try harness.prove(next, to: 0)
    try harness.deliver(.offer(next), to: 0)
    guard case .ledgerExhausted(_, 8)? = decline(harness) else {
      Issue.record("\(String(describing: decline(harness)))")
      return
    }
    // A new process recomputes it from what was kept.
    try harness.lose(0)
    try harness.connect(0)
    try harness.pump()
    let another = try offer(harness, round: round + 1)
    try harness.deliver(.offer(another), to: 0)
    #expect(
      harness.customers[0].notes.count {
        if case .declined(_, .ledgerExhausted) = $0 { true } else { false }
      } == 2)
  }

  @Test("R7: a round that is charged less than it was offered for is not settled")
  func chargedLess() throws {
    let harness = try harness()
    let offer = try offer(harness, round: 1)
    try harness.prove(offer, to: 0)
    try harness.deliver(.offer(offer), to: 0)
    try harness.deliver(.proceed(Proceed(round: 1)), to: 0)
    try #require(harness.customers[0].device.journal.count == 1)
    let entries = try harness.end(offer, .released, scale: 2 * offer.noiseScale)
    try harness.deliver(.ledgerShown(harness.shown(entries, to: 0)), to: 0)
    let closed = try harness.closed(1, .released)
    let error = #expect(throws: FederationError.self) {
      try harness.deliver(.roundClosed(closed), to: 0)
    }
    guard case .wrongCharge(1, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(harness.customers[0].device.unsettledRounds() == [1])
  }

  @Test(
    "R5, R7: a charge in another mode or for fewer contributions is refused, by a new process too",
    arguments: [true, false])
  func chargedForFewer(restarts: Bool) throws {
    let honest = FederationHarness.policyTerms
    for (mode, minimum, isRight) in [
      (honest.mode, honest.minimumCohort, true), (honest.mode, honest.minimumCohort - 1, false),
      ("secagg", honest.minimumCohort, false),
    ] {
      let harness = try harness()
      let offer = try offer(harness, round: 1)
      try harness.prove(offer, to: 0)
      try harness.deliver(.offer(offer), to: 0)
      try harness.deliver(.proceed(Proceed(round: 1)), to: 0)
      try #require(harness.customers[0].device.journal.count == 1)
      if restarts {
        try harness.restartCustomer(0)
        try harness.connect(0)
        try harness.pump()
      }
      // No rule of the ledger admits it, but its coordinator signs what it likes.
      let forged = try harness.forged(
        chargeOf: offer, mode: mode, cohortMinimum: minimum, to: 0)
      try harness.deliver(.ledgerShown(forged.shown), to: 0)
      func close() throws { try harness.deliver(.roundClosed(forged.closed), to: 0) }
      guard !isRight else {
        try close()
        #expect(harness.customers[0].device.outcome(of: 1) == .released)
        continue
      }
      let error = #expect(throws: FederationError.self) { try close() }
      guard case .wrongCharge(1, let why) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(why.contains("the policy says sealed and 4"))
      #expect(harness.customers[0].device.unsettledRounds() == [1])
    }
  }

  @Test("what a device keeps and cannot read is its own damage, not the coordinator's doing")
  func damagedCopy() throws {
    let harness = try harness()
    let device = harness.customers[0].device
    device.plant([ReceiptNote(entry: 1, round: 1, kind: "offer", text: Array("torn".utf8))])
    try harness.restartCustomer(0)
    try harness.connect(0)
    try harness.pump()
    guard case .keptLedgerDamaged? = harness.customers[0].failure as? FederationError else {
      Issue.record("\(String(describing: harness.customers[0].failure))")
      return
    }
    #expect(device.refusals.isEmpty && device.journal.isEmpty)
  }

  // MARK: - R6

  @Test(
    "R6: an offer that nothing proves is declined by an answer of the usual size, and listed",
    arguments: modes)
  func offerNotProven(mode: String) throws {
    let harness = try harness(mode: mode)
    #expect(
      try failure(harness) { message in
        guard case .ledgerShown(var shown) = message else { return message }
        shown.entries = shown.entries.filter { entry in
          (try? LedgerEntry(decoding: entry.line, at: Int(entry.index)).record.kind) != .offer
        }
        return .ledgerShown(shown)
      } == nil)
    guard case .offerNotProven? = decline(harness) else {
      Issue.record("\(String(describing: decline(harness)))")
      return
    }
    let answers = Set(
      [true, false].map { Message.answer(Answer(round: 1, joins: $0)).encoded().count })
    // The enrolment, then the answer.
    #expect(answers.count == 1 && harness.customers[0].sentSizes[1] == answers.first)
    let listed = try #require(harness.customers[0].device.refusals.first)
    #expect(listed.round == 1 && listed.reason.contains("offer"))
    #expect(harness.customers[0].device.journal.isEmpty)
  }

  @Test(
    "R6: a model, catalogue or deadline for one device alone is declined, naming the field",
    arguments: modes)
  func offerOfItsOwn(mode: String) throws {
    let changes: [(String, (inout Offer) -> Void)] = [
      ("model_in", { $0.modelHash[0] ^= 1 }), ("deadline_seconds", { $0.deadlineSeconds -= 1 }),
    ]
    for (field, change) in changes {
      let harness = try harness(mode: mode)
      let error = try failure(harness) { message in
        guard case .offer(var offer) = message else { return message }
        change(&offer)
        offer.signature = try harness.keys.coordinator.sign(offer.signedBytes)
        return .offer(offer)
      }
      #expect(error == nil)
      guard case .offerNotProven(let why)? = decline(harness), why.contains(field) else {
        Issue.record("\(field): \(String(describing: decline(harness)))")
        continue
      }
      #expect(harness.customers[0].device.journal.isEmpty)
    }
  }

  @Test("R6: an entry with a path that does not lead to the root is no entry")
  func forgedEntry() throws {
    let harness = try harness()
    let error = try failure(harness) { message in
      guard case .ledgerShown(var shown) = message, !shown.entries.isEmpty else { return message }
      shown.entries[0].path[3] ^= 1
      return .ledgerShown(shown)
    }
    guard case .badCheckpoint(let why) = error, why.contains("path") else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  // MARK: - R9

  private func dropClosings(_ message: Message) -> Message {
    guard case .ledgerShown(var shown) = message else { return message }
    shown.entries = shown.entries.filter { entry in
      let record = try? LedgerEntry(decoding: entry.line, at: Int(entry.index)).record
      return record?.closedRound == nil
    }
    return .ledgerShown(shown)
  }

  @Test("R9: the word of a coordinator that a round has ended settles nothing", arguments: modes)
  func outcomeNotProven(mode: String) throws {
    let harness = try harness(mode: mode, trainings: 2)
    let error = try failure(harness) { dropClosings($0) }
    guard case .outcomeNotProven(1, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(harness.customers[0].device.unsettledRounds() == [1])
    // Nor does it when the device comes back, and asks.
    try harness.connect(0)
    try harness.pump()
    guard case .outcomeNotProven(1, _)? = harness.customers[0].failure as? FederationError else {
      Issue.record("\(String(describing: harness.customers[0].failure))")
      return
    }
    #expect(harness.customers[0].device.journal.map(\.round) == [1])
  }

  @Test("R9: another outcome than the ledger's is refused", arguments: modes)
  func anotherOutcome(mode: String) throws {
    let harness = try harness(mode: mode)
    let error = try failure(harness) { message in
      guard case .roundClosed(var closed) = message else { return message }
      closed.outcome = .void
      closed.signature = try harness.keys.coordinator.sign(closed.signedBytes)
      return .roundClosed(closed)
    }
    #expect(error == .outcomeNotProven(round: 1, "the ledger says release"))
    #expect(harness.customers[0].device.unsettledRounds() == [1])
    #expect(harness.customers[0].device.spentMuSquared() > 0)
  }

  @Test("R9: a RELEASE without the CHARGE that it names is no end of a round")
  func releaseWithoutCharge() throws {
    let harness = try harness()
    let error = try failure(harness) { message in
      guard case .ledgerShown(var shown) = message else { return message }
      shown.entries = shown.entries.filter { entry in
        (try? LedgerEntry(decoding: entry.line, at: Int(entry.index)).record.kind) != .charge
      }
      return .ledgerShown(shown)
    }
    guard case .outcomeNotProven(1, let why) = error, why.contains("charge") else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(
    "an honest coordinator's proofs are kept: offer, charge and end of the rounds taken part in",
    arguments: modes)
  func kept(mode: String) throws {
    let harness = try harness(mode: mode, trainings: 2)
    try harness.run()
    #expect(harness.finished == .planComplete)
    for customer in harness.customers {
      #expect(customer.failure == nil && customer.device.refusals.isEmpty)
      let kinds = try customer.device.receipts().map { text in
        try LedgerReceipt(parsing: text).verify(
          ledgerID: LedgerID(bytes: FederationHarness.ledgerID),
          key: harness.keys.coordinator.verifyingKey
        ).record.kind
      }
      #expect(kinds == [.offer, .charge, .release, .offer, .charge, .release])
      #expect(customer.device.newestCheckpoint()?.size == harness.storage.records.count)
    }
  }
}
