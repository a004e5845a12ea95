import CanonicalJSON
import Testing

@testable import Privacy

@Suite struct PrivacyPolicyTests {
  private let text = """
    {
      "format": 1, "federation": "corner-shop", "mode": "sealed", "unit": "user",
      "relation": "zero-out", "epsilon_limit": "8", "delta": "1e-5", "filter": "gdp",
      "minimum_cohort": 100, "maximum_cohort": 5000, "target_cohort": 4000, "model": "gram",
      "hyperparameters": {"head": 300, "shrinkage": "0.25"},
      "plan": [
        {"stage": "popularity", "clip_norm": "1", "noise_multiplier": "1.8981"},
        {"stage": "gram", "clip_norm": "1.0", "noise_multiplier": "0.632697"}
      ],
      "round_deadline_seconds": 120, "retention_days": 365
    }
    """

  private func policy(
    replacing old: String = "", with new: String = ""
  ) throws(PrivacyError) -> PrivacyPolicy {
    let edited = old.isEmpty ? text : text.replacing(old, with: new)
    precondition(old.isEmpty || edited != text, "the test edits something")
    return try PrivacyPolicy(decoding: Array(edited.utf8))
  }

  @Test("a policy survives writing and reading, with its spelling and its bytes")
  func roundTrip() throws {
    let policy = try policy()
    #expect(policy.delta.description == "1e-5")
    #expect(policy.plan[1].clipNorm.description == "1.0")
    #expect(policy.hyperparameters["head"]?.integerValue == 300)
    let parsed = try JSONValue.parse(Array(text.utf8))
    #expect(policy.canonicalBytes == parsed.canonicalBytes)
    #expect(try PrivacyPolicy(decoding: policy.canonicalBytes) == policy)
    #expect(try PrivacyPolicy(json: policy.json) == policy)
  }

  private static let tolerance =
    "\"secagg-ddp\", \"corrupt_fraction\": \"0.1\", \"dropout_fraction\": \"0.20\""

