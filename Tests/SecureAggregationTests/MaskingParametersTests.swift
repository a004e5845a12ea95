import Privacy
import Testing
import VectorMath

@testable import SecureAggregation

@Suite("Masking parameters")
struct MaskingParametersTests {
  static func policy(
    _ corrupt: String = "0.1", _ dropout: String = "0.1", from minimum: Int = 2,
    to maximum: Int = MaskingPolicy.largestCohort, allMembersSignUpTo: Int = 128
  ) throws -> MaskingPolicy {
    try MaskingPolicy(
      minimumCohort: minimum, maximumCohort: maximum, corruptFraction: ExactDecimal(corrupt),
      dropoutFraction: ExactDecimal(dropout), allMembersSignUpTo: allMembersSignUpTo)
  }

  /// A row of the table of secure aggregation §3.4 at s = 40 and s = 80.
  struct Row: CustomTestStringConvertible, Sendable {
    let cohort: Int
    let corruptPercent: Int
    let dropoutPercent: Int
    let at40: (degree: Int, threshold: Int)
    let at80: (degree: Int, threshold: Int)
    var testDescription: String { "n \(cohort), \(corruptPercent) %, \(dropoutPercent) %" }

    init(
      _ cohort: Int, _ corruptPercent: Int, _ dropoutPercent: Int, _ at40: (Int, Int),
      _ at80: (Int, Int)
    ) {
      self.cohort = cohort
      self.corruptPercent = corruptPercent
      self.dropoutPercent = dropoutPercent
      self.at40 = at40
      self.at80 = at80
    }
  }

  static let ringTable = [
    Row(200, 5, 5, (38, 25), (38, 25)), Row(200, 10, 10, (66, 44), (70, 46)),
    Row(200, 10, 20, (88, 55), (88, 55)), Row(200, 20, 10, (92, 66), (114, 78)),
    Row(200, 33, 10, (130, 98), (160, 114)),
    Row(500, 5, 5, (50, 35), (70, 48)), Row(500, 10, 10, (82, 57), (110, 78)),
    Row(500, 10, 20, (152, 97), (172, 112)), Row(500, 20, 10, (118, 88), (164, 122)),
    Row(500, 33, 10, (178, 139), (240, 188)),
    Row(1000, 5, 5, (58, 40), (78, 56)), Row(1000, 10, 10, (96, 67), (128, 92)),
    Row(1000, 10, 20, (194, 124), (230, 151)), Row(1000, 20, 10, (140, 104), (188, 143)),
    Row(1000, 33, 10, (218, 171), (288, 230)),
    Row(10_000, 5, 5, (68, 48), (94, 68)), Row(10_000, 10, 10, (122, 85), (156, 113)),
    Row(10_000, 20, 10, (184, 136), (242, 184)),
    // Ruling 29, and the smallest degree at n = 100 that ruling 33 names.
    Row(900, 10, 20, (0, 0), (224, 147)), Row(3613, 10, 10, (0, 0), (146, 106)),
    Row(100, 10, 10, (0, 0), (42, 0)),
  ]

  static func search(_ row: Row, privacyBits: Int) -> MaskingParameterSearch {
    MaskingParameterSearch(
      cohortSize: row.cohort, corruptBound: max(1, row.cohort * row.corruptPercent / 100),
      dropoutBound: row.cohort * row.dropoutPercent / 100, privacyBits: privacyBits)
  }

  @Test("degrees and thresholds on the ring are those of the specification", arguments: ringTable)
  func ring(row: Row) throws {
    for (bits, expected) in [(40, row.at40), (80, row.at80)] where expected.degree > 0 {
      let ring = try #require(
        Self.search(row, privacyBits: bits).smallestRing(degreeLimit: row.cohort - 1))
      #expect(ring.degree == expected.degree, "s = \(bits)")
      if expected.threshold > 0 { #expect(ring.threshold == expected.threshold, "s = \(bits)") }
    }
  }

