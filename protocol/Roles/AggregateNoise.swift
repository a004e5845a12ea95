internal import Cryptography
package import Ledger
package import SecureAggregation

/// Where the noise of a release comes from.
package protocol AggregateNoise: Sendable {
  /// What CHARGE says of it: `system`, or `seeded` in simulations.
  var source: ChargeRecord.RandomSource { get }

  /// Standard deviation, in grid steps, of what `finish` adds for this scale.
  func standardDeviation(scale: UInt64) -> Double

  /// Adds the noise of parameter `scale`, in grid steps, and wipes the un-noised sum.
  ///
  /// - Parameter block: of correlated noise, if the round is of one: it keeps the exact sum for its later
  ///   rounds, and is nil when the release fails.
  /// - Throws: when there is no entropy. The sum is wiped all the same, and the charge stays.
  mutating func finish(
    _ sum: consuming AggregateSum, scale: UInt64, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum
}

/// Exact discrete Gaussian noise from the system CSPRNG: what a real coordinator uses.
package struct SystemNoise: AggregateNoise {
  package init() {}

  package var source: ChargeRecord.RandomSource { .system }

  /// That of the discrete Gaussian, which differs from its parameter by less than 1e-130 of it for
  /// the scales that may be charged (ruling 18).
  package func standardDeviation(scale: UInt64) -> Double { Double(scale) }

  package mutating func finish(
    _ sum: consuming AggregateSum, scale: UInt64, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    // A generator a batch, keyed afresh from the system.
    var generator = try SecureRandom()
    return try sum.noised(scale: scale, block: &block, using: &generator)
  }
}
