internal import VectorMath

/// Intervals for the mean of a difference over the same customers, by drawing customers with
/// replacement.
///
/// A customer is the unit: all figures of a customer are drawn together, so that what makes a
/// customer hard for every model cancels. The interval is the percentile one, between the order
/// statistics floor(alpha / 2 (B + 1)) and its mirror image of B resamples.
/// - Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), sections 8.3 and
///   13.3.
package struct PairedBootstrap: Equatable, Sendable {
  /// What came out for one series of differences.
  package struct Interval: Equatable, Sendable {
    /// Mean over the customers.
    package let mean: Double
    /// Ends of the 95 % interval.
    package let lower: Double
    package let upper: Double
    /// Share of resamples whose mean is on the other side of 0 than ``mean``, or 0, times 2, at
    /// most 1: the two-sided level at which the interval would just reach 0. At least 2 / (B + 1).
    package let level: Double
  }

  /// Resamples unless told otherwise.
  package static let defaultResamples = 10_000
  /// Coverage of the intervals.
  package static let coverage = 0.95

  /// B, at least 39, so that both ends exist.
  package let resamples: Int
  /// The same seed gives the same intervals to the bit.
  package let seed: UInt64

  package init(resamples: Int = defaultResamples, seed: UInt64) {
    precondition(resamples >= 39, "a 95 % interval needs 39 resamples")
    self.resamples = resamples
    self.seed = seed
  }

  /// One interval a series; all series share the resamples.
  ///
  /// - Parameter differences: of each series one value a customer, as many customers in all of them
  ///   and at least one.
  /// - Complexity: O(resamples · customers · series); sums in Double in the order drawn.
  package func intervals(of differences: [[Double]]) -> [Interval] {
    guard let customers = differences.first?.count else { return [] }
    precondition(
      customers >= 1 && differences.allSatisfy { $0.count == customers },
      "every series has a value for each customer")
    let count = differences.count
    // Customer by customer, so that one draw reads one run of memory.
    var byCustomer = [Double](repeating: 0, count: customers * count)
    for (series, values) in differences.enumerated() {
      for (customer, value) in values.enumerated() { byCustomer[customer * count + series] = value }
    }
    var generator = SeededRandom(seed: seed)
    var means = [Double](repeating: 0, count: resamples * count)
    for resample in 0..<resamples {
      let start = resample * count
      for _ in 0..<customers {
        // By multiplication: 2^64 is no multiple of the count, which favours some by 2^-50 at most.
        let customer = Int(
          generator.next().multipliedFullWidth(by: UInt64(customers)).high)
        let row = customer * count
        for series in 0..<count { means[start + series] += byCustomer[row + series] }
      }
      for series in 0..<count { means[start + series] /= Double(customers) }
    }
    return differences.indices.map { series in
      interval(
        mean: differences[series].reduce(0, +) / Double(customers),
        resampled: (0..<resamples).map { means[$0 * count + series] }.sorted())
    }
  }

  private func interval(mean: Double, resampled: [Double]) -> Interval {
    let tail = Int((1 - Self.coverage) / 2 * Double(resamples + 1) + 1e-9)
    let beyond = resampled.count { mean > 0 ? $0 <= 0 : $0 >= 0 }
    return Interval(
      mean: mean, lower: resampled[tail - 1], upper: resampled[resamples - tail],
      level: min(1, 2 * Double(beyond + 1) / Double(resamples + 1)))
  }
}
