/// Exact samples of the Poisson distribution with a rational mean, probability of k proportional to
/// mean^k / k!.
///
/// Integer arithmetic only. From the mode m = ⌊mean⌋ outwards the numbers are cut into blocks of width
/// w, a power of two below √mean / 32. A block is drawn with probability exactly proportional to the
/// probability of its number next to the mode (``LazyCategorical``); an offset o is uniform in the
/// block; and the pair is kept with probability P(k) / P(first of the block), a product of o rationals
/// between 0 and 1. So each k comes up with probability proportional to P(k): rejection sampling with
/// nothing approximated. More than 95 of 100 are kept.
///
/// Whether the product exceeds a uniform real number v is decided by its first 64 bits against the
/// bound Π (1 - d) >= 1 - Σ d, in closed form; where that does not decide, by the product in intervals
/// of growing precision and further bits of v.
///
/// - Warning: The time of one draw depends on its value. Draw whole vectors ahead.
struct PoissonSampler: Sendable {
  static let largestMean: UInt64 = 1 << 29
  static let largestDenominator: UInt64 = 1 << 20
  let meanNumerator: UInt64
  let meanDenominator: UInt64
  private let mode: UInt64
  private let widthBits: UInt64
  private let blocks: LazyCategorical<PoissonBlockWeights>

  /// - Precondition: numerator / denominator is in (0, 2^29], denominator in 1...2^20.
  init(meanNumerator: UInt64, meanDenominator: UInt64) {
    precondition((1...Self.largestDenominator).contains(meanDenominator), "denominator")
    precondition(
      meanNumerator > 0 && meanNumerator <= Self.largestMean * meanDenominator, "mean out of range")
    self.meanNumerator = meanNumerator
    self.meanDenominator = meanDenominator
    mode = meanNumerator / meanDenominator
    var widthBits: UInt64 = 0
    // (32 w)² <= mean.
    while 1 << (10 + 2 * (widthBits + 1)) <= mode { widthBits += 1 }
    self.widthBits = widthBits
    blocks = LazyCategorical(
      PoissonBlockWeights(
        numerator: meanNumerator, denominator: meanDenominator, mode: mode, width: 1 << widthBits),
      bits: 64)
  }

  func sample(from words: WordSource) -> UInt64 {
    for _ in 0..<ExactBernoulli.attemptLimit {
      guard case .index(let index) = blocks.draw(words(), from: words) else { continue }
      let offset = widthBits == 0 ? 0 : words() >> (64 - widthBits)
      let distance = UInt64(index / 2) << widthBits
      // Even indices lie from the mode upwards, odd ones below it.
      let isAbove = index & 1 == 0
      if !isAbove && distance + offset + 1 > mode { continue }
      let first = isAbove ? mode + distance : mode - 1 - distance
      if offset > 0 && !keeps(first: first, offset: offset, isAbove: isAbove, from: words) {
        continue
      }
      return isAbove ? first + offset : first - offset
    }
    ExactBernoulli.stopForBrokenGenerator()
  }

  /// True with probability P(first ± offset) / P(first).
  private func keeps(
    first: UInt64, offset: UInt64, isAbove: Bool, from words: WordSource
  ) -> Bool {
    // Above: d_t = 1 - mean / (first + t) <= (first - mode + t) / first for t in 1...o.
    // Below: d_t = 1 - (first - t) / mean <= (mode + 1 - first + t) / mode for t in 0..<o.
    let losses =
      isAbove
      ? offset * (first - mode) + offset * (offset + 1) / 2
      : offset * (mode + 1 - first) + offset * (offset - 1) / 2
    let v = words()
    // v < 2^64 (1 - losses / whole) for the whole cell of v.
    if (UInt64.max - v).multipliedFullWidth(by: isAbove ? first : mode).high >= losses {
      return true
    }
    return refine(v, first: first, offset: offset, isAbove: isAbove, from: words)
  }

