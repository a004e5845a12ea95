internal import Glibc

/// Privacy losses of mechanisms with a discrete outcome, as lists of atoms.
enum DiscreteLosses {
  /// ln(1 - rate + rate e^exponent).
  private static func mixture(_ rate: Double, _ exponent: Double) -> Double {
    LaplaceLoss.mixture(rate, exponent)
  }

  /// The atom of an outcome of mass `middle` under M(0), `e^upper` and `e^lower` times that under
  /// M(1) and M(-1).
  private static func atom(
    _ middle: Double, upper: Double, lower: Double, rate: Double, direction: LossDirection
  ) -> LossAtom {
    let gain = direction == .add ? 0 : mixture(rate, upper)
    let cost = direction == .remove ? 0 : mixture(rate, lower)
    return LossAtom(loss: gain - cost, p: middle * exp(gain))
  }

  /// Discrete Gaussian noise on one integer.
  /// - Parameters:
  ///   - sensitivity: distance of a contribution from none, in steps, above zero.
  ///   - tail: P's mass outside the atoms, on either side, is at most this.
  static func gaussian(
    sigma: Double, sensitivity: Int, rate: Double, direction: LossDirection, tail: Double
  ) -> [LossAtom] {
    // P(X >= c) <= exp(-c²/2 sigma²), Canonne, Kamath, Steinke, arXiv:2004.00010, proposition 25.
    let reach = Int((sigma * (-2 * log(tail / 2)).squareRoot()).rounded(.up)) + 1
    let variance = sigma * sigma
    var normalizer = 1.0
    for y in stride(from: reach, through: 1, by: -1) {
      normalizer += 2 * exp(-Double(y) * Double(y) / (2 * variance))
    }
    let distance = Double(sensitivity)
    var atoms: [LossAtom] = []
    let centres = [0] + (direction == .add ? [] : [sensitivity])
    var next = Int.min
    for centre in centres {
      for y in max(next, centre - reach)...(centre + reach) {
        let x = Double(y)
        let upper = distance * (2 * x - distance) / (2 * variance)
        let lower = distance * (-2 * x - distance) / (2 * variance)
        let gain = direction == .add ? 0 : mixture(rate, upper)
        let cost = direction == .remove ? 0 : mixture(rate, lower)
        let p =
          direction == .add
          ? exp(-x * x / (2 * variance))
          : (1 - rate) * exp(-x * x / (2 * variance))
            + rate * exp(-(x - distance) * (x - distance) / (2 * variance))
        if p > 0 { atoms.append(LossAtom(loss: gain - cost, p: p / normalizer)) }
      }
      next = centre + reach + 1
    }
    return atoms
  }

  /// Discrete Laplace noise on one integer, probability of y proportional to exp(-`parameter` |y|).
  static func laplace(
    parameter: Double, sensitivity: Int, rate: Double, direction: LossDirection
  ) -> [LossAtom] {
    let low = direction == .remove ? 0 : -sensitivity
    let high = direction == .add ? 0 : sensitivity
    let ratio = exp(-parameter)
    let height = -expm1(-parameter) / (1 + ratio)
    var atoms: [LossAtom] = []
    for y in low...high {
      let x = Double(y)
      let distance = Double(sensitivity)
      let upper = parameter * (abs(x) - abs(x - distance))
      let lower = parameter * (abs(x) - abs(x + distance))
      // Outcomes beyond either end have the loss of the end.
      let isEnd = y == low || y == high
      let middle =
        isEnd && low < high
        ? exp(-parameter * abs(x)) / (1 + ratio) : height * exp(-parameter * abs(x))
      // At 0 as an end, the whole other half is beyond it.
      atoms.append(
        atom(middle, upper: upper, lower: lower, rate: rate, direction: direction))
    }
    return atoms
  }

  /// Randomized response: the two answers that differ, and all others together.
  static func randomizedResponse(noise: Double, buckets: Int) -> [LossAtom] {
    let other = noise / Double(buckets)
    let own = 1 - noise + other
    guard other > 0 else { return [LossAtom(loss: .infinity, p: 1)] }
    let loss = log1p((1 - noise) / other)
    return [
      LossAtom(loss: loss, p: own), LossAtom(loss: -loss, p: other),
      LossAtom(loss: 0, p: other * Double(buckets - 2)),
    ]
  }

  /// The pair that dominates every (epsilon, delta)-DP mechanism.
  static func epsilonDelta(
    epsilon: Double, delta: Double, rate: Double, direction: LossDirection
  ) -> [LossAtom] {
    let large = (1 - delta) / (1 + exp(-epsilon))
    let small = (1 - delta) * exp(-epsilon) / (1 + exp(-epsilon))
    // Outcomes as masses under M(0) and M(1); M(-1) never appears, as the pair is its own mirror.
    let outcomes = [(0.0, delta), (small, large), (large, small), (delta, 0.0)]
    return outcomes.compactMap { absent, present in
      let sampled = (1 - rate) * absent + rate * present
      let (p, q) = direction == .add ? (absent, sampled) : (sampled, absent)
      guard p > 0 else { return nil }
      guard q > 0 else { return LossAtom(loss: .infinity, p: p) }
      let exponent =
        absent == 0 || present == 0
        ? nil : (present > absent ? epsilon : present < absent ? -epsilon : 0)
      let ratio = exponent.map { mixture(rate, $0) } ?? log1p(-rate)
      return LossAtom(loss: direction == .add ? -ratio : ratio, p: p)
    }
  }
}
