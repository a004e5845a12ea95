package import CanonicalJSON

extension PrivacyPolicy {
  private static let formatVersion: Int64 = 1
  /// Longest policy that is read, in bytes.
  package static let longestEncoding = 1 << 18

  /// The policy file: decimals as strings, spelled as they were read.
  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "format": .integer(Self.formatVersion),
      "federation": .string(federation),
      "mode": .string(mode),
      "unit": .string(unit.rawValue),
      "relation": .string(relation.rawValue),
      "epsilon_limit": .string(epsilonLimit.description),
      "delta": .string(delta.description),
      "filter": .string(filter),
      "minimum_cohort": .integer(Int64(minimumCohort)),
      "maximum_cohort": .integer(Int64(maximumCohort)),
      "target_cohort": .integer(Int64(targetCohort)),
      "model": .string(model),
      "hyperparameters": hyperparameters,
      "plan": .array(plan.map(\.json)),
      "round_deadline_seconds": .integer(Int64(roundDeadlineSeconds)),
      "retention_days": .integer(Int64(retentionDays)),
    ]
    if let masking {
      members["corrupt_fraction"] = .string(masking.corruptFraction.description)
      members["dropout_fraction"] = .string(masking.dropoutFraction.description)
    }
    if let correlatedNoise { members["correlated_noise"] = correlatedNoise.json }
    return .object(members)
  }

  /// The bytes that are hashed, signed and sent.
  package var canonicalBytes: [UInt8] { json.canonicalBytes }

  /// Reads a policy from bytes of outside.
  /// - Throws: ``PrivacyError/malformedPolicy(_:)`` if they are not JSON, or as ``init(json:)``.
  package init(decoding bytes: [UInt8]) throws(PrivacyError) {
    let json: JSONValue
    do {
      json = try JSONValue.parse(bytes, limit: Self.longestEncoding)
    } catch {
      throw .malformedPolicy(error.description)
    }
    try self.init(json: json)
  }

  /// - Throws: ``PrivacyError/unknownPolicyField(field:nearest:)``,
  ///   ``PrivacyError/missingPolicyField(field:accepted:)`` or
  ///   ``PrivacyError/invalidPolicyField(field:value:accepted:)``, each naming the field.
  package init(json: JSONValue) throws(PrivacyError) {
    let fields = try PolicyFields(
      json, path: "",
      known: [
        "format", "federation", "mode", "unit", "relation", "epsilon_limit", "delta", "filter",
        "minimum_cohort", "maximum_cohort", "target_cohort", "model", "hyperparameters", "plan",
        "round_deadline_seconds", "retention_days", "corrupt_fraction", "dropout_fraction",
        "correlated_noise",
      ])
    let version = try fields.integer("format")
    guard version == Int(Self.formatVersion) else {
      throw fields.invalid("format", "\(version)", accepted: "\(Self.formatVersion)")
    }
    var plan: [PlannedRound] = []
    for (index, round) in try fields.array("plan").enumerated() {
      plan.append(try PlannedRound(json: round, path: "plan[\(index)]"))
    }
    try self.init(
      federation: fields.string("federation"), mode: fields.string("mode"),
      masking: MaskingTolerance(fields), unit: fields.word("unit"),
      relation: fields.word("relation"),
      epsilonLimit: fields.decimal("epsilon_limit"), delta: fields.decimal("delta"),
      filter: fields.string("filter"), minimumCohort: fields.integer("minimum_cohort"),
      maximumCohort: fields.integer("maximum_cohort"),
      targetCohort: fields.integer("target_cohort"), model: fields.string("model"),
      hyperparameters: fields.value("hyperparameters", accepted: "an object"), plan: plan,
      correlatedNoise: fields.has("correlated_noise")
        ? CorrelatedNoise(
          json: fields.value("correlated_noise", accepted: "an object"), path: "correlated_noise")
        : nil,
      roundDeadlineSeconds: fields.integer("round_deadline_seconds"),
      retentionDays: fields.integer("retention_days"))
  }
}

extension PlannedRound {
  fileprivate var json: JSONValue {
    .object([
      "stage": .string(stage),
      "clip_norm": .string(clipNorm.description),
      "noise_multiplier": .string(noiseMultiplier.description),
    ])
  }

  fileprivate init(json: JSONValue, path: String) throws(PrivacyError) {
    let fields = try PolicyFields(
      json, path: path, known: ["stage", "clip_norm", "noise_multiplier"])
    try self.init(
      stage: fields.string("stage"), clipNorm: fields.decimal("clip_norm"),
      noiseMultiplier: fields.decimal("noise_multiplier"))
  }
}

extension MaskingTolerance {
  /// Nil when neither field is there.
  fileprivate init?(_ fields: PolicyFields) throws(PrivacyError) {
    guard fields.has("corrupt_fraction") || fields.has("dropout_fraction") else { return nil }
    try self.init(
      corruptFraction: fields.decimal("corrupt_fraction"),
      dropoutFraction: fields.decimal("dropout_fraction"))
  }
}
