internal import CanonicalJSON
internal import Evaluation
internal import Operations

/// Cumulative regret in the linear-logistic environment, as text, JSON and page.
struct RegretReport {
  let curves: [RegretCurve]
  let seeds: Int

  private static let definition =
    "10 arms, context of 8 numbers, P(click) = sigmoid(2 theta.x + b - 2); cumulative pseudo-regret"

  var text: String {
    var table = TextTable(columns: [.init("policy"), .init("regret", .right), .init("sd", .right)])
    for curve in curves {
      table.append([
        curve.policy.rawValue, Format.decimal(curve.means.last ?? 0, places: 1),
        Format.decimal(curve.deviations.last ?? 0, places: 1),
      ])
    }
    return Self.definition + "\n"
      + "after \(Format.count(curves.first?.steps.last ?? 0)) steps, mean and sd over \(seeds) seeds\n\n"
      + table.lines().joined(separator: "\n")
  }

  var plot: SVGFigure {
    SVGPlot.lines(
      title: "Regret by step", description: "Cumulative pseudo-regret of each policy.",
      x: .init("steps"), y: .init("cumulative regret (clicks)"),
      lines: curves.map { curve in
        SVGPlot.Line(
          curve.policy.rawValue,
          points: curve.steps.indices.map {
            .init(x: Double(curve.steps[$0]), y: curve.means[$0])
          })
      })
  }

  var page: HTMLReport {
    var page = HTMLReport(title: "Exploration: regret")
    page.paragraph(Self.definition + "; mean over \(seeds) seeds.")
    page.figure(plot, caption: "Context is worth a factor of three to four.")
    page.code(text)
    return page
  }

  var json: JSONValue {
    .object([
      "environment": .string("linear-logistic"), "seeds": .integer(Int64(seeds)),
      "policies": .array(
        curves.map { curve in
          .object([
            "policy": .string(curve.policy.rawValue),
            "steps": .array(curve.steps.map { .integer(Int64($0)) }),
            "regret_mean": .array(curve.means.map(JSONValue.number)),
            "regret_sd": .array(curve.deviations.map(JSONValue.number)),
          ])
        }),
    ])
  }
}
