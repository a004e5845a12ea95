internal import CanonicalJSON

extension PrivacyPolicy {
  package static let acceptedEpsilon: ClosedRange<Double> = 0.001...100
  package static let acceptedDelta: ClosedRange<Double> = 1e-30...0.01
  package static let acceptedCohort = 1...10_000_000
  package static let acceptedRounds = 1...4_096
  package static let acceptedClipNorm: ClosedRange<Double> = 1e-6...1e6
  package static let acceptedNoiseMultiplier: ClosedRange<Double> = 0.001...1e6
  package static let acceptedCorruptFraction: ClosedRange<Double> = 0...0.33
  package static let acceptedDropoutFraction: ClosedRange<Double> = 0...0.45
  package static let maskedModes = ["secagg", "secagg-ddp"]
  package static let modes = ["sealed"] + maskedModes
  package static let acceptedDeadlineSeconds = 1...86_400
  package static let acceptedRetentionDays = 1...3_650
  private static let longestName = 64

  /// Ranges that a field must lie in by itself; ``check(fractionBits:)`` holds what depends on
  /// several.
  func requireAcceptedRanges() throws(PrivacyError) {
    try requireName("federation", federation)
    try Self.require(
      "mode", Self.modes.contains(mode), quoted(mode),
      Self.modes.map(quoted).joined(separator: ", "))
    try requireMasking()
    try Self.require("filter", filter == "gdp", quoted(filter), "\"gdp\"")
    // A charge holds the sensitivity C and the protocol fixes who takes part: zero-out, no other.
    try Self.require(
      "relation", NeighbouringRelation.enforceable.contains(relation), quoted(relation.rawValue),
      NeighbouringRelation.enforceable.map { quoted($0.rawValue) }.joined(separator: " or "))
    try requireName("model", model)
    try require("epsilon_limit", epsilonLimit, in: Self.acceptedEpsilon)
    try require("delta", delta, in: Self.acceptedDelta)
    try require("minimum_cohort", minimumCohort, in: Self.acceptedCohort)
    try require("maximum_cohort", maximumCohort, in: minimumCohort...Self.acceptedCohort.upperBound)
    try require("target_cohort", targetCohort, in: minimumCohort...maximumCohort)
    try requireHyperparameters()
    try require("plan", plan.count, in: Self.acceptedRounds, unit: " rounds")
    for (index, round) in plan.enumerated() {
      try requireName("plan[\(index)].stage", round.stage)
      try require("plan[\(index)].clip_norm", round.clipNorm, in: Self.acceptedClipNorm)
      try require(
        "plan[\(index)].noise_multiplier", round.noiseMultiplier, in: Self.acceptedNoiseMultiplier)
    }
    try requireCorrelatedNoise()
    try require("round_deadline_seconds", roundDeadlineSeconds, in: Self.acceptedDeadlineSeconds)
    try require("retention_days", retentionDays, in: Self.acceptedRetentionDays)
  }

  private func requireMasking() throws(PrivacyError) {
    guard Self.maskedModes.contains(mode) else {
      return try Self.require(
        "corrupt_fraction", masking == nil, "given",
        "absent, with dropout_fraction, in mode \(quoted(mode))")
    }
    guard let masking else {
      throw .missingPolicyField(
        field: "corrupt_fraction",
        accepted: "a decimal such as \"0.1\", and dropout_fraction, in mode \(quoted(mode))")
    }
    try require("corrupt_fraction", masking.corruptFraction, in: Self.acceptedCorruptFraction)
    try require("dropout_fraction", masking.dropoutFraction, in: Self.acceptedDropoutFraction)
  }

  private func requireCorrelatedNoise() throws(PrivacyError) {
    guard let block = correlatedNoise else { return }
    try Self.require(
      "correlated_noise", mode != "secagg-ddp", "given",
      "absent in mode \"secagg-ddp\", where clients draw the noise of one round only")
    try require("correlated_noise.first_round", block.firstRound, in: 0...plan.count - 1)
    try require(
      "correlated_noise.rounds", block.rule.roundCount, in: 1...plan.count - block.firstRound)
    try require(
      "correlated_noise.coefficients", block.strategy.coefficients.count,
      in: 1...block.rule.roundCount, unit: " coefficients")
    let first = plan[block.firstRound]
    for index in block.planIndices {
      try Self.require(
        "plan[\(index)]",
        plan[index].clipNorm == first.clipNorm
          && plan[index].noiseMultiplier == first.noiseMultiplier,
        "different from plan[\(block.firstRound)]",
        "one clip norm and one noise multiplier in a block of correlated noise")
    }
  }

  private func requireHyperparameters() throws(PrivacyError) {
    // In order, so that the same file always gives the same error.
    let members = (hyperparameters.objectValue ?? [:]).sorted { $0.key < $1.key }
    for (key, value) in members {
      try Self.require(
        "hyperparameters.\(key)", value.stringValue != nil || value.integerValue != nil,
        "of kind \(value.kindName)", "a string or an integer")
    }
    try Self.require(
      "hyperparameters", hyperparameters.objectValue != nil,
      "of kind \(hyperparameters.kindName)", "an object of strings and integers")
  }

  private func requireName(_ field: String, _ value: String) throws(PrivacyError) {
    let isName =
      (1...Self.longestName).contains(value.utf8.count)
      && value.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") }
    try Self.require(
      field, isName, quoted(String(value.prefix(Self.longestName))),
      "1 to \(Self.longestName) printable ASCII characters without spaces or quotes")
  }

  static func require(
    _ field: String, _ value: Double, in accepted: ClosedRange<Double>
  ) throws(PrivacyError) {
    try require(
      field, accepted.contains(value), "\(value)",
      "\(accepted.lowerBound) to \(accepted.upperBound)"
    )
  }

  private func require(
    _ field: String, _ value: ExactDecimal, in accepted: ClosedRange<Double>
  ) throws(PrivacyError) {
    try Self.require(
      field, accepted.contains(value.doubleValue), quoted(value.description),
      "\(accepted.lowerBound) to \(accepted.upperBound)")
  }

  private func require(
    _ field: String, _ value: Int, in accepted: ClosedRange<Int>, unit: String = ""
  ) throws(PrivacyError) {
    try Self.require(
      field, accepted.contains(value), "\(value)\(unit)",
      "\(accepted.lowerBound) to \(accepted.upperBound)\(unit)")
  }

  private static func require(
    _ field: String, _ isAccepted: Bool, _ value: String, _ accepted: String
  ) throws(PrivacyError) {
    guard isAccepted else {
      throw .invalidPolicyField(field: field, value: value, accepted: accepted)
    }
  }

  private func quoted(_ text: String) -> String { "\"\(text)\"" }
}
