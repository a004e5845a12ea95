import Operations
import Testing

@Suite struct SVGPlotTests {
  private let budgets = SVGPlot.lines(
    title: "Recall@20 against the budget",
    description: "Private recall rises with the budget and stays above popularity.",
    x: .init("epsilon", scale: .logarithmic), y: .init("recall@20, new items"),
    lines: [
      .init(
        "federated, private",
        points: [
          .init(x: 1, y: 0.051, error: 0.002), .init(x: 2, y: 0.058, error: 0.0015),
          .init(x: 4, y: 0.062, error: 0.001), .init(x: 8, y: 0.071, error: 0.001),
        ]),
      .init("popularity", points: [.init(x: 1, y: 0.0301), .init(x: 8, y: 0.0301)]),
    ])

  private let models = SVGPlot.bars(
    title: "Recall@20 by model", description: "EASE leads on new items.",
    categories: ["popularity", "own frequency", "federated, no noise", "centralized EASE"],
    valueLabel: "recall@20",
    bars: [
      .init("new", values: [0.0301, 0.0301, 0.079, 0.0855], errors: [0, 0, 0.002, 0.001]),
      .init("all", values: [0.049, 0.207, nil, 0.168]),
    ])

  @Test("a line chart with error bars on a logarithmic axis")
  func lineChart() throws {
    try expectGolden(budgets.text, "lines.svg")
  }

  @Test("grouped bars with a missing value")
  func barChart() throws {
    try expectGolden(models.text, "bars.svg")
  }

  @Test("every chart is well-formed XML, has its text alternative and needs no network or script")
  func selfContained() {
    for figure in [budgets, models] {
      #expect(isWellFormedXML(figure.text))
      #expect(figure.text.contains("role=\"img\" aria-label=\"Recall@20"))
      #expect(figure.text.contains("<title>Recall@20"))
      #expect(!figure.text.contains("href") && !figure.text.contains("<script"))
    }
    #expect(budgets.text.contains("federated, private: 1 0.0510, 2 0.0580, 4 0.0620, 8 0.0710."))
    #expect(models.text.contains("all: popularity 0.0490, own frequency 0.2070, centralized EASE"))
  }

  @Test("texts cannot break out of the drawing")
  func escaping() {
    let hostile = "</svg><script>alert(\"1\" & '2')</script>\u{0}\u{1B}"
    let figures = [
      SVGPlot.lines(
        title: hostile, description: hostile, x: .init(hostile), y: .init(hostile),
        lines: [.init(hostile, points: [.init(x: 0, y: 0)])]),
      SVGPlot.bars(
        title: hostile, description: hostile, categories: [hostile], valueLabel: hostile,
        bars: [.init(hostile, values: [1])]),
    ]
    for figure in figures {
      #expect(isWellFormedXML(figure.text))
      #expect(!figure.text.contains("<script"))
    }
  }

  @Test("empty, single, constant, infinite and huge data still give a drawing with numbers only")
  func degenerateData() {
    let series: [[SVGPlot.Point]] = [
      [], [.init(x: 3, y: 3)], [.init(x: 1, y: 0), .init(x: 2, y: 0)],
      [.init(x: .infinity, y: 1), .init(x: 1, y: .nan)],
      [.init(x: 1, y: -1e11), .init(x: 2, y: 1e11)],
      [.init(x: 1e-9, y: 1e-9), .init(x: 2e-9, y: 3e-9, error: .nan)],
    ]
    for (index, points) in series.enumerated() {
      for scale in [SVGPlot.Scale.linear, .logarithmic] {
        let text = SVGPlot.lines(
          title: "t", description: "d", x: .init("x", scale: scale),
          y: .init("y", scale: scale), lines: [.init("s", points: points)]
        ).text
        #expect(isWellFormedXML(text), "series \(index)")
        #expect(!text.contains("n/a") && !text.contains("inf"), "series \(index)")
      }
    }
  }

  @Test("a long series is summarized instead of listed")
  func longSeries() {
    let text = SVGPlot.lines(
      title: "t", description: "d", x: .init("x"), y: .init("y"),
      lines: [.init("s", points: (0..<100).map { .init(x: Double($0), y: Double($0 % 10)) })]
    ).text
    #expect(text.contains("s: from 0 0 to 99 9, lowest 0, highest 9."))
  }

  @Test("a legend that is wider than the drawing takes more rows")
  func longLegend() {
    func height(_ count: Int) -> Int {
      let text = SVGPlot.lines(
        title: "t", description: "d", x: .init("x"), y: .init("y"),
        lines: (0..<count).map { .init("a series with a long name \($0)", points: []) }
      ).text
      return text.firstMatch(of: /viewBox="0 0 640 (\d+)"/).flatMap { Int($0.output.1) } ?? 0
    }
    #expect(height(2) == height(1))
    #expect(height(6) == height(2) + 40)
  }
}
