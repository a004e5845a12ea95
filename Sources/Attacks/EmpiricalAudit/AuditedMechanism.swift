internal import Cryptography
internal import Federation
package import Privacy
package import SecureAggregation
package import VectorMath
package import WireProtocol

/// What one round releases for given updates: the thing that an empirical audit looks at from outside.
package protocol AuditedMechanism {
  /// - Parameter updates: one a client, each of `dimension` values, of any norm: clipping is the
  ///   mechanism's part.
  /// - Returns: `dimension` values, in units of the clip norm.
  mutating func release(_ updates: [[Float]], dimension: Int) throws -> [Double]
}

/// What is audited: one planned round, and what it is charged.
package struct AuditedRound: Equatable, Sendable {
  package let stage: String
  package let encoding: FixedPointEncoding
  /// Parameter s of the noise, in grid steps.
  package let scale: UInt64
  /// The charge: the round is mu-GDP.
  package let mu: Double
  /// Delta at which figures are stated.
  package let delta: Double

  /// The claim at `delta`.
  package var epsilon: Double { GaussianAccountant.epsilon(mu: mu, delta: delta) }

  /// Each planned round of a policy.
  /// - Throws: `AttackError.unsuitablePolicy` for one with correlated noise.
  package static func rounds(of policy: PrivacyPolicy) throws -> [AuditedRound] {
    guard policy.correlatedNoise == nil else {
      throw AttackError.unsuitablePolicy(
        "rounds of correlated noise are charged by blocks, which this audit does not run")
    }
    let bits = try FederationIdentity.fractionBits(of: policy)
    return try zip(policy.plan.indices, bits).map { index, bits in
      let planned = policy.plan[index]
      let event = try policy.event(ofPlanned: index, fractionBits: bits)
      return AuditedRound(
        stage: planned.stage,
        encoding: try FixedPointEncoding(
          fractionBits: bits, clipNorm: planned.clipNorm.doubleValue),
        scale: try planned.noiseMultiplier.scaled(toGrid: bits), mu: event.mu,
        delta: policy.delta.doubleValue)
    }
  }
}

/// A round with the coordinator's noise: the very `AggregateSum` and `AggregateNoise` of modes
/// `sealed` and `secagg`.
package struct CentralMechanism<Noise: AggregateNoise>: AuditedMechanism {
  private let round: AuditedRound
  private var noise: Noise

  package init(_ round: AuditedRound, noise: Noise) {
    self.round = round
    self.noise = noise
  }

  package mutating func release(_ updates: [[Float]], dimension: Int) throws -> [Double] {
    var sum = AggregateSum(dimension: dimension, encoding: round.encoding)
    for update in updates { try sum.add(update) }
    let unit = round.encoding.clipNorm
    var block: CorrelatedAggregation?
    return try noise.finish(sum, scale: round.scale, block: &block).values.map { $0 / unit }
  }
}

/// A round of mode `secagg-ddp` at its weakest: as many members as may be lost are, and all that
/// may collude subtract their noise, so that the N_h honest shares are left.
package struct ShareMechanism: AuditedMechanism {
  private let round: AuditedRound
  private let shareCount: Int
  private let share: DiscreteGaussian

  /// - Parameter parameters: of the roster.
  package init(_ round: AuditedRound, parameters: MaskingParameters) throws {
    self.round = round
    shareCount = parameters.honestNoiseShares
    share = try DiscreteGaussian(
      varianceNumerator: round.scale * round.scale,
      varianceDenominator: UInt64(parameters.honestNoiseShares))
  }

  package mutating func release(_ updates: [[Float]], dimension: Int) throws -> [Double] {
    var sum = [UInt32](repeating: 0, count: dimension)
    for update in updates {
      FixedPointEncoding.accumulate(try round.encoding.encode(update), into: &sum)
    }
    var generator = try SecureRandom()
    for _ in 0..<shareCount { share.addNoise(to: &sum, using: &generator) }
    let unit = round.encoding.clipNorm
    return round.encoding.decode(sum).map { $0 / unit }
  }
}
