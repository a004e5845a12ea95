internal import Cryptography
internal import Privacy
internal import Synchronization
package import VectorMath

/// The sum of a round's updates in Z_2^32, built one update at a time in memory that does not grow
/// with their number.
///
/// The sum without noise has no accessor: the one way out is `noised`, which ends the value. It
/// cannot be copied, so a sum is released at most once (two releases with fresh noise would cost
/// twice the budget), and its memory is zeroed when it ends, whether released or dropped.
package struct AggregateSum: ~Copyable, Sendable {
  /// Number of coordinates.
  package let dimension: Int
  /// Grid and clip norm.
  package let encoding: FixedPointEncoding
  /// Number of updates added so far.
  package private(set) var contributorCount = 0
  // There is one owner, so the lock is never contended. It is here because a deinitialiser may not
  // change plain storage, and a copy taken there for wiping would leave the original behind.
  private let gridSum: Mutex<[UInt32]>

  /// The empty sum.
  /// - Parameters:
  ///   - dimension: number of coordinates, at least 1.
  ///   - encoding: grid and clip norm; its fraction bits must be sized for the largest cohort
  ///     (ruling 24).
  package init(dimension: Int, encoding: FixedPointEncoding) {
    precondition(dimension >= 1, "a sum has at least one coordinate")
    self.dimension = dimension
    self.encoding = encoding
    gridSum = Mutex([UInt32](repeating: 0, count: dimension))
  }

  /// The sum of updates whose masks have been removed.
  init(unmasked: consuming [UInt32], contributorCount: Int, encoding: FixedPointEncoding) {
    dimension = unmasked.count
    self.encoding = encoding
    self.contributorCount = contributorCount
    gridSum = Mutex(unmasked)
  }

  deinit {
    gridSum.withLock { wipe(&$0) }
  }

  /// Clips `update` to the clip norm whatever its sender did, and adds it. A rejected update leaves
  /// the sum as it was.
  /// - Parameter update: one client's values; wiping the caller's copy is the caller's part.
  /// - Throws: `UpdateRejection.wrongLength` unless it has `dimension` values; `.nonFinite`.
  /// - Complexity: O(dimension) time and temporary memory.
  package mutating func add(_ update: [Float]) throws(UpdateRejection) {
    var checked = try CheckedUpdate(update, dimension: dimension, encoding: encoding)
    defer { checked.wipe() }
    gridSum.withLock { FixedPointEncoding.accumulate(checked.gridValues, into: &$0) }
    contributorCount += 1
  }

  /// The exact sum, for `CorrelatedAggregation` alone: its caller wipes what it gets.
  consuming func takeGridSum() -> [UInt32] {
    gridSum.withLock { sum in
      let taken = sum
      // The copy is the only one left.
      sum = []
      return taken
    }
  }

  /// Adds discrete Gaussian noise in place, decodes, and ends this sum. The durable charge comes
  /// first (ruling 10).
  /// - Parameters:
  ///   - scale: the noise parameter s in grid steps, one of `PrivacyEvent.chargeableScales`.
  ///   - generator: `SecureRandom` outside of simulation and tests.
  package consuming func noised(
    scale: UInt64, using generator: inout some RandomNumberGenerator
  ) -> NoisedSum {
    precondition(
      PrivacyEvent.chargeableScales.contains(scale), "noise that no charge holds for (ruling 18)")
    let noise = DiscreteGaussian(scale: scale)
    let values = gridSum.withLock { sum in
      // In place: the sum without noise ceases to exist coordinate by coordinate.
      noise.addNoise(to: &sum, using: &generator)
      return encoding.decode(sum)
    }
    return NoisedSum(values: values, contributorCount: contributorCount)
  }
}
