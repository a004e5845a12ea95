/// Uniform independent words.
///
/// A closure instead of a generic generator: the samplers compile to one concrete function each,
/// and a generator of another module costs one call a word instead of several.
typealias WordSource = () -> UInt64

/// Coins with probability exactly e^-x for rational x, from integers alone.
///
/// Source: Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy",
/// arXiv:2004.00010, algorithm 1.
enum ExactBernoulli {
  /// Every loop of the samplers ends each time with probability 1/2 or more, so random words reach
  /// this bound with probability below 2^-1024; a broken generator does, and stops the process.
  static let attemptLimit = 1 << 10

  /// True with probability e^-(numerator / denominator), any size of the exponent.
  /// - Parameter denominator: in 1...2^63.
  static func exponential(
    minus numerator: UInt128, over denominator: UInt64, from words: WordSource
  ) -> Bool {
    var rest = numerator
    while rest >= UInt128(denominator) {
      guard exponentialOfMinusOne(from: words) else { return false }
      rest -= UInt128(denominator)
    }
    return exponential(
      minusFraction: UInt64(truncatingIfNeeded: rest), over: denominator, from: words)
  }

  /// True with probability e^-x, x = numerator / denominator in 0...1.
  ///
  /// Draws coins of probability x/1, x/2, x/3, … until one fails; the first k succeed with
  /// probability x^k / k!, so the failing coin has an odd number with probability Σ (-x)^k / k!.
  static func exponential(
    minusFraction numerator: UInt64, over denominator: UInt64, from words: WordSource
  ) -> Bool {
    guard uniform(below: denominator, from: words) < numerator else { return true }
    return exponentialAfterFirstCoin(numerator, over: denominator, from: words)
  }

  /// The rest of ``exponential(minusFraction:over:from:)`` once the first coin has succeeded.
  static func exponentialAfterFirstCoin(
    _ numerator: UInt64, over denominator: UInt64, from words: WordSource
  ) -> Bool {
    for coin in 2..<attemptLimit {
      let succeeds =
        uniform(below: denominator, from: words) < numerator
        && uniform(below: UInt64(coin), from: words) == 0
      if !succeeds { return coin & 1 == 1 }
    }
    stopForBrokenGenerator()
  }

  /// True with probability 1/e: the case x = 1, where the first coin always succeeds.
  static func exponentialOfMinusOne(from words: WordSource) -> Bool {
    for coin in 2..<attemptLimit where uniform(below: UInt64(coin), from: words) != 0 {
      return coin & 1 == 1
    }
    stopForBrokenGenerator()
  }

  /// Uniform in 0..<`bound`, by rejection of the products that fall into the incomplete last part.
  ///
  /// Source: Lemire, "Fast random integer generation in an interval", arXiv:1805.10941.
  static func uniform(below bound: UInt64, from words: WordSource) -> UInt64 {
    let product = bound.multipliedFullWidth(by: words())
    if product.low >= bound { return product.high }
    return uniformAfterCheck(below: bound, first: product, from: words)
  }

  static func uniformAfterCheck(
    below bound: UInt64, first: (high: UInt64, low: UInt64), from words: WordSource
  ) -> UInt64 {
    let incomplete = (0 &- bound) % bound
    var product = first
    for _ in 0..<attemptLimit {
      if product.low >= incomplete { return product.high }
      product = bound.multipliedFullWidth(by: words())
    }
    stopForBrokenGenerator()
  }

  static func stopForBrokenGenerator() -> Never {
    preconditionFailure("the generator does not return random words")
  }
}
