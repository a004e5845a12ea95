internal import Glibc

/// Exact confidence bounds on a probability from counted events.
/// - Source: Clopper and Pearson, Biometrika 26 (1934).
enum BinomialBound {
  /// The smallest p that `count` or fewer of `trials` refutes at `significance`; 1 where none is.
  static func upper(count: Int, trials: Int, significance: Double) -> Double {
    precondition((0...trials).contains(count) && trials > 0, "counts of trials")
    guard count < trials else { return 1 }
    // P[B <= count] = I_(1-p)(trials - count, count + 1) falls in p.
    return bisect { p in
      incompleteBeta(Double(trials - count), Double(count + 1), 1 - p) > significance
    }
  }

  /// The largest p that `count` or more of `trials` refutes at `significance`; 0 where none is.
  static func lower(count: Int, trials: Int, significance: Double) -> Double {
    1 - upper(count: trials - count, trials: trials, significance: significance)
  }

  /// The point where `isBelow` turns false.
  private static func bisect(_ isBelow: (Double) -> Bool) -> Double {
    var (low, high) = (0.0, 1.0)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if isBelow(middle) { low = middle } else { high = middle }
    }
    return high
  }

  /// The regularised incomplete beta function I_x(a, b), a and b at least 1.
  /// - Source: Press et al., "Numerical Recipes", section 6.4 (Lentz's continued fraction).
  static func incompleteBeta(_ a: Double, _ b: Double, _ x: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    guard x <= (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(b, a, 1 - x) }
    let front = exp(
      lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    let tiny = 1e-300
    var c = 1.0
    var d = 1 - (a + b) * x / (a + 1)
    d = 1 / (abs(d) < tiny ? tiny : d)
    var value = d
    for step in 1...100_000 {
      let m = Double(step)
      for term in [
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
      ] {
        d = 1 + term * d
        d = 1 / (abs(d) < tiny ? tiny : d)
        c = 1 + term / c
        if abs(c) < tiny { c = tiny }
        value *= d * c
      }
      if abs(d * c - 1) < 1e-14 { break }
    }
    return front * value / a
  }
}
