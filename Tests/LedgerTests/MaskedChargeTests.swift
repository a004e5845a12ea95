import CanonicalJSON
import Cryptography
import Ledger
import Privacy
import Testing

@Suite struct MaskedTermsTests {
  private func terms(
    _ size: Int, gamma: String, dropout: String, degree: Int? = nil
  ) throws -> MaskedTerms {
    MaskedTerms(
      cohortSize: size, degree: degree ?? size - 1, corruptFraction: try ExactDecimal(gamma),
      dropoutFraction: try ExactDecimal(dropout), noiseShares: nil)
  }

  @Test(
    "survivors and honest shares are those of ruling 19",
    arguments: [
      // n, gamma, delta_drop, n_min, c, n_s, N_h
      (100, "0.1", "0.3", 10, 10, 70, 60), (100, "0", "0", 10, 1, 100, 99),
      (10, "0.05", "0.2", 10, 1, 10, 9), (900, "0.1", "0.2", 450, 90, 720, 630),
      (7, "0.3", "0.3", 2, 2, 5, 3), (3, "0.1", "0.333333333333333333", 1, 1, 3, 2),
      (3, "0.1", "0.33333333333333334", 1, 1, 2, 1),
    ])
  func sizes(
    _ row: (n: Int, gamma: String, dropout: String, least: Int, c: Int, survivors: Int, honest: Int)
  ) throws {
    let terms = try terms(row.n, gamma: row.gamma, dropout: row.dropout)
    // 0.33333333333333334 x 3 is above 1 by 2e-17: exact integers see it, doubles would not.
    #expect(terms.corruptBound == row.c)
    #expect(terms.minimumSurvivors(minimumCohort: row.least) == row.survivors)
    #expect(terms.honestNoiseShares(minimumCohort: row.least) == row.honest)
  }

  @Test("a sparse graph costs (1 + e^epsilon) 1.5 x 2^-40, the complete one nothing")
  func protocolDelta() throws {
    let complete = try terms(20, gamma: "0.1", dropout: "0.1")
    #expect(try complete.protocolDelta(epsilonLimit: 8) == ExactDecimal("0"))
    let sparse = try terms(20, gamma: "0.1", dropout: "0.1", degree: 18)
    // 1.5 (1 + e^8) / 2^40 is 4.068112e-9, by Python.
    #expect(abs(sparse.protocolDelta(epsilonLimit: 8).doubleValue - 4.068112e-9) < 2e-14)
  }

  @Test("tau is far below its bound for shares of variance 16") func tau() {
    let shares = MaskedTerms.NoiseShares(
      honestShares: 10_000_000, variance: MaskedTerms.Rational(16, over: 1))
    #expect(shares.recomputedTau > 0 && shares.recomputedTau < 1e-55)
  }
}

/// Each field of a masked charge is recomputed, and a false one is refused by name.
@Suite struct MaskedChargeTests {
  /// Fields of a masked charge that can be changed one by one.
  struct Fields {
    var cohortMinimum = 80
    var protocolDelta = "0"
    var jointCoordinates = 0
    var scaleFactor: UInt64 = 1
    var cohortSize = 100
    var degree = 99
    var corruptFraction = "0.1"
    var dropoutFraction = "0.2"
    var honestShares = 70
    var variance: MaskedTerms.Rational?
    var tau = "1e-55"
    var hasShares = true
    var isMasked = true
  }

  struct Broken: Sendable, CustomTestStringConvertible {
    let field: String
    let change: @Sendable (inout Fields) -> Void
    var testDescription: String { field }
  }

  private func offered(_ mode: String) throws -> LedgerText {
    var text = try LedgerText(LedgerFixture(mode: mode))
    try text.append(.offer(text.fixture.offer(text.state)))
    return text
  }

  private func charge(_ state: LedgerState, _ fields: Fields) throws -> ChargeRecord {
    let planned = state.policy.plan[0]
    let scale = try planned.noiseMultiplier.scaled(toGrid: LedgerFixture.fractionBits)
    let variance = fields.variance ?? MaskedTerms.Rational(scale * scale, over: 70)
    let shares = MaskedTerms.NoiseShares(
      honestShares: fields.honestShares, variance: variance, tau: try ExactDecimal(fields.tau))
    let masked = MaskedTerms(
      cohortSize: fields.cohortSize, degree: fields.degree,
      corruptFraction: try ExactDecimal(fields.corruptFraction),
      dropoutFraction: try ExactDecimal(fields.dropoutFraction),
      noiseShares: fields.hasShares ? shares : nil)
    return ChargeRecord(
      round: state.lastRound, noiseMultiplier: planned.noiseMultiplier, clipNorm: planned.clipNorm,
      scale: scale * fields.scaleFactor, sensitivity: 1 << UInt64(LedgerFixture.fractionBits),
      fractionBits: LedgerFixture.fractionBits, dimension: 50,
      jointCoordinates: fields.jointCoordinates, mode: state.policy.mode,
      relation: state.policy.relation, unit: state.policy.unit,
      cohortMinimum: fields.cohortMinimum, rng: .system, protocolDelta: fields.protocolDelta,
      masked: fields.isMasked ? masked : nil)
  }

