import Foundation

@testable import Privacy

/// Tests of samples against the discrete Gaussian of parameter s, each at a stated false-alarm rate.
///
/// A verdict is a list of problems, so that tests can also require that bad samplers are caught.
struct SampleStatistics {
  /// Two-sided probability of 5.5 standard deviations: 3.8e-8 for each of the statistics below.
  static let deviations = 5.5
  /// e^-x of the Laurent-Massart bound for chi-square: 5.6e-9.
  static let chiSquareExponent = 19.0

  /// Mean, variance, fourth moment and lag-one correlation for s >= 20, where the moments of the
  /// discrete Gaussian are those of the normal distribution to all digits.
  /// False-alarm rate below 4 × 3.8e-8 = 1.6e-7.
  static func momentProblems(_ samples: [Int64], scale: Double) -> [String] {
    let count = Double(samples.count)
    let scaled = samples.map { Double($0) / scale }
    let statistics = [
      ("mean", scaled.reduce(0, +) / count, 0.0, 1.0),
      ("variance", scaled.map { $0 * $0 }.reduce(0, +) / count, 1.0, 2.0),
      ("fourth moment", scaled.map { $0 * $0 * $0 * $0 }.reduce(0, +) / count, 3.0, 96.0),
      ("correlation", zip(scaled, scaled.dropFirst()).map(*).reduce(0, +) / count, 0.0, 1.0),
    ]
    return statistics.compactMap { name, value, expected, variance in
      let deviation = (value - expected) / (variance / count).squareRoot()
      return abs(deviation) <= deviations
        ? nil : "\(name) \(value), expected \(expected): \(deviation) standard deviations"
    }
  }

  /// Chi-square of integer counts against the exact probabilities exp(-y² / 2σ²) / normaliser.
  /// Cells with an expectation below 25 are pooled per tail. False-alarm rate below 5.6e-9.
  static func exactProblems(_ samples: [Int64], variance: Double) -> [String] {
    let reach = Int64((12 * variance.squareRoot()).rounded(.up)) + 4
    let weights = (-reach...reach).map { exp(-Double($0 * $0) / (2 * variance)) }
    let total = weights.reduce(0, +)
    let count = Double(samples.count)
    var expected: [Double] = []
    var cellOf: [Int64: Int] = [:]
    var pooled = 0.0
    for (y, weight) in zip(-reach...reach, weights) {
      pooled += count * weight / total
      cellOf[y] = expected.count
      if pooled >= 25 {
        expected.append(pooled)
        pooled = 0
      }
    }
    for (y, cell) in cellOf where cell == expected.count { cellOf[y] = expected.count - 1 }
    expected[expected.count - 1] += pooled
    var observed = Array(repeating: 0.0, count: expected.count)
    for sample in samples {
      let clamped = min(max(sample, -reach), reach)
      if let cell = cellOf[clamped] { observed[cell] += 1 }
    }
    return chiSquareProblems("counts", observed: observed, expected: expected)
  }

  /// Chi-square over 64 cells of equal probability under the normal distribution, and over the
  /// residues modulo 16, for large s. False-alarm rate below 2 × 5.6e-9.
  static func shapeProblems(_ samples: [Int64], scale: Double) -> [String] {
    var cells = Array(repeating: 0.0, count: 64)
    var residues = Array(repeating: 0.0, count: 16)
    for sample in samples {
      let quantile = erfc(-(Double(sample)) / scale / 2.0.squareRoot()) / 2
      cells[min(63, Int(quantile * 64))] += 1
      residues[Int(sample & 15)] += 1
    }
    let count = Double(samples.count)
    return chiSquareProblems(
      "quantiles", observed: cells, expected: Array(repeating: count / 64, count: 64))
      + chiSquareProblems(
        "residues", observed: residues, expected: Array(repeating: count / 16, count: 16))
  }

  private static func chiSquareProblems(
    _ name: String, observed: [Double], expected: [Double]
  ) -> [String] {
    let statistic = zip(observed, expected).map { ($0 - $1) * ($0 - $1) / $1 }.reduce(0, +)
    let freedom = Double(expected.count - 1)
    // Laurent, Massart 2000, lemma 1: P[chi² >= k + 2 √(kx) + 2x] <= e^-x.
    let limit =
      freedom + 2 * (freedom * chiSquareExponent).squareRoot() + 2 * chiSquareExponent
    return statistic <= limit
      ? [] : ["\(name): chi-square \(statistic) over \(limit) at \(freedom) degrees of freedom"]
  }
}
