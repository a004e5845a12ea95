internal import CanonicalJSON
internal import Foundation
internal import Operations

/// Shows the demo's rounds as they go, from the coordinator's status file and its log.
struct TrainingMonitor {
  struct Progress {
    let round: Int
    let contributed: Int
    let joined: Int

    /// Enough of the round is done, and enough is left, for a killed process to matter.
    var isWellUnderWay: Bool {
      joined > 0 && contributed * 4 >= joined && contributed * 10 <= joined * 9
    }
  }

  private let layout: DemoLayout
  private let customers: Int
  private let startedAt: ContinuousClock.Instant
  private let terminal = Terminal.standardError()
  private var printedLines = 0
  private var lastDrawing = ContinuousClock.now.advanced(by: .seconds(-10))
  private var lastText = ""
  private var roundStartedAt: [Int: ContinuousClock.Instant] = [:]
  private(set) var signalLines: [String] = []
  /// From the start of the demo to the first released round.
  private(set) var secondsToFirstRound: Double?

  init(layout: DemoLayout, customers: Int, startedAt: ContinuousClock.Instant) {
    self.layout = layout
    self.customers = customers
    self.startedAt = startedAt
  }

  /// Reads where things stand and prints what is new.
  ///
  /// - Returns: the open round, if one is open.
  mutating func look() -> Progress? {
    printNewLines()
    // The file is replaced several times a second; an unreadable moment is skipped.
    guard let bytes = try? DurableFile.read(layout.coordinator + "/status.json", limit: 1 << 16),
      let status = try? JSONValue.parse(bytes)
    else { return nil }
    let connected = Int(status["connected"]?.integerValue ?? 0)
    guard let round = status["round"], let number = round["round"]?.integerValue else {
      draw("connect  \(Format.count(connected)) of \(Format.count(customers)) customers")
      return nil
    }
    let progress = Progress(
      round: Int(number), contributed: Int(round["contributed"]?.integerValue ?? 0),
      joined: Int(round["joined"]?.integerValue ?? 0))
    let began = roundStartedAt[progress.round] ?? .now
    roundStartedAt[progress.round] = began
    draw(
      "round \(progress.round)  \(round["stage"]?.stringValue ?? ""): "
        + "\(Format.count(progress.contributed)) of \(Format.count(progress.joined)) updates"
        + pace(progress, since: began))
    return progress
  }

  private func pace(_ progress: Progress, since began: ContinuousClock.Instant) -> String {
    let elapsed = began.duration(to: .now)
    let seconds =
      Double(elapsed.components.seconds) + 1e-18 * Double(elapsed.components.attoseconds)
    // The first updates of a masked round wait for its keys: a rate of theirs would foretell hours.
    guard progress.contributed * 20 >= max(progress.joined, 20), seconds > 1 else { return "" }
    let rate = Double(progress.contributed) / seconds
    let left = Double(progress.joined - progress.contributed) / rate
    return ", \(Format.decimal(rate, places: 0)) a second, "
      + "\(Format.duration(.milliseconds(Int(left * 1_000)))) left"
  }

  /// Prints a line that stays.
  mutating func say(_ line: String) {
    if terminal.canRedraw, !lastText.isEmpty { StandardError.write("\r\u{1B}[2K") }
    lastText = ""
    DemoOutput.line(line)
  }

  mutating func finish() {
    printNewLines()
    if terminal.canRedraw, !lastText.isEmpty { StandardError.write("\r\u{1B}[2K") }
  }

  private mutating func printNewLines() {
    // The coordinator may not have written yet.
    guard let bytes = try? DurableFile.read(layout.log("coordinator"), limit: 1 << 24) else {
      return
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    for line in lines.dropFirst(printedLines) where line.hasPrefix("round") {
      say(String(line))
      guard line.contains("released") else { continue }
      signalLines.append(String(line))
      if secondsToFirstRound == nil {
        let elapsed = startedAt.duration(to: .now)
        secondsToFirstRound =
          Double(elapsed.components.seconds) + 1e-18 * Double(elapsed.components.attoseconds)
      }
    }
    printedLines = lines.count
  }

  private mutating func draw(_ text: String) {
    guard text != lastText else { return }
    if terminal.canRedraw {
      StandardError.write("\r\u{1B}[2K" + text)
    } else {
      guard lastDrawing.duration(to: .now) >= ProgressReporter.quietInterval else { return }
      StandardError.write(text + "\n")
      lastDrawing = .now
    }
    lastText = text
  }
}
