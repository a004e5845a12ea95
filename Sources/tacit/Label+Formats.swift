internal import CanonicalJSON
internal import Ledger
internal import Operations
internal import Privacy

extension Label {
  /// For a terminal of 80 columns.
  var text: String {
    var lines = [title, String(repeating: "=", count: title.count)]
    if let caution { lines += [""] + Self.wrapped(caution, after: "") }
    for section in sections {
      lines += ["", section.title.uppercased()]
      let width = section.facts.map(\.title.count).max() ?? 0
      for fact in section.facts {
        let name = fact.title.padding(to: width)
        lines += Self.wrapped(fact.text, after: "  \(name)  ")
      }
    }
    return lines.joined(separator: "\n")
  }

  /// What stands above the figures of a ledger that does not pass its audit.
  private var caution: String? {
    report.verdict.exitCode == 0
      ? nil
      : "CAUTION: the audit finds this ledger \(report.verdict.sentence). The figures count only "
        + "the entries before the fault."
  }

  /// One object; figures are numbers.
  var json: JSONValue {
    var members: [String: JSONValue] = [
      "federation": .string(state.policy.federation),
      "exit_code": .integer(Int64(report.verdict.exitCode)),
    ]
    for section in sections {
      members[section.key] = .object(
        Dictionary(uniqueKeysWithValues: section.facts.map { ($0.key, $0.value) }))
    }
    return .object(members)
  }

  /// One self-contained page.
  var html: String {
    var page = HTMLReport(title: title)
    if let caution {
      page.note(caution, kind: .warning)
    } else {
      page.note("Audit: \(report.verdict.sentence).", kind: .success)
    }
    for section in sections {
      page.heading(section.title)
      page.table(
        caption: section.title, columns: [.init("fact"), .init("value")],
        rows: section.facts.map { [$0.title, $0.text] })
    }
    page.heading("Check it yourself")
    page.code("tacit audit ledger DIR --checkpoint mine.note\nscripts/verify_ledger.py DIR")
    return page.html()
  }

  /// Breaks `text` at blanks so that lines fit 80 columns behind `prefix`, which is blank from the
  /// second line on.
  static func wrapped(_ text: String, after prefix: String) -> [String] {
    var lines: [String] = []
    var line = prefix
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty, line.count + 1 + word.count > 80 {
        lines.append(line)
        line = String(repeating: " ", count: prefix.count)
        isEmpty = true
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return lines + [line]
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
