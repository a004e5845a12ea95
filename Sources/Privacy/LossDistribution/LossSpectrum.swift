internal import Glibc

/// The composition of discretised privacy losses of one direction, as a product of spectra under an
/// exponential tilt, and rigorous upper bounds of epsilon and delta read from it.
///
/// Every mass p at loss l is stored as p e^(θl - K), where K = ln Σ p e^(θl). The tilted composition
/// has its bulk where the answer lies, so that the round-off of the transform, which is relative to
/// the bulk, stays far below a delta of any size. What is added to the result:
/// - round-off, as a bound of the ℓ² norm of the whole window's error. An error e_j of the factor
///   v_j moves the product by e_j times the other factors, so that its norm grows by at most their
///   largest magnitude; a sum over buckets with weights w then errs by at most ‖error‖ ‖w‖;
/// - the tilted mass outside the window, which comes back with either sign: at most
///   e^(K(θ+v) - K(θ) - v × top) above and e^(K(θ-v) - K(θ) + v × bottom) below.
///
/// Source: the tilt is an Esscher transform as used for tail probabilities; the bound of what
/// aliases is Chernoff's.
struct LossSpectrum: Sendable {
  let interval: Double
  let tilt: Double
  let transform: NegacyclicTransform
  /// Distances from ``tilt`` at which moments are kept for Chernoff bounds, above zero.
  private let probes: [Double]
  private var values: [SIMD2<Double>]
  /// ln of an upper bound of each value's magnitude.
  private var logMagnitudes: [Double]
  /// ln of the least magnitude of the factors of each value.
  private var leastLogMagnitudes: [Double]
  /// Bound of each value's rounding error relative to its magnitude.
  private var errors: [Double]
  /// Σ of the factors' ℓ² errors from their transforms, in terms of coefficients.
  private var transformError = 0.0
  private var logMoment = 0.0
  private var upperMoments: [Double]
  private var lowerMoments: [Double]
  /// Σ ln(1 - mass at infinity).
  private var logFinite = 0.0
  /// Mass at infinity that truncation put there.
  private var truncated = 0.0
  private var lossError = 0.0
  private var relativeError = 0.0

  /// Values below e^-this are taken as zero; the difference is part of the error.
  private static let negligible = 90.0

  init(
    interval: Double, tilt: Double, probes: [Double], transform: NegacyclicTransform
  ) {
    self.interval = interval
    self.tilt = tilt
    self.probes = probes
    self.transform = transform
    let count = transform.length / 2
    values = Array(repeating: SIMD2(1, 0), count: count)
    logMagnitudes = Array(repeating: 0, count: count)
    leastLogMagnitudes = Array(repeating: 0, count: count)
    errors = Array(repeating: 0, count: count)
    upperMoments = Array(repeating: 0, count: probes.count)
    lowerMoments = Array(repeating: 0, count: probes.count)
  }

  /// ln of the mass that the tilt adds; a value of a spectrum divided by e^this is a probability.
  var totalLogMoment: Double { logMoment }

  /// Composes `count` copies of `loss`.
  mutating func add(_ loss: DiscretizedLoss, count: Int) {
    let copies = Double(count)
    let moment = loss.logMoment(tilt: tilt)
    logMoment += copies * moment
    for (index, probe) in probes.enumerated() {
      upperMoments[index] += copies * loss.logMoment(tilt: tilt + probe)
      lowerMoments[index] += copies * loss.logMoment(tilt: tilt - probe)
    }
    logFinite += copies * log1p(-min(1, loss.infinityMass))
    truncated += copies * loss.truncatedMass
    lossError += copies * loss.lossError
    relativeError +=
      copies * (loss.relativeError + Double.ulpOfOne * (256 + 4 * abs(moment)))

    let coefficients = folded(loss, moment: moment)
    var squares = 0.0
    for coefficient in coefficients { squares += coefficient * coefficient }
    let norm = transform.relativeError * squares.squareRoot()
    transformError += copies * norm
    // Of a single value, the error may be all of the ℓ² norm.
    let error = norm * Double(transform.length / 2).squareRoot() + Self.weightError
    multiply(by: transform.forward(coefficients), count: count, error: error)
  }

  /// Weights of very negative losses lose more digits than others, but less than 8 units of the
  /// whole.
  private static let weightError = 8 * Double.ulpOfOne

  /// The tilted masses, folded into one window; every turn changes the sign.
  private func folded(_ loss: DiscretizedLoss, moment: Double) -> [Double] {
    var coefficients = [Double](repeating: 0, count: transform.length)
    let scale = tilt * interval
    let mask = transform.length - 1
    let shift = transform.length.trailingZeroBitCount
    for (index, mass) in zip(loss.indices, loss.masses) {
      let weight = mass * exp(scale * Double(index) - moment)
      coefficients[index & mask] += (index >> shift) & 1 == 0 ? weight : -weight
    }
    return coefficients
  }

