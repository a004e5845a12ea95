import Cryptography
import Ledger
import Privacy
import Testing
import WireProtocol

@Suite("Offer rules")
struct OfferRulesTests {
  private static let policyHash = SampleMessages.ramp(32, from: 3)
  private let coordinator: SigningKey
  private let policy: PrivacyPolicy
  private let fractionBits = 20
  private let needed: UInt64

  init() throws {
    coordinator = try RoundHarness.identity(0)
    policy = try PrivacyPolicy(
      federation: "shop", epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-6"),
      minimumCohort: 2, maximumCohort: 100, targetCohort: 10, model: "popularity",
      plan: [
        PlannedRound(
          stage: "popularity", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("1.5"))
      ],
      roundDeadlineSeconds: 60, retentionDays: 30)
    needed = try ExactDecimal("1.5").scaled(toGrid: fractionBits)
  }

  private func offer(_ change: (inout Offer) -> Void = { _ in }) throws -> Offer {
    var offer = Offer(
      round: 5, planIndex: 0, modelHash: SampleMessages.ramp(32, from: 1),
      catalogueHash: SampleMessages.ramp(32, from: 2), policyHash: Self.policyHash,
      roundKey: SampleMessages.ramp(32, from: 4), dimension: 10,
      fractionBits: UInt8(fractionBits), noiseScale: needed, deadlineSeconds: 60, signature: [])
    change(&offer)
    offer.signature = try coordinator.sign(offer.signedBytes)
    return offer
  }

  private func check(
    _ offer: Offer, lastRound: UInt64? = nil, unsettled: UInt64? = nil, lostSum: UInt64? = nil,
    spentMuSquared: Double = 0, ledgerMuSquared: Double = 0, key: VerifyingKey? = nil,
    policy: PrivacyPolicy? = nil
  ) throws(OfferRefusal) -> PrivacyEvent {
    let policy = policy ?? self.policy
    return try OfferRules.check(
      offer, policy: policy, policyHash: Self.policyHash,
      coordinatorKey: key ?? coordinator.verifyingKey, lastRound: lastRound,
      unsettled: unsettled, lostSum: lostSum,
      spent: policy.makeFilter(spentMuSquared: spentMuSquared),
      ledger: policy.makeFilter(spentMuSquared: ledgerMuSquared))
  }

