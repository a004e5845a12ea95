internal import CanonicalJSON
internal import Operations

/// `coordinator status` as text of at most 80 columns.
struct StatusScreen {
  private static let width = 80
  private static let barCells = 20

  private let status: JSONValue

  init(_ status: JSONValue) { self.status = status }

  /// The lines, without line feeds.
  var lines: [String] {
    (ledgerLines + liveLines).flatMap { Self.wrapped($0.title, $0.text) }
  }

  private var ledgerLines: [(title: String, text: String)] {
    let spent = number("epsilon_spent")
    let limit = number("epsilon_limit")
    let share = limit > 0 ? spent / limit : 1
    return [
      (text("federation"), "ledger \(text("ledger"))"),
      ("mode", text("mode_sentence")),
      (
        "budget",
        "epsilon \(real(spent)) of \(real(limit)) \(Self.bar(share)), per customer; "
          + "\(Format.count(integer("rounds_left"))) more round(s) of the next kind fit; never resets"
      ),
      (
        "rounds",
        "\(Format.count(integer("rounds_released"))) released of "
          + "\(Format.count(integer("planned_rounds"))) planned, "
          + "\(Format.count(integer("rounds_void"))) void (free), "
          + "\(Format.count(integer("rounds_burned"))) burned (charged); last id "
          + "\(integer("last_round"))"
      ),
      (
        "roster",
        "\(Format.count(integer("members"))) members, "
          + "\(Format.count(integer("open_tokens"))) open tokens"
      ),
      (
        "ledger",
        "\(Format.count(integer("entries"))) entries, head \(text("head").prefix(16))"
          + (status["disk_free_bytes"]?.integerValue.map {
            ", disk \(Format.bytes(Int($0))) free"
          } ?? "")
      ),
    ] + (status["restored"]?.stringValue.map { [("restored", $0)] } ?? [])
  }

  private var liveLines: [(title: String, text: String)] {
    guard let live = status["live"], let pid = live["pid"]?.integerValue else {
      return [("live", "no coordinator is serving this directory")]
    }
    func count(_ key: String) -> Int { Int(live[key]?.integerValue ?? 0) }
    var lines = [
      (
        "live",
        "process \(pid), up \(Format.duration(.seconds(count("uptime_seconds")))), "
          + "\(Format.count(count("connected"))) members connected"
          + (live["unready"]?.stringValue.map { "; NOT READY: \($0)" } ?? "")
      )
    ]
    if let round = live["round"], let id = round["round"]?.integerValue {
      let joined = Int(round["joined"]?.integerValue ?? 0)
      let contributed = Int(round["contributed"]?.integerValue ?? 0)
      let share = joined > 0 ? Double(contributed) / Double(joined) : 0
      let left = live["seconds_left"]?.integerValue.map { ", \($0) s left" }
      lines.append(
        (
          "round",
          "\(id) \(round["stage"]?.stringValue ?? "") \(Self.bar(share)) "
            + "\(Format.count(contributed)) of \(Format.count(joined)) contributed\(left ?? "")"
        ))
    }
    if let last = live["last_event"]?.stringValue, !last.isEmpty { lines.append(("last", last)) }
    lines.append(("refused", refusals(live)))
    lines.append(
      (
        "bytes",
        "\(Format.bytes(count("bytes_received"))) received, "
          + "\(Format.bytes(count("bytes_sent"))) sent"
      ))
    return lines
  }

  private func refusals(_ live: JSONValue) -> String {
    func list(_ key: String) -> [String] {
      guard case .object(let counts) = live[key] else { return [] }
      return counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.integerValue ?? 0)" }
    }
    let all = list("updates_rejected") + list("logins_refused")
    return all.isEmpty ? "nothing" : all.joined(separator: ", ")
  }

  private func number(_ key: String) -> Double { status[key]?.numberValue ?? 0 }
  private func integer(_ key: String) -> Int { Int(status[key]?.integerValue ?? 0) }
  private func text(_ key: String) -> String { status[key]?.stringValue ?? "" }
  private func real(_ value: Double) -> String { Format.decimal(value, places: 4) }

  private static func bar(_ share: Double) -> String {
    let full = Int((min(1, max(0, share)) * Double(barCells)).rounded(.down))
    return "[" + String(repeating: "#", count: full)
      + String(repeating: ".", count: barCells - full) + "]"
  }

  /// A title, then words as they fit, further lines indented under the first.
  private static func wrapped(_ title: String, _ text: String) -> [String] {
    let indent = 8
    let title = title.count < indent ? title : title + " "
    var lines: [String] = []
    var line = title + String(repeating: " ", count: max(0, indent - title.count))
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty && line.count + 1 + word.count > width {
        lines.append(line)
        line = String(repeating: " ", count: indent)
        isEmpty = true
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return lines + [line]
  }
}
