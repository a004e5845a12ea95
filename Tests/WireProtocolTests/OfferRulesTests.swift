import Cryptography
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
    _ offer: Offer, lastRound: UInt64? = nil, unsettled: UInt64? = nil,
    spentMuSquared: Double = 0, key: VerifyingKey? = nil
  ) throws(OfferRefusal) -> PrivacyEvent {
    try OfferRules.check(
      offer, policy: policy, policyHash: Self.policyHash,
      coordinatorKey: key ?? coordinator.verifyingKey, lastRound: lastRound,
      unsettled: unsettled, spent: policy.makeFilter(spentMuSquared: spentMuSquared))
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
      .noConsent, .optedOut,
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
        coordinatorKey: coordinator.verifyingKey, lastRound: nil, unsettled: nil,
        spent: tooLarge.makeFilter())
    }
  }
}
