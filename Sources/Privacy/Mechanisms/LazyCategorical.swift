/// Weights w_0, w_1, … of real numbers, finitely or infinitely many, that can be computed to any
/// number of binary places.
protocol RefinableWeights: Sendable {
  /// Intervals around the first weights, and a bound for the sum of all that follow them, which
  /// shrinks below every positive number as `fractionWords` grows.
  func intervals(fractionWords: Int) -> (weights: [FixedPointInterval], tail: FixedPoint)
}

/// Draws an index with probability exactly proportional to its weight, from integers alone.
///
/// A uniform real number u in [0, 1) is compared with the cumulative sums τ_j of the scaled weights.
/// Its first bits decide unless they equal the first bits of some τ_j: then further random bits are
/// drawn and the sums are computed to more places, until u lies on one side of every τ_j. No sum is
/// ever rounded in a decision, so the probabilities are exact; more bits than the first are needed
/// with probability (number of sums) / 2^bits.
///
/// The sums are scaled by a rational just below 1 / Σ w, because a normalising division would be one
/// more irrational number to refine; u beyond the last sum (probability below 2^-28) means no index,
/// and the caller draws again.
///
/// - Source: the method is inversion by bits, Knuth and Yao, "The complexity of nonuniform random
///   number generation" (1976), with the table as their tree's upper levels.
struct LazyCategorical<Weights: RefinableWeights>: Sendable {
  enum Draw: Equatable {
    case index(Int)
    /// u lies beyond all weights: draw again.
    case none
  }

  let weights: Weights
  /// How many bits of u are compared first.
  let bits: Int
  /// The factor that scales the sums: multiplier / 2^shift.
  private let multiplier: UInt64
  private let shift: Int
  /// ⌊τ_j 2^bits⌋ for as long as these grow.
  private let thresholds: [UInt64]
  /// For each value of the first 10 bits of u, the first j that u can belong to.
  private let guide: [UInt16]

  private static var guideBits: Int { 10 }
  private static var firstFractionWords: Int { 2 }
  /// Every refinement decides with probability above 1 - 2^-150; a broken generator reaches this.
  private static var refinementLimit: Int { 16 }

  /// - Parameter bits: in 16...64.
  init(_ weights: Weights, bits: Int) {
    self.weights = weights
    self.bits = bits
    (multiplier, shift) = Self.scaling(weights)
    var found: [UInt64]?
    var fractionWords = Self.firstFractionWords
    while found == nil {
      precondition(fractionWords < 32, "weights do not converge")
      found = Self.thresholds(
        Self.sums(weights, fractionWords: fractionWords, multiplier, shift), bits: bits)
      fractionWords += 1
    }
    let thresholds = found ?? []
    self.thresholds = thresholds
    var index = 0
    guide = (0..<1 << Self.guideBits).map { prefix in
      let smallest = UInt64(prefix) << UInt64(bits - Self.guideBits)
      while index < thresholds.count, thresholds[index] < smallest { index += 1 }
      return UInt16(index)
    }
  }

  /// The index that u belongs to.
  /// - Parameters:
  ///   - first: the first ``bits`` bits of u.
  ///   - words: where further bits come from, in the rare case.
  @inline(__always)
  func draw(_ first: UInt64, from words: WordSource) -> Draw {
    var index = Int(guide[Int(first >> UInt64(bits - Self.guideBits))])
    while index < thresholds.count, thresholds[index] < first { index += 1 }
    guard index < thresholds.count, thresholds[index] > first else {
      return refine(first, from: words)
    }
    return .index(index)
  }

  func refine(_ first: UInt64, from words: WordSource) -> Draw {
    // The first bits, filled up to a whole word.
    let rest = bits < 64 ? words() >> UInt64(bits) : 0
    var u = [first << UInt64(64 - bits) | rest]
    for refinement in 1...Self.refinementLimit {
      while u.count < 4 * refinement { u.append(words()) }
      let sums = Self.sums(weights, fractionWords: u.count, multiplier, shift)
      let lower = FixedPoint(fraction: u)
      var upper = lower
      upper.add(ulps: 1)
      if let draw = Self.locate(lower, upper, in: sums) { return draw }
    }
    ExactBernoulli.stopForBrokenGenerator()
  }

  /// The index of every number from `lower` up to below `upper`, or nil if they differ.
  private static func locate(
    _ lower: FixedPoint, _ upper: FixedPoint, in sums: [FixedPointInterval]
  ) -> Draw? {
    for (index, sum) in sums.enumerated() {
      if upper <= sum.lower { return index + 1 < sums.count ? .index(index) : nil }
      guard sum.upper <= lower else { return nil }
    }
    return Draw.none
  }

  /// A rational of 30 bits below 1 / Σ w.
  private static func scaling(_ weights: Weights) -> (multiplier: UInt64, shift: Int) {
    let (intervals, tail) = weights.intervals(fractionWords: firstFractionWords)
    var total = tail
    for interval in intervals { total.add(interval.upper) }
    precondition(total.whole < 1 << 30, "too many weights")
    // Σ w in units of 2^-32, rounded up.
    let rounded = (total.whole << 32 | total.leadingFraction >> 32) + 1
    let digits = 64 - rounded.leadingZeroBitCount
    let shift = digits - 2
    // 2^(32 + shift) / rounded, below 2^31.
    let (quotient, _) = rounded.dividingFullWidth(
      shift + 32 >= 64 ? (1 << UInt64(shift - 32), 0) : (0, 1 << UInt64(shift + 32)))
    return (quotient, shift)
  }

  /// The scaled cumulative sums τ_j, and last that of all weights.
  private static func sums(
    _ weights: Weights, fractionWords: Int, _ multiplier: UInt64, _ shift: Int
  ) -> [FixedPointInterval] {
    let (intervals, tail) = weights.intervals(fractionWords: fractionWords)
    var sum = FixedPointInterval(
      lower: FixedPoint(0, fractionWords: fractionWords),
      upper: FixedPoint(0, fractionWords: fractionWords))
    var sums = intervals.map { interval in
      sum.lower.add(interval.lower)
      sum.upper.add(interval.upper)
      return scaled(sum, multiplier, shift)
    }
    sum.upper.add(tail)
    sums.append(scaled(sum, multiplier, shift))
    return sums
  }

  private static func scaled(
    _ sum: FixedPointInterval, _ multiplier: UInt64, _ shift: Int
  ) -> FixedPointInterval {
    var scaled = sum
    scaled.lower.multiply(by: multiplier)
    scaled.lower.shiftRight(shift)
    scaled.upper.multiply(by: multiplier)
    scaled.upper.shiftRight(shift)
    scaled.upper.add(ulps: 1)
    return scaled
  }

  /// The first bits of each sum while they grow; nil if some sum is not known that well.
  private static func thresholds(_ sums: [FixedPointInterval], bits: Int) -> [UInt64]? {
    var thresholds: [UInt64] = []
    for sum in sums {
      let lower = sum.lower.leadingFraction >> UInt64(64 - bits)
      guard sum.upper.whole == 0, sum.upper.leadingFraction >> UInt64(64 - bits) == lower else {
        return nil
      }
      thresholds.append(lower)
    }
    // The last sums begin alike: u that begins so too is refined.
    while thresholds.count > 1, thresholds[thresholds.count - 2] == thresholds[thresholds.count - 1]
    {
      thresholds.removeLast()
    }
    return thresholds
  }
}
