internal import Glibc

/// Sums of tilted masses from the top of a window downwards, from which delta at every grid point
/// follows without cancellation.
///
/// With weights w(l) = e^(-θ(l - anchor)), delta at a grid point x is Σ c(l) w(l) (1 - e^(x - l)) over
/// l > x, and F(x) = Σ c(l) w(l) e^(x - l) over l >= x. One step down adds (1 - e^-h) F to delta; all
/// terms are positive. The masses' ℓ² error times the norm of their weights, what lies above the
/// window, and what came back into it, at the largest weight it can have, make it a bound.
struct LossScan {
  private struct Sums {
    var delta = 0.0
    var discounted = 0.0
  }

  /// Squared norms of the weights that the sums give to errors, with u = 1 - e^(x - l).
  private struct Norms {
    /// Σ w²
    var plain = 0.0
    /// Σ w² u
    var once = 0.0
    /// Σ w² u²: of delta.
    var delta = 0.0
    /// Σ w² (1 - u)²: of F.
    var discounted = 0.0
  }

  /// A weight's square must not overflow. One this large, times any error of a transform, is beyond
  /// every target.
  private static let largestWeight = 1e140
  private static let smallestWeight = 1e-200

  private let interval: Double
  private let decay: Double
  private let complement: Double
  private let tilt: Double
  private let anchor: Double
  private let growth: Double
  private let error: Double
  private let above: Double
  private let folded: Double
  private var index: Int
  private var weight: Double
  private var masses = Sums()
  private var norms = Norms()
  /// The bound, without what was folded, and F at the grid point one above.
  private var coreAbove = 0.0
  private var discountedAbove = 0.0
  /// The loss that sums stand at.
  private(set) var position: Double

  /// - Parameters:
  ///   - top: the grid point just above the window.
  ///   - above: tilted mass at or above it.
  ///   - folded: tilted mass from outside the window that any of its buckets may lack.
  ///   - error: bound of the ℓ² norm of the masses' errors.
  init(
    tilt: Double, interval: Double, anchor: Double, top: Int, above: Double, folded: Double,
    error: Double
  ) {
    self.tilt = tilt
    self.interval = interval
    self.anchor = anchor
    self.error = error
    self.folded = folded
    decay = exp(-interval)
    complement = -expm1(-interval)
    growth = exp(tilt * interval)
    index = top
    position = Double(top) * interval
    weight = Self.weight(tilt, position - anchor)
    self.above = above * weight
    coreAbove = self.above
  }

  private static func weight(_ tilt: Double, _ distance: Double) -> Double {
    min(exp(-tilt * distance), largestWeight)
  }

  /// Moves one grid point down; `mass` is the tilted mass there.
  @inline(__always)
  mutating func step(mass: Double) {
    coreAbove = core
    discountedAbove = discounted
    masses.delta += complement * masses.discounted
    norms.delta =
      complement * (complement * norms.plain + 2 * decay * norms.once)
      + decay * decay * norms.delta
    norms.once = complement * norms.plain + decay * norms.once
    index -= 1
    position = Double(index) * interval
    // Products of growths drift, and never leave 0 again.
    let isAnew = index & 63 == 0 || weight < Self.smallestWeight
    weight =
      isAnew
      ? Self.weight(tilt, position - anchor) : min(weight * growth, Self.largestWeight)
    masses.discounted = max(0, mass) * weight + decay * masses.discounted
    norms.plain += weight * weight
    norms.discounted = weight * weight + decay * decay * norms.discounted
  }

  /// Upper bound, at the position, of delta over e^(K - θ anchor).
  var bound: Double { core + folded * weight }

  private var core: Double { masses.delta + error * norms.delta.squareRoot() + above }

  /// Upper bound of -d delta / d epsilon just below the position, in the same unit.
  var discounted: Double { masses.discounted + error * norms.discounted.squareRoot() }

  /// The bound at `distance` below the position, at most one interval.
  func bound(below distance: Double) -> Double {
    core + folded * weight * growth - expm1(-distance) * discounted
  }

  /// What of the bound does not come from masses.
  var roundOff: Double { error * norms.delta.squareRoot() + above + folded * weight }

  /// Where the bound falls to `target`, if it reached `target` with the last step.
  func epsilon(target: Double) -> Double {
    let share = (target - coreAbove - folded * weight) / discountedAbove
    guard share > 0, share < 1 else { return position + (share >= 1 ? 0 : interval) }
    return position + interval + log1p(-min(share, complement))
  }
}
