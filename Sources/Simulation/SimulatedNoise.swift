package import Ledger
internal import Privacy
package import SecureAggregation
internal import Synchronization
internal import VectorMath
internal import WireProtocol

/// Noise of a simulation: repeatable from a seed, or none at all.
///
/// It protects nobody. CHARGE entries written with it say `seeded`, which an audit fails, and
/// neither daemon links this module.
package struct SimulatedNoise: AggregateNoise {
  private var generator: SeededRandom?
  private let seed: UInt64?
  private let deviationFactor: Double

  /// - Parameters:
  ///   - seed: of the noise; nil draws none (the "no noise" column of a comparison).
  ///   - deviationFactor: what the standard deviation of the coordinator's noise is multiplied by,
  ///     above 0: 1 for what is charged, another for the noise of a masked mode (``UnmaskedTwin``)
  ///     or of another number of customers (``ResampledCohort``). The product is rounded to whole
  ///     grid steps, 2^10 at the least.
  package init(seed: UInt64?, deviationFactor: Double = 1) {
    precondition(deviationFactor > 0 && deviationFactor.isFinite, "a factor is above 0 and finite")
    self.seed = seed
    self.deviationFactor = deviationFactor
    generator = seed.map(SeededRandom.init(seed:))
  }

  private func drawn(_ scale: UInt64) -> UInt64 {
    guard deviationFactor != 1 else { return scale }
    let scales = PrivacyEvent.chargeableScales
    let steps = (Double(scale) * deviationFactor).rounded()
    return UInt64(
      min(max(steps, Double(scales.lowerBound)), Double(scales.upperBound)))
  }

  /// The shares of client `index`, from 0, in mode `secagg-ddp`; nil where there is no noise.
  package func shares(ofClient index: Int) -> SimulatedNoiseShares? {
    seed.map { seed in
      // Not the sum itself: generators whose seeds differ by what a step adds give one stream, and
      // the shares of the clients would not be independent.
      var derived = SeededRandom(seed: seed &+ 0xD1B5_4A32_D192_ED03 &* UInt64(index + 1))
      return SimulatedNoiseShares(seed: derived.next())
    }
  }

  package var source: ChargeRecord.RandomSource { .seeded }

  package func standardDeviation(scale: UInt64) -> Double {
    generator == nil ? 0 : Double(drawn(scale))
  }

  package mutating func finish(
    _ sum: consuming AggregateSum, scale: UInt64, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    guard var seeded = generator else { return Self.withoutNoise(sum) }
    defer { generator = seeded }
    return try sum.noised(scale: drawn(scale), block: &block, using: &seeded)
  }

  /// The sum alone: noise from one seed is added, and the same noise taken off again. A sum has no
  /// other way out than with noise, in simulations too.
  private static func withoutNoise(_ sum: consuming AggregateSum) -> NoisedSum {
    let contributorCount = sum.contributorCount
    let empty = AggregateSum(dimension: sum.dimension, encoding: sum.encoding)
    let scale = PrivacyEvent.chargeableScales.lowerBound
    var first = SeededRandom(seed: 0)
    var second = SeededRandom(seed: 0)
    let noised = sum.noised(scale: scale, using: &first)
    let noise = empty.noised(scale: scale, using: &second)
    return NoisedSum(
      values: zip(noised.values, noise.values).map { $0 - $1 },
      contributorCount: contributorCount)
  }
}

/// Noise shares of a simulation, repeatable from a seed: one source for each simulated client.
///
/// They protect nobody, and CHARGE entries say `seeded`. A class, so that a client's shares differ
/// from round to round.
package final class SimulatedNoiseShares: NoiseShareSource {
  private let generator: Mutex<SeededRandom>

  /// - Parameter seed: of all shares of one client.
  package init(seed: UInt64) {
    generator = Mutex(SeededRandom(seed: seed))
  }

  package var source: ChargeRecord.RandomSource { .seeded }

  package func draw(
    dimension: Int, scale: UInt64, parameters: MaskingParameters
  ) -> NoiseShare {
    let distribution = Self.distribution(scale: scale, parameters: parameters)
    return generator.withLock { generator in
      NoiseShare.draw(dimension: dimension, from: distribution, using: &generator)
    }
  }

  private struct Terms: Hashable {
    let scale: UInt64
    let honestShares: Int
  }

  /// Distributions kept at once; one more, and all are made anew when they are asked for.
  private static let distributionLimit = 64
  private static let distributions = Mutex<[Terms: NoiseShare.Distribution]>([:])

  /// The tables of a round, which take longer to make than a small share to draw: the same for all simulated
  /// clients, and for every round of one policy and cohort, so that the process keeps them. They follow
  /// from their terms alone: who asks, and when, changes nothing.
  private static func distribution(
    scale: UInt64, parameters: MaskingParameters
  ) -> NoiseShare.Distribution {
    let terms = Terms(scale: scale, honestShares: parameters.honestNoiseShares)
    return distributions.withLock { known in
      if let distribution = known[terms] { return distribution }
      if known.count == distributionLimit { known = [:] }
      let distribution = NoiseShare.Distribution(scale: scale, parameters: parameters)
      known[terms] = distribution
      return distribution
    }
  }
}
