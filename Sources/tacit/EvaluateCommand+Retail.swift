internal import CanonicalJSON
internal import Evaluation
internal import Operations
internal import Recommendation

/// The comparison of exploration policies in the retail environment, as text, JSON and page.
struct RetailPolicyReport {
  let summaries: [PolicySummary]
  let sessions: Int
  let settings: RetailEnvironment.Settings
  let coefficients: [Double]

  private static let caution =
    "simulation: seeded customers and outcomes, clicks learned from real purchases; "
    + "not covered by epsilon"

  private static let columns: [TextTable.Column] = [
    .init("policy"), .init("clicks/100", .right), .init("first 10", .right),
    .init("cost", .right), .init("discovery", .right), .init("coverage", .right),
    .init("regret", .right), .init("beats"),
  ]

  private var rows: [[String]] {
    summaries.map { summary in
      [
        summary.policy.name, Self.short(summary.clickRate.mean),
        Self.short(summary.earlyClickRate.mean), Self.short(summary.cost.mean),
        Format.percent(summary.discoveryRate.mean),
        Format.percent(summary.coverage.mean, places: 1),
        Format.decimal(summary.regret.last?.mean ?? 0, places: 1), beats(summary),
      ]
    }
  }

  private func beats(_ summary: PolicySummary) -> String {
    summary.policy.isContextualExplorer ? (summary.beatsGreedy ? "yes" : "no") : "-"
  }

  var text: String {
    var table = TextTable(columns: Self.columns)
    for row in rows { table.append(row) }
    let lines =
      [
        "\(settings.customers) customers, \(sessions) sessions of \(RetailSimulation.slateLength) "
          + "items each, \(Format.count(settings.items)) items in \(settings.categories) categories",
        "an item shown at random is clicked with probability "
          + Format.percent(settings.clickRate, places: 1),
        PlainText.line(Self.caution), "",
      ] + table.lines() + [""] + explanations + [""] + advice.map { "- " + $0 }
    return lines.joined(separator: "\n")
  }

  private var explanations: [String] {
    [
      "clicks/100  expected clicks in 100 impressions; first 10: in the first ten sessions",
      "cost        greedy's clicks in 100 impressions less the policy's; below 0: it pays",
      "discovery   share of clicked items from categories not in the known history",
      "coverage    categories with 2 or more clicks in the last \(RetailSimulation.window) sessions",
      "regret      clicks lost against the best slates, summed over the sessions",
      "beats       greedy in discovery and coverage: both 95 % intervals above 0",
    ]
  }

  /// Which policy to choose when, from the figures.
  var advice: [String] {
    let explorers = summaries.filter(\.policy.isContextualExplorer)
    guard let greedy = summaries.first(where: { $0.policy == .greedy }),
      let earning = explorers.max(by: { $0.clickRate.mean < $1.clickRate.mean }),
      let discovering = explorers.max(by: { $0.discoveryRate.mean < $1.discoveryRate.mean }),
      let covering = explorers.max(by: { $0.coverage.mean < $1.coverage.mean }),
      let early = summaries.max(by: { $0.earlyClickRate.mean < $1.earlyClickRate.mean })
    else { return [] }
    var advice = [
      "Most clicks over \(sessions) sessions: \(earning.policy.name), "
        + "\(Self.short(earning.clickRate.mean)) in 100 impressions; greedy has "
        + "\(Self.short(greedy.clickRate.mean)).",
      "For a customer who comes ten times: \(early.policy.name), "
        + "\(Self.short(early.earlyClickRate.mean)) clicks in 100.",
      "Most discovery: \(discovering.policy.name), "
        + "\(Format.percent(discovering.discoveryRate.mean)) of clicks against greedy's "
        + "\(Format.percent(greedy.discoveryRate.mean)); \(Self.price(discovering)).",
      "Widest long-term interests: \(covering.policy.name), "
        + "\(Format.percent(covering.coverage.mean, places: 1)) of categories against "
        + "\(Format.percent(greedy.coverage.mean, places: 1)); \(Self.price(covering)).",
    ]
    let winners = explorers.filter(\.beatsGreedy)
    if let cheapest = winners.min(by: { $0.cost.mean < $1.cost.mean }) {
      advice.append(
        "Cheapest that beats greedy in both: \(cheapest.policy.name); \(Self.price(cheapest)).")
    }
    let losers = explorers.filter { !$0.beatsGreedy }.map(\.policy.name)
    advice.append(
      losers.isEmpty
        ? "Every contextual policy beats greedy in discovery and long-term coverage."
        : "Not shown to beat greedy in both: \(losers.joined(separator: ", ")).")
    advice.append(
      "Where slates must be evaluated later: epsilon-greedy or plackett-luce, whose propensities are "
        + "exact and leave no item out; linucb only mixed with epsilon.")
    advice.append("Where the customer's exploration budget is zero: greedy.")
    return advice
  }

