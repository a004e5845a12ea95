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

  mutating func finish(_ sum: consuming AggregateSum, scale: UInt64) throws -> NoisedSum {
    log.append("noise")
    if fails { throw NoEntropy() }
    return sum.noised(scale: scale, using: &generator)
  }
}
