internal import Glibc

/// Distribution of the privacy loss of one release in one direction, before discretisation: parts
/// that are mixed with public weights.
struct LossDistribution {
  /// A part along a line, or a list of atoms.
  enum Part {
    case gaussian(GaussianLoss)
    case laplace(LaplaceLoss)
    case atoms([LossAtom])
    /// The positive losses of a part and their mirror image, the rest at 0: the pair that
    /// dominates sampling without replacement.
    case mirroredGaussian(GaussianLoss)
    case mirroredLaplace(LaplaceLoss)
  }

  var parts: [(weight: Double, part: Part)]
  /// P's mass that may be put at infinite loss on either side of each part.
  let tail: Double

  /// A cell of the coarse picture: used to choose grid, tilt and window; no bound rests on it.
  struct Cell {
    let loss: Double
    let p: Double
  }

  /// About `count` cells of each part.
  func cells(count: Int) -> [Cell] {
    parts.flatMap { weight, part -> [Cell] in
      let cells: [Cell] =
        switch part {
        case .gaussian(let loss): Self.cells(loss, tail: tail, count: count)
        case .laplace(let loss): Self.cells(loss, tail: tail, count: count)
        case .atoms(let atoms): Self.merged(atoms, count: count)
        case .mirroredGaussian(let loss):
          Self.mirrored(Self.cells(loss, tail: tail, count: count))
        case .mirroredLaplace(let loss):
          Self.mirrored(Self.cells(loss, tail: tail, count: count))
        }
      return cells.map { Cell(loss: $0.loss, p: $0.p * weight) }
    }
  }

  private static func cells<Loss: MonotoneLoss>(
    _ loss: Loss, tail: Double, count: Int
  ) -> [Cell] {
    let range = loss.range(tail: tail)
    let width = (range.upperBound - range.lowerBound) / Double(count)
    var cells = loss.ends.filter { $0.p > 0 }.map { Cell(loss: $0.loss, p: $0.p) }
    for index in 0..<count {
      let low = range.lowerBound + Double(index) * width
      let masses = loss.masses(from: low, to: low + width)
      guard masses.p > 0 else { continue }
      let middle = loss.loss(low + width / 2)
      // The loss of a merged cell, where its masses hold enough digits to tell.
      let merged = masses.q > 0 ? log(masses.p / masses.q) : middle
      let isTrusted = abs(merged) > 1e-9 && merged.isFinite
      cells.append(Cell(loss: isTrusted ? merged : middle, p: masses.p))
    }
    return cells
  }

  private static func merged(_ atoms: [LossAtom], count: Int) -> [Cell] {
    let finite = atoms.filter { $0.loss < .infinity }
    let size = max(1, finite.count / count)
    return stride(from: 0, to: finite.count, by: size).map { start in
      let group = finite[start..<min(start + size, finite.count)]
      let p = group.reduce(0) { $0 + $1.p }
      let mean = group.reduce(0) { $0 + $1.p * $1.loss }
      return Cell(loss: p > 0 ? mean / p : 0, p: p)
    }
  }

  private static func mirrored(_ cells: [Cell]) -> [Cell] {
    let positive = cells.filter { $0.loss > 0 }
    let negative = positive.map { Cell(loss: -$0.loss, p: $0.p * exp(-$0.loss)) }
    let rest = 1 - (positive + negative).reduce(0) { $0 + $1.p }
    return negative + [Cell(loss: 0, p: max(0, rest))] + positive
  }
}
