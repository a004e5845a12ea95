/// The parts of a chart: the area, its axes, the legend and the marks inside.
struct PlotFrame {
  private static let width = 640.0
  private static let left = 70.0
  private static let right = 20.0
  /// Keeps the first and the last mark off the edges.
  private static let inset = 16.0
  private static let plotHeight = 260.0
  private static let axisHeight = 56.0
  private static let titleHeight = 34.0
  private static let legendRowHeight = 20.0
  /// Mean width of a character of 12-pixel sans-serif text, on the wide side.
  private static let characterWidth = 7.0
  private static let mostLabelledBars = 24

  // Okabe and Ito's palette, which the common forms of colour blindness tell apart; each line also
  // has its own dashes and marks, so that it survives a black-and-white print.
  private static let colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
  private static let dashes = ["", "6 3", "2 3", "8 3 2 3", "12 4", "4 4"]

  let title: String
  let legend: [String]
  let isLineChart: Bool
  let x: PlotScale
  let y: PlotScale

  private var legendRows: [[(index: Int, x: Double)]] {
    var rows: [[(index: Int, x: Double)]] = [[]]
    var place = Self.left
    for (index, name) in legend.enumerated() {
      let needed = 46 + Double(PlainText.columns(name)) * Self.characterWidth
      if place + needed > Self.width - Self.right, place > Self.left {
        rows.append([])
        place = Self.left
      }
      rows[rows.count - 1].append((index, place))
      place += needed
    }
    return rows
  }

  private var top: Double {
    Self.titleHeight + Double(legendRows.count) * Self.legendRowHeight
  }

  private var bottom: Double { top + Self.plotHeight }

  func figure(body: String, description: String) -> SVGFigure {
    let height = Int(bottom + Self.axisHeight)
    return SVGFigure(
      text: """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 \(height)" role="img" \
        aria-label="\(Markup.escaped(title + ". " + description))" \
        font-family="sans-serif" font-size="12" fill="#222">
        <title>\(Markup.escaped(title))</title>
        <desc>\(Markup.escaped(description))</desc>
        <rect width="640" height="\(height)" fill="#fff"/>
        <text x="\(text(Self.left))" y="22" font-size="15" font-weight="bold">\
        \(Markup.escaped(title))</text>
        \(legendMarks)\(body)</svg>
        """)
  }

  // MARK: - Axes

  func valueAxis(label: String) -> String {
    var marks = ""
    for tick in y.ticks {
      let place = vertical(tick.value)
      marks += line(Self.left, place, Self.width - Self.right, place, "stroke=\"#ddd\"")
      marks += caption(tick.label, Self.left - 8, place + 4, anchor: "end")
    }
    marks += line(Self.left, top, Self.left, bottom, "stroke=\"#222\"")
    let middle = text((top + bottom) / 2)
    return marks + """
      <text transform="translate(16 \(middle)) rotate(-90)" text-anchor="middle">\
      \(Markup.escaped(label))</text>

      """
  }

  func numberAxis(label: String) -> String {
    var marks = line(Self.left, bottom, Self.width - Self.right, bottom, "stroke=\"#222\"")
    for tick in x.ticks {
      let place = horizontal(tick.value)
      marks += line(place, bottom, place, bottom + 5, "stroke=\"#222\"")
      marks += caption(tick.label, place, bottom + 19, anchor: "middle")
    }
    let middle = (Self.left + Self.width - Self.right) / 2
    return marks + caption(label, middle, bottom + 42, anchor: "middle")
  }

  func categoryAxis(_ categories: [String]) -> String {
    let zero = vertical(0)
    var marks = line(Self.left, zero, Self.width - Self.right, zero, "stroke=\"#222\"")
    let groupWidth = (Self.width - Self.left - Self.right) / Double(categories.count)
    let columns = max(1, Int(groupWidth / Self.characterWidth))
    for (index, category) in categories.enumerated() {
      let middle = Self.left + (Double(index) + 0.5) * groupWidth
      for (row, part) in Self.wrapped(category, columns: columns).enumerated() {
        marks += caption(part, middle, bottom + 18 + Double(row) * 14, anchor: "middle")
      }
    }
    return marks
  }

  // MARK: - Marks

  func line(_ points: [SVGPlot.Point], style: Int) -> String {
    guard !points.isEmpty else { return "" }
    let color = Self.colors[style % Self.colors.count]
    let path = points.map { text(horizontal($0.x)) + "," + text(vertical($0.y)) }
    var marks = """
      <polyline points="\(path.joined(separator: " "))" fill="none" stroke="\(color)" \
      stroke-width="2"\(dash(style))/>

      """
    for point in points {
      marks += errorBar(point, at: horizontal(point.x), color: color)
      marks += mark(style, horizontal(point.x), vertical(point.y))
    }
    return marks
  }

