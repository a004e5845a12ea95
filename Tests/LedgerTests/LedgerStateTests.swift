import CanonicalJSON
import Cryptography
import Ledger
import Privacy
import Testing

@Suite struct LedgerStateTests {
  /// A way to break one field of a charge, and the field that the refusal must name.
  struct BrokenCharge: Sendable, CustomTestStringConvertible {
    let field: String
    let change: @Sendable (inout ChargeFields) throws -> Void
    var testDescription: String { field }
  }

  /// `ChargeRecord` with fields that can be changed.
  struct ChargeFields {
    var record: ChargeRecord
    var mechanism = ChargeRecord.discreteGaussian
    var noiseMultiplier: ExactDecimal
    var clipNorm: ExactDecimal
    var scale: UInt64
    var sensitivity: UInt64
    var fractionBits: Int
    var dimension = 50
    var mode: String
    var cohortMinimum: Int
    var count = 1
    var protocolDelta = "0"
    var filter = "gdp"

    init(_ record: ChargeRecord) {
      self.record = record
      noiseMultiplier = record.noiseMultiplier
      clipNorm = record.clipNorm
      scale = record.scale
      sensitivity = record.sensitivity
      fractionBits = record.fractionBits
      mode = record.mode
      cohortMinimum = record.cohortMinimum
    }

    var changed: ChargeRecord {
      ChargeRecord(
        round: record.round, mechanism: mechanism, noiseMultiplier: noiseMultiplier,
        clipNorm: clipNorm, scale: scale, sensitivity: sensitivity, fractionBits: fractionBits,
        dimension: dimension, mode: mode, relation: record.relation, unit: record.unit,
        cohortMinimum: cohortMinimum, count: count, rng: record.rng, protocolDelta: protocolDelta,
        filter: filter)
    }
  }

  static let brokenCharges: [BrokenCharge] = [
    .init(field: "mechanism") { $0.mechanism = "gaussian" },
    .init(field: "noise_multiplier") { $0.noiseMultiplier = try ExactDecimal("4.1") },
    .init(field: "clip_norm") { $0.clipNorm = try ExactDecimal("2") },
    .init(field: "sensitivity") { $0.sensitivity /= 2 },
    .init(field: "sensitivity") { $0.fractionBits -= 1 },
    .init(field: "fraction_bits") { $0.fractionBits = 31 },
    .init(field: "fraction_bits") { $0.fractionBits = 0 },
    .init(field: "dimension") { $0.dimension = 0 },
    .init(field: "mode") { $0.mode = "secagg" },
    .init(field: "cohort_minimum") { $0.cohortMinimum -= 1 },
    .init(field: "cohort_minimum") { $0.cohortMinimum = 201 },
    .init(field: "count") { $0.count = 2 },
    .init(field: "protocol_delta") { $0.protocolDelta = "1e-9" },
    .init(field: "filter") { $0.filter = "rdp" },
  ]

  private func offered() throws -> LedgerText {
    var text = try LedgerText(LedgerFixture())
    try text.append(.offer(text.fixture.offer(text.state)))
    return text
  }

  @Test("only OFFER, CHARGE, then RELEASE or BURNED, or OFFER and VOID, in that order")
  func order() throws {
    let allowed: [LedgerRecordKind: Set<LedgerRecordKind>] = [
      .genesis: [.offer], .offer: [.charge, .void], .charge: [.release, .burned],
      .release: [.offer], .void: [.offer], .burned: [.offer],
    ]
    let fixture = try LedgerFixture()
    let text = try LedgerText.sample(fixture)
    var prefix = try LedgerState(genesis: fixture.genesisEntry())
    for index in text.lines.indices {
      let entry = try LedgerEntry(decoding: text.lines[index], at: index)
      if index > 0 { try prefix.apply(entry) }
      let candidates: [LedgerRecord] = try [
        .genesis(fixture.genesis()), .offer(fixture.offer(prefix)), .charge(fixture.charge(prefix)),
        .release(fixture.release(prefix)), .void(fixture.void(prefix)),
        .burned(fixture.burned(prefix)),
      ]
      for record in candidates {
        if allowed[entry.record.kind]?.contains(record.kind) == true {
          #expect(try prefix.appending(record).state.size == prefix.size + 1)
          continue
        }
        let error = #expect(throws: LedgerError.self) { try prefix.appending(record) }
        guard case .outOfOrder(index + 1, record.kind, _) = error else {
          Issue.record("\(record.kind) after \(entry.record.kind): \(String(describing: error))")
          continue
        }
      }
    }
  }