  private static func price(_ summary: PolicySummary) -> String {
    let range = summary.cost.interval
    let interval = "95 % interval \(short(range.lowerBound)) to \(short(range.upperBound))"
    return summary.cost.mean >= 0
      ? "it costs \(short(summary.cost.mean)) clicks in 100 (\(interval))"
      : "it gains \(short(-summary.cost.mean)) clicks in 100 (cost: \(interval))"
  }

  private static func short(_ value: Double) -> String { Format.decimal(value, places: 2) }

  var plots: [(name: String, figure: SVGFigure)] {
    let regret = SVGPlot.lines(
      title: "Regret by session",
      description: "Clicks lost against the best slates, summed, mean over customers.",
      x: .init("sessions"), y: .init("cumulative regret (clicks)"),
      lines: summaries.map { summary in
        SVGPlot.Line(
          summary.policy.name,
          points: summary.regret.enumerated().map { .init(x: Double($0 + 1), y: $1.mean) })
      })
    let gains = SVGPlot.bars(
      title: "Discovery and long-term interest coverage",
      description: "Share of clicks in new categories, and of categories that became interests.",
      categories: summaries.map(\.policy.name), valueLabel: "percent",
      bars: [
        .init(
          "discovery", values: summaries.map { 100 * $0.discoveryRate.mean },
          errors: summaries.map {
            100 * OffPolicyEstimate.quantile * $0.discoveryRate.standardError
          }),
        .init(
          "coverage", values: summaries.map { 100 * $0.coverage.mean },
          errors: summaries.map { 100 * OffPolicyEstimate.quantile * $0.coverage.standardError }),
      ])
    let cost = SVGPlot.bars(
      title: "What exploring costs",
      description: "Greedy's clicks in 100 impressions less the policy's; below zero it pays.",
      categories: summaries.map(\.policy.name), valueLabel: "clicks in 100 impressions",
      bars: [
        .init(
          "cost", values: summaries.map(\.cost.mean),
          errors: summaries.map { OffPolicyEstimate.quantile * $0.cost.standardError })
      ])
    return [("regret", regret), ("discovery", gains), ("cost", cost)]
  }

  var page: HTMLReport {
    var page = HTMLReport(title: "Exploration: which policy when")
    page.note(Self.caution, kind: .warning)
    page.list(advice)
    page.table(
      caption: "\(settings.customers) customers, \(sessions) sessions", columns: Self.columns,
      rows: rows)
    page.list(explanations)
    for plot in plots { page.figure(plot.figure, caption: "Error bars: 95 %, over customers.") }
    page.heading("The environment")
    page.paragraph(
      "What draws a click was fitted on real purchases: coefficients of the customer's share of the "
        + "category (log, over everyone's), of popularity (log, standardized) and of the text's cosine: "
        + coefficients.map { Format.decimal($0, places: 3) }.joined(separator: ", ")
        + ". An item shown at random is clicked with probability "
        + "\(Format.percent(settings.clickRate, places: 1)); then P(cart) "
        + "\(RetailEnvironment.cartRate), P(buy | cart) \(RetailEnvironment.purchaseRateAfterCart)."
    )
    return page
  }

  var json: JSONValue {
    .object([
      "environment": .string("online-retail"), "customers": .integer(Int64(settings.customers)),
      "sessions": .integer(Int64(sessions)), "items": .integer(Int64(settings.items)),
      "categories": .integer(Int64(settings.categories)),
      "click_rate": .number(settings.clickRate),
      "seed": .string(String(settings.seed)), "caution": .string(Self.caution),
      "coefficients": .array(coefficients.map(JSONValue.number)),
      "policies": .array(summaries.map(json)), "advice": .array(advice.map(JSONValue.string)),
    ])
  }

  private func json(_ summary: PolicySummary) -> JSONValue {
    .object([
      "policy": .string(summary.policy.name),
      "parameters": .string(summary.policy.plan.text),
      "clicks_per_100": Self.json(summary.clickRate),
      "clicks_per_100_first_10_sessions": Self.json(summary.earlyClickRate),
      "cost_clicks_per_100": Self.json(summary.cost),
      "exploration_regret_clicks_per_100": Self.json(summary.explorationRegret),
      "discovery_rate": Self.json(summary.discoveryRate),
      "discovery_gain": Self.json(summary.discoveryGain),
      "coverage": Self.json(summary.coverage), "coverage_gain": Self.json(summary.coverageGain),
      "clicks": Self.json(summary.clicks), "carts": Self.json(summary.carts),
      "purchases": Self.json(summary.purchases),
      "regret_by_session": .array(summary.regret.map { .number($0.mean) }),
      "beats_greedy":
        summary.policy.isContextualExplorer ? .bool(summary.beatsGreedy) : .null,
    ])
  }

  private static func json(_ mean: CustomerMean) -> JSONValue {
    .object(["mean": .number(mean.mean), "standard_error": .number(mean.standardError)])
  }
}
