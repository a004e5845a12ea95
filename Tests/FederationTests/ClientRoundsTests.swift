import Cryptography
import Federation
import Ledger
import Privacy
import Testing
import WireProtocol

/// What a client does in rounds, for its own sake and against a coordinator that misbehaves.
@Suite("Client rounds")
struct ClientRoundsTests {
  private let harness: FederationHarness
  private let needed: UInt64
  private let fractionBits: Int
  private let modelHash: SHA256Digest

  /// Three customers, logged in; no round yet.
  init() throws {
    harness = try FederationHarness(policy: FederationHarness.policy())
    try harness.enrolEveryone(count: 3)
    fractionBits = try FederationIdentity.fractionBits(of: harness.policy)[0]
    needed = try harness.policy.plan[0].noiseMultiplier.scaled(toGrid: fractionBits)
    modelHash = try harness.installBlobs(on: 0)
    harness.log.clear()
  }

  private var device: RecordingDevice { harness.customers[0].device }

  private func offer(
    round: UInt64 = 1, change: (inout Offer) -> Void = { _ in }
  ) throws -> Message {
    var offer = Offer(
      round: round, planIndex: 0, modelHash: modelHash.bytes,
      catalogueHash: harness.identity.catalogueHash.bytes,
      policyHash: harness.identity.policyHash.bytes,
      roundKey: try AgreementKey().publicKey, dimension: UInt32(FederationHarness.itemCount),
      fractionBits: UInt8(fractionBits), noiseScale: needed, deadlineSeconds: 60, signature: [])
    change(&offer)
    offer.signature = try harness.keys.coordinator.sign(offer.signedBytes)
    return .offer(offer)
  }

  /// Ends a round in the ledger and proves it, or not, to the customer.
  private func close(_ round: UInt64, _ outcome: RoundClosed.Outcome) throws -> Message {
    guard case .offer(let offer) = try offer(round: round) else {
      return .proceed(Proceed(round: 0))
    }
    try harness.prove(offer, to: 0)
    let entries = try harness.end(offer, outcome)
    try harness.deliver(.ledgerShown(harness.shown(entries, to: 0)), to: 0)
    return .roundClosed(try harness.closed(round, outcome))
  }

  private func effects(_ message: Message) throws -> [ClientEffect] {
    try harness.customers[0].engine.handle(.received(message.encoded()))
  }

  /// Proves an offer of a new round, unless an earlier rule stops it anyway.
  private func provenRefusal(_ message: Message) throws -> OfferRefusal? {
    if case .offer(let offer) = message { try harness.prove(offer, to: 0) }
    return try refusal(message)
  }

  private func refusal(_ message: Message) throws -> OfferRefusal? {
    for case .note(.declined(_, let refusal)) in try effects(message) { return refusal }
    return nil
  }

  /// Takes an offer and a slot; the update is computed and sent, and stays under way: the
  /// coordinator has no such round open.
  private func contribute(to offer: Message) throws {
    if case .offer(let offer) = offer { try harness.prove(offer, to: 0) }
    try harness.deliver(offer, to: 0)
    try harness.deliver(.proceed(Proceed(round: offer.round)), to: 0)
  }

  private var updateKinds: [String] {
    harness.log.entries.filter { $0.hasPrefix("client sends update") || $0.hasPrefix("journal") }
  }

  // MARK: - Journal and consent

  @Test("the journal is written before the first byte of the update leaves")
  func journalFirst() throws {
    try harness.run()
    let calls = harness.log.entries
    #expect(calls.count { $0 == "journal 1" } == 3)
    let mine = updateKinds
    // Three customers, one after the other or interleaved: never more headers than entries.
    var entries = 0
    var headers = 0
    for call in mine {
      if call == "journal 1" { entries += 1 }
      if call == "client sends updateHeader" { headers += 1 }
      #expect(headers <= entries)
    }
    #expect(headers == 3)
  }

  @Test("the journal holds the charge of ruling 18 and the digest of what was sent")
  func journalEntry() throws {
    try harness.run()
    let entry = try #require(device.journal.first)
    let event = try harness.policy.event(ofPlanned: 0, fractionBits: fractionBits)
    #expect(device.journal.count == 1)
    #expect(entry.round == 1)
    #expect(entry.mu == event.mu)
    #expect(entry.policyHash == harness.identity.policyHash)
    #expect(entry.updateDigest.count == 32)
    #expect(entry.charge.contains("s=\(needed)") && entry.charge.contains("2^\(fractionBits)"))
  }

  @Test("a journal that cannot be written sends nothing, not after a reconnect either")
  func journalFails() throws {
    device.failJournal(true)
    let offer = try offer()
    #expect(throws: DiskFailure.self) { try contribute(to: offer) }
    #expect(updateKinds == ["journal 1"])
    try harness.lose(0)
    try harness.connect(0)
    try harness.pump()
    harness.log.clear()
    // Still the same process: it must try the journal again before it sends.
    #expect(throws: DiskFailure.self) { try contribute(to: offer) }
    #expect(updateKinds.filter { $0.hasPrefix("client") }.isEmpty)
  }

