import Ledger
import SecureAggregation
import VectorMath
import WireProtocol

/// Noise that depends on a seed alone, so that two releases differ by exactly their sums.
struct FixedSeedNoise: AggregateNoise {
  private var generator: SeededRandom

  init(seed: UInt64) { generator = SeededRandom(seed: seed) }

  var source: ChargeRecord.RandomSource { .seeded }

  func standardDeviation(scale: UInt64) -> Double { Double(scale) }

  mutating func finish(
    _ sum: consuming AggregateSum, scale: UInt64, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    try sum.noised(scale: scale, block: &block, using: &generator)
  }
}
