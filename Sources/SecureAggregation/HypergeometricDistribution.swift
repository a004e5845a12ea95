internal import Glibc

/// The number of marked members among `drawCount` drawn without replacement from `population`, of
/// whom `markedCount` are marked.
///
/// Computed from logarithms of factorials in double precision: the relative error of a probability
/// is below 1e-9 for populations up to 2^16, and no threshold of a parameter search moves by it
/// other than where two probabilities differ by less.
struct HypergeometricDistribution {
  let population: Int
  let markedCount: Int
  let drawCount: Int
  private let logFactorials: LogFactorials

  init(population: Int, markedCount: Int, drawCount: Int, logFactorials: LogFactorials) {
    precondition(
      0 <= markedCount && markedCount <= population && 0 <= drawCount && drawCount <= population,
      "a draw is part of its population")
    self.population = population
    self.markedCount = markedCount
    self.drawCount = drawCount
    self.logFactorials = logFactorials
  }

  /// The values with positive probability.
  var support: ClosedRange<Int> {
    max(0, drawCount + markedCount - population)...min(drawCount, markedCount)
  }

  func probability(of value: Int) -> Double {
    guard support.contains(value) else { return 0 }
    let log =
      logFactorials.logBinomial(markedCount, value)
      + logFactorials.logBinomial(population - markedCount, drawCount - value)
      - logFactorials.logBinomial(population, drawCount)
    return exp(log)
  }

  /// The smallest x, at least 0, with Pr[X > x] <= `bound`.
  func upperQuantile(_ bound: Double) -> Int {
    var tail = 0.0
    // From the far end: small terms are added first.
    for value in support.reversed() {
      tail += probability(of: value)
      if tail > bound { return value }
    }
    return max(0, support.lowerBound - 1)
  }

  /// Pr[X < value].
  func probability(below value: Int) -> Double {
    guard value > support.lowerBound else { return 0 }
    return (support.lowerBound..<min(value, support.upperBound + 1))
      .reduce(0) { $0 + probability(of: $1) }
  }

  /// Pr[X > value].
  func probability(above value: Int) -> Double {
    guard value < support.upperBound else { return 0 }
    return (max(value + 1, support.lowerBound)...support.upperBound).reversed()
      .reduce(0) { $0 + probability(of: $1) }
  }
}

/// ln 0! to ln `limit`!.
struct LogFactorials {
  private let values: [Double]

  init(limit: Int) {
    var values = [0.0]
    values.reserveCapacity(limit + 1)
    for value in stride(from: 1, through: limit, by: 1) {
      values.append(values[value - 1] + log(Double(value)))
    }
    self.values = values
  }

  func logBinomial(_ total: Int, _ chosen: Int) -> Double {
    values[total] - values[chosen] - values[total - chosen]
  }
}
