internal import Glibc

/// A privacy loss distribution on the multiples of one interval that is never more private than the
/// one it stands for.
///
/// Every cell between two grid points is replaced by mass on the two points that keeps both P's and
/// Q's mass of the cell ("connect the dots"); it is the tightest such distribution on its grid. Far
/// from 0 a cell spans several grid points, at most 2^-11 of its loss, so that the number of cells
/// grows with the logarithm of the range. Mass and split are enlarged by bounds of their rounding
/// errors.
///
/// Source: Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, "Connect the dots: tighter discrete
/// approximations of privacy loss distributions", arXiv:2207.04380.
struct DiscretizedLoss {
  let interval: Double
  /// Grid points, as multiples of ``interval``; one may appear several times.
  private(set) var indices: [Int] = []
  private(set) var masses: [Double] = []
  /// Mass × (loss - lower point) × (upper point - loss) of the cell below each entry, at its upper
  /// point: what discretisation added to the variance, from above.
  private(set) var spreads: [Double] = []
  private(set) var infinityMass = 0.0
  /// The part of ``infinityMass`` that the true loss need not have.
  private(set) var truncatedMass = 0.0
  /// How far a true loss may lie above the cell it was counted in.
  private(set) var lossError = 0.0
  /// Largest relative error of an entry, not covered by its enlargement.
  private(set) var relativeError = 0.0

  private static let cellsPerScale = 11
  /// Grid points beyond this are infinitely far; below minus this, they are this far.
  private static let farthest = 1e12

  init(_ distribution: LossDistribution, interval: Double) {
    self.interval = interval
    for (weight, part) in distribution.parts where weight > 0 {
      switch part {
      case .gaussian(let loss): add(loss, weight: weight, tail: distribution.tail)
      case .laplace(let loss): add(loss, weight: weight, tail: distribution.tail)
      case .atoms(let atoms): add(atoms, weight: weight, tail: distribution.tail)
      case .mirroredGaussian(let loss): addMirrored(loss, weight: weight, tail: distribution.tail)
      case .mirroredLaplace(let loss): addMirrored(loss, weight: weight, tail: distribution.tail)
      }
    }
  }

  /// Calls `body` with the edges of consecutive cells, as multiples of the interval and as points.
  private func forEachCell<Loss: MonotoneLoss>(
    of loss: Loss, in range: ClosedRange<Double>,
    _ body: (_ low: Int, _ high: Int, _ from: Double, _ to: Double) -> Void
  ) {
    let lowest = Int((loss.loss(range.lowerBound) / interval).rounded(.down))
    let highest = max(lowest + 1, Int((loss.loss(range.upperBound) / interval).rounded(.up)))
    var (low, from) = (lowest, range.lowerBound)
    while low < highest {
      // Cells do not cross 0, as their span is at most their distance from it.
      let high = min(highest, low + max(1, abs(low) >> Self.cellsPerScale))
      let to =
        high == highest
        ? range.upperBound
        : min(range.upperBound, max(from, loss.point(loss: Double(high) * interval)))
      if to > from { body(low, high, from, to) }
      (low, from) = (high, to)
    }
  }

  /// The range without what lies farther than grid points go; P's mass there is counted.
  private mutating func reachable<Loss: MonotoneLoss>(
    _ range: ClosedRange<Double>, of loss: Loss, weight: Double
  ) -> ClosedRange<Double> {
    let limit = Self.farthest * interval
    var (low, high) = (range.lowerBound, range.upperBound)
    if loss.loss(low) < -limit {
      let nearer = min(high, max(low, loss.point(loss: -limit)))
      append(-Int(Self.farthest), weight * loss.masses(from: low, to: nearer).p, spread: 0)
      low = nearer
    }
    if loss.loss(high) > limit {
      let nearer = max(low, min(high, loss.point(loss: limit)))
      truncate(weight * loss.masses(from: nearer, to: high).p)
      high = nearer
    }
    return low...high
  }

  private mutating func add<Loss: MonotoneLoss>(_ loss: Loss, weight: Double, tail: Double) {
    let range = reachable(loss.range(tail: tail), of: loss, weight: weight)
    note(loss)
    if loss.isUnbounded {
      truncate(weight * tail)
      let lowest = Int((loss.loss(range.lowerBound) / interval).rounded(.up))
      append(lowest, weight * tail, spread: 0)
    }
    for end in loss.ends { addAtom(end.loss, weight * end.p) }
    var cells: [(Int, Int, LossMasses, Double)] = []
    forEachCell(of: loss, in: range) { low, high, from, to in
      let error = loss.relativeError(at: max(abs(from), abs(to)))
      cells.append((low, high, loss.masses(from: from, to: to), error))
    }
    for (low, high, masses, error) in cells {
      split(
        LossMasses(p: weight * masses.p, q: weight * masses.q), low: low, high: high, error: error)
    }
  }

