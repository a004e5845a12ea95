import Ledger
import Privacy
import Testing

@Suite("Charges of blocks of correlated noise") struct CorrelatedChargeTests {
  /// One round, then a block of three.
  private static func fixture() throws -> LedgerFixture {
    var fixture = try LedgerFixture()
    let own = fixture.policy
    let step = try PlannedRound(
      stage: "step", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("2"))
    fixture.policy = try PrivacyPolicy(
      federation: own.federation, epsilonLimit: own.epsilonLimit, delta: own.delta,
      minimumCohort: own.minimumCohort, maximumCohort: own.maximumCohort,
      targetCohort: own.targetCohort, model: "mf", plan: [own.plan[0], step, step, step],
      correlatedNoise: CorrelatedNoise(
        firstRound: 1, strategy: IntegerToeplitzStrategy(coefficients: [4, 2, 1], fractionBits: 2),
        rule: ParticipationRule(roundCount: 3, minimumSeparation: 2)),
      roundDeadlineSeconds: own.roundDeadlineSeconds, retentionDays: own.retentionDays)
    return fixture
  }

  private static func charge(
    _ text: LedgerText, block: BlockPosition?, scale: UInt64? = nil, dimension: Int = 50,
    sensitivity: UInt64? = nil
  ) throws -> LedgerRecord {
    let (state, bits) = (text.state, LedgerFixture.fractionBits)
    let (index, planned) = (state.nextPlanIndex, state.policy.plan[state.nextPlanIndex])
    return .charge(
      ChargeRecord(
        round: state.lastRound, noiseMultiplier: planned.noiseMultiplier,
        clipNorm: planned.clipNorm,
        scale: try scale ?? state.policy.noiseScale(ofPlanned: index, fractionBits: bits),
        sensitivity: try sensitivity
          ?? state.policy.sensitivity(ofPlanned: index, fractionBits: bits),
        fractionBits: bits, dimension: dimension, mode: "sealed", relation: .zeroOut, unit: .user,
        cohortMinimum: state.policy.minimumCohort, rng: .system, block: block))
  }

  /// A ledger with the first round released and the first `rounds` of the block.
  private static func text(rounds: Int) throws -> LedgerText {
    var text = try LedgerText(fixture())
    try text.appendReleasedRound()
    for round in 0..<rounds {
      try text.append(.offer(text.fixture.offer(text.state)))
      try text.append(charge(text, block: BlockPosition(start: 2, round: round)))
      try text.append(.release(text.fixture.release(text.state)))
    }
    return text
  }

  @Test("the first charge pays for the block, and the ledger reads back as it was written")
  func paidOnce() throws {
    let text = try Self.text(rounds: 3)
    let events = try [0, 1].map {
      try text.state.policy.event(ofPlanned: $0, fractionBits: LedgerFixture.fractionBits)
    }
    #expect(text.state.filter.spent == events[0].muSquared + events[1].muSquared)
    #expect(text.state.openBlock == nil, "the block is at its end")
    let replayed = try text.lines.enumerated().map { index, line in
      try LedgerEntry(decoding: line, at: index)
    }
    var state = try LedgerState(genesis: replayed[0])
    for entry in replayed.dropFirst() { try state.apply(entry) }
    #expect(state == text.state)
  }

  @Test("a later round is free only as the next of the open block, with the same noise")
  func continuation() throws {
    for wrong in [
      BlockPosition(start: 2, round: 2), BlockPosition(start: 1, round: 1),
      BlockPosition(start: 3, round: 1), BlockPosition(start: 2, round: 0),
    ] {
      var text = try Self.text(rounds: 1)
      try text.append(.offer(text.fixture.offer(text.state)))
      #expect(throws: LedgerError.self) { try text.append(Self.charge(text, block: wrong)) }
    }
    let needed = try Self.text(rounds: 1).state.policy.noiseScale(
      ofPlanned: 2, fractionBits: LedgerFixture.fractionBits)
    var text = try Self.text(rounds: 1)
    try text.append(.offer(text.fixture.offer(text.state)))
    let next = BlockPosition(start: 2, round: 1)
    #expect(throws: LedgerError.self) {
      try text.append(Self.charge(text, block: next, scale: needed + 1))
    }
    #expect(throws: LedgerError.self) {
      try text.append(Self.charge(text, block: next, dimension: 51))
    }
    #expect(throws: LedgerError.self) {
      try text.append(Self.charge(text, block: next, sensitivity: 1 << 20))
    }
    #expect(throws: LedgerError.self) { try text.append(Self.charge(text, block: nil)) }
    let spent = text.state.filter.spent
    try text.append(Self.charge(text, block: next))
    #expect(text.state.filter.spent == spent)
  }

  @Test("a burned round ends the block: what follows begins another, at its whole cost")
  func burned() throws {
    var text = try Self.text(rounds: 1)
    try text.append(.offer(text.fixture.offer(text.state)))
    try text.append(Self.charge(text, block: BlockPosition(start: 2, round: 1)))
    let once = text.state.filter.spent
    try text.append(.burned(text.fixture.burned(text.state)))
    try text.append(.offer(text.fixture.offer(text.state)))
    #expect(throws: LedgerError.self) {
      try text.append(Self.charge(text, block: BlockPosition(start: 2, round: 2)))
    }
    try text.append(Self.charge(text, block: BlockPosition(start: 4, round: 0)))
    let block = try text.state.policy.event(
      ofPlanned: 1, fractionBits: LedgerFixture.fractionBits)
    #expect(text.state.filter.spent == once + block.muSquared)
  }

  @Test("a round called off before its charge leaves the block open")
  func void() throws {
    var text = try Self.text(rounds: 1)
    try text.append(.offer(text.fixture.offer(text.state)))
    try text.append(.void(text.fixture.void(text.state)))
    try text.append(.offer(text.fixture.offer(text.state)))
    let spent = text.state.filter.spent
    try text.append(Self.charge(text, block: BlockPosition(start: 2, round: 1)))
    #expect(text.state.filter.spent == spent)
  }

  @Test("a place in a block is refused where the plan has none")
  func outside() throws {
    var text = try LedgerText(Self.fixture())
    try text.append(.offer(text.fixture.offer(text.state)))
    #expect(throws: LedgerError.self) {
      try text.append(Self.charge(text, block: BlockPosition(start: 1, round: 0)))
    }
  }
}
