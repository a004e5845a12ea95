internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Operations

/// The outcome of `tacit evaluate off-policy`, as text and as JSON.
struct OffPolicyReport {
  let logs: LoggedData
  let evaluations: [OffPolicyEvaluation]

  var text: String {
    let log = logs.evaluated
    var lines = [
      "\(log.name): \(Format.count(log.count)) impressions, \(log.itemCount) items "
        + "(\(log.itemCountOrigin.rawValue)), \(log.positionCount) position(s)"
    ]
    if let diagnostics = evaluations.first?.diagnostics {
      lines.append(
        "\(Format.count(Int(diagnostics.clicks))) clicks; the policy that wrote the log earned "
          + "\(Self.rate(diagnostics.loggedValue)) a row (se \(Self.rate(diagnostics.loggedValueError)))"
      )
    }
    if let note = logs.note { lines.append(note) }
    if !log.ignoredColumns.isEmpty {
      lines.append(
        PlainText.truncated(
          PlainText.line("columns not used: \(log.ignoredColumns.joined(separator: ", "))"), to: 80)
      )
    }
    for evaluation in evaluations { lines += [""] + Self.lines(evaluation) }
    return lines.joined(separator: "\n")
  }

  private static func lines(_ evaluation: OffPolicyEvaluation) -> [String] {
    let diagnostics = evaluation.diagnostics
    var lines = [
      "policy \(PlainText.line(evaluation.policy))",
      "  weights: mean \(Format.decimal(diagnostics.meanWeight, places: 4))"
        + " (se \(Format.decimal(diagnostics.meanWeightError, places: 4)))"
        + ", max \(Format.decimal(diagnostics.maxWeight, places: 2))"
        + ", effective sample size \(Format.decimal(diagnostics.effectiveSampleSize, places: 1))"
        + ",", "  weighted clicks \(Format.decimal(diagnostics.weightedClicks, places: 1))",
    ]
    var table = TextTable(columns: [
      .init("  estimator"), .init("value", .right), .init("se", .right),
      .init("95 % interval", .right), .init("rows", .right),
    ])
    for estimate in evaluation.estimates {
      table.append([
        "  " + estimate.estimator.identifier, estimate.value.map(rate) ?? "n/a",
        estimate.standardError.map(rate) ?? "n/a", estimate.interval.map(interval) ?? "n/a",
        Format.count(estimate.rows),
      ])
    }
    lines += table.lines()
    lines += evaluation.cautions.map { "  caution: \($0)" }
    switch evaluation.verdict {
    case .refused(let reasons):
      lines.append("  verdict: refused: \(reasons.joined(separator: "; "))")
    case .better(let range): lines += compared("better than the log's policy", range)
    case .worse(let range): lines += compared("worse than the log's policy", range)
    case .noDifferenceShown(let range):
      lines += compared("no difference from the log's policy is shown", range)
    }
    return lines
  }

  private static func compared(_ verdict: String, _ range: ClosedRange<Double>) -> [String] {
    ["  verdict: \(verdict)", "    (snipw less the log's value: \(interval(range)) a row)"]
  }

  private static func rate(_ value: Double) -> String { Format.decimal(value, places: 6) }

  private static func interval(_ range: ClosedRange<Double>) -> String {
    "\(rate(range.lowerBound)) to \(rate(range.upperBound))"
  }

  var json: JSONValue {
    let log = logs.evaluated
    return .object([
      "log": .object([
        "name": .string(log.name), "rows": .integer(Int64(log.count)),
        "items": .integer(Int64(log.itemCount)),
        "items_from": .string(log.itemCountOrigin.rawValue),
        "positions": .array(log.positionLabels.map { .integer(Int64($0)) }),
        "ignored_columns": .array(log.ignoredColumns.map(JSONValue.string)),
        "note": logs.note.map(JSONValue.string) ?? .null,
      ]),
      "thresholds": .object([
        "effective_sample_size": .number(OffPolicyEvaluation.leastEffectiveSampleSize),
        "weighted_clicks": .number(OffPolicyEvaluation.leastWeightedClicks),
      ]),
      "policies": .array(evaluations.map(Self.json)),
    ])
  }

  private static func json(_ evaluation: OffPolicyEvaluation) -> JSONValue {
    let diagnostics = evaluation.diagnostics
    return .object([
      "policy": .string(evaluation.policy),
      "clicks": number(diagnostics.clicks),
      "logged_value": number(diagnostics.loggedValue),
      "logged_value_standard_error": number(diagnostics.loggedValueError),
      "mean_weight": number(diagnostics.meanWeight),
      "mean_weight_standard_error": number(diagnostics.meanWeightError),
      "max_weight": number(diagnostics.maxWeight),
      "effective_sample_size": number(diagnostics.effectiveSampleSize),
      "weighted_clicks": number(diagnostics.weightedClicks),
      "estimates": .array(evaluation.estimates.map(json)),
      "cautions": .array(evaluation.cautions.map(JSONValue.string)),
      "verdict": json(evaluation.verdict),
    ])
  }

  private static func json(_ estimate: OffPolicyEstimate) -> JSONValue {
    .object([
      "estimator": .string(estimate.estimator.identifier),
      "value": number(estimate.value),
      "round_reward_standard_error": number(estimate.roundRewardError),
      "standard_error": number(estimate.standardError),
      "interval": estimate.interval.map(json) ?? .null,
      "rows": .integer(Int64(estimate.rows)),
    ])
  }

  private static func json(_ verdict: OffPolicyEvaluation.Verdict) -> JSONValue {
    func object(_ outcome: String, _ range: ClosedRange<Double>) -> JSONValue {
      .object([
        "outcome": .string(outcome), "reasons": .array([]), "difference_interval": json(range),
      ])
    }
    switch verdict {
    case .refused(let reasons):
      return .object([
        "outcome": .string("refused"), "reasons": .array(reasons.map(JSONValue.string)),
        "difference_interval": .null,
      ])
    case .better(let range): return object("better", range)
    case .worse(let range): return object("worse", range)
    case .noDifferenceShown(let range): return object("no_difference_shown", range)
    }
  }

  private static func json(_ range: ClosedRange<Double>) -> JSONValue {
    .array([number(range.lowerBound), number(range.upperBound)])
  }

  /// Null where there is no number, or one that JSON cannot write.
  private static func number(_ value: Double?) -> JSONValue {
    value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null
  }
}
