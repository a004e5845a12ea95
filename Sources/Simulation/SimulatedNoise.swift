package import Ledger
package import SecureAggregation
internal import VectorMath
internal import WireProtocol

/// Noise of a simulation: repeatable from a seed, or none at all.
///
/// It protects nobody. CHARGE entries written with it say `seeded`, which an audit fails, and
/// neither daemon links this module.
package struct SimulatedNoise: AggregateNoise {
  private var generator: SeededRandom?

  /// - Parameter seed: of the noise; nil draws none (the "no noise" column of a comparison).
  package init(seed: UInt64?) {
    generator = seed.map(SeededRandom.init(seed:))
  }

  package var source: ChargeRecord.RandomSource { .seeded }

  package func standardDeviation(scale: UInt64) -> Double {
    generator == nil ? 0 : Double(scale)
  }

  package mutating func finish(_ sum: consuming AggregateSum, scale: UInt64) -> NoisedSum {
    guard var seeded = generator else { return sum.withoutNoiseForSimulation() }
    defer { generator = seeded }
    return sum.noised(scale: scale, using: &seeded)
  }
}
