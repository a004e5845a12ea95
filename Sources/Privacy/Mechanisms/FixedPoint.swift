/// A number in 0..<2^64 to any number of binary places, in integers alone: what the samplers refine a
/// probability with when the first digits do not decide.
///
/// Little-endian words; the last is the whole part, the others are the fraction. Products and
/// quotients are rounded down; "ulp" is the last binary place.
struct FixedPoint: Equatable {
  private(set) var words: [UInt64]

  /// The whole number `value` with `fractionWords` words of fraction.
  init(_ value: UInt64, fractionWords: Int) {
    words = Array(repeating: 0, count: fractionWords) + [value]
  }

  /// The fraction whose words are these, most significant first.
  init(fraction: [UInt64]) { words = fraction.reversed() + [0] }

  /// The most significant word of the fraction.
  var leadingFraction: UInt64 { words.count > 1 ? words[words.count - 2] : 0 }

  var whole: UInt64 { words[words.count - 1] }

  mutating func multiply(by factor: UInt64) {
    var carry: UInt64 = 0
    for index in words.indices {
      let product = words[index].multipliedFullWidth(by: factor)
      let (sum, overflows) = product.low.addingReportingOverflow(carry)
      words[index] = sum
      carry = product.high + (overflows ? 1 : 0)
    }
    precondition(carry == 0, "fixed-point overflow")
  }

  /// Rounds down.
  mutating func divide(by divisor: UInt64) {
    var remainder: UInt64 = 0
    for index in words.indices.reversed() {
      (words[index], remainder) = divisor.dividingFullWidth((remainder, words[index]))
    }
  }

  /// Halves `count` times, rounding down once.
  mutating func shiftRight(_ count: Int) {
    precondition((0..<64).contains(count), "shift within a word")
    guard count > 0 else { return }
    for index in words.indices {
      let next = index + 1 < words.count ? words[index + 1] : 0
      words[index] = words[index] >> UInt64(count) | next << UInt64(64 - count)
    }
  }

  mutating func add(_ other: FixedPoint) {
    var carry: UInt64 = 0
    for index in words.indices {
      let (first, overflows) = words[index].addingReportingOverflow(other.words[index])
      let (sum, overflowsAgain) = first.addingReportingOverflow(carry)
      words[index] = sum
      carry = (overflows ? 1 : 0) + (overflowsAgain ? 1 : 0)
    }
    precondition(carry == 0, "fixed-point overflow")
  }

  mutating func add(ulps: UInt64) {
    var carry = ulps
    for index in words.indices where carry > 0 {
      let (sum, overflows) = words[index].addingReportingOverflow(carry)
      words[index] = sum
      carry = overflows ? 1 : 0
    }
    precondition(carry == 0, "fixed-point overflow")
  }

  /// The difference, or 0 if `other` is larger.
  mutating func subtract(_ other: FixedPoint) {
    guard other < self else {
      words = words.map { _ in 0 }
      return
    }
    var borrow: UInt64 = 0
    for index in words.indices {
      let (first, overflows) = words[index].subtractingReportingOverflow(other.words[index])
      let (difference, overflowsAgain) = first.subtractingReportingOverflow(borrow)
      words[index] = difference
      borrow = (overflows ? 1 : 0) + (overflowsAgain ? 1 : 0)
    }
  }

  /// Rounds down.
  static func * (left: FixedPoint, right: FixedPoint) -> FixedPoint {
    let count = left.words.count
    var product = Array(repeating: UInt64(0), count: 2 * count)
    for (i, factor) in left.words.enumerated() {
      var carry: UInt64 = 0
      for (j, other) in right.words.enumerated() {
        let full = factor.multipliedFullWidth(by: other)
        let (first, overflows) = full.low.addingReportingOverflow(product[i + j])
        let (sum, overflowsAgain) = first.addingReportingOverflow(carry)
        product[i + j] = sum
        carry = full.high + (overflows ? 1 : 0) + (overflowsAgain ? 1 : 0)
      }
      product[i + count] = carry
    }
    precondition(product[2 * count - 1] == 0, "fixed-point overflow")
    var result = FixedPoint(0, fractionWords: count - 1)
    result.words = Array(product[(count - 1)..<(2 * count - 1)])
    return result
  }

  /// Whether this is below 2^`bits` ulps.
  func isBelow(ulpBits bits: Int) -> Bool {
    let (word, bit) = bits.quotientAndRemainder(dividingBy: 64)
    return words.dropFirst(word + 1).allSatisfy { $0 == 0 }
      && (word >= words.count || words[word] >> UInt64(bit) == 0)
  }

  static func < (left: FixedPoint, right: FixedPoint) -> Bool {
    for index in left.words.indices.reversed() where left.words[index] != right.words[index] {
      return left.words[index] < right.words[index]
    }
    return false
  }

  static func <= (left: FixedPoint, right: FixedPoint) -> Bool { !(right < left) }
}

/// A real number known to lie between two others.
struct FixedPointInterval {
  var lower: FixedPoint
  var upper: FixedPoint

  /// The product of two intervals of numbers that are not negative.
  static func * (left: FixedPointInterval, right: FixedPointInterval) -> FixedPointInterval {
    var upper = left.upper * right.upper
    upper.add(ulps: 1)
    return FixedPointInterval(lower: left.lower * right.lower, upper: upper)
  }

  /// e^-(numerator / denominator).
  ///
  /// The power series, in which every term is rounded down twice: terms shrink, so each is within 4
  /// ulps of its value, as is all that follows the first term of 0.
  /// - Precondition: numerator <= denominator.
  static func exponential(
    minus numerator: UInt64, over denominator: UInt64, fractionWords: Int
  ) -> FixedPointInterval {
    precondition(numerator <= denominator, "the series is for arguments up to 1")
    var term = FixedPoint(1, fractionWords: fractionWords)
    var (even, odd) = (term, FixedPoint(0, fractionWords: fractionWords))
    var count: UInt64 = 0
    while !term.isBelow(ulpBits: 0) {
      count += 1
      term.multiply(by: numerator)
      term.divide(by: denominator)
      term.divide(by: count)
      if count & 1 == 0 { even.add(term) } else { odd.add(term) }
    }
    var slack = FixedPoint(0, fractionWords: fractionWords)
    slack.add(ulps: 4 * count + 16)
    even.subtract(odd)
    var (lower, upper) = (even, even)
    lower.subtract(slack)
    upper.add(slack)
    return FixedPointInterval(lower: lower, upper: upper)
  }
}