  static let broken: [Broken] = [
    .init(field: "masked") { $0.isMasked = false },
    .init(field: "cohort_size") { $0.cohortSize = 9 },
    .init(field: "cohort_size") { $0.cohortSize = 201 },
    .init(field: "degree") { $0.degree = 100 },
    .init(field: "degree") { $0.degree = 0 },
    .init(field: "protocol_delta") { $0.degree = 98 },
    .init(field: "protocol_delta") { $0.protocolDelta = "1e-9" },
    .init(field: "protocol_delta") { $0.protocolDelta = "small" },
    .init(field: "protocol_delta") {
      $0.degree = 40
      $0.protocolDelta = "1e-5"
    },
    .init(field: "corrupt_fraction") { $0.corruptFraction = "0.05" },
    .init(field: "dropout_fraction") { $0.dropoutFraction = "0.1" },
    .init(field: "cohort_minimum") { $0.cohortMinimum = 79 },
    .init(field: "cohort_minimum") { $0.cohortSize = 102 },
    .init(field: "honest_noise_shares") { $0.honestShares = 71 },
    .init(field: "share_variance") { $0.hasShares = false },
    .init(field: "share_variance") { $0.variance = MaskedTerms.Rational(15, over: 1) },
    .init(field: "share_variance") { $0.variance = MaskedTerms.Rational((1 << 44) - 1, over: 70) },
    .init(field: "share_variance") { $0.variance = MaskedTerms.Rational(.max, over: .max) },
    .init(field: "share_variance") { $0.scaleFactor = 2 },
    .init(field: "tau") { $0.tau = "1e-54" },
    .init(field: "tau") { $0.tau = "1e-3" },
    .init(field: "joint_coordinates") { $0.jointCoordinates = 50 },
  ]

  @Test("a false field of a masked charge is refused by name", arguments: broken)
  func refused(_ broken: Broken) throws {
    let text = try offered("secagg-ddp")
    #expect(try text.state.appending(.charge(charge(text.state, Fields()))).state.size == 3)
    var fields = Fields()
    broken.change(&fields)
    let error = #expect(throws: LedgerError.self) {
      try text.state.appending(.charge(charge(text.state, fields)))
    }
    switch error {
    case .mismatch(2, let field, _, _), .invalidField(2, let field, _):
      #expect(field == broken.field)
    default: Issue.record("\(String(describing: error))")
    }
  }

  @Test("in mode secagg the coordinator's noise needs no shares, and may not have them")
  func secagg() throws {
    let text = try offered("secagg")
    var fields = Fields()
    #expect(throws: LedgerError.self) {
      try text.state.appending(.charge(charge(text.state, fields)))
    }
    fields.hasShares = false
    #expect(try text.state.appending(.charge(charge(text.state, fields))).state.size == 3)
  }

  @Test("a sealed round has no masked terms") func sealed() throws {
    let text = try offered("sealed")
    var fields = Fields()
    #expect(
      throws: LedgerError.mismatch(
        entry: 2, field: "masked", expected: "absent", found: "present")
    ) { try text.state.appending(.charge(charge(text.state, fields))) }
    fields.isMasked = false
    let state = try text.state.appending(.charge(charge(text.state, fields))).state
    #expect(state.reservedDelta == 0)
  }

  @Test("the charge is that of sigma, however the noise is made") func sameCharge() throws {
    var spends: [MuSquared] = []
    for mode in ["sealed", "secagg", "secagg-ddp"] {
      var text = try LedgerText(LedgerFixture(mode: mode))
      try text.appendReleasedRound()
      try text.appendReleasedRound()
      spends.append(text.state.filter.spent)
      #expect(LedgerReplay(log: text.log).state == text.state)
    }
    #expect(spends[0] == spends[1])
    // A filter is rebuilt around the reserved delta: the spend is then rounded up to a double.
    #expect(spends[2] >= spends[1])
    #expect(spends[2].doubleValue - spends[1].doubleValue < 1e-15)
  }

  @Test("what a sparse graph may fail is kept off delta, round after round, and the limit shrinks")
  func reservedDelta() throws {
    var text = try offered("secagg-ddp")
    let whole = text.state.filter
    var fields = Fields()
    fields.degree = 40
    // 1.5 (1 + e^8) 2^-40 is 4.0681125e-9.
    fields.protocolDelta = "0.00000000406812"
    try text.append(.charge(charge(text.state, fields)))
    let first = text.state.filter
    #expect(abs(text.state.reservedDelta - 4.06812e-9) < 1e-15)
    #expect(first.delta < whole.delta && first.limit < whole.limit)
    #expect(abs(first.delta + text.state.reservedDelta - 1e-5) < 1e-15)
    try text.append(.release(text.fixture.release(text.state)))
    #expect(LedgerReplay(log: text.log).state == text.state)
    let spend = try #require(
      LedgerAudit.run(LedgerAudit.Evidence(log: text.log, head: text.head)).spend)
    #expect(abs(spend.delta - 1e-5) < 1e-15)
  }

  @Test("masked terms and joint coordinates survive the file", arguments: ["secagg", "secagg-ddp"])
  func roundTrip(mode: String) throws {
    let text = try offered(mode)
    var fields = Fields()
    fields.hasShares = mode == "secagg-ddp"
    fields.jointCoordinates = 3
    let entry = try text.state.appending(.charge(charge(text.state, fields))).entry
    #expect(try LedgerEntry(decoding: entry.line, at: 2) == entry)
    let line = String(decoding: entry.line, as: UTF8.self)
    #expect(line.contains(#""joint_coordinates":3"#))
    #expect(line.contains(#""share_variance":"17592186044416/70""#) == fields.hasShares)
  }

  @Test("absent is the one spelling of no joint coordinates") func zeroIsAbsent() throws {
    let text = try offered("sealed")
    let entry = try text.state.appending(.charge(text.fixture.charge(text.state))).entry
    let zero = String(decoding: entry.line, as: UTF8.self)
      .replacing(#""mechanism""#, with: #""joint_coordinates":0,"mechanism""#)
    #expect(throws: LedgerError.self) { try LedgerEntry(decoding: Array(zero.utf8), at: 2) }
  }
}
