package import CanonicalJSON

/// How far one model is from another for the same customers.
package struct ComparisonDifference: Equatable, Sendable {
  /// The runs, without their seeds.
  package let cell: ComparisonCell
  /// The runs that they are held against.
  package let reference: ComparisonCell
  package let task: String
  package let metric: RankingMetric
  /// Length of the lists.
  package let k: Int
  /// Customers compared.
  package let customers: Int
  /// Of the difference `cell` - `reference`, customer by customer, each a mean over the seeds.
  package let interval: PairedBootstrap.Interval
  /// Customers for whom the first is better, and worse.
  package let better: Int
  package let worse: Int

  /// Part of `tacit compare --json`.
  package func json(_ bootstrap: PairedBootstrap) -> JSONValue {
    .object([
      "row": .string(cell.label), "against": .string(reference.label), "task": .string(task),
      "metric": .string(metric.rawValue), "k": .integer(Int64(k)),
      "customers": .integer(Int64(customers)), "difference": .number(interval.mean),
      "lower": .number(interval.lower), "upper": .number(interval.upper),
      "coverage": .number(PairedBootstrap.coverage), "p": .number(interval.level),
      "better": .integer(Int64(better)), "worse": .integer(Int64(worse)),
      "resamples": .integer(Int64(bootstrap.resamples)),
      "bootstrap_seed": .string(String(bootstrap.seed)),
    ])
  }
}

extension ComparisonReport {
  /// The group that `text` names: a label, or the start of one that no other group has.
  ///
  /// - Throws: `EvaluationError.invalidPlan` if it names none or several.
  package func group(named text: String) throws(EvaluationError) -> Group {
    groups[try ComparisonCell.place(ofRow: text, among: groups.map(\.cell.label))]
  }

  /// Every group but the reference against it.
  ///
  /// The seeds of a group are averaged customer by customer first, so that an interval is about
  /// customers: what the mean over the seeds would be for others like them.
  /// - Parameters:
  ///   - reference: one of ``groups``.
  ///   - metrics: those that are not means over customers are passed over.
  package func differences(
    to reference: Group, metrics: (RankingTask) -> [RankingMetric], bootstrap: PairedBootstrap
  ) -> [ComparisonDifference] {
    var result: [ComparisonDifference] = []
    for (index, task) in plan.problem.tasks.enumerated() {
      var series: [(group: Group, metric: RankingMetric, values: [Double])] = []
      for group in groups where group.cell != reference.cell {
        for metric in metrics(task) where metric.isPerCustomer {
          guard let first = Self.seedMeans(group, task: index, metric),
            let second = Self.seedMeans(reference, task: index, metric)
          else { continue }
          series.append((group, metric, zip(first, second).map { $0 - $1 }))
        }
      }
      for (entry, interval) in zip(series, bootstrap.intervals(of: series.map(\.values))) {
        result.append(
          ComparisonDifference(
            cell: entry.group.cell, reference: reference.cell, task: task.name,
            metric: entry.metric, k: task.cutoff, customers: entry.values.count,
            interval: interval, better: entry.values.count { $0 > 0 },
            worse: entry.values.count { $0 < 0 }))
      }
    }
    return result
  }

  /// Each customer's figure, a mean over the seeds; nil if a run lacks it.
  private static func seedMeans(
    _ group: Group, task: Int, _ metric: RankingMetric
  ) -> [Double]? {
    let runs = group.runs.compactMap { $0.outcome.tasks[task].perCustomer[metric] }
    guard let first = runs.first, runs.count == group.runs.count else { return nil }
    var sums = first
    for run in runs.dropFirst() {
      for index in sums.indices { sums[index] += run[index] }
    }
    return sums.map { $0 / Double(runs.count) }
  }
}
