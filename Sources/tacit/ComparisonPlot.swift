internal import Evaluation
internal import Operations

/// The frontier: accuracy against epsilon.
enum ComparisonPlot {
  /// The headline figure of every private model against epsilon, and of the others as level lines.
  ///
  /// - Returns: nil if no run has an epsilon.
  static func figure(_ report: ComparisonReport) -> SVGFigure? {
    guard let headline = report.headline else { return nil }
    let rows = report.rows.filter {
      $0.task == headline.task.name && $0.metric == headline.metric
    }
    let epsilons = rows.compactMap(\.epsilon).sorted()
    guard let least = epsilons.first, let most = epsilons.last else { return nil }
    var names: [String] = []
    var points: [String: [SVGPlot.Point]] = [:]
    for row in rows {
      guard let epsilon = row.epsilon else { continue }
      let name = name(of: row)
      if points[name] == nil { names.append(name) }
      points[name, default: []].append(
        SVGPlot.Point(x: epsilon, y: row.mean, error: row.standardDeviation))
    }
    // A single budget has no width on the axis: its level lines get some.
    let ends = least < most ? [least, most] : [least / 2, most * 2]
    var lines = names.map { name in
      SVGPlot.Line(name, points: (points[name] ?? []).sorted { $0.x < $1.x })
    }
    for row in rows where isLevel(row) {
      lines.append(
        SVGPlot.Line(
          levelName(of: row),
          points: ends.map { SVGPlot.Point(x: $0, y: row.mean) }))
    }
    let metric = headline.metric.label(cutoff: headline.task.cutoff)
    return SVGPlot.lines(
      title: "\(report.plan.problem.name): accuracy against epsilon",
      description:
        "Mean of \(metric) on task \(headline.task.name); bars are one standard deviation over the "
        + "seeds of the simulated noise. \(CompareCommand.caution).",
      x: SVGPlot.Axis("epsilon (delta \(report.plan.delta), one customer)", scale: .logarithmic),
      y: SVGPlot.Axis("\(metric), \(headline.task.name)"), lines: lines)
  }

  private static func name(of row: ComparisonRow) -> String {
    let cohort =
      row.cell.isResampled
      ? ", \(ComparisonCell.number(row.cell.multiple))x customers, resampled" : ""
    return "\(row.model), \(row.cell.mode)\(cohort)"
  }

  private static func levelName(of row: ComparisonRow) -> String {
    guard row.setting == .federated else { return "\(row.model), \(row.setting.rawValue)" }
    return "\(row.model), no noise" + (row.cell.isTwin ? ", twin" : "")
  }

  /// Of what does not depend on epsilon: the references and the models without noise; the
  /// centralized twin of a federated model lies on that line.
  private static func isLevel(_ row: ComparisonRow) -> Bool {
    switch row.setting {
    case .centralized: row.model != CentralizedGram.identifier
    case .federated: row.epsilon == nil
    case .local: row.model == "local"
    }
  }
}
