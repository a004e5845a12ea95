/// A mean with its 95 % confidence interval.
package struct MeanInterval: Equatable, Sendable {
  package let mean: Double
  /// Half the width of the interval; 0 for one value.
  package let halfWidth: Double
  /// Independent values behind the mean.
  package let count: Int

  package var low: Double { mean - halfWidth }
  package var high: Double { mean + halfWidth }

  /// The interval of the mean of independent values, by Student's distribution.
  /// - Parameter values: at least one, finite.
  package init(_ values: [Double]) {
    precondition(!values.isEmpty, "a mean of something")
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    count = values.count
    guard values.count > 1 else {
      halfWidth = 0
      return
    }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let deviation = (squares / Double(values.count - 1)).squareRoot()
    halfWidth =
      Self.quantile(degrees: values.count - 1) * deviation
      / Double(values.count).squareRoot()
  }

  /// The 0.975 quantile of Student's distribution: a table up to 10 degrees, above it the Cornish-Fisher
  /// expansion, whose error there is below 0.001.
  private static func quantile(degrees: Int) -> Double {
    let table = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
    if degrees <= table.count { return table[degrees - 1] }
    let z = 1.959_963_985
    let inverse = 1 / Double(degrees)
    return z + (z * z * z + z) / 4 * inverse
      + (5 * z * z * z * z * z + 16 * z * z * z + 3 * z) / 96 * inverse * inverse
  }
}

/// Area under the receiver operating characteristic: the probability that a member's score is above a
/// non-member's, ties counted half.
package enum ROCArea {
  /// - Parameters: scores of both groups, not empty, finite.
  package static func of(members: [Double], nonMembers: [Double]) -> Double {
    precondition(!members.isEmpty && !nonMembers.isEmpty, "scores of both groups")
    let all = members.map { ($0, true) } + nonMembers.map { ($0, false) }
    let sorted = all.sorted { $0.0 < $1.0 }
    var rankSum = 0.0
    var start = 0
    while start < sorted.count {
      var end = start
      while end < sorted.count, sorted[end].0 == sorted[start].0 { end += 1 }
      // Equal scores share the mean of their ranks, which start at 1.
      let rank = Double(start + end + 1) / 2
      for index in start..<end where sorted[index].1 { rankSum += rank }
      start = end
    }
    let count = Double(members.count)
    return (rankSum - count * (count + 1) / 2) / (count * Double(nonMembers.count))
  }
}
