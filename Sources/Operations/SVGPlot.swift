/// A finished drawing: one `<svg>` element with its text alternative, safe to place in a page.
package struct SVGFigure: Equatable, Sendable {
  package let text: String
}

/// Charts as SVG text. The same input gives the same bytes.
package enum SVGPlot {
  package enum Scale: Sendable {
    /// From a round value below the data to one above.
    case linear
    /// For positive values that span powers; others are left out.
    case logarithmic
  }

  package struct Axis: Sendable {
    /// The quantity with its unit.
    package let label: String
    package let scale: Scale

    package init(_ label: String, scale: Scale = .linear) {
      self.label = label
      self.scale = scale
    }
  }

  package struct Point: Equatable, Sendable {
    package let x: Double
    package let y: Double
    /// Half the length of the error bar, in the unit of `y`; 0 draws none.
    package let error: Double

    /// A point that is not finite is left out of the drawing.
    package init(x: Double, y: Double, error: Double = 0) {
      self.x = x
      self.y = y
      self.error = error
    }
  }

  package struct Line: Sendable {
    package let name: String
    package let points: [Point]

    package init(_ name: String, points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  package struct Bars: Sendable {
    package let name: String
    /// One a category; nil draws no bar.
    package let values: [Double?]
    /// Half the length of each error bar, one a category, or empty.
    package let errors: [Double]

    package init(_ name: String, values: [Double?], errors: [Double] = []) {
      precondition(
        errors.isEmpty || errors.count == values.count, "an error bar for each value or for none")
      self.name = name
      self.values = values
      self.errors = errors
    }
  }

  /// A chart of lines through points, which are joined in the order given.
  /// - Parameter description: the message of the chart in a sentence, for those who cannot see it.
  package static func lines(
    title: String, description: String, x: Axis, y: Axis, lines: [Line]
  ) -> SVGFigure {
    let xKind = kind(x.scale)
    let yKind = kind(y.scale)
    let points = lines.map { line in
      line.points.filter {
        PlotScale.canShow($0.x, kind: xKind) && PlotScale.canShow($0.y, kind: yKind)
      }
    }
    let frame = PlotFrame(
      title: title, legend: lines.map(\.name), isLineChart: true,
      x: PlotScale(kind: xKind, values: points.joined().map(\.x)),
      y: PlotScale(kind: yKind, values: points.joined().flatMap(ends)))
    var body = frame.valueAxis(label: y.label) + frame.numberAxis(label: x.label)
    for (index, points) in points.enumerated() {
      body += frame.line(points, style: index)
    }
    let details = zip(lines, points).map { line, points in
      line.name + ": " + summary(points.map { (number($0.x), $0.y) })
    }
    return frame.figure(
      body: body, description: ([description] + details).joined(separator: " "))
  }

  /// A chart of grouped bars from zero.
  /// - Parameters:
  ///   - description: the message of the chart in a sentence, for those who cannot see it.
  ///   - categories: names of the groups, at least one.
  ///   - bars: each with as many values as there are categories.
  package static func bars(
    title: String, description: String, categories: [String], valueLabel: String, bars: [Bars]
  ) -> SVGFigure {
    precondition(!categories.isEmpty, "a bar chart has categories")
    precondition(
      bars.allSatisfy { $0.values.count == categories.count }, "a value for each category")
    let points = bars.map { bars in
      bars.values.enumerated().map { index, value -> Point? in
        guard let value, PlotScale.canShow(value, kind: .linear) else { return nil }
        return Point(
          x: Double(index), y: value, error: bars.errors.isEmpty ? 0 : bars.errors[index])
      }
    }
    let frame = PlotFrame(
      title: title, legend: bars.map(\.name), isLineChart: false,
      x: PlotScale(kind: .linear, values: [0, Double(categories.count)]),
      y: PlotScale(
        kind: .linear, values: points.joined().compactMap { $0 }.flatMap(ends),
        includesZero: true))
    var body = frame.valueAxis(label: valueLabel) + frame.categoryAxis(categories)
    for (index, points) in points.enumerated() {
      body += frame.bars(
        points, style: index, groupCount: categories.count, barsInGroup: bars.count)
    }
    let details = zip(bars, points).map { bars, points in
      bars.name + ": "
        + summary(
          zip(categories, points).compactMap { category, point in
            point.map { (category, $0.y) }
          })
    }
    return frame.figure(
      body: body, description: ([description] + details).joined(separator: " "))
  }

  private static func ends(_ point: Point) -> [Double] {
    point.error.isFinite ? [point.y - point.error, point.y, point.y + point.error] : [point.y]
  }

  private static func kind(_ scale: Scale) -> PlotScale.Kind {
    switch scale {
    case .linear: .linear
    case .logarithmic: .logarithmic
    }
  }

  // Every value of a short series; the ends and the extremes of a long one.
  private static func summary(_ values: [(name: String, value: Double)]) -> String {
    let mostListed = 12
    guard let first = values.first, let last = values.last else { return "no values." }
    guard values.count > mostListed else {
      return values.map { "\($0.name) \(number($0.value))" }.joined(separator: ", ") + "."
    }
    let numbers = values.map(\.value)
    return "from \(first.name) \(number(first.value)) to \(last.name) \(number(last.value)), "
      + "lowest \(number(numbers.min() ?? 0)), highest \(number(numbers.max() ?? 0))."
  }

  static func number(_ value: Double) -> String {
    let magnitude = value.magnitude
    if value == value.rounded(), magnitude < 1e12 { return Format.count(Int(value)) }
    return Format.decimal(value, places: magnitude < 0.01 ? 6 : magnitude < 1 ? 4 : 2)
  }
}
