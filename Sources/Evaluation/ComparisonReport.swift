package import CanonicalJSON

/// One line of a comparison: a figure over the seeds of a model.
package struct ComparisonRow: Equatable, Sendable {
  package let model: String
  package let setting: ComparisonSetting
  /// Total budget; nil without noise.
  package let epsilon: Double?
  /// Aggregation mode; nil where nothing is aggregated.
  package let mode: String?
  package let task: String
  package let metric: RankingMetric
  /// Length of the lists.
  package let k: Int
  /// Mean over the seeds.
  package let mean: Double
  /// Standard deviation over the seeds (divisor seeds - 1); 0 for one.
  package let standardDeviation: Double
  /// How many runs.
  package let seeds: Int

  /// The form of `tacit compare --json`.
  package var json: JSONValue {
    .object([
      "model": .string(model),
      "setting": .string(setting.rawValue),
      "epsilon": epsilon.map(JSONValue.number) ?? .null,
      "mode": mode.map(JSONValue.string) ?? .null,
      "task": .string(task),
      "metric": .string(metric.rawValue),
      "k": .integer(Int64(k)),
      "mean": .number(mean),
      "sd": .number(standardDeviation),
      "seeds": .integer(Int64(seeds)),
    ])
  }
}

/// The figures of a comparison.
///
/// They are computed from raw data outside the protocol, and no epsilon covers them (ruling 6).
package struct ComparisonReport: Sendable {
  /// Every cell with its figures, in the plan's order.
  package let outcomes: [(cell: ComparisonCell, outcome: CellOutcome)]
  /// The figures over seeds: by model in the plan's order, then task, then metric.
  package let rows: [ComparisonRow]

  init(problem: EvaluationProblem, outcomes: [(ComparisonCell, CellOutcome)]) {
    self.outcomes = outcomes.map { (cell: $0.0, outcome: $0.1) }
    var groups: [[CellOutcome]] = []
    var heads: [ComparisonCell] = []
    var places: [ComparisonCell: Int] = [:]
    for (cell, outcome) in outcomes {
      let head = ComparisonCell(
        model: cell.model, setting: cell.setting, epsilon: cell.epsilon, mode: cell.mode)
      if let place = places[head] {
        groups[place].append(outcome)
      } else {
        places[head] = heads.count
        heads.append(head)
        groups.append([outcome])
      }
    }
    var rows: [ComparisonRow] = []
    for (head, group) in zip(heads, groups) {
      for (index, task) in problem.tasks.enumerated() {
        for metric in task.metrics {
          let values = group.compactMap { $0.tasks[index].value(of: metric) }
          guard let mean = Self.mean(values) else { continue }
          rows.append(
            ComparisonRow(
              model: head.model, setting: head.setting, epsilon: head.epsilon,
              mode: head.setting == .federated ? head.mode : nil, task: task.name,
              metric: metric, k: task.cutoff, mean: mean,
              standardDeviation: Self.standardDeviation(values, mean: mean), seeds: values.count))
        }
      }
    }
    self.rows = rows
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  private static func standardDeviation(_ values: [Double], mean: Double) -> Double {
    guard values.count > 1 else { return 0 }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
  }
}
