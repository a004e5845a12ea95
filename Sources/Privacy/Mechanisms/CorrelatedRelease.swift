internal import Glibc

/// The rounds of one block of training, released with noise that is correlated across them: round t
/// becomes Σ_s (2^g c_s) x_(t-s) + z_t over the integers, z exact discrete Gaussian noise.
///
/// The block as a whole is one release of integer vectors of the sensitivity of 2^g C, so it is charged
/// once, ``event``, before its first round. ``CorrelatedEstimator`` then undoes C from the noised
/// integers alone.
///
/// The exact sums of past rounds are needed again and stay in memory only: there is no way to store
/// this value. A crash ends the block; its whole charge stays, and a new block composes with it.
///
/// Memory: 8 bytes × dimension × (coefficients of C - 1), see ``largestMemoryBytes``. A buffered
/// strategy has as many coefficients as rounds here, because rounded coefficients follow no recurrence;
/// where memory counts, a banded one needs its bands only.
///
/// - Source: Choquette-Choo et al., arXiv:2306.08153, section 2; the integer form is ruling 20.
package struct CorrelatedRelease: Sendable {
  package let strategy: IntegerToeplitzStrategy
  package let rule: ParticipationRule
  /// What the block costs, under the rule and a contribution of at most the given norm a round.
  package let event: PrivacyEvent
  package let dimension: Int
  /// The round that comes next, from 0; ``ParticipationRule/roundCount`` when the block is over.
  package private(set) var nextRound = 0
  /// |x| of every coordinate of a sum is at most this.
  package let largestSum: UInt64
  private let noise: DiscreteGaussian
  /// Past sums, the latest last.
  private var past: [[Int64]] = []

  /// - Parameters:
  ///   - dimension: coordinates of a sum, in 1...2^28.
  ///   - contributionNorm: ℓ² norm, in grid steps, that one client adds to one round at most.
  ///   - largestSum: bound on the size of every coordinate of a round's exact sum, up to 2^31.
  ///   - noiseScale: the parameter s of the noise, in units of 2^-g grid steps; see
  ///     ``CorrelatedNoise/noiseScale(noiseMultiplier:fractionBits:)``.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)`` also where a released integer
  ///   could pass 2^62; ``PrivacyError/scaleNotChargeable(_:)`` and
  ///   ``PrivacyError/sensitivityNotChargeable(_:)`` outside what can be charged: at most 2^30 of noise
  ///   and 2^31 of sensitivity, which bounds g.
  package init(
    strategy: IntegerToeplitzStrategy, rule: ParticipationRule, dimension: Int,
    contributionNorm: UInt64, largestSum: UInt64, noiseScale: UInt64
  ) throws(PrivacyError) {
    guard (1...1 << 28).contains(dimension) else {
      throw .invalidParameter(name: "dimension", value: "\(dimension)", accepted: "1 to 2^28")
    }
    guard largestSum <= 1 << 31 else {
      throw .invalidParameter(name: "largest sum", value: "\(largestSum)", accepted: "up to 2^31")
    }
    let weight = strategy.coefficients.reduce(UInt128(0)) { $0 + UInt128($1.magnitude) }
    // The noise itself stays below 2^45 (``DiscreteGaussian``: 2^30 × 32 blocks of e^-512).
    guard weight * UInt128(largestSum) < 1 << 61 else {
      throw .invalidParameter(
        name: "strategy", value: "coefficients that add up to \(weight)",
        accepted: "released integers below 2^62")
    }
    let sensitivity = try strategy.sensitivity(under: rule, contributionNorm: contributionNorm)
    event = try .discreteGaussian(scale: noiseScale, sensitivity: sensitivity)
    noise = DiscreteGaussian(scale: noiseScale)
    self.strategy = strategy
    self.rule = rule
    self.dimension = dimension
    self.largestSum = largestSum
  }

  /// Bytes of past sums once the block is under way.
  package var largestMemoryBytes: Int {
    8 * dimension * min(rule.roundCount - 1, strategy.coefficients.count - 1)
  }

  /// Releases the next round.
  /// - Parameters:
  ///   - sum: the exact sum of the round, `dimension` integers of at most ``largestSum`` in size.
  ///   - generator: `SecureRandom` outside of simulation and tests.
  /// - Returns: the noised integers, in units of 2^-g grid steps.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)`` if the block is over or the sum
  ///   is not as stated; nothing is released or remembered then.
  package mutating func release(
    sum: [Int64], using generator: inout some RandomNumberGenerator
  ) throws(PrivacyError) -> [Int64] {
    guard nextRound < rule.roundCount else {
      throw .invalidParameter(
        name: "round", value: "\(nextRound)", accepted: "0 to \(rule.roundCount - 1)")
    }
    guard sum.count == dimension else {
      throw .invalidParameter(
        name: "length of the sum", value: "\(sum.count)", accepted: "\(dimension)")
    }
    guard sum.allSatisfy({ $0.magnitude <= largestSum }) else {
      // The value is a customers' sum: it is not repeated here.
      throw .invalidParameter(
        name: "a coordinate of the sum", value: "too large", accepted: "up to \(largestSum)")
    }
    // All of the noise first: how long it takes tells nothing about any sum.
    var released = noise.batch(count: dimension, using: &generator)
    Self.add(sum, times: strategy.coefficients[0], to: &released)
    for (lag, coefficient) in strategy.coefficients.enumerated().dropFirst() where lag <= past.count
    {
      if coefficient != 0 { Self.add(past[past.count - lag], times: coefficient, to: &released) }
    }
    if strategy.coefficients.count > 1 { past.append(sum) }
    if past.count >= strategy.coefficients.count {
      Self.erase(&past[0])
      past.removeFirst()
    }
    nextRound += 1
    return released
  }

  /// Zeroes the exact sums and ends the block.
  package mutating func erase() {
    for index in past.indices { Self.erase(&past[index]) }
    past = []
    nextRound = rule.roundCount
  }

  private static func erase(_ values: inout [Int64]) {
    values.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      explicit_bzero(base, bytes.count)
    }
  }

  private static func add(_ sum: [Int64], times factor: Int64, to released: inout [Int64]) {
    for index in released.indices { released[index] += factor * sum[index] }
  }
}

