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

  /// - Parameter seed: of the noise; nil draws none (the "no noise" column of a comparison).
  package init(seed: UInt64?) {
    self.seed = seed
    generator = seed.map(SeededRandom.init(seed:))
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
    generator == nil ? 0 : Double(scale)
  }

  package mutating func finish(
    _ sum: consuming AggregateSum, scale: UInt64, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    guard var seeded = generator else { return Self.withoutNoise(sum) }
    defer { generator = seeded }
    return try sum.noised(scale: scale, block: &block, using: &seeded)
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
    generator.withLock { generator in
      NoiseShare.draw(
        dimension: dimension, scale: scale, parameters: parameters, using: &generator)
    }
  }
}
