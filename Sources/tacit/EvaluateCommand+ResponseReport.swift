internal import CanonicalJSON
internal import Evaluation
internal import Operations
internal import Recommendation

/// The rows of an evaluation of responses, as text and as JSON.
struct ResponseReport {
  let problem: ResponseProblem
  /// Of the federated rows.
  let hyperparameters: JSONValue
  let rows: [ResponseComparison.Row]
  /// What was left out and why, in sentences.
  let notes: [String]
  let delta: Double
  let tuning: Bool

  private static let watermark = CompareCommand.watermark
  private var interval: String {
    "difference to centralized, 95 %, bootstrap over \(problem.unit)s, seeds averaged"
  }

  private var allNotes: [String] {
    let isDrawnAtOnce = rows.contains { $0.noise == .sharesDrawnAtOnce }
    return (isDrawnAtOnce ? [ComparisonResult.masksNotRun] : []) + notes
  }

  private static func number(_ value: Double) -> String { Format.decimal(value, places: 4) }

  private static func interval(_ interval: PairedBootstrap.Interval) -> String {
    "\(number(interval.mean)) [\(number(interval.lower)), \(number(interval.upper))]"
  }

  private var sizes: String {
    "\(problem.data)\(tuning ? " tuning" : ""): \(Format.count(problem.training.count)) examples of "
      + "\(Format.count(problem.histories.count)) \(problem.unit)s to learn from, "
      + "\(Format.count(problem.test.count)) to foresee: \(problem.question)?"
  }

  var text: String {
    var table = TextTable(columns: [
      .init("row"), .init("AUC", .right), .init("sd", .right), .init("log loss", .right),
      .init("calibr.", .right), .init("F1", .right), .init("spent", .right),
    ])
    var differences = TextTable(columns: [
      .init("row"), .init("AUC less centralized", .right),
      .init("log loss less centralized", .right),
    ])
    for row in rows {
      table.append([
        row.label, Self.number(row.mean(\.area)),
        row.figures.count > 1 ? Self.number(row.deviation(\.area)) : "",
        Self.number(row.mean(\.logLoss)), Self.number(row.mean(\.calibrationError)),
        Self.number(row.mean(\.f1)),
        row.epsilonSpent.map { Format.decimal($0, places: 3) } ?? "",
      ])
      if let difference = row.difference {
        differences.append([
          row.label, Self.interval(difference.area), Self.interval(difference.logLoss),
        ])
      }
    }
    var lines = [sizes, "\(Self.watermark); delta \(delta), unit \(problem.unit), zero-out"]
    if let environment = problem.environment {
      lines.append("simulated environment: \(environment)")
      lines.append("truth: the probabilities by which the clicks were drawn")
    }
    lines += allNotes + [""]
    lines += table.lines()
    lines += [""] + differences.lines()
    lines += [
      "", "Threshold of F1: \(ResponseFigures.thresholdOrigin). Intervals: \(interval).",
      CompareCommand.caution,
    ]
    return lines.joined(separator: "\n")
  }

  func json(withCurves: Bool) -> JSONValue {
    .object([
      "target": .string(problem.target.rawValue), "question": .string(problem.question),
      "data": .string(problem.data), "tuning": .bool(tuning),
      "environment": problem.environment.map(JSONValue.string) ?? .null,
      "schema": .object([
        "name": .string(problem.schema.name),
        "inputs": .array(problem.schema.inputs.map(JSONValue.string)),
      ]), "hyperparameters": hyperparameters,
      "watermark": .string(Self.watermark), "caution": .string(CompareCommand.caution),
      "delta": .number(delta), "unit": .string(problem.unit), "relation": .string("zero-out"),
      "training_examples": .integer(Int64(problem.training.count)),
      "training_customers": .integer(Int64(problem.histories.count)),
      "interval": .string(interval), "notes": .array(allNotes.map(JSONValue.string)),
      "rows": .array(
        rows.map { row in
          .object([
            "name": .string(row.label), "epsilon": row.epsilon.map(JSONValue.number) ?? .null,
            "mode": row.mode.map(JSONValue.string) ?? .null,
            "noise": row.noise.map { JSONValue.string($0.rawValue) } ?? .null,
            "epsilon_spent": row.epsilonSpent.map(JSONValue.number) ?? .null,
            "auc": .number(row.mean(\.area)), "auc_sd": .number(row.deviation(\.area)),
            "log_loss": .number(row.mean(\.logLoss)),
            "calibration_error": .number(row.mean(\.calibrationError)),
            "f1": .number(row.mean(\.f1)),
            "auc_difference": row.difference.map { Self.json($0.area) } ?? .null,
            "log_loss_difference": row.difference.map { Self.json($0.logLoss) } ?? .null,
            "seeds": .array(row.figures.map { $0.json(withCurve: withCurves) }),
          ])
        }),
    ])
  }

  private static func json(_ interval: PairedBootstrap.Interval) -> JSONValue {
    .object([
      "mean": .number(interval.mean),
      "interval": .array([.number(interval.lower), .number(interval.upper)]),
    ])
  }
}
