internal import Glibc

/// The moments of ``PoissonGaussian`` at fractional orders, by the trapezoidal rule.
///
/// With t = x / σ and y = q (e^u - 1), u = t/σ - 1/2σ², the excess of the moment over 1 is the
/// integral of φ(t) ((1 + y)^a - 1 - a y), since y has mean 0; the integrand is positive. It is
/// analytic for |Im t| < πσ, where 1 + y first vanishes, so a step h leaves a relative error of about
/// exp(-2π y / h + y² / 2) for any y up to πσ: below 1e-19 with the step chosen here. All orders
/// share their nodes.
struct PoissonGaussianIntegral {
  /// Half the width, in standard deviations, beyond which a Gaussian peak is negligible.
  private static let reach = 9.5
  private static let largestStep = 0.4
  /// Where |y| is below this the integrand is a power series; above, a difference keeps 11 digits.
  private static let seriesRadius = 0.01
  private static let seriesTerms = 10

  private let step: Double
  private let nodes: [Node]
  /// Where q e^u = 1 - q: left of it the integrand follows φ(t), right of it φ(t) e^(a u).
  private let crossing: Double
  private let noiseMultiplier: Double

  private struct Node {
    var t: Double
    var y: Double
    /// ln(1 + y).
    var logRatio: Double
    /// φ(t) times the square root of 2π.
    var density: Double
  }

  init(_ mechanism: PoissonGaussian, largestOrder: Double) {
    let (rate, noise) = (mechanism.samplingRate, mechanism.noiseMultiplier)
    let strip = min(Double.pi * noise, 2 * Double.pi / Self.largestStep)
    step = min(Self.largestStep, 2 * Double.pi * strip / (45 + strip * strip / 2))
    noiseMultiplier = noise
    crossing = noise * (log1p(-rate) - log(rate)) + 0.5 / noise
    let (logRate, complement) = (log(rate), (1 - rate) / rate)
    let last = largestOrder / noise + Self.reach
    var nodes: [Node] = []
    for index in 0...Int((last + Self.reach) / step) + 1 {
      let t = Double(index) * step - Self.reach
      let u = (t - 0.5 / noise) / noise
      // At the right end e^u overflows; q e^u may still be small.
      let isFar = u > 300
      let farLogRatio = logRate + u + log1p(complement * exp(-u))
      let y = isFar ? expm1(farLogRatio) : rate * expm1(u)
      let logRatio = isFar ? farLogRatio : log1p(y)
      nodes.append(Node(t: t, y: y, logRatio: logRatio, density: exp(-t * t / 2)))
    }
    self.nodes = nodes
  }

  func logMoment(order: Double) -> Double {
    let peak = order / noiseMultiplier
    var largest = 0.0
    for node in nodes { largest = max(largest, order * node.logRatio - node.t * node.t / 2) }
    let series = Self.coefficients(order: order)
    let scale = exp(-largest)
    var sum = 0.0
    for node in nodes {
      let t = node.t
      guard
        t < Self.reach || abs(t - peak) < Self.reach || abs(t - crossing) < Self.reach
      else { continue }
      if abs(node.y) < Self.seriesRadius {
        var value = 0.0
        for coefficient in series { value = value * node.y + coefficient }
        sum += value * node.y * node.y * node.density * scale
        continue
      }
      let power = order * node.logRatio
      if power < 30 {
        sum += (expm1(power) - order * node.y) * node.density * scale
      } else {
        // By their exponents, which a double holds where the powers overflow.
        let linear = node.density > 0 ? (1 + order * node.y) * node.density * scale : 0
        sum += exp(power - t * t / 2 - largest) - linear
      }
    }
    let logExcess = largest + log(sum * step / (2 * Double.pi).squareRoot())
    return LogDomain.softplus(logExcess)
  }

  /// "a choose k" for k = 11 down to 2.
  private static func coefficients(order: Double) -> [Double] {
    var coefficient = order
    var ascending: [Double] = []
    for k in 2..<2 + seriesTerms {
      coefficient *= (order - Double(k) + 1) / Double(k)
      ascending.append(coefficient)
    }
    return ascending.reversed()
  }
}