  @Test("a ledger begins with GENESIS") func beginsWithGenesis() throws {
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious,
      record: .void(VoidRecord(round: 1, reason: "r")))
    #expect(throws: LedgerError.outOfOrder(entry: 0, kind: .void, expected: "genesis")) {
      try LedgerState(genesis: entry)
    }
  }

  @Test("GENESIS must name the hash of the policy that it carries") func policyHash() throws {
    let fixture = try LedgerFixture()
    let genesis = fixture.genesis()
    let wrong = GenesisRecord(
      format: genesis.format, ledgerID: genesis.ledgerID, coordinatorKey: genesis.coordinatorKey,
      policy: try LedgerFixture(epsilonLimit: "9").policy.json, policyHash: genesis.policyHash,
      filter: genesis.filter, softwareVersion: genesis.softwareVersion,
      createdAtSeconds: genesis.createdAtSeconds, enrolmentKeyHeldByCoordinator: false)
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious, record: .genesis(wrong))
    let error = #expect(throws: LedgerError.self) { try LedgerState(genesis: entry) }
    guard case .mismatch(0, "policy_hash", _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("round ids increase strictly, also over void rounds") func roundsIncrease() throws {
    var text = try offered()
    try text.append(.void(text.fixture.void(text.state)))
    for round: UInt64 in [0, 1] {
      #expect(throws: LedgerError.roundNotIncreasing(entry: 3, round: round, last: 1)) {
        try text.append(.offer(text.fixture.offer(text.state, round: round)))
      }
    }
    try text.append(.offer(text.fixture.offer(text.state, round: 9)))
    #expect(text.state.lastRound == 9)
  }

  @Test("a charge that is not the planned one is refused by field", arguments: brokenCharges)
  func brokenCharge(_ broken: BrokenCharge) throws {
    var text = try offered()
    var fields = ChargeFields(try text.fixture.charge(text.state))
    try broken.change(&fields)
    let error = #expect(throws: LedgerError.self) { try text.append(.charge(fields.changed)) }
    switch error {
    case .mismatch(2, let field, _, _), .invalidField(2, let field, _):
      #expect(field == broken.field)
    default: Issue.record("\(String(describing: error))")
    }
    #expect(text.state.filter.spent == .zero)
  }

  @Test("noise one step too narrow is refused, wider noise is charged as less") func noiseScale()
    throws
  {
    let exact = try offered()
    var narrow = ChargeFields(try exact.fixture.charge(exact.state))
    let minimum = narrow.scale
    narrow.scale -= 1
    #expect(throws: LedgerError.noiseTooSmall(entry: 2, scale: minimum - 1, minimum: minimum)) {
      try exact.state.appending(.charge(narrow.changed))
    }
    var wide = narrow
    wide.scale = 2 * minimum
    let planned = try exact.state.appending(.charge(exact.fixture.charge(exact.state))).state
    let wider = try exact.state.appending(.charge(wide.changed)).state
    #expect(wider.epsilonSpent < planned.epsilonSpent)
  }

  @Test("the charge is that of ruling 18") func chargedMu() throws {
    var text = try offered()
    try text.append(.charge(text.fixture.charge(text.state)))
    // Ruling 18: mu^2 = 2^40 / ((4 * 2^20)^2 - 16), which is 1/16 and a little more; the sum is rounded up.
    let expected = 0x1p40 / (0x1p44 - 16)
    #expect(text.state.filter.spentMuSquared >= expected)
    #expect(text.state.filter.spentMuSquared - expected < 1e-15)
  }

  @Test("the round that would overspend is refused, with what fitted") func overspend() throws {
    var text = try LedgerText(LedgerFixture(epsilonLimit: "4", noiseMultiplier: "2.5"))
    let event = try text.state.policy.event(
      ofPlanned: 0, fractionBits: LedgerFixture.fractionBits)
    let fitting = text.state.filter.roundsLeft(of: event)
    #expect(fitting > 0)
    for _ in 0..<fitting { try text.appendReleasedRound() }
    let spent = text.state.filter
    let error = #expect(throws: LedgerError.self) { try text.state.requireBudget(for: event) }
    guard case .budgetExhausted(_, let shortfall) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(shortfall.roundsThatFit == 0)
    #expect(shortfall.spentEpsilon <= 4 && shortfall.neededEpsilon > 4)
    try text.append(.offer(text.fixture.offer(text.state)))
    #expect(throws: LedgerError.budgetExhausted(entry: text.state.size, shortfall)) {
      try text.append(.charge(text.fixture.charge(text.state)))
    }
    #expect(text.state.filter == spent)
  }

  @Test("a void round is free, a burned one is not") func voidAndBurned() throws {
    let text = try LedgerText.sample(LedgerFixture())
    #expect(
      text.state.rounds.charged == 2 && text.state.rounds.released == 1
        && text.state.rounds.burned == 1 && text.state.rounds.void == 1
        && text.state.rounds.offered == 3)
    let events = try (0..<2).map {
      try text.state.policy.event(ofPlanned: $0, fractionBits: LedgerFixture.fractionBits)
        .muSquared
    }
    #expect(text.state.filter.spent == events[0] + events[1])
  }

  @Test("a round without output is tried again, and after the plan a new training begins")
  func planOrder() throws {
    var text = try LedgerText.sample(LedgerFixture())
    #expect(text.state.nextPlanIndex == 1)
    try text.appendReleasedRound()
    #expect(text.state.nextPlanIndex == 0)
    let offer = text.fixture.offer(text.state)
    let wrong = OfferRecord(
      round: offer.round, planIndex: 1, stage: "gram", mode: offer.mode, modelIn: offer.modelIn,
      catalogueHash: offer.catalogueHash, policyHash: offer.policyHash, deadlineSeconds: 60)
    #expect(
      throws: LedgerError.notPlanned(entry: text.state.size, planIndex: 1, expected: 0)
    ) { try text.append(.offer(wrong)) }
  }

  @Test("a claim of spend is compared, in both directions")
  func falseClaims() throws {
    var text = try offered()
    try text.append(.charge(text.fixture.charge(text.state)))
    let truth = text.state.claims
    let epsilon = try #require(Double(truth.epsilonAfter))
    for claimed in ["\(epsilon * 0.999)", "\(epsilon * 1.001)", "nan", "", "0"] {
      let claims = SpendClaims(epsilonAfter: claimed, muSquaredAfter: truth.muSquaredAfter)
      let record = ReleaseRecord(
        round: 1, chargeIndex: 2, modelOut: SHA256Digest(hashing: []), claims: claims)
      #expect(
        throws: LedgerError.falseClaim(
          entry: 3, field: "epsilon_after", claimed: claimed, recomputed: truth.epsilonAfter)
      ) { try text.append(.release(record)) }
    }
    let claims = SpendClaims(epsilonAfter: truth.epsilonAfter, muSquaredAfter: "0.01")
    let record = ReleaseRecord(
      round: 1, chargeIndex: 2, modelOut: SHA256Digest(hashing: []), claims: claims)
    #expect(throws: LedgerError.self) { try text.append(.release(record)) }
    try text.append(.release(text.fixture.release(text.state)))
  }

  @Test("a RELEASE must name the round and the entry that were charged") func releaseMatches()
    throws
  {
    var text = try offered()
    try text.append(.charge(text.fixture.charge(text.state)))
    let good = text.fixture.release(text.state)
    let otherRound = ReleaseRecord(
      round: 2, chargeIndex: good.chargeIndex, modelOut: good.modelOut, claims: good.claims)
    #expect(throws: LedgerError.roundMismatch(entry: 3, round: 2, open: 1)) {
      try text.append(.release(otherRound))
    }
    let otherIndex = ReleaseRecord(
      round: 1, chargeIndex: 1, modelOut: good.modelOut, claims: good.claims)
    #expect(
      throws: LedgerError.mismatch(entry: 3, field: "charge_index", expected: "2", found: "1")
    ) { try text.append(.release(otherIndex)) }
  }

  @Test("a refused entry leaves the state as it was") func refusalChangesNothing() throws {
    let text = try LedgerText.sample(LedgerFixture())
    var state = text.state
    let skipped = try LedgerEntry(
      index: state.size + 1, previous: state.lastHash, record: .offer(text.fixture.offer(state)))
    #expect(throws: LedgerError.wrongIndex(entry: state.size, found: state.size + 1)) {
      try state.apply(skipped)
    }
    let unchained = try LedgerEntry(
      index: state.size, previous: LedgerEntry.genesisPrevious,
      record: .offer(text.fixture.offer(state)))
    #expect(
      throws: LedgerError.brokenChain(
        entry: state.size, expected: state.lastHash, found: LedgerEntry.genesisPrevious)
    ) { try state.apply(unchained) }
    #expect(state == text.state)
  }

  @Test("no more rounds are promised than devices add up, however large the budget")
  func roundsForDevices() throws {
    let state = try LedgerText.sample(LedgerFixture()).state
    // Two charges and a release of the 4,096 that a device adds up.
    #expect(state.rounds.charged == 2 && state.rounds.released == 1)
    #expect(state.roundsForDevices == 2_047)
    let cheap = try PrivacyEvent.gaussian(noiseMultiplier: 10_000)
    #expect(state.filter.roundsLeft(of: cheap) > 2_047)
    #expect(state.roundsLeft(of: cheap) == 2_047)
    let dear = try PrivacyEvent.gaussian(noiseMultiplier: 4)
    #expect(state.filter.roundsLeft(of: dear) < 2_047)
    #expect(state.roundsLeft(of: dear) == state.filter.roundsLeft(of: dear))
  }

  @Test("replay of the file gives the state of the writer") func replay() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let replay = LedgerReplay(log: text.log)
    #expect(replay.state == text.state)
    #expect(replay.failure == nil && replay.tornByteCount == 0)
    #expect(replay.state?.byteCount == text.log.count)
    #expect(replay.root(ofSize: replay.lineCount) == text.state.root)
  }
}