/// Undoes the strategy of a ``CorrelatedRelease``: estimates of each round's sum from the noised
/// integers, which anyone may compute.
///
/// Post-processing: it sees nothing else. The noise of the estimates is C^-1 z, which cancels in their
/// running totals. Doubles suffice; errors of rounding are about 1e-15 of the released integers.
///
/// Memory: 8 bytes × dimension × (coefficients of C - 1), up to the rounds so far.
package struct CorrelatedEstimator: Sendable {
  private let strategy: IntegerToeplitzStrategy
  private var past: [[Double]] = []
  /// C^-1 in units of 2^g, as far as the rounds go.
  private let inverse: [Double]

  /// - Parameter roundCount: of the block, at least 1.
  package init(strategy: IntegerToeplitzStrategy, roundCount: Int) {
    self.strategy = strategy
    inverse = ToeplitzStrategy.inverseSeries(
      of: strategy.coefficients.map(Double.init), count: roundCount)
  }

  /// Standard deviation of one coordinate's noise in the estimate of `round`, in grid steps, for noise
  /// of parameter `noiseScale` on the released integers.
  package func noiseStandardDeviation(round: Int, noiseScale: UInt64) -> Double {
    let squares = inverse.prefix(round + 1).reduce(0) { $0 + $1 * $1 }
    return Double(noiseScale) * squares.squareRoot()
  }

  /// The estimate of the next round's sum, in grid steps.
  /// - Parameter released: what ``CorrelatedRelease/release(sum:using:)`` returned, round by round in
  ///   order, always of one length.
  package mutating func estimate(_ released: [Int64]) -> [Double] {
    precondition(
      past.allSatisfy { $0.count == released.count }, "rounds of one block have one length")
    var estimate = released.map(Double.init)
    for (lag, coefficient) in strategy.coefficients.enumerated().dropFirst() where lag <= past.count
    {
      guard coefficient != 0 else { continue }
      let earlier = past[past.count - lag]
      for index in estimate.indices { estimate[index] -= Double(coefficient) * earlier[index] }
    }
    let diagonal = Double(strategy.coefficients[0])
    for index in estimate.indices { estimate[index] /= diagonal }
    if strategy.coefficients.count > 1 { past.append(estimate) }
    if past.count >= strategy.coefficients.count { past.removeFirst() }
    return estimate
  }
}
