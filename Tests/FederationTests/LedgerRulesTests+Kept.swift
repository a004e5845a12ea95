import Cryptography
import Federation
import Ledger
import Privacy
import Testing
import WireProtocol

/// What a device keeps of a ledger, and what it then does not believe.
extension LedgerRulesTests {
  private func keptKinds(_ harness: FederationHarness) throws -> [LedgerRecordKind] {
    try harness.customers[0].device.receipts().map { text in
      let receipt = try LedgerReceipt(parsing: text)
      return try LedgerEntry(decoding: receipt.line, at: receipt.proof.index).record.kind
    }
  }

  @Test("R3: of rounds of others, what is spent is kept, and no end that costs nothing")
  func keptOfOthers() throws {
    let harness = try harness()
    let ends: [RoundClosed.Outcome] = [.void, .burned, .released]
    for (round, end) in zip(UInt64(1)..., ends) {
      let offer = try offer(harness, round: round)
      try harness.prove(offer, to: 0)
      let entries = try harness.end(offer, end)
      try harness.deliver(.ledgerShown(harness.shown(entries, to: 0)), to: 0)
    }
    #expect(try keptKinds(harness) == [.charge, .charge, .release])
    // Of its own round a device keeps the end, whichever it is.
    for (round, end) in zip(UInt64(4)..., [RoundClosed.Outcome.void, .burned]) {
      let offer = try offer(harness, round: round)
      try harness.prove(offer, to: 0)
      try harness.deliver(.offer(offer), to: 0)
      try harness.deliver(.proceed(Proceed(round: round)), to: 0)
      let entries = try harness.end(offer, end)
      try harness.deliver(.ledgerShown(harness.shown(entries, to: 0)), to: 0)
      try harness.deliver(.roundClosed(harness.closed(round, end)), to: 0)
    }
    #expect(harness.customers[0].device.journal.map(\.round) == [4, 5])
    #expect(
      try keptKinds(harness)
        == [.charge, .charge, .release, .offer, .void, .offer, .charge, .burned])
  }

  /// A device that has sent its update of round 1.
  private func contributed() throws -> (FederationHarness, Offer) {
    let harness = try harness()
    let offer = try offer(harness, round: 1)
    try harness.prove(offer, to: 0)
    try harness.deliver(.offer(offer), to: 0)
    try harness.deliver(.proceed(Proceed(round: 1)), to: 0)
    try #require(harness.customers[0].device.journal.count == 1)
    return (harness, offer)
  }

  @Test(
    "a round that this device holds the charge of is not void, whatever the ledger says after it",
    arguments: [false, true])
  func voidAfterCharge(restarts: Bool) throws {
    let (harness, offer) = try contributed()
    let device = harness.customers[0].device
    let entry = try harness.storage.append(
      .charge(ChargeRecord(offer: offer, policy: harness.policy, parameters: nil, rng: .system))
    ).index
    try harness.deliver(.ledgerShown(harness.shown([entry], to: 0)), to: 0)
    let kept = try #require(device.receipts().last)
    #expect(try LedgerReceipt(parsing: kept).proof.index == entry)
    // Only what was masked can be differenced: here the coordinator has seen each update.
    #expect(device.charged.isEmpty)
    if restarts {
      try harness.restartCustomer(0)
      try harness.connect(0)
      try harness.pump()
      try #require(harness.customers[0].failure == nil)
    }
    let lie = try harness.forged(
      [.void(VoidRecord(round: 1, reason: "quorum"))], to: 0)
    let error = #expect(throws: FederationError.self) {
      try harness.deliver(.ledgerShown(lie.shown), to: 0)
    }
    guard case .roundContradicted(1, entry + 1, entry, let refused) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(
      device.refusals.last?.evidence == .init(refused: refused, held: kept, convicts: true))
    #expect(try LedgerReceipt(parsing: refused).line == lie.lines.last)
    #expect(try device.newestCheckpoint()?.text == harness.storage.checkpointText())
    #expect(device.unsettledRounds() == [1])
  }

  @Test("of one round a device keeps one end, however many a coordinator shows")
  func manyEnds() throws {
    let (harness, _) = try contributed()
    let device = harness.customers[0].device
    var lines: [[UInt8]]?
    var errors: [FederationError] = []
    for number in 0..<20 {
      let next = try harness.forged(
        [.void(VoidRecord(round: 1, reason: "reason \(number)"))], after: lines, to: 0)
      do {
        try harness.deliver(.ledgerShown(next.shown), to: 0)
      } catch let error as FederationError {
        errors.append(error)
      }
      lines = next.lines
    }
    #expect(errors.count == 19)
    #expect(try keptKinds(harness) == [.offer, .void])
    #expect(device.refusals.compactMap(\.evidence).allSatisfy { $0.convicts })
  }

  @Test("an outcome under the checkpoint that is held counts, by whichever signature of it")
  func outcomeUnderAnotherSignature() throws {
    let (harness, offer) = try contributed()
    let entries = try harness.end(offer, .released)
    try harness.deliver(.ledgerShown(harness.shown(entries, to: 0)), to: 0)
    let held = try Checkpoint(parsing: harness.storage.checkpointText())
    let line = held.signatures[0]
    // What vouches for the outcome is its own signature.
    let text = String(decoding: held.text, as: UTF8.self).replacing(
      Base64.encode(line.keyHash + line.signature),
      with: Base64.encode(line.keyHash + line.signature.reversed()))
    try harness.deliver(
      .roundClosed(harness.closed(1, .released, checkpoint: Array(text.utf8))), to: 0)
    #expect(harness.customers[0].device.outcome(of: 1) == .released)
  }

  @Test("R3: a device that was shown more charges and releases than it adds up joins no round")
  func tooManyEntries() throws {
    let harness = try harness()
    let device = harness.customers[0].device
    let checkpoint = try Checkpoint(parsing: harness.storage.checkpointText())
    // No more than what round 1 will cost, so that the budget has room for it and for round 2.
    let cost = try harness.policy.event(
      ofPlanned: 0, fractionBits: FederationIdentity.fractionBits(of: harness.policy)[0]
    ).muSquared.doubleValue
    let planted = try (0..<ProvenSpend.maximumEntries - 1).map { number in
      let index = 1_000 + number
      let release = ReleaseRecord(
        round: 1_000 + UInt64(number), chargeIndex: 2, modelOut: SHA256Digest(hashing: [7]),
        claims: SpendClaims(epsilonAfter: "1", muSquaredAfter: "\(cost)"))
      let entry = try LedgerEntry(
        index: index, previous: SHA256Digest(hashing: []), record: .release(release))
      return ReceiptNote(
        entry: index, round: release.round, kind: "release",
        text: LedgerReceipt(
          line: entry.line, proof: InclusionProof(index: index, treeSize: 1, path: []),
          checkpoint: checkpoint
        ).text)
    }
    device.plant(planted)
    try harness.lose(0)
    try harness.connect(0)
    try harness.pump()
    // One is missing: the round is joined, and its charge is the last that counts.
    let first = try offer(harness, round: 1)
    try harness.prove(first, to: 0)
    try harness.deliver(.offer(first), to: 0)
    try harness.deliver(.proceed(Proceed(round: 1)), to: 0)
    #expect(decline(harness) == nil && device.journal.map(\.round) == [1])
    let entries = try harness.end(first, .released)
    try harness.deliver(.ledgerShown(harness.shown(entries, to: 0)), to: 0)
    try harness.deliver(.roundClosed(harness.closed(1, .released)), to: 0)
    // The end of its own round, and the offer, are kept beside what counts.
    #expect(device.receipts().count == ProvenSpend.maximumEntries + 2)
    // The process that saw the last one and the one after it decline alike.
    for restarts in [false, true] {
      if restarts {
        try harness.restartCustomer(0)
        try harness.connect(0)
        try harness.pump()
      }
      let next = try offer(harness, round: 2)
      try harness.prove(next, to: 0)
      try harness.deliver(.offer(next), to: 0)
      let declined = harness.customers[0].notes.compactMap { note in
        if case .declined(2, let refusal) = note { refusal } else { nil }
      }
      let expected = OfferRefusal.ledgerTooLong(entries: ProvenSpend.maximumEntries)
      #expect(declined == Array(repeating: expected, count: restarts ? 2 : 1))
    }
    // What comes after them is not kept.
    let others = try harness.end(try offer(harness, round: 2), .released)
    try harness.deliver(.ledgerShown(harness.shown(others, to: 0)), to: 0)
    #expect(device.receipts().count == ProvenSpend.maximumEntries + 2)
  }
}