  @Test("a round that the ledger has no budget for is declined, whatever this device has spent")
  func ledgerBudget() throws {
    let event = try check(offer())
    var filter = policy.makeFilter()
    try filter.charge(event, count: filter.roundsLeft(of: event))
    let full = policy.makeFilter(spentMuSquared: filter.spentMuSquared)
    #expect(
      throws: OfferRefusal.ledgerExhausted(spentEpsilon: full.epsilonSpent, limit: 8)
    ) { try check(offer(), ledgerMuSquared: filter.spentMuSquared) }
    let rest = filter.spentMuSquared - 1.5 * event.mu * event.mu
    #expect(try check(offer(), ledgerMuSquared: rest) == event)
  }

  @Test("an offer under the policy is charged by ruling 18")
  func admitted() throws {
    let event = try check(try offer())
    #expect(event.mechanism == .discreteGaussian(scale: needed, sensitivity: 1 << 20))
    // mu = 2^F / sqrt(s^2 - 16) with s = 1.5 * 2^F.
    #expect(abs(event.mu - 1 / 1.5) < 1e-9)
    #expect(event.mu >= 1 / 1.5)
    let louder = try check(try offer { $0.noiseScale = 2 * needed })
    #expect(louder.mu < event.mu)
  }

  @Test("an offer signed by another key, or changed after it was signed, is refused")
  func badSignature() throws {
    let other = try RoundHarness.identity(1).verifyingKey
    let signed = try offer()
    #expect(throws: OfferRefusal.badSignature) { try check(signed, key: other) }
    let changes: [(inout Offer) -> Void] = [
      { $0.round += 1 }, { $0.planIndex += 1 }, { $0.modelHash[0] ^= 1 },
      { $0.catalogueHash[0] ^= 1 }, { $0.policyHash[0] ^= 1 }, { $0.roundKey[31] ^= 1 },
      { $0.dimension += 1 }, { $0.fractionBits -= 1 }, { $0.noiseScale += 1 },
      { $0.block = BlockPosition(start: 5, round: 0) },
      { $0.deadlineSeconds += 1 }, { $0.signature[0] ^= 1 },
    ]
    for (index, change) in changes.enumerated() {
      var altered = signed
      change(&altered)
      #expect(throws: OfferRefusal.badSignature, "change \(index)") { try check(altered) }
    }
  }

  @Test("an offer under another policy is refused")
  func wrongPolicy() throws {
    let other = try offer { $0.policyHash[31] ^= 1 }
    #expect(throws: OfferRefusal.wrongPolicy) { try check(other) }
  }

  @Test("an offer of a round that the plan does not have is refused", arguments: [1, UInt32.max])
  func undefinedPlanIndex(index: UInt32) throws {
    let other = try offer { $0.planIndex = index }
    #expect(throws: OfferRefusal.undefinedPlanIndex(index)) { try check(other) }
  }

  @Test("a round is newer than every round in the journal")
  func roundNotAfter() throws {
    let signed = try offer()
    for last: UInt64 in [5, 6, .max] {
      #expect(throws: OfferRefusal.roundNotAfter(journal: last)) {
        try check(signed, lastRound: last)
      }
    }
    #expect(throws: Never.self) { try check(signed, lastRound: 4) }
  }

  @Test("while the outcome of an earlier round is not proven, no round is joined")
  func outcomeNotProven() throws {
    let signed = try offer()
    #expect(throws: OfferRefusal.outcomeNotProven(round: 3)) {
      try check(signed, lastRound: 4, unsettled: 3)
    }
  }

  @Test(
    "in secagg nothing is given after a charged round without a release; noise hides it elsewhere")
  func sumLost() throws {
    let signed = try offer()
    for mode in ["secagg", "secagg-ddp"] {
      let masked = try masked(mode)
      #expect(throws: Never.self) { try check(signed, policy: masked) }
      if mode == "secagg" {
        #expect(throws: OfferRefusal.sumLost(round: 4)) {
          try check(signed, lastRound: 4, lostSum: 4, policy: masked)
        }
      } else {
        #expect(throws: Never.self) { try check(signed, lastRound: 4, lostSum: 4, policy: masked) }
      }
    }
  }

  /// The policy in a masked mode.
  private func masked(_ mode: String) throws -> PrivacyPolicy {
    let tenth = try ExactDecimal("0.1")
    return try PrivacyPolicy(
      federation: "shop", mode: mode,
      masking: MaskingTolerance(corruptFraction: tenth, dropoutFraction: tenth),
      epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-6"), minimumCohort: 10,
      maximumCohort: 100, targetCohort: 10, model: "popularity", plan: policy.plan,
      roundDeadlineSeconds: 60, retentionDays: 30)
  }

  @Test("noise below the policy's, by one grid step or by a coarser grid, is refused")
  func noiseBelowPolicy() throws {
    let quieter = try offer { $0.noiseScale = needed - 1 }
    #expect(throws: OfferRefusal.noiseBelowPolicy(offered: needed - 1, needed: needed)) {
      try check(quieter)
    }
    let finer = try offer { $0.fractionBits = 21 }
    #expect(throws: OfferRefusal.noiseBelowPolicy(offered: needed, needed: 2 * needed)) {
      try check(finer)
    }
  }

  @Test(
    "a grid or a scale on which no charge holds is refused, whatever the noise",
    arguments: [(0, 1 << 20), (9, 768), (30, .max), (63, .max), (64, .max), (255, .max)]
      as [(UInt8, UInt64)])
  func unusableGrid(fractionBits: UInt8, scale: UInt64) throws {
    let other = try offer {
      $0.fractionBits = fractionBits
      $0.noiseScale = scale
    }
    // On the grid of 1 step the scale is loud enough to be charged: any such offer may be taken.
    if fractionBits == 0 {
      #expect(try check(other).mu < 1e-5)
    } else {
      #expect(throws: OfferRefusal.self) { try check(other) }
    }
  }

  @Test("an offer beyond the device's own budget is refused with what it has spent")
  func budgetExhausted() throws {
    let signed = try offer()
    let event = try check(signed)
    var filter = policy.makeFilter()
    let fits = filter.roundsLeft(of: event)
    #expect(fits >= 1)
    try filter.charge(event, count: fits)
    let restored = policy.makeFilter(spentMuSquared: filter.spentMuSquared)
    #expect(
      throws: OfferRefusal.budgetExhausted(spentEpsilon: restored.epsilonSpent, limit: 8)
    ) { try check(signed, spentMuSquared: filter.spentMuSquared) }
    #expect(throws: Never.self) {
      try check(signed, spentMuSquared: filter.spentMuSquared - 1.01 * event.mu * event.mu)
    }
  }

  @Test("every refusal says what is wrong, in one line")
  func descriptions() {
    let refusals: [OfferRefusal] = [
      .badSignature, .roundNotAfter(journal: 3), .wrongPolicy, .undefinedPlanIndex(9),
      .unknownCatalogue,
      .noiseBelowPolicy(offered: 1, needed: 2), .budgetExhausted(spentEpsilon: 8, limit: 8),
      .noConsent, .optedOut, .sumLost(round: 3),
    ]
    let texts = refusals.map(\.description)
    #expect(Set(texts).count == refusals.count)
    #expect(texts.allSatisfy { !$0.contains("\n") && $0.count > 10 })
  }

  @Test("an offer under a policy whose mode admits no round is refused")
  func unsupportedMode() throws {
    // A sum has at most 4,096 members under masks.
    let tooLarge = try PrivacyPolicy(
      federation: "shop", mode: "secagg-ddp",
      masking: MaskingTolerance(
        corruptFraction: try ExactDecimal("0.1"), dropoutFraction: try ExactDecimal("0.1")),
      epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-6"), minimumCohort: 4,
      maximumCohort: 4_097, targetCohort: 10, model: "popularity", plan: policy.plan,
      roundDeadlineSeconds: 60, retentionDays: 30)
    let offer = try offer()
    #expect(throws: OfferRefusal.unsupportedMode("secagg-ddp")) {
      try OfferRules.check(
        offer, policy: tooLarge, policyHash: Self.policyHash,
        coordinatorKey: coordinator.verifyingKey, lastRound: nil, unsettled: nil, lostSum: nil,
        spent: tooLarge.makeFilter(), ledger: tooLarge.makeFilter())
    }
  }

  // MARK: - Blocks of correlated noise

  /// Rounds 1 to 6 of the plan, every second one at most, three at most.
  private func blockPolicy() throws -> PrivacyPolicy {
    try PrivacyPolicy(
      federation: "shop", epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-6"),
      minimumCohort: 2, maximumCohort: 100, targetCohort: 10, model: "mf",
      plan: (0..<8).map { index in
        PlannedRound(
          stage: "stage-\(index)", clipNorm: try ExactDecimal("1"),
          noiseMultiplier: try ExactDecimal("1.5"))
      },
      correlatedNoise: CorrelatedNoise(
        firstRound: 1,
        strategy: IntegerToeplitzStrategy(coefficients: [16, 8, 6], fractionBits: 4),
        rule: ParticipationRule(
          roundCount: 6, minimumSeparation: 2, maximumParticipations: 2)),
      roundDeadlineSeconds: 60, retentionDays: 30)
  }

  private func checkInBlock(
    planIndex: UInt32 = 3, block: BlockPosition?, participation: ParticipationRecord = .init(),
    spentMuSquared: Double = 0, ledgerMuSquared: Double = 0, proven: ProvenSpend = ProvenSpend(),
    noiseSteps: Int = 0
  ) throws(OfferRefusal) -> PrivacyEvent {
    let policy: PrivacyPolicy
    let offer: Offer
    do {
      policy = try blockPolicy()
      offer = try self.offer {
        $0.planIndex = planIndex
        $0.block = block
        $0.noiseScale = UInt64(
          Int((try? policy.noiseScale(ofPlanned: Int(planIndex), fractionBits: 20)) ?? 0)
            + noiseSteps)
      }
    } catch {
      Issue.record(error)
      throw .badSignature
    }
    return try OfferRules.check(
      offer, policy: policy, policyHash: Self.policyHash,
      coordinatorKey: coordinator.verifyingKey, lastRound: nil, unsettled: nil, lostSum: nil,
      spent: policy.makeFilter(spentMuSquared: spentMuSquared),
      ledger: policy.makeFilter(spentMuSquared: ledgerMuSquared), proven: proven,
      participation: participation)
  }

  @Test("a round of a block is charged for the whole block, under its exact sensitivity")
  func blockCharge() throws {
    // Columns (16, 8, 6 + 16, 8, 6) of two participations, two rounds apart.
    let square = 16 * 16 + 8 * 8 + 22 * 22 + 8 * 8 + 6 * 6
    let sensitivity = UInt64((Double(square).squareRoot() * 0x1p20).rounded(.up))
    let event = try checkInBlock(block: BlockPosition(start: 3, round: 2))
    #expect(
      event.mechanism
        == .discreteGaussian(scale: (3 * sensitivity + 1) / 2, sensitivity: sensitivity))
    #expect(throws: OfferRefusal.self) {
      try checkInBlock(block: BlockPosition(start: 3, round: 2), noiseSteps: -1)
    }
  }

  @Test("a device refuses a round that its own record of participation forbids")
  func participation() throws {
    let once = try ParticipationRecord(lastRound: 1, count: 1)
    #expect(throws: OfferRefusal.participation(.tooSoon(round: 2, earliest: 3))) {
      try checkInBlock(block: BlockPosition(start: 3, round: 2), participation: once)
    }
    _ = try checkInBlock(block: BlockPosition(start: 3, round: 3), participation: once)
    let twice = try ParticipationRecord(lastRound: 2, count: 2)
    #expect(throws: OfferRefusal.participation(.tooOften(limit: 2))) {
      try checkInBlock(block: BlockPosition(start: 3, round: 4), participation: twice)
    }
    #expect(throws: OfferRefusal.participation(.roundOutOfBlock(6))) {
      try checkInBlock(block: BlockPosition(start: 3, round: 6))
    }
  }

  @Test("what a device spent outside of a block leaves room for the block, in each of its rounds")
  func ownBudgetInBlock() throws {
    let once = try ParticipationRecord(lastRound: 0, count: 1)
    let block = BlockPosition(start: 3, round: 2)
    let event = try checkInBlock(block: block)
    let limit = try blockPolicy().makeFilter().limit.doubleValue
    for participation in [ParticipationRecord(), once] {
      _ = try checkInBlock(
        block: block, participation: participation,
        spentMuSquared: limit - 1.5 * event.mu * event.mu)
      let error = #expect(throws: OfferRefusal.self) {
        try checkInBlock(
          block: block, participation: participation,
          spentMuSquared: limit - 0.5 * event.mu * event.mu)
      }
      guard case .budgetExhausted? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  /// A CHARGE of a block's round, proven.
  private func provenCharge(
    _ block: BlockPosition, noiseSteps: UInt64 = 0
  ) throws -> ProvenSpend {
    let policy = try blockPolicy()
    let index = 1 + block.round
    var spend = ProvenSpend()
    try spend.add(
      LedgerEntry(
        index: 2, previous: SHA256Digest(hashing: []),
        record: .charge(
          ChargeRecord(
            round: block.start + UInt64(block.round),
            noiseMultiplier: policy.plan[index].noiseMultiplier,
            clipNorm: policy.plan[index].clipNorm,
            scale: policy.noiseScale(ofPlanned: index, fractionBits: fractionBits) + noiseSteps,
            sensitivity: policy.sensitivity(ofPlanned: index, fractionBits: fractionBits),
            fractionBits: fractionBits, dimension: 10, mode: policy.mode,
            relation: policy.relation, unit: policy.unit, cohortMinimum: policy.minimumCohort,
            rng: .system, block: block))))
    return spend
  }

  @Test("inside a block the ledger's budget is checked, unless a proven charge has paid for it")
  func ledgerBudgetInBlock() throws {
    let event = try checkInBlock(block: BlockPosition(start: 3, round: 2))
    let limit = try blockPolicy().makeFilter().limit.doubleValue
    let full = limit - 0.5 * event.mu * event.mu
    func check(_ proven: ProvenSpend, spent: Double) throws(OfferRefusal) {
      _ = try checkInBlock(
        block: BlockPosition(start: 3, round: 2), ledgerMuSquared: spent, proven: proven)
    }
    for paid in [BlockPosition(start: 3, round: 0), BlockPosition(start: 3, round: 1)] {
      let charge = try provenCharge(paid)
      try check(charge, spent: full)
      #expect(throws: OfferRefusal.self) { try check(charge, spent: 1.01 * limit) }
    }
    // Nothing proven; another block; the same block at a lower price.
    let unpaid = [
      ProvenSpend(), try provenCharge(BlockPosition(start: 2, round: 0)),
      try provenCharge(BlockPosition(start: 3, round: 0), noiseSteps: 1),
    ]
    for proven in unpaid {
      try check(proven, spent: limit - 1.5 * event.mu * event.mu)
      let error = #expect(throws: OfferRefusal.self) { try check(proven, spent: full) }
      guard case .ledgerExhausted? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
    // A first round begins a block, whatever was paid before.
    #expect(throws: OfferRefusal.self) {
      try checkInBlock(
        planIndex: 1, block: BlockPosition(start: 5, round: 0), ledgerMuSquared: full,
        proven: provenCharge(BlockPosition(start: 5, round: 0)))
    }
  }

  @Test(
    "an offer outside the plan's block with a place in one, or inside without, is refused",
    arguments: [
      (0, BlockPosition(start: 3, round: 0)), (7, BlockPosition(start: 3, round: 5)), (3, nil),
      // The first round of a block is its start, and a later one comes after it.
      (3, BlockPosition(start: 4, round: 0)), (3, BlockPosition(start: 5, round: 1)),
      (3, BlockPosition(start: 6, round: 1)),
    ] as [(UInt32, BlockPosition?)])
  func wrongBlock(planIndex: UInt32, block: BlockPosition?) throws {
    #expect(throws: OfferRefusal.wrongBlock) {
      try checkInBlock(planIndex: planIndex, block: block)
    }
  }
}
