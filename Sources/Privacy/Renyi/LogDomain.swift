internal import Glibc

/// Sums and factorials whose values exceed the range of a double, by their logarithms.
enum LogDomain {
  /// ln(e^x - 1) for x > 0; -infinity at 0.
  static func expm1(_ x: Double) -> Double {
    x > 36 ? x + log1p(-exp(-x)) : log(Glibc.expm1(x))
  }

  /// ln(1 + e^x).
  static func softplus(_ x: Double) -> Double {
    x > 36 ? x + exp(-x) : log1p(exp(x))
  }

  /// ln(e^x + e^y).
  static func add(_ x: Double, _ y: Double) -> Double {
    let (low, high) = x < y ? (x, y) : (y, x)
    return high == -.infinity || high == .infinity ? high : high + log1p(exp(low - high))
  }

  /// ln Σ e^x over `values`; terms below e^-60 of the largest are counted at that bound. Infinity if
  /// one of them is NaN.
  static func sum(_ values: some Collection<Double>) -> Double {
    guard let largest = values.max(), largest > -.infinity else { return -.infinity }
    guard largest < .infinity else { return .infinity }
    var sum = 0.0
    var skipped = 0
    for value in values {
      guard value <= largest else { return .infinity }
      if value > largest - 60 { sum += exp(value - largest) } else { skipped += 1 }
    }
    return largest + log(sum + Double(skipped) * 8.8e-27)
  }

  /// ln n!.
  static func factorial(_ n: Int) -> Double {
    if n < table.count { return table[n] }
    // Stirling's series; the next term is below 1e-19 from n = 1024 on.
    let x = Double(n)
    return x * log(x) - x + 0.5 * log(2 * Double.pi * x) + 1 / (12 * x) - 1 / (360 * x * x * x)
  }

  /// ln of "n choose k".
  static func binomial(_ n: Int, _ k: Int) -> Double {
    factorial(n) - factorial(k) - factorial(n - k)
  }

  private static let table = (0...1_024).map { lgamma(Double($0) + 1).0 }
}
