internal import Glibc

/// Privacy loss of a Poisson-sampled Laplace mechanism of scale b, contributions one unit from none.
struct LaplaceLoss: MonotoneLoss {
  let scale: Double
  /// Weight of the mean +1 in P, and of -1 in Q.
  let p: Double
  let q: Double

  init(rate: Double, scale: Double, direction: LossDirection) {
    self.scale = scale
    p = direction == .add ? 0 : rate
    q = direction == .remove ? 0 : rate
  }

  /// The largest gain of one mean over the other: 1/b.
  private var width: Double { 1 / scale }

  func loss(_ point: Double) -> Double {
    let positive = min(max(point, 0), 1)
    let negative = min(max(point, -1), 0)
    let x = min(max(point, -1), 1)
    // Density ratios against M(0): e^((|x| - |x-1|)/b) and e^((|x| - |x+1|)/b).
    let upper = x >= 0 ? (2 * positive - 1) / scale : -width
    let lower = x >= 0 ? -width : (-2 * negative - 1) / scale
    return Self.mixture(p, upper) - Self.mixture(q, lower)
  }

  /// ln(1 - rate + rate e^exponent).
  static func mixture(_ rate: Double, _ exponent: Double) -> Double {
    guard rate > 0 else { return 0 }
    guard rate < 1 else { return exponent }
    return exponent < 1
      ? log1p(rate * expm1(exponent))
      : exponent + log(rate) + log1p((1 - rate) / rate * exp(-exponent))
  }

  func point(loss: Double) -> Double {
    if q == 0 { return positivePoint(rate: p, loss: loss) }
    if p == 0 { return -positivePoint(rate: q, loss: -loss) }
    if loss == 0 { return 0 }
    // On the positive side the other mean's weight is constant, and the sides mirror each other.
    let constant = Self.mixture(q, -width)
    let distance = positivePoint(rate: p, loss: abs(loss) + constant)
    return loss > 0 ? distance : -distance
  }

  /// x in [0, 1] with ln(1 - rate + rate e^((2x-1)/b)) = `loss`, or infinity outside.
  private func positivePoint(rate: Double, loss: Double) -> Double {
    let grown = expm1(loss)
    guard rate == 1 || grown > -rate else { return -.infinity }
    let exponent =
      rate == 1
      ? loss
      : loss > 30 ? loss + log1p(-(1 - rate) * exp(-loss)) - log(rate) : log1p(grown / rate)
    return (1 + scale * exponent) / 2
  }

  func masses(from low: Double, to high: Double) -> LossMasses {
    // Cells do not straddle 0: both sides have closed forms.
    guard high > low else { return LossMasses(p: 0, q: 0) }
    let isPositive = high > 0
    let near = isPositive ? low : -high
    let grown = 0.5 * expm1((high - low) / scale)
    // Mass of M(0), of the mean on this side, and of the mean on the other.
    let middle = exp(-(near + (high - low)) / scale) * grown
    let same = exp((near - 1) / scale) * grown
    let other = middle * exp(-width)
    let upper = isPositive ? same : other
    let lower = isPositive ? other : same
    return LossMasses(p: (1 - p) * middle + p * upper, q: (1 - q) * middle + q * lower)
  }

  func range(tail: Double) -> ClosedRange<Double> { (q > 0 ? -1 : 0)...(p > 0 ? 1 : 0) }

  var ends: [LossAtom] {
    let range = range(tail: 0)
    let (low, high) = (range.lowerBound, range.upperBound)
    // P of x < low and of x > high.
    let below = 0.5 * ((1 - p) * exp(low / scale) + p * exp((low - 1) / scale))
    let above = 0.5 * ((1 - p) * exp(-high / scale) + p * exp(-(high - 1) / scale))
    return [LossAtom(loss: loss(low), p: below), LossAtom(loss: loss(high), p: above)]
  }

  var isUnbounded: Bool { false }
  func relativeError(at point: Double) -> Double { Double.ulpOfOne * (24 + 4 * width) }
  var lossError: Double { Double.ulpOfOne * 8 * (1 + width) }
}