  @Test(
    "a masked mode says what it tolerates, and sealed does not",
    arguments: ["secagg", "secagg-ddp"])
  func masking(mode: String) throws {
    let tolerance = Self.tolerance.replacing("secagg-ddp", with: mode)
    let masked = try policy(replacing: "\"sealed\"", with: tolerance)
    #expect(masked.mode == mode)
    #expect(masked.masking?.corruptFraction.description == "0.1")
    #expect(masked.masking?.dropoutFraction.description == "0.20")
    #expect(try PrivacyPolicy(decoding: masked.canonicalBytes) == masked)
    #expect(try policy().masking == nil)
    #expect(throws: PrivacyError.self) {
      try policy(replacing: "\"sealed\"", with: "\"\(mode)\"")
    }
    #expect(throws: PrivacyError.self) {
      try policy(replacing: "\"sealed\"", with: tolerance.replacing(mode, with: "sealed"))
    }
    for (field, value) in [("0.1", "0.34"), ("0.1", "-0.1"), ("0.20", "0.46")] {
      #expect(throws: PrivacyError.self) {
        try policy(replacing: "\"sealed\"", with: tolerance.replacing(field, with: value))
      }
    }
    #expect(
      throws: PrivacyError.missingPolicyField(
        field: "dropout_fraction", accepted: "a decimal number in quotes, such as \"0.635\"")
    ) {
      try policy(
        replacing: "\"sealed\"", with: "\"\(mode)\", \"corrupt_fraction\": \"0.1\"")
    }
  }

  @Test("an unknown key is refused with the nearest known one, at either level")
  func unknownKeys() {
    #expect(
      throws: PrivacyError.unknownPolicyField(field: "epsilon", nearest: "epsilon_limit")
    ) { try policy(replacing: "epsilon_limit", with: "epsilon") }
    #expect(
      throws: PrivacyError.unknownPolicyField(field: "minimum_cohorts", nearest: "minimum_cohort")
    ) { try policy(replacing: "minimum_cohort", with: "minimum_cohorts") }
    #expect(
      throws: PrivacyError.unknownPolicyField(
        field: "plan[0].noise_multiplyer", nearest: "plan[0].noise_multiplier")
    ) {
      try policy(
        replacing: "noise_multiplier\": \"1.8981", with: "noise_multiplyer\": \"1.8981")
    }
  }

  @Test("a missing field is named")
  func missing() {
    #expect(
      throws: PrivacyError.missingPolicyField(field: "retention_days", accepted: "an integer")
    ) { try policy(replacing: ", \"retention_days\": 365", with: "") }
    #expect(
      throws: PrivacyError.missingPolicyField(field: "plan[1].stage", accepted: "a string")
    ) { try policy(replacing: "\"stage\": \"gram\", ", with: "") }
  }

  @Test(
    "a field out of range is refused with its name, its value and what is accepted",
    arguments: [
      ("\"8\"", "\"0\"", "epsilon_limit", "\"0\"", "0.001 to 100.0"),
      ("\"8\"", "\"101\"", "epsilon_limit", "\"101\"", "0.001 to 100.0"),
      (
        "\"8\"", "8", "epsilon_limit", "of kind number",
        "a decimal number in quotes, such as \"0.635\""
      ),
      (
        "\"8\"", "\"-8\"", "epsilon_limit", "\"-8\"",
        "a decimal number in quotes, such as \"0.635\""
      ),
      ("1e-5", "0.5", "delta", "\"0.5\"", "1e-30 to 0.01"),
      ("\"sealed\"", "\"open\"", "mode", "\"open\"", "\"sealed\", \"secagg\", \"secagg-ddp\""),
      ("\"gdp\"", "\"rdp\"", "filter", "\"rdp\"", "\"gdp\""),
      ("zero-out", "add-remove", "relation", "\"add-remove\"", "\"zero-out\""),
      ("\"user\"", "\"item\"", "unit", "\"item\"", "\"user\""),
      ("\"format\": 1", "\"format\": 2", "format", "2", "1"),
      (": 100,", ": 0,", "minimum_cohort", "0", "1 to 10000000"),
      (": 5000", ": 50", "maximum_cohort", "50", "100 to 10000000"),
      (": 4000", ": 6000", "target_cohort", "6000", "100 to 5000"),
      (": 4000", ": \"x\"", "target_cohort", "of kind string", "an integer"),
      ("\"1.8981\"", "\"0\"", "plan[0].noise_multiplier", "\"0\"", "0.001 to 1000000.0"),
      ("\"1.0\"", "\"1e7\"", "plan[1].clip_norm", "\"1e7\"", "1e-06 to 1000000.0"),
      (": 120", ": 0", "round_deadline_seconds", "0", "1 to 86400"),
      (": 365", ": 36500", "retention_days", "36500", "1 to 3650"),
      ("\"0.25\"", "0.25", "hyperparameters.shrinkage", "of kind number", "a string or an integer"),
      (
        "corner-shop", "corner shop", "federation", "\"corner shop\"",
        "1 to 64 printable ASCII characters without spaces or quotes"
      ),
    ] as [(String, String, String, String, String)])
  func outOfRange(old: String, new: String, field: String, value: String, accepted: String) {
    #expect(
      throws: PrivacyError.invalidPolicyField(field: field, value: value, accepted: accepted)
    ) { try policy(replacing: old, with: new) }
  }

  @Test("an empty plan, a policy that is no object and bytes that are no JSON are refused")
  func structure() throws {
    var json = try #require(try JSONValue.parse(Array(text.utf8)).objectValue)
    json["plan"] = .array([])
    #expect(
      throws: PrivacyError.invalidPolicyField(
        field: "plan", value: "0 rounds", accepted: "1 to 4096 rounds")
    ) { try PrivacyPolicy(json: .object(json)) }
    #expect(
      throws: PrivacyError.invalidPolicyField(
        field: "policy", value: "of kind array", accepted: "an object")
    ) { try PrivacyPolicy(json: .array([])) }
    #expect(
      throws: PrivacyError.malformedPolicy("JSON ends too early, at byte 1")
    ) { try PrivacyPolicy(decoding: Array("{".utf8)) }
    json["plan"] = .array([.integer(1)])
    #expect(
      throws: PrivacyError.invalidPolicyField(
        field: "plan[0]", value: "of kind number", accepted: "an object")
    ) { try PrivacyPolicy(json: .object(json)) }
  }

  @Test("the planned epsilon is that of the exact charges, and the plan of this policy fits")
  func plannedEpsilon() throws {
    let policy = try policy()
    let planned = try policy.plannedEpsilon(fractionBits: 19)
    #expect(planned <= 8 && planned > 7.999)
    var filter = policy.makeFilter()
    for index in policy.plan.indices {
      try filter.charge(policy.event(ofPlanned: index, fractionBits: 19))
    }
    #expect(filter.epsilonSpent == planned)
    #expect(policy.check(fractionBits: [19, 19]).isEmpty)
  }

  @Test("a plan over the limit is refused with how many of its rounds would have fitted")
  func planDoesNotFit() throws {
    let policy = try policy(replacing: "0.632697", with: "0.63")
    let error = #expect(throws: PrivacyError.self) {
      try policy.requirePlanFits(fractionBits: [19, 19])
    }
    guard case .budgetExhausted(let shortfall) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(shortfall.roundsThatFit == 1)
    #expect(shortfall.limitEpsilon == 8 && shortfall.neededEpsilon > 8)
    #expect(shortfall.spentEpsilon > 0 && shortfall.spentEpsilon < 3)
    #expect(policy.check(fractionBits: [19, 19]).count == 1)
  }

  @Test("noise too fine for the grid and a delta that publishes customers are problems")
  func check() throws {
    let policy = try policy(replacing: "1e-5", with: "0.001")
    let problems = policy.check(fractionBits: [8, 8])
    #expect(problems.count == 2)
    #expect(problems.first?.contains("486 grid steps") == true)
    #expect(problems.last?.contains("delta 0.001 is not below 1 / target_cohort") == true)
  }

  // MARK: - Correlated noise

  private func correlated(
    mode: String = "sealed", firstRound: Int = 1, rounds: Int = 3,
    coefficients: [Int64] = [8, 4, 3]
  ) throws -> PrivacyPolicy {
    let step = try PlannedRound(
      stage: "step", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("1.5"))
    return try PrivacyPolicy(
      federation: "shop", mode: mode,
      masking: mode == "sealed"
        ? nil
        : MaskingTolerance(
          corruptFraction: ExactDecimal("0.1"), dropoutFraction: ExactDecimal("0.1")),
      epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-5"), minimumCohort: 10,
      maximumCohort: 100, targetCohort: 50, model: "mf", plan: [step, step, step, step],
      correlatedNoise: CorrelatedNoise(
        firstRound: firstRound,
        strategy: IntegerToeplitzStrategy(coefficients: coefficients, fractionBits: 3),
        rule: ParticipationRule(roundCount: rounds, minimumSeparation: 2)),
      roundDeadlineSeconds: 60, retentionDays: 30)
  }

  @Test("a block of correlated noise is read back as written, and counts once in the plan")
  func correlatedNoise() throws {
    let policy = try correlated()
    #expect(try PrivacyPolicy(decoding: policy.canonicalBytes) == policy)
    #expect(policy.correlatedNoise(ofPlanned: 0) == nil)
    #expect(policy.correlatedNoise(ofPlanned: 3) != nil)
    var filter = policy.makeFilter()
    for index in [0, 1] { try filter.charge(policy.event(ofPlanned: index, fractionBits: 19)) }
    #expect(try policy.plannedEpsilon(fractionBits: 19) == filter.epsilonSpent)
    // The column of two participations, two rounds apart, cut at the last round: 8, 4, 3 + 8.
    let square = 64 + 16 + 121
    let sensitivity = (Double(square).squareRoot() * 0x1p19).rounded(.up)
    #expect(try policy.sensitivity(ofPlanned: 2, fractionBits: 19) == UInt64(sensitivity))
  }

  @Test("a block that no ledger could hold a charge to is refused by its field")
  func badCorrelatedNoise() throws {
    func refused(_ field: String, _ make: () throws -> PrivacyPolicy) {
      do {
        _ = try make()
        Issue.record("\(field) was accepted")
      } catch PrivacyError.invalidPolicyField(let named, _, _) {
        #expect(named.hasPrefix(field), "\(named)")
      } catch {
        Issue.record(error)
      }
    }
    refused("correlated_noise") { try correlated(mode: "secagg-ddp") }
    refused("correlated_noise.first_round") { try correlated(firstRound: 4) }
    refused("correlated_noise.rounds") { try correlated(firstRound: 2) }
    refused("correlated_noise.coefficients") { try correlated(coefficients: [8, 4, 3, 2]) }
    var json = try #require(try correlated().json.objectValue)
    var block = try #require(json["correlated_noise"]?.objectValue)
    for (field, value) in [
      ("coefficients", JSONValue.array([.string("8")])), ("coefficients", .array([.integer(-1)])),
      ("fraction_bits", .integer(31)), ("minimum_separation", .integer(0)),
      ("maximum_participations", .integer(0)), ("colour", .integer(1)),
    ] {
      let kept = block
      block[field] = value
      json["correlated_noise"] = .object(block)
      #expect(throws: PrivacyError.self, "\(field)") { try PrivacyPolicy(json: .object(json)) }
      block = kept
    }
    let other = try PlannedRound(
      stage: "step", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("2"))
    let base = try correlated()
    refused("plan[3]") {
      try PrivacyPolicy(
        federation: "shop", epsilonLimit: base.epsilonLimit, delta: base.delta, minimumCohort: 10,
        maximumCohort: 100, targetCohort: 50, model: "mf",
        plan: Array(base.plan.dropLast()) + [other],
        correlatedNoise: base.correlatedNoise, roundDeadlineSeconds: 60, retentionDays: 30)
    }
  }
}
