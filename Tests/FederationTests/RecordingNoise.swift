import Ledger
import SecureAggregation
import VectorMath
import WireProtocol

/// Seeded noise that writes down when it is drawn, and may run out of entropy.
struct RecordingNoise: AggregateNoise {
  struct NoEntropy: Error {}

  private var generator = SeededRandom(seed: 11)
  private let log: CallLog
  private let fails: Bool

  init(log: CallLog, fails: Bool = false) {
    self.log = log
    self.fails = fails
  }

  var source: ChargeRecord.RandomSource { .seeded }

  func standardDeviation(scale: UInt64) -> Double { Double(scale) }

  mutating func finish(
    _ sum: consuming AggregateSum, scale: UInt64, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    log.append("noise")
    if fails { throw NoEntropy() }
    return try sum.noised(scale: scale, block: &block, using: &generator)
  }
}

/// Seeded shares of the noise, for clients beside a `RecordingNoise`.
struct SeededShares: NoiseShareSource {
  let seed: UInt64

  var source: ChargeRecord.RandomSource { .seeded }

  func draw(dimension: Int, scale: UInt64, parameters: MaskingParameters) -> NoiseShare {
    var generator = SeededRandom(seed: seed)
    return NoiseShare.draw(
      dimension: dimension, scale: scale, parameters: parameters, using: &generator)
  }
}
