internal import Glibc

/// Delta and epsilon of one release by itself, from the masses of the outcomes whose loss exceeds
/// epsilon: no grid, and no error but that of rounding.
struct SingleLoss {
  private let distribution: LossDistribution
  private let largestLoss: Double
  /// How far a true loss may lie above the computed one.
  private let lossError: Double

  /// Relative error of both masses, from above: normal tails carry 1e-13, the exponential of a loss
  /// below 700 and sums of atoms less.
  private static let relativeError = 1e-12
  /// Losses beyond this are as good as infinite, where both masses underflow.
  private static let farthest = 700.0
  private static let bisections = 90

  /// - Parameter largestLoss: none is larger, infinite ones aside.
  init(_ distribution: LossDistribution, largestLoss: Double) {
    self.distribution = distribution
    self.largestLoss = largestLoss
    lossError = distribution.parts.reduce(0) { error, part in
      switch part.part {
      case .gaussian(let loss), .mirroredGaussian(let loss): max(error, loss.lossError)
      case .laplace(let loss), .mirroredLaplace(let loss): max(error, loss.lossError)
      case .atoms(let atoms):
        atoms.reduce(error) {
          max($0, $1.loss.isFinite ? 16 * Double.ulpOfOne * (1 + abs($1.loss)) : 0)
        }
      }
    }
  }

  /// Masses of the outcomes whose loss exceeds `epsilon`; P's where it is infinite.
  private struct Exceedance {
    var p = 0.0
    var q = 0.0
    var infinite = 0.0
    /// P's mass that was cut off, which may be there or not.
    var truncated = 0.0
  }

  private func exceedance(_ epsilon: Double) -> Exceedance {
    var sum = Exceedance()
    for (weight, part) in distribution.parts where weight > 0 {
      switch part {
      case .gaussian(let loss), .mirroredGaussian(let loss):
        add(loss, beyond: epsilon, weight: weight, to: &sum)
      case .laplace(let loss), .mirroredLaplace(let loss):
        add(loss, beyond: epsilon, weight: weight, to: &sum)
      case .atoms(let atoms):
        for atom in atoms where atom.loss > epsilon { add(atom, weight: weight, to: &sum) }
        sum.truncated += weight * distribution.tail
      }
    }
    return sum
  }

  private func add<Loss: MonotoneLoss>(
    _ loss: Loss, beyond epsilon: Double, weight: Double, to sum: inout Exceedance
  ) {
    let range = loss.range(tail: distribution.tail)
    let from = max(range.lowerBound, loss.point(loss: epsilon))
    if from < range.upperBound {
      let masses = loss.masses(from: from, to: range.upperBound)
      sum.p += weight * masses.p
      sum.q += weight * masses.q
    }
    for end in loss.ends where end.loss > epsilon { add(end, weight: weight, to: &sum) }
    if loss.isUnbounded { sum.truncated += weight * distribution.tail }
  }

  private func add(_ atom: LossAtom, weight: Double, to sum: inout Exceedance) {
    if atom.loss == .infinity {
      sum.infinite += weight * atom.p
    } else {
      sum.p += weight * atom.p
      sum.q += weight * atom.p * exp(-atom.loss)
    }
  }

  /// Delta at `epsilon` from above, how much of it is slack, and -d delta / d epsilon.
  func delta(epsilon: Double) -> (value: Double, slack: Double, slope: Double) {
    let epsilon = max(0, epsilon - lossError)
    let masses = exceedance(epsilon)
    let discounted = exp(min(epsilon, Self.farthest)) * masses.q
    let slack = Self.relativeError * (masses.p + discounted) + masses.truncated
    let value = max(0, masses.p - discounted) + slack + masses.infinite
    return (min(1, value * (1 + Self.relativeError)), slack, discounted)
  }

  /// The smallest epsilon at `delta` from above, with its excess.
  func epsilon(delta: Double) -> (value: Double, excess: Double) {
    if self.delta(epsilon: 0).value <= delta { return (0, 0) }
    var (low, high) = (0.0, 1.0)
    while self.delta(epsilon: high).value > delta {
      guard high < Self.farthest else { return (.infinity, .infinity) }
      (low, high) = (high, min(Self.farthest, 2 * high))
    }
    for _ in 0..<Self.bisections {
      let middle = (low + high) / 2
      guard middle > low, middle < high else { break }
      if self.delta(epsilon: middle).value > delta { low = middle } else { high = middle }
    }
    let bound = self.delta(epsilon: high)
    let excess = bound.slack / max(bound.slope, 1e-300)
    return (min(high, largestLoss), high - low + min(excess, high))
  }
}
