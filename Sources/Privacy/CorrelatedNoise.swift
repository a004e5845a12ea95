internal import CanonicalJSON

/// Planned rounds whose noise is correlated: consecutive rounds of one plan that are charged together,
/// as one release, before the first of them (ruling 20).
///
/// The strategy is part of the policy in integers, so that the coordinator, every client and every
/// auditor compute one sensitivity from it, without rounding.
package struct CorrelatedNoise: Sendable, Equatable {
  /// Plan index of the first round of the block.
  package let firstRound: Int
  /// 2^g C.
  package let strategy: IntegerToeplitzStrategy
  /// How often and how far apart one client may take part.
  package let rule: ParticipationRule
  /// The square of the sensitivity for contributions of norm 1: computed once, since a replay asks for
  /// it at every charge.
  private let unitSensitivitySquared: UInt128

  /// - Parameters:
  ///   - firstRound: 0 or more; the block is `rule.roundCount` rounds of the plan from there.
  ///   - strategy: the same for the whole block.
  ///   - rule: enforced by the coordinator and checked by every client.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)`` for coefficients so large that no
  ///   grid can be charged.
  package init(
    firstRound: Int, strategy: IntegerToeplitzStrategy, rule: ParticipationRule
  ) throws(PrivacyError) {
    unitSensitivitySquared = try strategy.sensitivitySquared(under: rule, contributionNorm: 1)
    self.firstRound = firstRound
    self.strategy = strategy
    self.rule = rule
  }

  /// The planned rounds of the block.
  package var planIndices: Range<Int> { firstRound..<firstRound + rule.roundCount }

  /// Whether the rule keeps a client from any round of the block.
  package var restrictsParticipation: Bool { rule.maximumParticipations < rule.roundCount }

  /// ℓ² sensitivity of the whole block in units of 2^-g grid steps, for clip norms of
  /// 2^`fractionBits` grid steps.
  /// - Throws: ``PrivacyError/sensitivityNotChargeable(_:)``.
  package func sensitivity(fractionBits: Int) throws(PrivacyError) -> UInt64 {
    let limit = PrivacyEvent.chargeableSensitivities.upperBound
    guard (0...31).contains(fractionBits),
      unitSensitivitySquared <= (UInt128(limit) * UInt128(limit)) >> UInt128(2 * fractionBits)
    else { throw .sensitivityNotChargeable(.max) }
    return IntegerToeplitzStrategy.rootRoundedUp(
      unitSensitivitySquared << UInt128(2 * fractionBits))
  }

  /// The largest grid, up to `fractionBits`, on which noise of `noiseMultiplier` can be charged: the
  /// block's sensitivity is finer than one round's by the strategy's own grid.
  package func chargeableFractionBits(
    upTo fractionBits: Int, noiseMultiplier: ExactDecimal
  ) -> Int {
    var bits = fractionBits
    while bits > 1, (try? event(noiseMultiplier: noiseMultiplier, fractionBits: bits)) == nil {
      // Whatever is too large on this grid is half as large on the next.
      bits -= 1
    }
    return bits
  }

  /// The parameter s of the noise in units of 2^-g grid steps: `noiseMultiplier` times the block's
  /// sensitivity, rounded up.
  /// - Throws: as ``sensitivity(fractionBits:)``, or ``PrivacyError/scaleNotChargeable(_:)``.
  package func noiseScale(
    noiseMultiplier: ExactDecimal, fractionBits: Int
  ) throws(PrivacyError) -> UInt64 {
    try noiseMultiplier.scaled(by: try sensitivity(fractionBits: fractionBits))
  }

  /// What the whole block is charged.
  /// - Throws: as ``noiseScale(noiseMultiplier:fractionBits:)`` and
  ///   ``PrivacyEvent/discreteGaussian(scale:sensitivity:)``.
  package func event(
    noiseMultiplier: ExactDecimal, fractionBits: Int
  ) throws(PrivacyError) -> PrivacyEvent {
    try .discreteGaussian(
      scale: try noiseScale(noiseMultiplier: noiseMultiplier, fractionBits: fractionBits),
      sensitivity: try sensitivity(fractionBits: fractionBits))
  }
}

extension CorrelatedNoise {
  private static let known = [
    "first_round", "rounds", "minimum_separation", "maximum_participations", "coefficients",
    "fraction_bits",
  ]

  var json: JSONValue {
    .object([
      "first_round": .integer(Int64(firstRound)),
      "rounds": .integer(Int64(rule.roundCount)),
      "minimum_separation": .integer(Int64(rule.minimumSeparation)),
      "maximum_participations": .integer(Int64(rule.maximumParticipations)),
      "coefficients": .array(strategy.coefficients.map { .integer($0) }),
      "fraction_bits": .integer(Int64(strategy.fractionBits)),
    ])
  }

  init(json: JSONValue, path: String) throws(PrivacyError) {
    let fields = try PolicyFields(json, path: path, known: Self.known)
    var coefficients: [Int64] = []
    for value in try fields.array("coefficients") {
      guard let coefficient = value.integerValue else {
        throw fields.invalid("coefficients", "of kind \(value.kindName)", accepted: "integers")
      }
      coefficients.append(coefficient)
    }
    do {
      try self.init(
        firstRound: fields.integer("first_round"),
        strategy: IntegerToeplitzStrategy(
          coefficients: coefficients, fractionBits: fields.integer("fraction_bits")),
        rule: ParticipationRule(
          roundCount: fields.integer("rounds"),
          minimumSeparation: fields.integer("minimum_separation"),
          maximumParticipations: fields.integer("maximum_participations")))
    } catch .invalidParameter(let name, let value, let accepted) {
      throw .invalidPolicyField(field: "\(path): \(name)", value: value, accepted: accepted)
    }
  }
}

/// The place of a round in a block of rounds with correlated noise.
package struct BlockPosition: Equatable, Hashable, Sendable {
  /// Number of the round that began the block.
  package let start: UInt64
  /// The round within the block, from 0: a row of the strategy's matrix.
  package let round: Int

  /// - Precondition: `round` is not negative.
  package init(start: UInt64, round: Int) {
    precondition(round >= 0, "rounds of a block are counted from 0")
    self.start = start
    self.round = round
  }
}
