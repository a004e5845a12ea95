internal import Ledger
internal import SecureAggregation
internal import VectorMath
internal import WireProtocol

/// Seeded noise of a simulated coordinator that shows the watch when it is drawn, and for which sum.
struct WatchedNoise: AggregateNoise {
  private var random: SeededRandom
  private let watch: InvariantWatch

  init(seed: UInt64, watch: InvariantWatch) {
    random = SeededRandom(seed: seed)
    self.watch = watch
  }

  var source: ChargeRecord.RandomSource { .seeded }

  func standardDeviation(scale: UInt64) -> Double { Double(scale) }

  /// No policy of the simulator correlates noise, so `block` stays nil.
  mutating func finish(
    _ sum: consuming AggregateSum, scale: UInt64, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    let contributorCount = sum.contributorCount
    let empty = AggregateSum(dimension: sum.dimension, encoding: sum.encoding)
    var noise = SeededRandom(seed: random.next())
    var again = noise
    let noised = try sum.noised(scale: scale, block: &block, using: &noise)
    // The same noise alone, so that the difference is the sum: it has no other way out.
    let alone = empty.noised(scale: scale, using: &again)
    let exact = zip(noised.values, alone.values).map { $0 - $1 }
    watch.noiseDrawn(sum: exact, contributorCount: contributorCount)
    for pattern in [
      exact.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } },
      exact.flatMap { value in
        withUnsafeBytes(of: Float(value).bitPattern.littleEndian) { Array($0) }
      },
    ] { watch.forbid(pattern) }
    return noised
  }
}