  @Test("parameters of a round are those of the search, or the degree is refused")
  func roundParameters() throws {
    for row in Self.ringTable where (129...1024).contains(row.cohort) {
      let policy = try Self.policy(
        row.corruptPercent < 10 ? "0.05" : "0.\(row.corruptPercent)",
        row.dropoutPercent < 10 ? "0.05" : "0.\(row.dropoutPercent)")
      if row.at80.degree > MaskingParameters.largestDegree {
        #expect(throws: MaskingParameterError.noDegree(cohort: row.cohort, limit: 254)) {
          try MaskingParameters(cohortSize: row.cohort, policy: policy)
        }
      } else {
        let parameters = try MaskingParameters(cohortSize: row.cohort, policy: policy)
        #expect(parameters.graph == .harary)
        #expect(parameters.degree == row.at80.degree)
        #expect(parameters.shamirThreshold == row.at80.threshold)
        #expect(parameters.windowLength == row.at80.degree / 2)
      }
    }
  }

  @Test("10^4 members at 10 % and 20 % need a degree beyond GF(2^8)")
  func largeRingIsRefused() throws {
    let row = Row(10_000, 10, 20, (0, 0), (0, 0))
    #expect(Self.search(row, privacyBits: 40).smallestRing(degreeLimit: 254) == nil)
    #expect(Self.search(row, privacyBits: 40).smallestRing(degreeLimit: 300)?.degree == 280)
    #expect(Self.search(row, privacyBits: 40).smallestRing(degreeLimit: 300)?.threshold == 179)
    let third = Row(10_000, 33, 10, (0, 0), (0, 0))
    #expect(Self.search(third, privacyBits: 40).smallestRing(degreeLimit: 400)?.degree == 310)
    #expect(Self.search(third, privacyBits: 40).smallestRing(degreeLimit: 400)?.threshold == 242)
  }

  @Test("thresholds on the complete graph are those of the specification, with ruling 19")
  func complete() throws {
    let columns = [
      ("0.05", "0.05"), ("0.1", "0.1"), ("0.1", "0.2"), ("0.2", "0.1"), ("0.33", "0.1"),
    ]
    // The table of §3.4, but for n = 10 at 5 %: its t = 5 has c = 0, and ruling 19 sets c = 1.
    let expected = [
      10: [6, 6, 6, 6, 7], 50: [26, 28, 28, 30, 33], 100: [53, 55, 55, 60, 67],
    ]
    for (cohort, thresholds) in expected {
      for ((corrupt, dropout), threshold) in zip(columns, thresholds) {
        let parameters = try MaskingParameters(
          cohortSize: cohort, policy: Self.policy(corrupt, dropout))
        #expect(parameters.graph == .complete)
        #expect(parameters.degree == cohort - 1)
        #expect(parameters.shamirThreshold == threshold, "n \(cohort), \(corrupt), \(dropout)")
      }
    }
  }

  @Test("cohort bounds follow ruling 19")
  func cohortBounds() throws {
    let parameters = try MaskingParameters(cohortSize: 100, policy: Self.policy("0.1", "0.2"))
    #expect(parameters.corruptBound == 10)
    #expect(parameters.minimumSurvivors == 80)
    #expect(parameters.honestNoiseShares == 70)
    #expect(parameters.signatureThreshold == 56)
    #expect(parameters.committeeSize == nil)
    #expect(parameters.protocolFailureProbability == 0)
    // c is at least 1, n_s at least n_min, and fractions of members round in the safe direction.
    let small = try MaskingParameters(
      cohortSize: 9, policy: Self.policy("0.01", "0.3", from: 7))
    #expect(small.corruptBound == 1)
    #expect(small.minimumSurvivors == 7)
    #expect(small.honestNoiseShares == 6)
  }

  /// Ruling 30, 10 % corrupt and 10 % dropping.
  @Test(
    "committees are those of ruling 30",
    arguments: [(1000, 94, 70), (4096, 106, 79), (10_000, 110, 82)])
  func committees(cohort: Int, size: Int, threshold: Int) {
    let search = Self.search(Row(cohort, 10, 10, (0, 0), (0, 0)), privacyBits: 80)
    #expect(search.smallestCommittee() == .init(size: size, threshold: threshold))
  }

  @Test("a committee signs above the policy's size and above 1,024 always")
  func committeeRule() throws {
    let committee = try MaskingParameters(cohortSize: 1000, policy: Self.policy())
    #expect(committee.committeeSize == 94)
    #expect(committee.signatureThreshold == 70)
    #expect(committee.protocolFailureProbability == 1.5 * 0x1p-40)
    let everyone = try MaskingParameters(
      cohortSize: 1000, policy: Self.policy(allMembersSignUpTo: 1024))
    #expect(everyone.committeeSize == nil)
    #expect(everyone.signatureThreshold == 551)
    #expect(everyone.protocolFailureProbability == 0x1p-40)
    #expect(throws: MaskingParameterError.invalidPolicy) {
      try Self.policy(allMembersSignUpTo: 1025)
    }
    #expect(
      try MaskingParameters(cohortSize: 3613, policy: Self.policy(allMembersSignUpTo: 1024))
        .committeeSize != nil)
  }

  @Test("rounds that cannot protect anybody are refused")
  func refusals() throws {
    #expect(throws: MaskingParameterError.cohortOutOfRange(actual: 5, minimum: 6, maximum: 4096)) {
      try MaskingParameters(cohortSize: 5, policy: Self.policy(from: 6))
    }
    #expect(
      throws: MaskingParameterError.noHonestNoise(minimumSurvivors: 2, corruptBound: 3)
    ) {
      try MaskingParameters(cohortSize: 4, policy: Self.policy("0.9", "0.5"))
    }
    #expect(
      throws: MaskingParameterError.tooFewSigners(minimumSurvivors: 50, signatureThreshold: 56)
    ) {
      try MaskingParameters(cohortSize: 100, policy: Self.policy("0.1", "0.5"))
    }
    // Ruling 29: at 30 % only the complete graph completes.
    #expect(throws: Never.self) {
      try MaskingParameters(cohortSize: 128, policy: Self.policy("0.1", "0.3"))
    }
    #expect(throws: MaskingParameterError.noDegree(cohort: 900, limit: 254)) {
      try MaskingParameters(cohortSize: 900, policy: Self.policy("0.1", "0.3"))
    }
    for (corrupt, dropout) in [("1", "0.1"), ("0.1", "1"), ("3", "0")] {
      #expect(throws: MaskingParameterError.invalidPolicy) { try Self.policy(corrupt, dropout) }
    }
    #expect(throws: MaskingParameterError.invalidPolicy) { try Self.policy(to: 4097) }
    #expect(throws: MaskingParameterError.invalidPolicy) { try Self.policy(from: 1) }
  }

  @Test("degree 14 exists for comparison only and no policy's parameters equal it")
  func comparisonDegree() throws {
    let comparison = try MaskingPolicy.forComparison(
      cohort: 100, degree: 14, corruptFraction: ExactDecimal("0.1"),
      dropoutFraction: ExactDecimal("0.1"))
    let parameters = try MaskingParameters(cohortSize: 100, policy: comparison)
    #expect(parameters.degree == 14)
    let row = Row(100, 10, 10, (0, 0), (0, 0))
    #expect(Self.search(row, privacyBits: 80).smallestRing(degreeLimit: 40) == nil)
    #expect(try Self.policy(from: 50, to: 100) != comparison)
  }

  @Test("the largest share of noise of dead members is found over all cohorts")
  func worstHonestFraction() throws {
    let policy = try Self.policy("0.1", "0.2", from: 20, to: 100)
    let worst = try policy.worstHonestFractionInverse()
    let all = try (20...100).map {
      let parameters = try MaskingParameters(cohortSize: $0, policy: policy)
      return Double($0) / Double(parameters.honestNoiseShares)
    }
    let largest = try #require(all.max())
    #expect(worst >= largest && worst < largest * 1.000001)
    #expect(throws: Never.self) {
      try FixedPointEncoding.fractionBits(
        maximumCohort: 100, noiseMultiplier: 1, honestFractionInverse: worst)
    }
  }

  @Test("hypergeometric probabilities sum to one and match exact values")
  func hypergeometric() {
    let logFactorials = LogFactorials(limit: 5000)
    let distribution = HypergeometricDistribution(
      population: 4096, markedCount: 409, drawCount: 200, logFactorials: logFactorials)
    let total = distribution.support.reduce(0) { $0 + distribution.probability(of: $1) }
    #expect(abs(total - 1) < 1e-9)
    // C(5,2) C(45,8) / C(50,10) = 10 × 215553195 / 10272278170.
    let small = HypergeometricDistribution(
      population: 50, markedCount: 5, drawCount: 10, logFactorials: logFactorials)
    #expect(abs(small.probability(of: 2) - 2_155_531_950.0 / 10_272_278_170.0) < 1e-12)
    #expect(abs(small.probability(above: 1) + small.probability(below: 2) - 1) < 1e-12)
    #expect(small.upperQuantile(0) == 5)
    #expect(small.upperQuantile(1) == 0)
  }
}
