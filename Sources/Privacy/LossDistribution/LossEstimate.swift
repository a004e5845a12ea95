internal import Glibc

/// A coarse picture of a composition, to choose tilt, grid and window by. No bound rests on it.
struct LossEstimate {
  private struct Cell {
    let loss: Double
    let logMass: Double
  }

  private let losses: [(cells: [Cell], count: Double)]
  /// Largest magnitude of a loss with a mass that matters.
  private let scale: Double

  init(_ losses: [(distribution: LossDistribution, count: Int)]) {
    let cellsEach = max(48, min(240, 30_000 / max(1, losses.count)))
    self.losses = losses.map { distribution, count in
      let cells = distribution.cells(count: cellsEach).filter { $0.p > 1e-300 }
      return (cells.map { Cell(loss: $0.loss, logMass: log($0.p)) }, Double(count))
    }
    var scale = 1e-300
    for (cells, _) in self.losses {
      for cell in cells { scale = max(scale, abs(cell.loss)) }
    }
    self.scale = scale
  }

  /// The cumulant generating function of the composed loss and two derivatives.
  struct Moments {
    var value = 0.0
    var mean = 0.0
    var variance = 0.0
  }

  func moments(tilt: Double) -> Moments {
    var moments = Moments()
    var weights: [Double] = []
    for (cells, count) in losses {
      var largest = -Double.infinity
      for cell in cells { largest = max(largest, tilt * cell.loss + cell.logMass) }
      guard largest > -.infinity else { continue }
      var (sum, first) = (0.0, 0.0)
      weights.removeAll(keepingCapacity: true)
      for cell in cells {
        let weight = exp(tilt * cell.loss + cell.logMass - largest)
        weights.append(weight)
        sum += weight
        first += weight * cell.loss
      }
      let mean = first / sum
      var second = 0.0
      for (cell, weight) in zip(cells, weights) {
        second += weight * (cell.loss - mean) * (cell.loss - mean)
      }
      moments.value += count * (largest + log(sum))
      moments.mean += count * mean
      moments.variance += count * second / sum
    }
    return moments
  }

  func value(tilt: Double) -> Double { moments(tilt: tilt).value }

  /// ln of delta at the tilted mean, by a normal approximation under the tilted measure; exact for
  /// Gaussians.
  private func logDelta(tilt: Double, _ moments: Moments) -> Double {
    let deviation = moments.variance.squareRoot()
    let near = tilt * deviation
    // R(near) - R(near + deviation)
    let gap =
      deviation < 0.1
      ? deviation * MillsRatio.descent(near + deviation / 2)
      : MillsRatio.ratio(near) - MillsRatio.ratio(near + deviation)
    return moments.value - tilt * moments.mean + log(max(gap, 1e-300)) - 0.9189
  }

  /// The tilt under which the composed loss has its mean at the epsilon of `logDelta`, or 0.
  func tilt(logDelta target: Double) -> Double {
    solve { tilt in self.logDelta(tilt: tilt, self.moments(tilt: tilt)) <= target }
  }

  /// The tilt under which the composed loss has mean `epsilon`, or 0.
  func tilt(epsilon: Double) -> Double {
    solve { tilt in self.moments(tilt: tilt).mean >= epsilon }
  }

  /// No tilt beyond this tells losses apart.
  private var steepestTilt: Double { 1e5 / scale }

  /// Where `isEnough` begins to hold, between 0 and what the losses can bear.
  private func solve(_ isEnough: (Double) -> Bool) -> Double {
    if isEnough(0) { return 0 }
    var (low, high) = (log(1e-9 / scale), log(steepestTilt))
    guard !isEnough(exp(low)) else { return 0 }
    for _ in 0..<26 {
      let middle = (low + high) / 2
      if isEnough(exp(middle)) { high = middle } else { low = middle }
    }
    return exp((low + high) / 2)
  }
}
