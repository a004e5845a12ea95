internal import Cryptography
package import Privacy
internal import Synchronization
package import VectorMath

/// One block of rounds whose sums are released with correlated noise, as the coordinator holds it.
///
/// The exact sums of the block's rounds are needed again and live here, in memory only: a process that
/// ends has ended the block. They are zeroed when this value ends, and it cannot be copied.
package struct CorrelatedAggregation: ~Copyable, Sendable {
  private let encoding: FixedPointEncoding
  // One owner, as of `AggregateSum`: the lock is for the deinitialiser.
  private let release: Mutex<CorrelatedRelease>
  private var estimator: CorrelatedEstimator

  /// - Parameters:
  ///   - noise: the policy's block.
  ///   - noiseScale: parameter s of the noise, in units of 2^-g grid steps.
  ///   - dimension: coordinates of a sum; the same for every round of the block.
  ///   - maximumCohort: most clients in one sum, as `encoding` was sized for.
  /// - Throws: as `CorrelatedRelease.init`.
  package init(
    noise: CorrelatedNoise, noiseScale: UInt64, dimension: Int, encoding: FixedPointEncoding,
    maximumCohort: Int
  ) throws(PrivacyError) {
    let unit = UInt64(1) << UInt64(encoding.fractionBits)
    release = Mutex(
      try CorrelatedRelease(
        strategy: noise.strategy, rule: noise.rule, dimension: dimension, contributionNorm: unit,
        // No coordinate of a client is beyond its norm, and the sum fits its ring.
        largestSum: min(1 << 31, UInt64(maximumCohort) * unit), noiseScale: noiseScale))
    estimator = CorrelatedEstimator(strategy: noise.strategy, roundCount: noise.rule.roundCount)
    self.encoding = encoding
  }

  deinit {
    release.withLock { $0.erase() }
  }

  /// Releases the sum of the block's next round and estimates it from what is released.
  mutating func noised(
    _ gridSum: [UInt32], contributorCount: Int, using generator: inout some RandomNumberGenerator
  ) throws(PrivacyError) -> NoisedSum {
    // The ring's elements stand for integers of either sign.
    let sum = gridSum.map { Int64(Int32(bitPattern: $0)) }
    let released = try release.withLock { release throws(PrivacyError) in
      try release.release(sum: sum, using: &generator)
    }
    let step = encoding.clipNorm / Double(UInt64(1) << UInt64(encoding.fractionBits))
    return NoisedSum(
      values: estimator.estimate(released).map { $0 * step }, contributorCount: contributorCount)
  }
}

extension AggregateSum {
  /// Adds discrete Gaussian noise and ends this sum: as ``noised(scale:using:)``, or as the next round of
  /// a block of correlated noise, which keeps the exact sum for its later rounds.
  ///
  /// The durable charge comes first: of the round, or of the whole block (rulings 10 and 20).
  /// - Parameters:
  ///   - scale: the noise parameter of a round that is of no block.
  ///   - block: nil again when the release fails: what is left of it would lack this sum.
  ///   - generator: `SecureRandom` outside of simulation and tests.
  /// - Throws: `PrivacyError.invalidParameter` if the block is over or has another dimension.
  package consuming func noised(
    scale: UInt64, block: inout CorrelatedAggregation?,
    using generator: inout some RandomNumberGenerator
  ) throws(PrivacyError) -> NoisedSum {
    guard var open = block.take() else { return noised(scale: scale, using: &generator) }
    let count = contributorCount
    var exact = takeGridSum()
    defer { wipe(&exact) }
    let noised = try open.noised(exact, contributorCount: count, using: &generator)
    block = consume open
    return noised
  }
}
