import CanonicalJSON
import Cryptography
import Ledger
import Privacy

/// A small ledger world: one policy of two planned rounds, fixed keys, and the records of a round.
struct LedgerFixture {
  static let fractionBits = 20

  var policy: PrivacyPolicy
  let signingKey: SigningKey
  let ledgerID: LedgerID

  init(
    epsilonLimit: String = "8", noiseMultiplier: String = "4", seed: UInt8 = 7,
    mode: String = "sealed"
  ) throws {
    let tolerance = try MaskingTolerance(
      corruptFraction: ExactDecimal("0.1"), dropoutFraction: ExactDecimal("0.2"))
    policy = try PrivacyPolicy(
      federation: "test-shop", mode: mode, masking: mode == "sealed" ? nil : tolerance,
      epsilonLimit: ExactDecimal(epsilonLimit),
      delta: ExactDecimal("1e-5"), minimumCohort: 10, maximumCohort: 200, targetCohort: 100,
      model: "gram",
      plan: [
        PlannedRound(
          stage: "popularity", clipNorm: ExactDecimal("1"),
          noiseMultiplier: ExactDecimal(noiseMultiplier)),
        PlannedRound(
          stage: "gram", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("2.5")),
      ], roundDeadlineSeconds: 60, retentionDays: 365)
    var secret = [UInt8](repeating: seed, count: SigningKey.seedByteCount)
    signingKey = try SigningKey(seed: SecretBytes(wiping: &secret))
    ledgerID = try LedgerID(bytes: [UInt8](repeating: 0xAB, count: LedgerID.byteCount))
  }

  func genesis(policy: PrivacyPolicy? = nil, holdsEnrolmentKey: Bool = false) -> GenesisRecord {
    GenesisRecord(
      ledgerID: ledgerID, coordinatorKey: signingKey.verifyingKey, policy: policy ?? self.policy,
      softwareVersion: "tacit 0.1.0", createdAtSeconds: 1_790_000_000,
      enrolmentKeyHeldByCoordinator: holdsEnrolmentKey)
  }

  func genesisEntry() throws -> LedgerEntry {
    try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious, record: .genesis(genesis()))
  }

  func offer(_ state: LedgerState, round: UInt64? = nil) -> OfferRecord {
    OfferRecord(
      round: round ?? state.lastRound + 1, planIndex: state.nextPlanIndex,
      stage: state.policy.plan[state.nextPlanIndex].stage, mode: state.policy.mode,
      modelIn: SHA256Digest(hashing: [1]), catalogueHash: SHA256Digest(hashing: [2]),
      policyHash: state.genesis.policyHash, deadlineSeconds: 60)
  }

  func charge(_ state: LedgerState, rng: ChargeRecord.RandomSource = .system) throws -> ChargeRecord
  {
    let planned = state.policy.plan[state.nextPlanIndex]
    let scale = try planned.noiseMultiplier.scaled(toGrid: Self.fractionBits)
    let masked = try state.policy.mode == "sealed" ? nil : maskedTerms(state, scale: scale)
    return ChargeRecord(
      round: state.lastRound, noiseMultiplier: planned.noiseMultiplier, clipNorm: planned.clipNorm,
      scale: scale,
      sensitivity: 1 << UInt64(Self.fractionBits), fractionBits: Self.fractionBits, dimension: 50,
      mode: state.policy.mode, relation: state.policy.relation, unit: state.policy.unit,
      cohortMinimum: masked == nil ? state.policy.minimumCohort : 80, rng: rng, masked: masked)
  }

  /// A complete graph of 100 members: 10 may collude and 20 may drop out, so that 70 honest shares are left.
  func maskedTerms(_ state: LedgerState, scale: UInt64) throws -> MaskedTerms {
    let variance = MaskedTerms.Rational(scale * scale, over: 70)
    let addsNoise = state.policy.mode == "secagg-ddp"
    return MaskedTerms(
      cohortSize: 100, degree: 99, corruptFraction: try ExactDecimal("0.1"),
      dropoutFraction: try ExactDecimal("0.2"),
      noiseShares: addsNoise
        ? MaskedTerms.NoiseShares(honestShares: 70, variance: variance) : nil)
  }

  /// RELEASE of the round that `state` has just charged.
  func release(_ state: LedgerState) -> ReleaseRecord {
    ReleaseRecord(
      round: state.lastRound, chargeIndex: state.size - 1, modelOut: SHA256Digest(hashing: [3]),
      claims: state.claims)
  }

  func burned(_ state: LedgerState) -> BurnedRecord {
    BurnedRecord(round: state.lastRound, chargeIndex: state.size - 1)
  }

  func void(_ state: LedgerState) -> VoidRecord {
    VoidRecord(round: state.lastRound, reason: "quorum: 7 of 10")
  }
}

/// The files of a ledger, made without a writer.
struct LedgerText {
  let fixture: LedgerFixture
  private(set) var state: LedgerState
  private(set) var lines: [[UInt8]]

  init(_ fixture: LedgerFixture) throws {
    self.fixture = fixture
    let entry = try fixture.genesisEntry()
    state = try LedgerState(genesis: entry)
    lines = [entry.line]
  }

  /// Released, void and burned rounds: every kind of entry is there.
  static func sample(_ fixture: LedgerFixture) throws -> LedgerText {
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    try text.append(.charge(fixture.charge(text.state)))
    try text.append(.release(fixture.release(text.state)))
    try text.append(.offer(fixture.offer(text.state)))
    try text.append(.void(fixture.void(text.state)))
    try text.append(.offer(fixture.offer(text.state)))
    try text.append(.charge(fixture.charge(text.state)))
    try text.append(.burned(fixture.burned(text.state)))
    return text
  }

  mutating func append(_ record: LedgerRecord) throws {
    let (entry, next) = try state.appending(record)
    state = next
    lines.append(entry.line)
  }

  mutating func appendReleasedRound() throws {
    try append(.offer(fixture.offer(state)))
    try append(.charge(fixture.charge(state)))
    try append(.release(fixture.release(state)))
  }

  var log: [UInt8] { Array(lines.map { $0 + [UInt8(ascii: "\n")] }.joined()) }
  var head: [UInt8] { LedgerHead(of: state).bytes }

  func checkpoint() throws -> Checkpoint {
    try Checkpoint(signing: state, with: fixture.signingKey)
  }
}
