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

  @Test("a sparse graph costs (1 + e^epsilon) 2^-40, the complete one nothing")
  func protocolDelta() throws {
    let complete = try terms(20, gamma: "0.1", dropout: "0.1")
    #expect(try complete.protocolDelta(epsilonLimit: 8) == ExactDecimal("0"))
    let sparse = try terms(20, gamma: "0.1", dropout: "0.1", degree: 18)
    // (1 + e^8) / 2^40 = 2.712067...e-9, by hand.
    #expect(abs(sparse.protocolDelta(epsilonLimit: 8).doubleValue - 2.71206e-9) < 1e-13)
  }

  @Test("tau is far below its bound for shares of variance 16") func tau() {
    let shares = MaskedTerms.NoiseShares(
      honestShares: 10_000_000, variance: MaskedTerms.Rational(16, over: 1))
    #expect(shares.recomputedTau > 0 && shares.recomputedTau < 1e-55)
  }
}

/// A CHARGE of a masked round, read from a ledger whose policy names mode `sealed`: the only mode a policy has so far,
/// so that each refusal is shown on the record and the terms, and `LedgerState` refuses masked terms as a whole.
@Suite struct MaskedChargeTests {
  private func charge(_ state: LedgerState, masked: MaskedTerms?) throws -> ChargeRecord {
    let good = try LedgerFixture().charge(state)
    return ChargeRecord(
      round: good.round, noiseMultiplier: good.noiseMultiplier, clipNorm: good.clipNorm,
      scale: good.scale, sensitivity: good.sensitivity, fractionBits: good.fractionBits,
      dimension: good.dimension, jointCoordinates: 3, mode: good.mode, relation: good.relation,
      unit: good.unit, cohortMinimum: good.cohortMinimum, rng: good.rng, masked: masked)
  }

  private func masked(shares: Bool) throws -> MaskedTerms {
    MaskedTerms(
      cohortSize: 100, degree: 99, corruptFraction: try ExactDecimal("0.1"),
      dropoutFraction: try ExactDecimal("0.2"),
      noiseShares: shares
        ? MaskedTerms.NoiseShares(
          honestShares: 70, variance: MaskedTerms.Rational(1 << 44, over: 70)) : nil)
  }

  @Test("masked terms and joint coordinates survive the file", arguments: [true, false])
  func roundTrip(shares: Bool) throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    let record = LedgerRecord.charge(
      try charge(text.state, masked: try masked(shares: shares)))
    let entry = try LedgerEntry(index: 2, previous: text.state.lastHash, record: record)
    let read = try LedgerEntry(decoding: entry.line, at: 2)
    #expect(read == entry)
    let line = String(decoding: entry.line, as: UTF8.self)
    #expect(line.contains(#""joint_coordinates":3"#))
    #expect(line.contains(#""share_variance":"17592186044416/70""#) == shares)
  }

  @Test("a sealed round has no masked terms") func sealedIsNotMasked() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    #expect(
      throws: LedgerError.mismatch(
        entry: 2, field: "masked", expected: "absent", found: "present")
    ) { try text.append(.charge(charge(text.state, masked: masked(shares: true)))) }
    try text.append(.charge(charge(text.state, masked: nil)))
    #expect(text.state.reservedDelta == 0)
  }

  @Test("absent is the one spelling of no joint coordinates") func zeroIsAbsent() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    try text.append(.offer(fixture.offer(text.state)))
    let line = try LedgerEntry(
      index: 2, previous: text.state.lastHash, record: .charge(fixture.charge(text.state))
    ).line
    let zero = String(decoding: line, as: UTF8.self)
      .replacing(#""mechanism""#, with: #""joint_coordinates":0,"mechanism""#)
    #expect(throws: LedgerError.self) { try LedgerEntry(decoding: Array(zero.utf8), at: 2) }
  }
}
