internal import Glibc

/// A test of a privacy claim from one run of the mechanism: canaries were each put in with
/// probability 1/2, and a guesser that sees the output said of some of them whether they were in.
///
/// - Source: Steinke, Nasr, Jagielski, "Privacy auditing with one (1) training run",
///   arXiv:2305.08846; the f-DP bound is Mahloujifar, Melis, Chaudhuri, "Auditing f-differential
///   privacy in one run", arXiv:2410.22235.
package struct OneRunAudit: Sendable, Equatable {
  /// Canaries m, in or out by a fair coin each.
  package let canaryCount: Int
  /// Guesses made, r <= m; the others are abstentions.
  package let guessCount: Int
  /// Guesses that were right, v <= r.
  package let correctCount: Int

  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)`` unless
  ///   0 <= correct <= guesses <= canaries <= 10^7 and there is a canary.
  package init(canaryCount: Int, guessCount: Int, correctCount: Int) throws(PrivacyError) {
    try RenyiMechanism.require(
      "canaries", Double(canaryCount), (1...10_000_000).contains(canaryCount),
      accepted: "1 to 10000000")
    try RenyiMechanism.require(
      "guesses", Double(guessCount), (0...canaryCount).contains(guessCount),
      accepted: "0 to \(canaryCount)")
    try RenyiMechanism.require(
      "correct guesses", Double(correctCount), (0...guessCount).contains(correctCount),
      accepted: "0 to \(guessCount)")
    self.canaryCount = canaryCount
    self.guessCount = guessCount
    self.correctCount = correctCount
  }

  /// An upper bound on the probability of this many right guesses or more, if the mechanism is
  /// (epsilon, delta)-DP: P[B >= v] + 2 m δ max over i of P[v > B >= v - i] / i, with B binomial of
  /// r trials and probability e^epsilon / (1 + e^epsilon).
  /// - Parameters:
  ///   - epsilon: not negative, not NaN.
  ///   - delta: in 0...1.
  /// - Source: arXiv:2305.08846, theorem 5.2.
  package func pValue(epsilon: Double, delta: Double) -> Double {
    precondition(epsilon >= 0, "epsilon is not negative")
    precondition((0...1).contains(delta), "delta is a probability")
    let logRight = -log1p(exp(-epsilon))
    let logWrong = epsilon == .infinity ? -.infinity : -epsilon + logRight
    func probability(_ count: Int) -> Double {
      let wrong = guessCount - count
      let logTail = wrong == 0 ? 0 : Double(wrong) * logWrong
      return exp(
        LogDomain.binomial(guessCount, count) + Double(count) * logRight + logTail)
    }
    var atLeast = 0.0
    for count in stride(from: guessCount, through: correctCount, by: -1) {
      atLeast += probability(count)
    }
    var (below, steepest) = (0.0, 0.0)
    if delta > 0 {
      for i in 1..<(correctCount + 1) {
        below += probability(correctCount - i)
        steepest = max(steepest, below / Double(i))
      }
    }
    return min(1, atLeast + 2 * Double(canaryCount) * delta * steepest)
  }

  /// The largest epsilon, rounded down, that these guesses refute at `significance`: with confidence
  /// 1 - significance the mechanism is not (epsilon, delta)-DP for any smaller one. 0 if none is.
  /// - Parameters:
  ///   - delta: in 0...1.
  ///   - significance: in (0, 1).
  package func epsilonLowerBound(delta: Double, significance: Double) -> Double {
    precondition(significance > 0 && significance < 1, "significance in (0, 1)")
    return Self.largestRefuted { pValue(epsilon: $0, delta: delta) <= significance }
  }

  /// The same for mechanisms whose trade-off is that of a Gaussian (mu-GDP), stated as epsilon at
  /// `delta`: larger, because it assumes more.
  ///
  /// The recursion bounds the probability of j right guesses among those made, from j = v down to 0,
  /// by the trade-off curve f(x) = Φ(Φ^-1(x) - mu) of one guess.
  /// - Parameters:
  ///   - delta: in (0, 1).
  ///   - significance: in (0, 1).
  /// - Source: arXiv:2410.22235, algorithm 3, for two alternatives a canary.
  package func gaussianEpsilonLowerBound(delta: Double, significance: Double) -> Double {
    precondition(significance > 0 && significance < 1, "significance in (0, 1)")
    guard guessCount > 0 else { return 0 }
    let mu = Self.largestRefuted { $0 > 0 && isRefuted(mu: $0, significance: significance) }
    return mu > 0 ? GaussianAccountant.epsilon(mu: mu, delta: delta) : 0
  }

  private func isRefuted(mu: Double, significance: Double) -> Bool {
    let share = Double(guessCount) / Double(canaryCount)
    let threshold = significance * share
    var right = threshold * Double(correctCount) / Double(guessCount)
    var wrong = threshold * Double(guessCount - correctCount) / Double(guessCount)
    for count in stride(from: correctCount - 1, through: 0, by: -1) {
      let next = max(wrong, NormalDistribution.shifted(right, by: mu))
      right += Double(count) / Double(guessCount - count) * (next - wrong)
      wrong = next
      if right >= 1 { return true }
    }
    return right + wrong > share
  }

  /// The largest value at which `isRefuted` holds, to a relative 1e-12 downwards; 0 if it holds
  /// nowhere. It is taken to hold up to a point and fail from there on.
  private static func largestRefuted(_ isRefuted: (Double) -> Bool) -> Double {
    guard isRefuted(1e-9) else { return 0 }
    var (low, high) = (1e-9, 1.0)
    while isRefuted(high), high < 1e6 { (low, high) = (high, 2 * high) }
    while high - low > 1e-12 * high {
      let middle = low + (high - low) / 2
      if isRefuted(middle) { low = middle } else { high = middle }
    }
    return low
  }
}

/// The standard normal distribution where an audit needs it: to double precision, not rounded safely.
package enum NormalDistribution {
  /// Φ(x).
  static func cumulative(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  /// Φ(Φ^-1(p) - shift); 0 at 0 and 1 at 1.
  static func shifted(_ p: Double, by shift: Double) -> Double {
    guard p > 0 else { return 0 }
    guard p < 1 else { return 1 }
    return cumulative(quantile(p) - shift)
  }

  /// Φ^-1(p) for p in (0, 1), by bisection and Newton's method on the logarithm of the smaller tail.
  package static func quantile(_ p: Double) -> Double {
    guard p <= 0.5 else { return -quantile(1 - p) }
    let target = log(p)
    // Φ(-t) <= e^(-t²/2) / 2 brackets the answer.
    var x = -max(0, -2 * (target + log(2.0))).squareRoot()
    for _ in 0..<60 {
      let tail = cumulative(x)
      guard tail > 0 else {
        x += 0.5
        continue
      }
      // The logarithm of Φ is concave: from the left Newton's steps approach from one side.
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      let step = (log(tail) - target) * tail / density
      x -= step
      if abs(step) <= 1e-15 * max(1, abs(x)) { break }
    }
    return x
  }
}