  func bars(
    _ points: [SVGPlot.Point?], style: Int, groupCount: Int, barsInGroup: Int
  ) -> String {
    let color = Self.colors[style % Self.colors.count]
    let groupWidth = (Self.width - Self.left - Self.right) / Double(groupCount)
    let barWidth = min(60, groupWidth * 0.8 / Double(barsInGroup))
    var marks = ""
    for case .some(let point) in points {
      let middle =
        Self.left + (point.x + 0.5) * groupWidth
        + (Double(style) - Double(barsInGroup - 1) / 2) * barWidth
      let start = vertical(0)
      let end = vertical(point.y)
      marks += """
        <rect x="\(text(middle - barWidth * 0.45))" y="\(text(min(start, end)))" \
        width="\(text(barWidth * 0.9))" height="\(text((start - end).magnitude))" \
        fill="\(color)"/>

        """
      marks += errorBar(point, at: middle, color: "#222")
      if groupCount * barsInGroup <= Self.mostLabelledBars {
        let above = vertical(point.y + (point.error.isFinite ? point.error.magnitude : 0)) - 4
        marks += caption(Self.shortNumber(point.y), middle, above, anchor: "middle", size: 10)
      }
    }
    return marks
  }

  private var legendMarks: String {
    var marks = ""
    for (row, entries) in legendRows.enumerated() {
      let place = Self.titleHeight + Double(row) * Self.legendRowHeight + 8
      for entry in entries {
        let color = Self.colors[entry.index % Self.colors.count]
        if isLineChart {
          marks += line(
            entry.x, place, entry.x + 22, place,
            "stroke=\"\(color)\" stroke-width=\"2\"\(dash(entry.index))")
          marks += mark(entry.index, entry.x + 11, place)
        } else {
          marks += """
            <rect x="\(text(entry.x + 6))" y="\(text(place - 5))" width="10" height="10" \
            fill="\(color)"/>

            """
        }
        marks += caption(legend[entry.index], entry.x + 27, place + 4, anchor: "start")
      }
    }
    return marks
  }

  private func errorBar(_ point: SVGPlot.Point, at place: Double, color: String) -> String {
    guard point.error.isFinite, point.error > 0 else { return "" }
    let high = vertical(point.y + point.error)
    let isOnScale = PlotScale.canShow(point.y - point.error, kind: y.kind)
    let low = isOnScale ? vertical(point.y - point.error) : bottom
    let stroke = "stroke=\"\(color)\""
    return line(place, low, place, high, stroke)
      + line(place - 4, high, place + 4, high, stroke)
      + (isOnScale ? line(place - 4, low, place + 4, low, stroke) : "")
  }

  private func mark(_ style: Int, _ x: Double, _ y: Double) -> String {
    let fill = "fill=\"\(Self.colors[style % Self.colors.count])\"/>\n"
    let (cx, cy) = (text(x), text(y))
    return switch style % 4 {
    case 0: "<circle cx=\"\(cx)\" cy=\"\(cy)\" r=\"3.5\" \(fill)"
    case 1: "<path d=\"M\(cx) \(cy)m-3.5-3.5h7v7h-7z\" \(fill)"
    case 2: "<path d=\"M\(cx) \(cy)m0-4.5l4 7.5h-8z\" \(fill)"
    default: "<path d=\"M\(cx) \(cy)m0-4.5l4.5 4.5l-4.5 4.5l-4.5-4.5z\" \(fill)"
    }
  }

  // MARK: - Elements

  private func horizontal(_ value: Double) -> Double {
    let width = Self.width - Self.left - Self.right - 2 * Self.inset
    return Self.left + Self.inset + x.fraction(value) * width
  }

  private func vertical(_ value: Double) -> Double {
    bottom - y.fraction(value) * Self.plotHeight
  }

  private func text(_ value: Double) -> String { Format.decimal(value, places: 1) }

  private func dash(_ style: Int) -> String {
    let dashes = Self.dashes[style % Self.dashes.count]
    return dashes.isEmpty ? "" : " stroke-dasharray=\"\(dashes)\""
  }

  private func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ stroke: String
  ) -> String {
    "<line x1=\"\(text(x1))\" y1=\"\(text(y1))\" x2=\"\(text(x2))\" y2=\"\(text(y2))\" \(stroke)/>\n"
  }

  private func caption(
    _ label: String, _ x: Double, _ y: Double, anchor: String, size: Int = 12
  ) -> String {
    """
    <text x="\(text(x))" y="\(text(y))" text-anchor="\(anchor)" font-size="\(size)">\
    \(Markup.escaped(label))</text>

    """
  }

  private static func shortNumber(_ value: Double) -> String {
    value.magnitude < 1 ? Format.decimal(value, places: 3) : SVGPlot.number(value)
  }

  // At most three rows; a word that is too long is cut.
  private static func wrapped(_ text: String, columns: Int) -> [String] {
    var rows: [String] = []
    for word in text.split(separator: " ") {
      if let last = rows.last, PlainText.columns(last) + 1 + word.count <= columns {
        rows[rows.count - 1] = last + " " + word
      } else if rows.count < 3 {
        rows.append(String(word))
      } else {
        rows[2] += " " + word
      }
    }
    return rows.map { PlainText.truncated($0, to: columns) }
  }
}
