internal import CanonicalJSON
internal import Evaluation
internal import Operations

/// What `tacit compare` prints.
struct ComparisonResult {
  private let report: ComparisonReport
  private let notes: [String]
  private let metrics: [RankingMetric]?
  private let differences: [ComparisonDifference]
  private let bootstrap: PairedBootstrap
  private let reach: Double

  /// - Parameters:
  ///   - metrics: to print; nil for those of the protocol.
  ///   - references: labels of the rows that the others are held against.
  ///   - reach: share of centralized accuracy to estimate the customers for.
  init(
    report: ComparisonReport, notes: [String], metrics: [RankingMetric]?, references: [String],
    bootstrap: PairedBootstrap, reach: Double
  ) throws {
    self.report = report
    self.notes = notes
    self.metrics = metrics
    self.bootstrap = bootstrap
    self.reach = reach
    differences = try references.flatMap { name in
      report.differences(
        to: try report.group(named: name),
        metrics: { metrics ?? [$0.headlineMetric] },
        bootstrap: bootstrap)
    }
  }

  private var shownRows: [ComparisonRow] {
    guard let metrics else { return report.reportedRows }
    return report.rows.filter { metrics.contains($0.metric) }
  }

  /// The row that the need for customers is measured by: EASE where it ran, else the centralized twin.
  private var centralized: ComparisonRow? {
    guard let headline = report.headline else { return nil }
    let candidates = report.rows.filter {
      $0.task == headline.task.name && $0.metric == headline.metric && $0.setting == .centralized
    }
    return candidates.first { $0.model == EASE.identifier }
      ?? candidates.first { $0.model == CentralizedGram.identifier }
  }

  private var customersNeeded: [CustomersNeeded] {
    centralized.map { report.customersNeeded(toReach: reach, of: $0) } ?? []
  }

  private var resampledNote: String? {
    guard report.groups.contains(where: { $0.cell.isResampled }) else { return nil }
    return
      "rows ending in x are resampled: so many times the customers, drawn with replacement from those "
      + "there are. They have less noise per customer and no new information"
  }

  /// For every report with rows of ``NoiseOrigin/sharesDrawnAtOnce``.
  static let masksNotRun =
    "secagg-ddp rows: the masks were not run; the noise of all clients' shares was drawn at once, which has "
    + "the same distribution"

  private var noiseNote: String? {
    guard report.rows.contains(where: { $0.noise == .sharesDrawnAtOnce }) else { return nil }
    return "\(Self.masksNotRun) (--run-masks runs them)"
  }

  private func thresholdNote(_ rows: [ComparisonRow]) -> String? {
    guard rows.contains(where: { $0.metric == .f1 }) else { return nil }
    return "threshold of f1@k: \(RankingMetric.f1Threshold)"
  }

  // MARK: - Text

  var text: String {
    var lines = ["federated rows: \(CompareCommand.watermark)", CompareCommand.caution]
    lines += [noiseNote, resampledNote, thresholdNote(shownRows)].compactMap { $0 } + notes + [""]
    lines += rowTable.lines(width: 200)
    if !differences.isEmpty {
      lines += [
        "",
        "differences, customer by customer (paired bootstrap over customers, "
          + "\(Format.count(bootstrap.resamples)) resamples, seed \(bootstrap.seed), "
          + "\(Format.percent(PairedBootstrap.coverage)) percentile interval; seeds averaged):",
      ]
      lines += differenceTable.lines(width: 200)
    }
    if let outcomeTable {
      lines += [
        "",
        "as a forecast of each customer and item (first seed); threshold of f1 of pairs: "
          + OutcomeFigures.thresholdOrigin + ":",
      ]
      lines += outcomeTable.lines(width: 200)
    }
    lines += customersNeeded.map(sentence)
    return lines.joined(separator: "\n")
  }

  private var rowTable: TextTable {
    var table = TextTable(columns: [
      .init("row"), .init("customers", .right), .init("task"), .init("metric"),
      .init("mean", .right), .init("sd", .right), .init("seeds", .right), .init("tried", .right),
    ])
    for row in shownRows {
      table.append([
        row.cell.label, Format.count(row.customers), row.task, row.metric.label(cutoff: row.k),
        figure(row.mean), figure(row.standardDeviation), "\(row.seeds)",
        row.settingsTried.map { "\($0)" } ?? "-",
      ])
    }
    return table
  }