  private mutating func multiply(by factor: [SIMD2<Double>], count: Int, error: Double) {
    let copies = Double(count)
    for k in 0..<factor.count {
      let value = factor[k]
      let magnitude = (value.x * value.x + value.y * value.y).squareRoot() + error
      let logMagnitude = log(magnitude)
      logMagnitudes[k] += copies * logMagnitude
      leastLogMagnitudes[k] = min(leastLogMagnitudes[k], logMagnitude)
      guard logMagnitudes[k] > -Self.negligible else {
        values[k] = .zero
        errors[k] = 1
        continue
      }
      errors[k] += copies * (Self.weightError / magnitude + 4 * Double.ulpOfOne)
      values[k] = Self.product(values[k], Self.power(value, count))
    }
  }

  @inline(__always)
  private static func product(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> SIMD2<Double> {
    SIMD2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x)
  }

  private static func power(_ base: SIMD2<Double>, _ exponent: Int) -> SIMD2<Double> {
    var (square, rest) = (base, exponent)
    var result = SIMD2<Double>(1, 0)
    while rest > 0 {
      if rest & 1 == 1 { result = product(result, square) }
      rest >>= 1
      if rest > 0 { square = product(square, square) }
    }
    return result
  }
}

extension LossSpectrum {
  /// One answer with the parts of its excess over the truth.
  struct Reading {
    /// Not below the truth.
    var epsilon: Double
    /// ln delta, not below the truth.
    var logDelta: Double
    /// -d ln delta / d epsilon at the answer: the tilt that suits it best.
    var slope: Double
    /// What round-off, truncation and aliasing added to epsilon.
    var roundingExcess: Double
    /// Whether the answer lay inside the window. If not, it is a valid but loose bound.
    var isInside: Bool
  }

  /// The composition around its bulk.
  private struct Window {
    /// Grid point of the first bucket.
    let bottom: Int
    let masses: [Double]
    /// Bound of the ℓ² norm of the masses' errors.
    let error: Double
    /// Bound of the tilted mass at or above the top, and of that below the bottom.
    let above: Double
  }

  /// The window whose outside is least likely under the tilted measure.
  private func window() -> Window {
    let length = transform.length
    var largestRest = -Double.infinity
    var rounding = 0.0
    for k in 0..<values.count {
      largestRest = max(largestRest, logMagnitudes[k] - leastLogMagnitudes[k])
      guard logMagnitudes[k] > -2 * Self.negligible else { continue }
      let error = exp(logMagnitudes[k]) * expm1(errors[k])
      rounding += error * error
    }
    // Values left out are below e^-180 each.
    rounding = (rounding / Double(values.count)).squareRoot() + exp(-2 * Self.negligible)
    let folded = transform.backward(values)
    var squares = 0.0
    for mass in folded { squares += mass * mass }
    let error =
      (transformError * exp(largestRest) + rounding
        + transform.relativeError * squares.squareRoot()) * (1 + 1e-9)

    let (bottom, outside) = bestBottom()
    let mask = length - 1
    let shift = length.trailingZeroBitCount
    var masses = [Double](repeating: 0, count: length)
    for offset in 0..<length {
      let index = bottom + offset
      let mass = folded[index & mask]
      masses[offset] = (index >> shift) & 1 == 0 ? mass : -mass
    }
    return Window(
      bottom: bottom, masses: masses, error: error, above: outside)
  }

  /// Where the window starts so that the tilted mass outside, on either side, is bounded by the
  /// smallest figure; and that figure.
  private func bestBottom() -> (bottom: Int, outside: Double) {
    let room = Double(transform.length - 2) * interval
    var (low, high) = (0.0, 700.0)
    guard width(0) <= room else {
      let reach = reach(0)
      return (grid((reach.lower + reach.upper - room) / 2), 1)
    }
    for _ in 0..<50 {
      let exponent = (low + high) / 2
      if width(exponent) <= room { low = exponent } else { high = exponent }
    }
    let reach = reach(low)
    // The moments are rounded; their error is far below a hundredth.
    return (grid(reach.lower - (room - width(low)) / 2), min(1, 1.01 * exp(-low)))
  }

  private func grid(_ loss: Double) -> Int {
    Int(max(-1e15, min(1e15, (loss / interval).rounded(.down))))
  }

  private func width(_ exponent: Double) -> Double {
    let reach = reach(exponent)
    return reach.upper - reach.lower
  }

  /// Losses outside which the tilted mass is at most e^-`exponent` on either side.
  private func reach(_ exponent: Double) -> (lower: Double, upper: Double) {
    var upper = Double.infinity
    var lower = -Double.infinity
    for (index, probe) in probes.enumerated() {
      upper = min(upper, (upperMoments[index] - logMoment + exponent) / probe)
      lower = max(lower, (logMoment - lowerMoments[index] - exponent) / probe)
    }
    return (min(lower, upper), upper)
  }

