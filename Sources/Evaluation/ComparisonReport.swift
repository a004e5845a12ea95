package import CanonicalJSON

/// One line of a comparison: a figure over the seeds of a model.
package struct ComparisonRow: Equatable, Sendable {
  /// The runs, without their seeds.
  package let cell: ComparisonCell
  /// Customers of the training.
  package let customers: Int
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
  /// Settings of its hyper-parameters that were tried on this data set to choose the model's; nil where
  /// that was not counted.
  package let settingsTried: Int?
  /// What the row ran with; empty for its model's defaults.
  package let hyperparameters: JSONValue
  /// How the noise came about: ``NoiseOrigin``; nil where nothing is noised.
  package let noise: NoiseOrigin?

  package var model: String { cell.model }
  package var setting: ComparisonSetting { cell.setting }
  /// Total budget; nil without noise.
  package var epsilon: Double? { cell.epsilon }
  /// Aggregation mode; nil where nothing is aggregated.
  package var mode: String? { cell.setting == .federated ? cell.mode : nil }

  /// The form of `tacit compare --json`.
  package var json: JSONValue {
    .object([
      "row": .string(cell.label),
      "model": .string(model),
      "setting": .string(setting.rawValue),
      "epsilon": epsilon.map(JSONValue.number) ?? .null,
      "mode": mode.map(JSONValue.string) ?? .null,
      "noise": noise.map { .string($0.rawValue) } ?? .null,
      "customers": .integer(Int64(customers)),
      "cohort": .string(
        cell.isResampled ? "resampled \(ComparisonCell.number(cell.multiple))x" : "actual"),
      "task": .string(task),
      "metric": .string(metric.rawValue),
      "k": .integer(Int64(k)),
      "mean": .number(mean),
      "sd": .number(standardDeviation),
      "seeds": .integer(Int64(seeds)),
      "hyperparameters": hyperparameters,
      "settings_tried": settingsTried.map { JSONValue.integer(Int64($0)) } ?? .null,
    ])
  }
}

/// Where the noise of a row comes from. All of it is seeded: a simulation.
package enum NoiseOrigin: String, Sendable {
  /// One draw by the coordinator, with the deviation that is charged.
  case central
  /// The shares of the clients, under masks that were run.
  case shares
  /// One draw with the deviation that the shares of all clients have together; the masks were not run.
  case sharesDrawnAtOnce = "shares-drawn-at-once"

  /// The mode whose clients draw the noise.
  private static let shareMode = "secagg-ddp"

  /// That of a federated run; nil without noise.
  init?(epsilon: Double?, mode: String, runsMasks: Bool) {
    guard epsilon != nil else { return nil }
    self = mode != Self.shareMode ? .central : runsMasks ? .shares : .sharesDrawnAtOnce
  }
}

/// The figures of a comparison.
///
/// They are computed from raw data outside the protocol, and no epsilon covers them (ruling 6).
package struct ComparisonReport: Sendable {
  /// The runs that differ by their seed alone.
  package struct Group: Sendable {
    /// Their cell, of seed 0.
    package let cell: ComparisonCell
    /// Seed and figures of each run, in the plan's order.
    package let runs: [(seed: UInt64, outcome: CellOutcome)]
  }

  /// What was run.
  package let plan: ComparisonPlan
  /// The runs in the plan's order.
  package let groups: [Group]
  /// The figures over seeds: by group, then task, then metric; those that the task reports come first.
  package let rows: [ComparisonRow]

  /// The rows whose metric its task reports.
  package var reportedRows: [ComparisonRow] {
    rows.filter { row in
      plan.problem.tasks.contains { $0.name == row.task && $0.metrics.contains(row.metric) }
    }
  }

  /// Every cell with its figures.
  package var outcomes: [(cell: ComparisonCell, outcome: CellOutcome)] {
    groups.flatMap { group in
      group.runs.map { run in
        (cell: group.cell.withSeed(run.seed), outcome: run.outcome)
      }
    }
  }

  init(plan: ComparisonPlan, outcomes: [(ComparisonCell, CellOutcome)]) {
    self.plan = plan
    var heads: [ComparisonCell] = []
    var runs: [ComparisonCell: [(seed: UInt64, outcome: CellOutcome)]] = [:]
    for (cell, outcome) in outcomes {
      let head = cell.withSeed(0)
      if runs[head] == nil { heads.append(head) }
      runs[head, default: []].append((cell.seed, outcome))
    }
    groups = heads.map { Group(cell: $0, runs: runs[$0] ?? []) }
    rows = groups.flatMap { Self.rows(of: $0, plan: plan) }
  }

  private static func rows(of group: Group, plan: ComparisonPlan) -> [ComparisonRow] {
    let cell = group.cell
    let others = RankingMetric.allCases
    return plan.problem.tasks.enumerated().flatMap { index, task in
      (task.metrics + others.filter { !task.metrics.contains($0) }).compactMap { metric in
        let values = group.runs.compactMap { $0.outcome.tasks[index].value(of: metric) }
        guard let mean = mean(values) else { return nil }
        return ComparisonRow(
          cell: cell, customers: cell.customers(of: plan.problem.histories.count),
          task: task.name, metric: metric, k: task.cutoff, mean: mean,
          standardDeviation: standardDeviation(values, mean: mean), seeds: values.count,
          settingsTried: plan.settingsTried(for: cell),
          hyperparameters: plan.hyperparameters(of: cell),
          noise: plan.noiseOrigin(of: cell))
      }
    }
  }

  /// The row of a figure; nil if there is none.
  package func row(
    _ cell: ComparisonCell, task: String, metric: RankingMetric
  ) -> ComparisonRow? {
    rows.first { $0.cell == cell.withSeed(0) && $0.task == task && $0.metric == metric }
  }

  /// The task and metric that plots and estimates are about: those of the last task (for a shop, what is new
  /// to a customer).
  package var headline: (task: RankingTask, metric: RankingMetric)? {
    plan.problem.tasks.last.map { (task: $0, metric: $0.headlineMetric) }
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

extension ComparisonCell {
  func withSeed(_ seed: UInt64) -> ComparisonCell {
    ComparisonCell(
      model: model, setting: setting, epsilon: epsilon, seed: seed, mode: mode,
      multiple: multiple, isTwin: isTwin)
  }
}

extension ComparisonPlan {
  func noiseOrigin(of cell: ComparisonCell) -> NoiseOrigin? {
    NoiseOrigin(epsilon: cell.epsilon, mode: cell.mode, runsMasks: runsMasks)
  }
}
