internal import Glibc

/// Privacy loss of a Poisson-sampled Gaussian mechanism, of unit variance.
struct GaussianLoss: MonotoneLoss {
  /// Distance of the shifted means from 0, in standard deviations.
  let shift: Double
  /// Weight of the mean +`shift` in P, and of -`shift` in Q.
  let p: Double
  let q: Double
  private let largestPoint: Double

  /// - Parameters:
  ///   - rate: in (0, 1].
  ///   - noiseMultiplier: standard deviation over the distance of one contribution from none.
  init(rate: Double, noiseMultiplier: Double, direction: LossDirection, tail: Double) {
    shift = 1 / noiseMultiplier
    p = direction == .add ? 0 : rate
    q = direction == .remove ? 0 : rate
    largestPoint = NormalMass.upperPoint(tail / 2) + 1 / noiseMultiplier
  }

  func loss(_ point: Double) -> Double {
    Self.mixture(p, shift * point - shift * shift / 2)
      - Self.mixture(q, -shift * point - shift * shift / 2)
  }

  /// ln(1 - rate + rate e^exponent).
  private static func mixture(_ rate: Double, _ exponent: Double) -> Double {
    guard rate > 0 else { return 0 }
    guard rate < 1 else { return exponent }
    return exponent < 1
      ? log1p(rate * expm1(exponent))
      : exponent + log(rate) + log1p((1 - rate) / rate * exp(-exponent))
  }

  func point(loss: Double) -> Double {
    if q == 0 { return (Self.inverse(p, loss) + shift * shift / 2) / shift }
    if p == 0 { return -(Self.inverse(q, -loss) + shift * shift / 2) / shift }
    return loss < 0 ? -replacePoint(loss: -loss) : replacePoint(loss: loss)
  }

  /// The exponent at which ``mixture(_:_:)`` is `loss`.
  private static func inverse(_ rate: Double, _ loss: Double) -> Double {
    guard rate < 1 else { return loss }
    if loss > 30 { return loss + log1p(-(1 - rate) * exp(-loss)) - log(rate) }
    let grown = expm1(loss)
    // ln(1 + (e^loss - 1) / rate)
    return grown <= -rate ? -.infinity : log1p(grown / rate)
  }

  /// For `loss` >= 0, with y = e^(shift × point) and k = rate e^(-shift²/2), the positive root of
  /// k e^-loss y² - (1-rate)(1 - e^-loss) y - k = 0.
  private func replacePoint(loss: Double) -> Double {
    guard loss > 0 else { return 0 }
    guard p < 1 else { return loss / (2 * shift) }
    let decay = exp(-loss)
    let linear = -(1 - p) * expm1(-loss)
    let logK = log(p) - shift * shift / 2
    let k = exp(logK)
    let root = (linear * linear + 4 * k * k * decay).squareRoot()
    let numerator = linear + root
    guard numerator > 0 else { return loss / (2 * shift) }
    return max(0, (log(numerator) - 0.693_147_180_559_945_3 - logK + loss) / shift)
  }

  func masses(from low: Double, to high: Double) -> LossMasses {
    let distance = max(abs(low), abs(high)) + shift
    guard let rule = Quadrature.rule(width: high - low, distance: distance) else {
      let middle = NormalMass.wide(from: low, to: high)
      let above =
        p == 0 ? 0 : p * NormalMass.wide(from: low - shift, to: high - shift)
      let below = q == 0 ? 0 : q * NormalMass.wide(from: low + shift, to: high + shift)
      return LossMasses(p: (1 - p) * middle + above, q: (1 - q) * middle + below)
    }
    let half = (high - low) / 2
    let middle = low + half
    var sum = LossMasses(p: 0, q: 0)
    for (node, weight) in rule {
      add(middle - node * half, weight, to: &sum)
      add(middle + node * half, weight, to: &sum)
    }
    sum.p *= half
    sum.q *= half
    return sum
  }

  @inline(__always)
  private func add(_ point: Double, _ weight: Double, to sum: inout LossMasses) {
    let middle = p < 1 || q < 1 ? NormalMass.density(point) : 0
    sum.p += weight * (p == 0 ? middle : (1 - p) * middle + p * NormalMass.density(point - shift))
    sum.q += weight * (q == 0 ? middle : (1 - q) * middle + q * NormalMass.density(point + shift))
  }

  func range(tail: Double) -> ClosedRange<Double> {
    let half = tail / 2
    var high = p < 1 ? NormalMass.upperPoint(half / (1 - p)) : 0
    if p > 0 { high = max(high, shift + NormalMass.upperPoint(half / p)) }
    var low = -NormalMass.upperPoint(half)
    if p == 1 { low += shift }
    return low...max(high, low + 1)
  }

  var ends: [LossAtom] { [] }
  var isUnbounded: Bool { true }

  func relativeError(at point: Double) -> Double {
    let distance = abs(point) + shift
    return Double.ulpOfOne * (24 + distance * distance)
  }

  var lossError: Double {
    Double.ulpOfOne * 8 * (1 + shift * (largestPoint + shift))
  }
}