  private mutating func addMirrored<Loss: MonotoneLoss>(
    _ loss: Loss, weight: Double, tail: Double
  ) {
    let full = reachable(loss.range(tail: tail), of: loss, weight: weight)
    let zero = min(full.upperBound, max(full.lowerBound, loss.point(loss: 0)))
    note(loss)
    var positive = 0.0
    if loss.isUnbounded { truncate(weight * tail) }
    for end in loss.ends where end.loss > 0 {
      addAtom(end.loss, weight * end.p)
      addAtom(-end.loss, weight * end.p * exp(-end.loss))
      positive += end.p * (1 + exp(-end.loss))
    }
    var cells: [(Int, Int, LossMasses, Double)] = []
    if zero < full.upperBound {
      forEachCell(of: loss, in: zero...full.upperBound) { low, high, from, to in
        let error = loss.relativeError(at: max(abs(from), abs(to)))
        cells.append((low, high, loss.masses(from: from, to: to), error))
      }
    }
    for (low, high, masses, error) in cells {
      let (p, q) = (weight * masses.p, weight * masses.q)
      split(LossMasses(p: p, q: q), low: low, high: high, error: error)
      split(LossMasses(p: q, q: p), low: -high, high: -low, error: error)
      positive += masses.p + masses.q
    }
    append(0, weight * max(0, 1 - positive * (1 - 64 * Double.ulpOfOne)), spread: 0)
  }

  private mutating func add(_ atoms: [LossAtom], weight: Double, tail: Double) {
    // What lies outside the atoms is either below the lowest or counted as infinite.
    truncate(weight * tail)
    var lowest = Double.infinity
    for atom in atoms {
      if atom.loss == .infinity {
        infinityMass += weight * atom.p
      } else {
        addAtom(atom.loss, weight * atom.p)
        lowest = min(lowest, atom.loss)
      }
    }
    if tail > 0, lowest < .infinity { addAtom(lowest, weight * tail) }
    relativeError = max(relativeError, 256 * Double.ulpOfOne)
    let largest = atoms.map { $0.loss.isFinite ? abs($0.loss) : 0 }.max() ?? 0
    lossError = max(lossError, 16 * Double.ulpOfOne * (1 + largest))
  }

  private mutating func note<Loss: MonotoneLoss>(_ loss: Loss) {
    relativeError = max(relativeError, 16 * Double.ulpOfOne)
    lossError = max(lossError, 2 * loss.lossError)
  }

  private mutating func addAtom(_ loss: Double, _ p: Double) {
    guard p > 0 else { return }
    let position = loss / interval
    guard position < Self.farthest else {
      return truncate(p)
    }
    guard position > -Self.farthest else { return append(-Int(Self.farthest), p, spread: 0) }
    let low = position.rounded(.down)
    let rest = position - low
    guard rest > 0 else { return append(Int(low), p, spread: 0) }
    // P and Q kept: p_high = p (1 - e^-(loss - low)) / (1 - e^-interval).
    let share = min(1, expm1(-rest * interval) / expm1(-interval))
    append(Int(low), p * (1 - share), spread: 0)
    append(Int(low) + 1, p * share, spread: p * rest * (1 - rest) * interval * interval)
  }

  /// Mass on both ends of a cell that keeps P and Q: p_high = (p - q e^low) / (1 - e^-width).
  private mutating func split(_ masses: LossMasses, low: Int, high: Int, error: Double) {
    let p = masses.p
    guard p > 0 else { return }
    let (edge, width) = (Double(low) * interval, Double(high - low) * interval)
    let kept = edge < 700 && masses.q > 0 ? masses.q * exp(edge) : 0
    // Rounding of both masses can move at most this share.
    let slack = p * min(1, 2 * (error + Double.ulpOfOne * abs(edge)) / -expm1(-width))
    let upper = min(p, max(0, (p - kept) / -expm1(-width)) + slack)
    let lower = p - upper
    let grown = 1 + error
    append(low, lower * grown, spread: 0)
    append(high, upper * grown, spread: lower / p * upper * width * width)
  }

  private mutating func truncate(_ mass: Double) {
    infinityMass += mass
    truncatedMass += mass
  }

  private mutating func append(_ index: Int, _ mass: Double, spread: Double) {
    if let last = indices.last, last == index {
      masses[masses.count - 1] += mass
      spreads[spreads.count - 1] += spread
    } else {
      indices.append(index)
      masses.append(mass)
      spreads.append(spread)
    }
  }
}

extension DiscretizedLoss {
  /// ln E[e^(tilt × loss)] over the finite losses, rounded up.
  func logMoment(tilt: Double) -> Double {
    let scale = tilt * interval
    var largest = -Double.infinity
    for (index, mass) in zip(indices, masses) where mass > 0 {
      largest = max(largest, scale * Double(index))
    }
    guard largest > -.infinity else { return -.infinity }
    var sum = 0.0
    for (index, mass) in zip(indices, masses) { sum += mass * exp(scale * Double(index) - largest) }
    // exp loses the size of its argument; the sum one unit an entry.
    return largest + log(sum) + Double.ulpOfOne * (64 + 4 * abs(largest) + Double(masses.count))
  }

  /// What discretisation adds to the variance of the loss under the tilted measure, from above.
  func spread(tilt: Double, logMoment: Double) -> Double {
    let scale = tilt * interval
    var sum = 0.0
    for (index, spread) in zip(indices, spreads) where spread > 0 {
      sum += spread * exp(scale * Double(index) - logMoment)
    }
    return sum
  }
}