  /// The smallest epsilon at `delta`, with its excess.
  /// - Parameter delta: in (0, 1).
  func epsilon(delta: Double) -> Reading {
    let infinite = -expm1(logFinite)
    guard delta > infinite else {
      return Reading(
        epsilon: .infinity, logDelta: log(delta), slope: 0, roundingExcess: 0, isInside: true)
    }
    let window = window()
    let top = Double(window.bottom + window.masses.count) * interval
    // Weights are relative to a point near the answer, so that none overflows.
    let anchor = tilt > 0 ? max(0, min(top, (logMoment - log(delta)) / tilt)) : 0
    let growth = 1 + relativeErrorFactor(at: anchor)
    let scale = exp(tilt * anchor - logMoment) / growth
    let target = (delta - infinite).nextDown * scale
    var scan = scan(window, anchor: anchor)
    guard scan.bound < target else {
      return outsideReading(epsilon: chernoffEpsilon(delta: delta - infinite), delta: delta)
    }
    var offset = window.masses.count - 1
    while offset >= 0, scan.bound < target, scan.position > 0 {
      scan.step(mass: window.masses[offset])
      offset -= 1
    }
    let isReached = scan.bound >= target
    let epsilon = isReached ? scan.epsilon(target: target) : max(0, scan.position)
    let extra = scan.roundOff + truncated * scale + target * (growth - 1)
    return Reading(
      epsilon: max(0, epsilon + lossError) * (1 + 4 * Double.ulpOfOne), logDelta: log(delta),
      slope: isReached ? scan.discounted / scan.bound : 0,
      roundingExcess: (isReached ? extra / max(scan.discounted, 1e-300) : 0) + lossError,
      isInside: isReached || scan.position <= 0)
  }

  /// ln of the smallest delta at `epsilon`, with the excess in terms of epsilon.
  /// - Parameter epsilon: not negative, finite.
  func delta(epsilon: Double) -> Reading {
    let infinite = -expm1(logFinite)
    let window = window()
    let shifted = max(0, epsilon - lossError)
    let growth = 1 + relativeErrorFactor(at: shifted)
    var scan = scan(window, anchor: shifted)
    let last = Int(max(-1e15, min(1e15, (shifted / interval).rounded(.up))))
    var offset = window.masses.count - 1
    while offset >= 0, window.bottom + offset >= last {
      scan.step(mass: window.masses[offset])
      offset -= 1
    }
    let isInside = offset >= 0 && offset < window.masses.count - 1
    let tail =
      isInside
      ? log(scan.bound(below: Double(last) * interval - shifted)) + logMoment - tilt * shifted
        + log(growth)
      : chernoffLogDelta(epsilon: shifted)
    let larger = max(tail, log(infinite))
    let sum =
      larger == -.infinity
      ? larger : larger + log(exp(tail - larger) + exp(log(infinite) - larger))
    return Reading(
      epsilon: epsilon, logDelta: min(0, sum + 8 * Double.ulpOfOne * (1 + abs(sum))),
      slope: isInside ? scan.discounted / scan.bound : 0,
      roundingExcess: scan.roundOff / max(scan.discounted, 1e-300) + lossError,
      isInside: isInside)
  }

  private func scan(_ window: Window, anchor: Double) -> LossScan {
    LossScan(
      tilt: tilt, interval: interval, anchor: anchor, top: window.bottom + window.masses.count,
      above: window.above, folded: 2 * window.above, error: window.error)
  }

  private func outsideReading(epsilon: Double, delta: Double) -> Reading {
    Reading(
      epsilon: epsilon + lossError, logDelta: log(delta), slope: 0,
      roundingExcess: .infinity, isInside: false)
  }

  /// Chernoff's bound, valid wherever the window lies.
  private func chernoffEpsilon(delta: Double) -> Double {
    var best = tilt > 0 ? (logMoment - log(delta)) / tilt : .infinity
    for (index, probe) in probes.enumerated() {
      best = min(best, (upperMoments[index] - log(delta)) / (tilt + probe))
    }
    return max(0, best) * (1 + 1e-9)
  }

  private func chernoffLogDelta(epsilon: Double) -> Double {
    var best = logMoment - tilt * epsilon
    for (index, probe) in probes.enumerated() {
      best = min(best, upperMoments[index] - (tilt + probe) * epsilon)
    }
    return min(0, best + 1e-9)
  }

  /// Accumulated relative errors of masses, weights and the final scale.
  private func relativeErrorFactor(at loss: Double) -> Double {
    expm1(relativeError)
      + Double.ulpOfOne * (4096 + 8 * abs(logMoment) + 8 * tilt * abs(loss))
  }
}