  private var differenceTable: TextTable {
    var table = TextTable(columns: [
      .init("row"), .init("against"), .init("task"), .init("metric"), .init("difference", .right),
      .init("lower", .right), .init("upper", .right), .init("p", .right),
      .init("better", .right), .init("worse", .right), .init("customers", .right),
    ])
    for entry in differences {
      table.append([
        entry.cell.label, entry.reference.label, entry.task, entry.metric.label(cutoff: entry.k),
        signed(entry.interval.mean), signed(entry.interval.lower), signed(entry.interval.upper),
        figure(entry.interval.level), "\(entry.better)", "\(entry.worse)", "\(entry.customers)",
      ])
    }
    return table
  }

  /// Only where the metrics were asked for: seven columns more would bury the rest.
  private var outcomeTable: TextTable? {
    guard let metrics, Set(metrics) == Set(RankingMetric.allCases) else { return nil }
    var table = TextTable(columns: [
      .init("row"), .init("task"), .init("auc", .right), .init("log loss", .right),
      .init("base rate's", .right), .init("calibration", .right), .init("f1 of pairs", .right),
      .init("thresholds", .right),
    ])
    for (cell, task, figures) in outcomes {
      table.append([
        cell.label, task, figure(figures.area), Format.decimal(figures.logLoss, places: 5),
        Format.decimal(figures.baseLogLoss, places: 5),
        Format.decimal(figures.calibrationError, places: 5), figure(figures.f1),
        figures.thresholds.map(figure).joined(separator: " "),
      ])
    }
    return table
  }

  private var outcomes: [(cell: ComparisonCell, task: String, figures: OutcomeFigures)] {
    report.groups.flatMap { group in
      (group.runs.first?.outcome.tasks ?? []).compactMap { task in
        task.tally.flatMap { OutcomeFigures($0) }.map { (group.cell, task.task, $0) }
      }
    }
  }

  private func sentence(_ need: CustomersNeeded) -> String {
    let words =
      switch need.estimate {
      case .atMost(let count): "at most \(Format.count(count)) customers"
      case .about(let count): "about \(Format.count(count)) customers"
      case .moreThan(let count): "more than \(Format.count(count)) customers"
      }
    return "to reach \(Format.percent(reach)) of centralized (\(figure(need.target))) at epsilon "
      + "\(ComparisonCell.number(need.epsilon)) with \(need.model) in \(need.mode): \(words) "
      + "(resampled cohorts: a forecast of noise, not of what new customers would teach)"
  }

  private func figure(_ value: Double) -> String { Format.decimal(value, places: 4) }

  private func signed(_ value: Double) -> String {
    let text = figure(value)
    return value >= 0 ? "+" + text : text
  }

  // MARK: - JSON

  var json: JSONValue {
    .object([
      "watermark": .string(CompareCommand.watermark), "caution": .string(CompareCommand.caution),
      "notes": .array(
        ([noiseNote, resampledNote, thresholdNote(report.rows)].compactMap { $0 } + notes)
          .map(JSONValue.string)),
      "rows": .array(report.rows.map(\.json)),
      "differences": .array(differences.map { $0.json(bootstrap) }),
      "outcomes": .array(
        outcomes.map { cell, task, figures in
          .object([
            "row": .string(cell.label), "task": .string(task),
            "figures": figures.json,
          ])
        }),
      "customers_needed": .array(customersNeeded.map(json)),
      "efforts": .array(
        report.outcomes.compactMap { outcome in
          outcome.outcome.effort.map { effort in
            .object([
              "row": .string(outcome.cell.label), "model": .string(outcome.cell.model),
              "epsilon": outcome.cell.epsilon.map(JSONValue.number) ?? .null,
              "seed": .integer(Int64(outcome.cell.seed)), "effort": effort.json,
            ])
          }
        }),
    ])
  }

  private func json(_ need: CustomersNeeded) -> JSONValue {
    let (kind, count) =
      switch need.estimate {
      case .atMost(let count): ("at_most", count)
      case .about(let count): ("about", count)
      case .moreThan(let count): ("more_than", count)
      }
    return .object([
      "model": .string(need.model), "mode": .string(need.mode), "epsilon": .number(need.epsilon),
      "target": .number(need.target), "share_of_centralized": .number(reach),
      "estimate": .string(kind), "customers": .integer(Int64(count)),
      "cohorts": .string("resampled"),
    ])
  }
}