  @Test("without consent an offer is declined by an answer of the usual size")
  func noConsent() throws {
    device.setConsent(false)
    let effects = try effects(try offer())
    #expect(effects.first == .note(.declined(round: 1, .noConsent)))
    let answer = Message.answer(Answer(round: 1, joins: false)).encoded()
    #expect(effects.last == .send(answer))
    #expect(effects.count == 2)
  }

  @Test("consent withdrawn between offer and upload sends nothing and journals nothing")
  func consentWithdrawn() throws {
    device.withdrawConsent(afterChecks: 1)
    try contribute(to: try offer())
    #expect(updateKinds.isEmpty)
    #expect(device.journal.isEmpty)
    #expect(harness.customers[0].notes.contains(.declined(round: 1, .noConsent)))
    #expect(harness.customers[0].connection == nil)
  }

  @Test("consent withdrawn before a lost upload is repeated sends nothing more")
  func consentWithdrawnBeforeResend() throws {
    let offer = try offer()
    try contribute(to: offer)
    #expect(updateKinds.contains("client sends updateHeader"))
    device.setConsent(false)
    try harness.lose(0)
    try harness.connect(0)
    try harness.pump()
    harness.log.clear()
    try contribute(to: offer)
    #expect(updateKinds.isEmpty)
  }

  @Test("a device that opted out declines every offer")
  func optedOut() throws {
    let index = try harness.addCustomer(optedOut: true)
    try harness.connect(index)
    try harness.pump()
    try harness.run()
    #expect(harness.customers[index].notes.contains(.declined(round: 1, .optedOut)))
    #expect(harness.customers[index].device.journal.isEmpty)
    #expect(harness.customers[index].isFinished)
  }

  // MARK: - Offers