  /// Decides v < product for the real number whose first bits are `v`.
  private func refine(
    _ v: UInt64, first: UInt64, offset: UInt64, isAbove: Bool, from words: WordSource
  ) -> Bool {
    var v = [v]
    for refinement in 1...16 {
      while v.count < 2 * refinement { v.append(words()) }
      var product = FixedPoint(1, fractionWords: v.count)
      for t in 0..<offset {
        if isAbove {
          product.multiply(by: meanNumerator)
          product.divide(by: meanDenominator * (first + t + 1))
        } else {
          product.multiply(by: meanDenominator * (first - t))
          product.divide(by: meanNumerator)
        }
      }
      // Every factor is at most 1 and every step rounds down by less than one ulp.
      var upper = product
      upper.add(ulps: offset + 1)
      let lowest = FixedPoint(fraction: v)
      var highest = lowest
      highest.add(ulps: 1)
      if highest <= product { return true }
      if upper <= lowest { return false }
    }
    ExactBernoulli.stopForBrokenGenerator()
  }
}

/// P(first of a block) / P(mode) for the blocks of ``PoissonSampler``: above the mode at even
/// indices, below it at odd ones, where numbers below 0 have no weight.
struct PoissonBlockWeights: RefinableWeights {
  let numerator: UInt64
  let denominator: UInt64
  let mode: UInt64
  let width: UInt64

  func intervals(fractionWords: Int) -> (weights: [FixedPointInterval], tail: FixedPoint) {
    let zero = FixedPoint(0, fractionWords: fractionWords)
    var (above, below) = (Side(isAbove: true, self, zero), Side(isAbove: false, self, zero))
    var weights: [FixedPointInterval] = []
    while !(above.isFinished && below.isFinished) {
      weights.append(above.next(self))
      weights.append(below.next(self))
    }
    var tail = above.bound.upper
    tail.add(below.bound.upper)
    tail.multiply(by: 1 << 10)
    return (weights, tail)
  }

  /// One walk outwards from the mode, one block at a time.
  private struct Side {
    let isAbove: Bool
    /// The number that the next block begins with, and its weight.
    private var number: UInt64
    private var weight: FixedPoint
    private var steps: UInt64 = 0
    private var isEmpty: Bool
    /// Ratios of neighbouring blocks fall outwards. Once one is below 1 - 2^-10, which stays so, what is
    /// left out sums to less than 2^10 times its first.
    private var isSteep = false

    init(isAbove: Bool, _ weights: PoissonBlockWeights, _ zero: FixedPoint) {
      self.isAbove = isAbove
      weight = FixedPoint(1, fractionWords: zero.words.count - 1)
      number = weights.mode
      isEmpty = false
      if !isAbove { advance(weights, by: 1) }
    }

    /// An interval around the weight: each step has rounded down by less than one ulp.
    var bound: FixedPointInterval {
      var upper = weight
      if !isEmpty { upper.add(ulps: steps) }
      return FixedPointInterval(lower: weight, upper: upper)
    }

    var isFinished: Bool { isEmpty || isSteep && bound.upper.isBelow(ulpBits: 40) }

    mutating func next(_ weights: PoissonBlockWeights) -> FixedPointInterval {
      let current = bound
      advance(weights, by: weights.width)
      if !isEmpty && !isSteep {
        var (next, previous) = (bound.upper, current.lower)
        next.multiply(by: 1_024)
        previous.multiply(by: 1_023)
        isSteep = next <= previous
      }
      return current
    }

    private mutating func advance(_ weights: PoissonBlockWeights, by count: UInt64) {
      guard !isEmpty else { return }
      if !isAbove && number < count {
        weight = FixedPoint(0, fractionWords: weight.words.count - 1)
        isEmpty = true
        return
      }
      for _ in 0..<count {
        if isAbove {
          number += 1
          weight.multiply(by: weights.numerator)
          weight.divide(by: weights.denominator * number)
        } else {
          weight.multiply(by: weights.denominator * number)
          weight.divide(by: weights.numerator)
          number -= 1
        }
      }
      steps += count
    }
  }
}
