/// A table for a screen of fixed width.
package struct TextTable: Equatable, Sendable {
  package enum Alignment: Sendable {
    case left, right
  }

  package struct Column: Equatable, Sendable {
    package let title: String
    package let alignment: Alignment

    package init(_ title: String, _ alignment: Alignment = .left) {
      self.title = title
      self.alignment = alignment
    }
  }

  private static let gap = 2
  private static let narrowestColumn = 4

  package let columns: [Column]
  package private(set) var rows: [[String]] = []

  /// - Parameter columns: at least one.
  package init(columns: [Column]) {
    precondition(!columns.isEmpty, "a table has columns")
    self.columns = columns
  }

  /// - Parameter row: one text a column.
  package mutating func append(_ row: [String]) {
    precondition(row.count == columns.count, "a row has one text a column")
    rows.append(row.map(PlainText.line))
  }

  /// The lines of the table, header first, each at most `width` columns wide and without trailing
  /// blanks. Where the texts need more, the widest left-aligned columns are cut with `…`; numbers
  /// are cut last. Columns that are narrower than four are not cut further.
  package func lines(width: Int = Terminal.defaultWidth) -> [String] {
    let widths = fittedWidths(width)
    let header = columns.map(\.title)
    let rule = widths.map { String(repeating: "-", count: $0) }
    return ([header, rule] + rows).map { row in
      var line = ""
      for (index, text) in row.enumerated() {
        let cut = PlainText.truncated(text, to: widths[index])
        let padding = String(repeating: " ", count: widths[index] - PlainText.columns(cut))
        line += columns[index].alignment == .left ? cut + padding : padding + cut
        if index < row.count - 1 { line += String(repeating: " ", count: Self.gap) }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// `lines` as one text that ends with a line break.
  package func text(width: Int = Terminal.defaultWidth) -> String {
    lines(width: width).map { $0 + "\n" }.joined()
  }

  private func fittedWidths(_ width: Int) -> [Int] {
    var widths = columns.indices.map { index in
      ([columns[index].title] + rows.map { $0[index] }).map(PlainText.columns).max() ?? 0
    }
    let available = width - Self.gap * (columns.count - 1)
    while widths.reduce(0, +) > available, let index = columnToCut(widths) { widths[index] -= 1 }
    return widths
  }

  private func columnToCut(_ widths: [Int]) -> Int? {
    let wide = columns.indices.filter { widths[$0] > Self.narrowestColumn }
    let texts = wide.filter { columns[$0].alignment == .left }
    return (texts.isEmpty ? wide : texts).max { widths[$0] < widths[$1] }
  }
}