  @Test("an offer that breaks a rule is declined, and the reason stays on the device")
  func refusals() throws {
    let other = [UInt8](repeating: 0x5C, count: 32)
    #expect(try refusal(try offer { $0.policyHash = other }) == .wrongPolicy)
    #expect(try refusal(try offer { $0.catalogueHash = other }) == .unknownCatalogue)
    #expect(try refusal(try offer { $0.planIndex = 1 }) == .undefinedPlanIndex(1))
    #expect(
      try refusal(try offer { $0.noiseScale -= 1 })
        == .noiseBelowPolicy(offered: needed - 1, needed: needed))
    guard case .offer(var unsigned) = try offer() else { return }
    unsigned.signature[0] ^= 1
    #expect(try refusal(.offer(unsigned)) == .badSignature)
    #expect(device.journal.isEmpty)
  }

  @Test("a round that the device has journalled is refused, and so is every older one")
  func oldRounds() throws {
    try contribute(to: try offer(round: 5))
    try harness.deliver(try close(5, .released), to: 0)
    for round: UInt64 in [5, 4, 1] {
      #expect(try refusal(try offer(round: round)) == .roundNotAfter(journal: 5))
    }
    #expect(try provenRefusal(try offer(round: 6)) == nil)
  }

  @Test("a device whose own budget is spent refuses, whatever the coordinator says")
  func budget() throws {
    let event = try harness.policy.event(ofPlanned: 0, fractionBits: fractionBits)
    var filter = harness.policy.makeFilter()
    try filter.charge(event, count: filter.roundsLeft(of: event))
    device.spendBefore(muSquared: filter.spentMuSquared)
    let restored = harness.policy.makeFilter(spentMuSquared: filter.spentMuSquared)
    #expect(
      try refusal(try offer())
        == .budgetExhausted(spentEpsilon: restored.epsilonSpent, limit: 8))
    #expect(device.journal.isEmpty)
  }

  @Test("an update of another length than offered leaves nothing on the wire")
  func wrongDimension() throws {
    let wider = try offer { $0.dimension += 1 }
    #expect(throws: (any Error).self) { try contribute(to: wider) }
    #expect(updateKinds.isEmpty)
    #expect(device.journal.isEmpty)
  }

  @Test("an update that cannot be computed sends nothing")
  func noUpdate() throws {
    _ = try effects(try offer())
    _ = try effects(.proceed(Proceed(round: 1)))
    #expect(try harness.customers[0].engine.handle(.updateReady(nil)).isEmpty)
    #expect(try harness.customers[0].engine.handle(.updateReady([1])).isEmpty)
    #expect(device.journal.isEmpty)
  }

  // MARK: - Outcomes

  @Test("a void round is given back; a released one is not")
  func outcomes() throws {
    let outcomes: [(UInt64, RoundClosed.Outcome)] = [(1, .void), (2, .released), (3, .burned)]
    for (round, outcome) in outcomes {
      let before = device.spentMuSquared()
      try contribute(to: try offer(round: round))
      let during = device.spentMuSquared()
      #expect(during > before)
      try harness.deliver(try close(round, outcome), to: 0)
      #expect(device.spentMuSquared() == (outcome == .void ? before : during))
      #expect(device.outcome(of: round) == outcome)
    }
  }

  @Test("what left masked is not given back on a word, whatever the policy says since")
  func voidUnderAnotherMode() throws {
    #expect(harness.policy.mode == "sealed")
    try device.journalSpent(
      SpentRound(
        round: 1, policyHash: SHA256Digest(hashing: [1]), mu: 0.5, charge: "of an earlier policy",
        updateDigest: SHA256Digest(hashing: [2]).bytes, mode: "secagg", minimumCohort: 3))
    let spent = device.spentMuSquared()
    try harness.deliver(try close(1, .void), to: 0)
    #expect(device.outcome(of: 1) == .burned)
    #expect(device.spentMuSquared() == spent)
  }

  @Test("a released round cannot be given back later")
  func releasedThenVoid() throws {
    try contribute(to: try offer())
    try harness.deliver(try close(1, .released), to: 0)
    let spent = device.spentMuSquared()
    let void = try harness.closed(1, .void)
    #expect(throws: FederationError.outcomeNotProven(round: 1, "the ledger says release")) {
      try effects(.roundClosed(void))
    }
    #expect(device.spentMuSquared() == spent)
  }

  @Test("an outcome that is not signed by the coordinator changes nothing")
  func unsignedOutcome() throws {
    try contribute(to: try offer())
    let spent = device.spentMuSquared()
    guard case .roundClosed(var forged) = try close(1, .void) else { return }
    forged.signature = try FederationHarness.signingKey(77).sign(forged.signedBytes)
    #expect(throws: FederationError.self) { try effects(.roundClosed(forged)) }
    #expect(device.spentMuSquared() == spent)
  }

  @Test("no further round is joined while the coordinator has not said how the last one ended")
  func outcomeNotProven() throws {
    try contribute(to: try offer(round: 3))
    #expect(try refusal(try offer(round: 4)) == .outcomeNotProven(round: 3))
    try harness.deliver(try close(3, .burned), to: 0)
    #expect(try provenRefusal(try offer(round: 4)) == nil)
  }

  @Test("the outcome of a round of others is no business of this device")
  func outcomeOfOthers() throws {
    try harness.deliver(try close(8, .released), to: 0)
    #expect(device.outcome(of: 8) == nil)
    #expect(device.journal.isEmpty)
  }

  @Test("outcomes that were not asked for are refused")
  func unaskedOutcomes() throws {
    #expect(throws: FederationError.self) { try effects(.outcomes(Outcomes(closed: []))) }
  }

  // MARK: - Blobs

  private func fetch(_ bytes: [UInt8]) throws -> SHA256Digest {
    let digest = SHA256Digest(hashing: bytes)
    let effects = try harness.customers[0].engine.handle(.fetchBlob(digest))
    #expect(effects == [.send(Message.fetchBlob(FetchBlob(hash: digest.bytes)).encoded())])
    return digest
  }

  @Test("a blob in several chunks is put together and checked")
  func blob() throws {
    let bytes = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
    let digest = try fetch(bytes)
    let chunks = Array(BlobChunk.Chunks(of: bytes, hash: digest.bytes))
    #expect(chunks.count == 3)
    for chunk in chunks.dropLast() { #expect(try effects(.blobChunk(chunk)).isEmpty) }
    #expect(try effects(.blobChunk(chunks[2])) == [.storeBlob(digest, bytes)])
  }

  @Test("a tampered blob is refused")
  func tamperedBlob() throws {
    let bytes = [UInt8](repeating: 3, count: 1_000)
    let digest = try fetch(bytes)
    let tampered = BlobChunk(hash: digest.bytes, index: 0, count: 1, data: bytes + [0])
    #expect(throws: FederationError.wrongBlob(expected: digest)) {
      try effects(.blobChunk(tampered))
    }
  }

  @Test("chunks out of order, or that nobody asked for, are refused; a missing blob is named")
  func blobOrder() throws {
    let bytes = [UInt8](repeating: 3, count: 600_000)
    let digest = try fetch(bytes)
    let chunks = Array(BlobChunk.Chunks(of: bytes, hash: digest.bytes))
    #expect(throws: FederationError.self) { try effects(.blobChunk(chunks[1])) }
    let other = SHA256Digest(hashing: [1])
    let unasked = BlobChunk(hash: other.bytes, index: 0, count: 1, data: [1])
    #expect(throws: FederationError.self) { try effects(.blobChunk(unasked)) }
    let missing = BlobChunk(hash: digest.bytes, index: 0, count: 0, data: [])
    #expect(throws: FederationError.missingModel(digest)) { try effects(.blobChunk(missing)) }
  }
}
