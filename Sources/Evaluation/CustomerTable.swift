internal import DelimitedText

extension ComparisonReport {
  /// A table with one row for each run, task and customer, as CSV with a header: what a paired test
  /// by any other program needs.
  ///
  /// Columns: `row` (``ComparisonCell/label``), `seed`, `task`, `k`, `customer`, then one for each
  /// metric that is a mean over customers, empty where it was not computed.
  /// - Parameter names: a customer's name by the index of the history.
  package func customerTable(names: [String]) -> String {
    let metrics = RankingMetric.allCases.filter(\.isPerCustomer)
    var text =
      (["row", "seed", "task", "k", "customer"] + metrics.map(\.rawValue)).joined(separator: ",")
      + "\n"
    for group in groups {
      for run in group.runs {
        for task in run.outcome.tasks {
          let columns = metrics.map { task.perCustomer[$0] }
          let head =
            [group.cell.label, String(run.seed), task.task, String(task.cutoff)]
            .map(DelimitedTable.quoted).joined(separator: ",")
          for (place, customer) in task.customers.enumerated() {
            text += head + "," + DelimitedTable.quoted(names[customer])
            for column in columns { text += "," + (column.map { "\($0[place])" } ?? "") }
            text += "\n"
          }
        }
      }
    }
    return text
  }
}
