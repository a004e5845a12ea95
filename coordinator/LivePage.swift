internal import Federation
internal import Ledger
internal import Operations

/// The coordinator's page: one self-contained document without script, which asks the browser to
/// load it again.
enum LivePage {
  private static let refreshSeconds = 5
  private static let barWidth = 640

  static func html(_ snapshot: ServeMetrics.Snapshot) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="refresh" content="\(refreshSeconds)">
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; style-src 'unsafe-inline'">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Markup.escaped(snapshot.federation)) - Tacit coordinator</title>
    <style>
    \(style)
    </style>
    </head>
    <body>
    <main>
    <h1>\(Markup.escaped(snapshot.federation))</h1>
    <p>\(Markup.escaped(snapshot.modeSentence))</p>
    \(state(snapshot))
    \(budget(snapshot))
    \(round(snapshot))
    \(table("Rounds in the ledger's life", roundRows(snapshot)))
    \(table("Traffic and refusals of this process", trafficRows(snapshot)))
    \(table("Ledger", ledgerRows(snapshot)))
    <h2>Last events</h2>
    \(events(snapshot))
    <p class="foot">Numbers of participants are outside of what epsilon covers, so they are shown as \
    the power of two below. Nothing here is computed from customers' data. Loads again every \
    \(refreshSeconds) s. Machine-readable: <code>/metrics</code>, <code>/healthz</code>, \
    <code>/readyz</code>.</p>
    </main>
    </body>
    </html>

    """
  }

  private static func state(_ snapshot: ServeMetrics.Snapshot) -> String {
    let up = Format.duration(.seconds(snapshot.uptimeSeconds))
    if let reason = snapshot.unready {
      return
        "<p class=\"state bad\"><strong>Not ready:</strong> \(Markup.escaped(reason)) (up \(up))</p>"
    }
    return "<p class=\"state\"><strong>Ready</strong>, up \(up)</p>"
  }

  private static func budget(_ snapshot: ServeMetrics.Snapshot) -> String {
    let limit = Double(snapshot.epsilonLimit) ?? 0
    let share = limit > 0 ? min(1, snapshot.epsilonSpent / limit) : 1
    let spent = Format.decimal(snapshot.epsilonSpent, places: 4)
    return """
      <h2>Privacy budget</h2>
      \(bar(share, label: "epsilon \(spent) of \(snapshot.epsilonLimit) spent"))
      <p>epsilon <strong>\(spent)</strong> of \(Markup.escaped(snapshot.epsilonLimit)) spent, per \
      customer, at delta \(Markup.escaped(snapshot.delta)). <strong>\(Format.count(snapshot.roundsLeft))</strong> \
      more round(s) of the next kind fit. It never resets.</p>
      """
  }

  private static func round(_ snapshot: ServeMetrics.Snapshot) -> String {
    guard let round = snapshot.round else {
      return "<h2>No round is open</h2>"
    }
    let isEnough = round.contributed >= snapshot.minimumCohort
    let share = round.joined > 0 ? Double(round.contributed) / Double(round.joined) : 0
    let left = snapshot.secondsLeft.map { ", \($0) s left" } ?? ""
    return """
      <h2>Round \(round.round): \(Markup.escaped(round.stage))\(left)</h2>
      \(bar((share * 10).rounded(.down) / 10, label: "share of the joined that have contributed"))
      <p>About \(ServeMetrics.bucket(round.joined)) joined, about \(ServeMetrics.bucket(round.contributed)) \
      contributed; the minimum cohort of \(snapshot.minimumCohort) is \(isEnough ? "reached" : "not reached yet").</p>
      """
  }

  private static func bar(_ share: Double, label: String) -> String {
    let width = Int(share * Double(barWidth))
    return """
      <svg viewBox="0 0 \(barWidth) 18" role="img" aria-label="\(Markup.escaped(label))">\
      <rect width="\(barWidth)" height="18" rx="3" fill="#e3e8ee"/>\
      <rect width="\(width)" height="18" rx="3" fill="#0072B2"/></svg>
      """
  }

  private static func roundRows(_ snapshot: ServeMetrics.Snapshot) -> [(String, String)] {
    let rounds = snapshot.rounds
    return [
      ("released", "\(Format.count(rounds.released)); the plan has \(snapshot.plannedRounds)"),
      ("void (free)", Format.count(rounds.void)),
      ("burned (charged, no output)", Format.count(rounds.burned)),
      (
        "last contributions, about",
        snapshot.counts.lastContributors.map { Format.count($0) } ?? "none yet"
      ),
      ("members connected, about", Format.count(ServeMetrics.bucket(snapshot.connected))),
    ]
  }

  private static func trafficRows(_ snapshot: ServeMetrics.Snapshot) -> [(String, String)] {
    func list(_ counts: [String: Int]) -> String {
      let text = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      return text.isEmpty ? "none" : text.joined(separator: ", ")
    }
    return [
      ("received", Format.bytes(snapshot.counts.bytesReceived)),
      ("sent", Format.bytes(snapshot.counts.bytesSent)),
      ("updates rejected", list(snapshot.counts.rejections)),
      ("logins refused", list(snapshot.counts.refusals)),
    ]
  }

  private static func ledgerRows(_ snapshot: ServeMetrics.Snapshot) -> [(String, String)] {
    let timing = snapshot.synchronizeSeconds
    let mean = timing.count == 0 ? 0 : timing.sum / Double(timing.count)
    return [
      ("entries", Format.count(snapshot.ledgerEntries)),
      ("root", snapshot.ledgerHead),
      (
        "fsync, mean",
        "\(Format.decimal(mean * 1_000, places: 2)) ms over \(Format.count(timing.count))"
      ),
    ]
  }

  private static func table(_ title: String, _ rows: [(String, String)]) -> String {
    let body = rows.map { row in
      "<tr><th scope=\"row\">\(Markup.escaped(row.0))</th><td>\(Markup.escaped(row.1))</td></tr>"
    }
    return "<h2>\(Markup.escaped(title))</h2>\n<table>\n\(body.joined(separator: "\n"))\n</table>"
  }

  private static func events(_ snapshot: ServeMetrics.Snapshot) -> String {
    guard !snapshot.counts.events.isEmpty else { return "<p>none yet</p>" }
    let items = snapshot.counts.events.reversed().map { "<li>\(Markup.escaped($0))</li>" }
    return "<ul>\n\(items.joined(separator: "\n"))\n</ul>"
  }

  private static let style = """
    body { margin: 0; color: #222; background: #fff; font: 16px/1.5 sans-serif; }
    main { max-width: 44rem; margin: 0 auto; padding: 1.5rem; }
    h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 1.6rem 0 0.4rem; }
    svg { width: 100%; height: auto; display: block; }
    table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
    th, td { text-align: left; padding: 0.25rem 0.6rem 0.25rem 0; border-bottom: 1px solid #ddd; }
    th { font-weight: normal; color: #555; width: 16rem; } td { overflow-wrap: anywhere; }
    .state { border-left: 4px solid #009E73; background: #eef7f3; padding: 0.5rem 0.9rem; }
    .bad { border-color: #D55E00; background: #fdf3ec; }
    .foot { color: #555; font-size: 0.85rem; margin-top: 2rem; }
    ul { padding-left: 1.2rem; }
    """
}
