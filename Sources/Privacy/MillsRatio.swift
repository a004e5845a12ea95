internal import Glibc

/// R(t) = (1 - Φ(t)) / φ(t), the upper tail of the standard normal distribution over its density.
///
/// It varies slowly where Φ and φ underflow, so logarithms of tails come out to full precision at
/// any depth.
enum MillsRatio {
  /// R(t) with a relative error below 1e-14, for t >= -1.
  static func ratio(_ t: Double) -> Double {
    t < continuedFractionStart ? ratioByComplement(t) : 1 / (t + tailFraction(t))
  }

  /// -R'(t) = 1 - t R(t), positive, with a relative error below 1e-14, for t >= -1.
  static func descent(_ t: Double) -> Double {
    if t < continuedFractionStart { return 1 - t * ratioByComplement(t) }
    let fraction = tailFraction(t)
    return fraction / (t + fraction)
  }

  private static let continuedFractionStart = 2.0
  private static let continuedFractionTerms = 80

  private static func ratioByComplement(_ t: Double) -> Double {
    (Double.pi / 2).squareRoot() * exp(t * t / 2) * erfc(t / 2.0.squareRoot())
  }

  /// K in R(t) = 1 / (t + K), K = 1/(t + 2/(t + 3/(t + …))). From t = 2 on, 80 terms leave a
  /// truncation error below one unit in the last place.
  ///
  /// Source: Abramowitz and Stegun 26.2.14.
  private static func tailFraction(_ t: Double) -> Double {
    var denominator = t
    for term in stride(from: continuedFractionTerms, through: 2, by: -1) {
      denominator = t + Double(term) / denominator
    }
    return 1 / denominator
  }
}
