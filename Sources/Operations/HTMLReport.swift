/// One self-contained page: inline style and drawings, no script, nothing loaded, fit for print.
///
/// Every text given to it is escaped; the only markup it takes as it is are its own drawings.
package struct HTMLReport: Sendable {
  package enum NoteKind: String, Sendable {
    case information, warning, success
  }

  private let title: String
  private var body = ""

  /// - Parameter title: of the page, shown at its top.
  package init(title: String) {
    self.title = title
  }

  /// - Parameter level: 2 for a section, 3 for a part of one.
  package mutating func heading(_ text: String, level: Int = 2) {
    precondition((2...3).contains(level), "a heading has level 2 or 3")
    body += "<h\(level)>\(Markup.escaped(text))</h\(level)>\n"
  }

  package mutating func paragraph(_ text: String) {
    body += "<p>\(Markup.escaped(text))</p>\n"
  }

  package mutating func list(_ items: [String]) {
    body += "<ul>\n" + items.map { "<li>\(Markup.escaped($0))</li>\n" }.joined() + "</ul>\n"
  }

  /// A text set apart; the kind is also said in a word, not only by colour.
  package mutating func note(_ text: String, kind: NoteKind = .information) {
    let word =
      switch kind {
      case .information: "Note"
      case .warning: "Caution"
      case .success: "Good"
      }
    body += """
      <p class="note \(kind.rawValue)" role="note"><strong>\(word).</strong> \
      \(Markup.escaped(text))</p>

      """
  }

  /// - Parameters:
  ///   - caption: what the table shows.
  ///   - columns: titles; right-aligned ones are for numbers.
  ///   - rows: one text a column; the first names the row.
  package mutating func table(
    caption: String, columns: [TextTable.Column], rows: [[String]]
  ) {
    precondition(rows.allSatisfy { $0.count == columns.count }, "a row has one text a column")
    body += "<table>\n<caption>\(Markup.escaped(caption))</caption>\n<thead><tr>"
    for column in columns {
      body += "<th scope=\"col\"\(Self.align(column))>\(Markup.escaped(column.title))</th>"
    }
    body += "</tr></thead>\n<tbody>\n"
    for row in rows {
      body += "<tr>"
      for (index, (column, text)) in zip(columns, row).enumerated() {
        let tag = index == 0 ? "th" : "td"
        let scope = index == 0 ? " scope=\"row\"" : ""
        body += "<\(tag)\(scope)\(Self.align(column))>\(Markup.escaped(text))</\(tag)>"
      }
      body += "</tr>\n"
    }
    body += "</tbody>\n</table>\n"
  }

  package mutating func figure(_ figure: SVGFigure, caption: String) {
    body += """
      <figure>
      \(figure.text)
      <figcaption>\(Markup.escaped(caption))</figcaption>
      </figure>

      """
  }

  /// Text as a machine prints it: a ledger line, a command.
  package mutating func code(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    body +=
      "<pre><code>" + lines.map { Markup.escaped(String($0)) }.joined(separator: "\n")
      + "</code></pre>\n"
  }

  /// The page. The policy in its head makes a browser refuse scripts and loads whatever the body
  /// may hold.
  package func html() -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; style-src 'unsafe-inline'">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Markup.escaped(title))</title>
    <style>
    \(Self.style)
    </style>
    </head>
    <body>
    <main>
    <h1>\(Markup.escaped(title))</h1>
    \(body)</main>
    </body>
    </html>

    """
  }

  private static func align(_ column: TextTable.Column) -> String {
    column.alignment == .right ? " class=\"number\"" : ""
  }

  private static let style = """
    body { margin: 0; color: #222; background: #fff; font: 16px/1.5 sans-serif; }
    main { max-width: 48rem; margin: 0 auto; padding: 1.5rem; }
    h1 { font-size: 1.7rem; line-height: 1.2; }
    h2 { margin-top: 2.2rem; padding-bottom: 0.2rem; border-bottom: 1px solid #ccc; }
    table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: 0.9rem; }
    caption { text-align: left; padding-bottom: 0.4rem; color: #555; }
    th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid #ddd; }
    thead th { border-bottom: 2px solid #222; }
    tbody th { font-weight: normal; }
    .number { text-align: right; font-variant-numeric: tabular-nums; }
    .note { border-left: 4px solid #0072B2; background: #f2f6fa; padding: 0.6rem 0.9rem; }
    .warning { border-color: #D55E00; background: #fdf3ec; }
    .success { border-color: #009E73; background: #eef7f3; }
    figure { margin: 1.2rem 0; }
    figure svg { width: 100%; height: auto; }
    figcaption { color: #555; font-size: 0.9rem; }
    pre { overflow-x: auto; background: #f6f6f6; padding: 0.6rem; font-size: 0.85rem; }
    @media print { main { max-width: none; padding: 0; } table, figure, .note { break-inside: avoid; }
      pre { white-space: pre-wrap; } }
    """
}
