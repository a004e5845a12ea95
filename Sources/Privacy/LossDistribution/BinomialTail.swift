internal import Glibc

/// Upper tails of the binomial distribution to a small relative error, for any number of trials.
enum BinomialTail {
  /// P(Bin(`trials`, `rate`) >= `least`), relative error below 1e-9.
  /// - Parameters:
  ///   - trials: in 0...2^53.
  ///   - rate: in [0, 1].
  static func atLeast(_ least: Int, of trials: Int, rate: Double) -> Double {
    guard least > 0 else { return 1 }
    guard least <= trials, rate > 0 else { return 0 }
    guard rate < 1 else { return 1 }
    let odds = rate / (1 - rate)
    if Double(least) > Double(trials) * rate {
      // Terms fall from here on.
      var term = probability(of: least, trials: trials, rate: rate)
      var (sum, k) = (term, least)
      while k < trials, term > sum * 1e-17 {
        term *= odds * Double(trials - k) / Double(k + 1)
        sum += term
        k += 1
      }
      return min(1, sum)
    }
    var term = probability(of: least - 1, trials: trials, rate: rate)
    var (sum, k) = (term, least - 1)
    while k > 0, term > sum * 1e-17 {
      term *= Double(k) / (odds * Double(trials - k + 1))
      sum += term
      k -= 1
    }
    return max(0, 1 - sum)
  }

  /// Source: Loader, "Fast and accurate computation of binomial probabilities" (2000).
  private static func probability(of k: Int, trials: Int, rate: Double) -> Double {
    let (n, x) = (Double(trials), Double(k))
    if k == 0 { return exp(n * log1p(-rate)) }
    if k == trials { return exp(n * log(rate)) }
    let exponent =
      stirlingError(n) - stirlingError(x) - stirlingError(n - x) - deviance(x, n * rate)
      - deviance(n - x, n * (1 - rate))
    return exp(exponent) * (n / (2 * Double.pi * x * (n - x))).squareRoot()
  }

  /// ln n! minus Stirling's formula.
  private static func stirlingError(_ n: Double) -> Double {
    guard n > 15 else {
      return lgamma(n + 1) - (n + 0.5) * log(n) + n - 0.5 * log(2 * Double.pi)
    }
    let square = n * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680) / square) / square) / square) / n
  }

  /// x ln(x / mean) + mean - x without cancellation.
  private static func deviance(_ x: Double, _ mean: Double) -> Double {
    guard abs(x - mean) < 0.1 * (x + mean) else { return x * log(x / mean) + mean - x }
    let ratio = (x - mean) / (x + mean)
    var sum = (x - mean) * ratio
    var term = 2 * x * ratio
    let square = ratio * ratio
    for index in 1..<200 {
      term *= square
      let next = sum + term / Double(2 * index + 1)
      if next == sum { break }
      sum = next
    }
    return sum
  }
}
