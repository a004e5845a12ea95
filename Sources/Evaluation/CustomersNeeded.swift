internal import Glibc

/// How many customers a private model needs to come near a centralized one, from runs with several
/// numbers of them.
package struct CustomersNeeded: Equatable, Sendable {
  /// What the runs say.
  package enum Estimate: Equatable, Sendable {
    /// Already the smallest number of customers that was run reaches it.
    case atMost(Int)
    /// Between two numbers that were run, by straight lines over the logarithm of customers.
    case about(Int)
    /// Not with the largest number that was run.
    case moreThan(Int)
  }

  /// The private runs, as a label without their number of customers.
  package let model: String
  package let mode: String
  package let epsilon: Double
  /// The mean that is to be reached.
  package let target: Double
  package let estimate: Estimate

  /// The estimate from points (customers, mean), ascending in customers.
  ///
  /// - Parameter points: at least one; distinct numbers of customers.
  package static func estimate(
    _ points: [(customers: Int, mean: Double)], target: Double
  ) -> Estimate? {
    guard let first = points.first, let last = points.last else { return nil }
    if first.mean >= target { return .atMost(first.customers) }
    for (lower, upper) in zip(points, points.dropFirst())
    where lower.mean < target && upper.mean >= target {
      let share = (target - lower.mean) / (upper.mean - lower.mean)
      let logarithm =
        log(Double(lower.customers))
        + share * (log(Double(upper.customers)) - log(Double(lower.customers)))
      return .about(Int(exp(logarithm).rounded()))
    }
    return .moreThan(last.customers)
  }
}

extension ComparisonReport {
  /// The estimates for the headline figure: one for each model, mode and epsilon that was run with
  /// more than one number of customers.
  ///
  /// - Parameter fraction: of the mean of `reference` that is to be reached, above 0.
  package func customersNeeded(
    toReach fraction: Double, of reference: ComparisonRow
  ) -> [CustomersNeeded] {
    var heads: [ComparisonCell] = []
    var points: [ComparisonCell: [(customers: Int, mean: Double)]] = [:]
    for row in rows
    where row.task == reference.task && row.metric == reference.metric && row.epsilon != nil {
      let head = ComparisonCell(
        model: row.model, setting: .federated, epsilon: row.epsilon, mode: row.cell.mode)
      if points[head] == nil { heads.append(head) }
      points[head, default: []].append((row.customers, row.mean))
    }
    let target = fraction * reference.mean
    return heads.compactMap { head in
      guard let epsilon = head.epsilon, let found = points[head], found.count > 1,
        let estimate = CustomersNeeded.estimate(
          found.sorted { $0.customers < $1.customers }, target: target)
      else { return nil }
      return CustomersNeeded(
        model: head.model, mode: head.mode, epsilon: epsilon, target: target, estimate: estimate)
    }
  }
}
