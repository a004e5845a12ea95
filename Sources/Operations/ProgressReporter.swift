internal import Synchronization

/// Tells how far a long work is, how fast it goes and how long it will still take.
///
/// Nothing is shown before `patience`. Then one line is drawn over on a terminal, and elsewhere a
/// line is printed every `quietInterval`. The last line always stays. Any task may report.
package final class ProgressReporter: Sendable {
  /// Time before the first line of a work.
  package static let patience = Duration.seconds(2)
  /// Time between two lines where lines cannot be drawn over.
  package static let quietInterval = Duration.seconds(5)
  /// Time between two drawings of a line.
  package static let redrawInterval = Duration.milliseconds(100)

  private struct State {
    var done = 0
    var drawnAt: Duration?
    var isFinished = false
  }

  private let title: String
  private let unit: String
  private let total: Int
  private let terminal: Terminal
  private let startedAt: Duration
  private let now: @Sendable () -> Duration
  private let write: @Sendable (String) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - title: the step, such as `training`.
  ///   - unit: what is counted, in the plural, such as `rounds`.
  ///   - total: how many there are, at least 1.
  ///   - terminal: what `write` leads to.
  ///   - now: a monotonic time.
  ///   - write: receives text, drawn or printed as it is; called one at a time.
  package init(
    title: String, unit: String, total: Int, terminal: Terminal,
    now: @escaping @Sendable () -> Duration, write: @escaping @Sendable (String) -> Void
  ) {
    precondition(total >= 1, "progress needs something to count")
    self.title = title
    self.unit = unit
    self.total = total
    self.terminal = terminal
    self.now = now
    self.write = write
    startedAt = now()
  }

  /// A reporter on stderr that runs by the system's monotonic clock.
  package static func onStandardError(
    title: String, unit: String, total: Int
  ) -> ProgressReporter {
    let start = ContinuousClock.now
    return ProgressReporter(
      title: title, unit: unit, total: total, terminal: .standardError(),
      now: { start.duration(to: .now) },
      write: StandardError.write)
  }

  /// Says that `done` of the total are done. A number below an earlier one is ignored.
  package func update(done: Int) {
    state.withLock { show(max($0.done, done), in: &$0) }
  }

  /// Counts `count` more as done.
  package func advance(by count: Int = 1) {
    state.withLock { show($0.done + max(0, count), in: &$0) }
  }

  /// Ends the work, complete or not, with a last line that stays.
  package func finish() {
    state.withLock { state in
      guard !state.isFinished else { return }
      state.isFinished = true
      draw(line(done: state.done, at: now(), isLast: true), isLast: true)
    }
  }

  private func show(_ done: Int, in state: inout State) {
    guard !state.isFinished else { return }
    state.done = min(done, total)
    let time = now()
    guard isDue(state, at: time) else { return }
    draw(line(done: state.done, at: time, isLast: false), isLast: false)
    state.drawnAt = time
  }

  private func isDue(_ state: State, at time: Duration) -> Bool {
    guard let drawnAt = state.drawnAt else { return time - startedAt >= Self.patience }
    return time - drawnAt >= (terminal.canRedraw ? Self.redrawInterval : Self.quietInterval)
  }

  private func line(done: Int, at time: Duration, isLast: Bool) -> String {
    let elapsed = time - startedAt
    let seconds = elapsed / .seconds(1)
    var parts = [
      "\(title): \(Format.count(done)) of \(Format.count(total)) \(unit)",
      Format.percent(Double(done) / Double(total)),
    ]
    if done > 0, seconds > 0 {
      let rate = Double(done) / seconds
      parts.append(Format.decimal(rate, places: rate < 10 ? 1 : 0) + " \(unit)/s")
    }
    if isLast {
      parts.append("took " + Format.duration(elapsed))
    } else if done > 0 {
      let left = seconds * Double(total - done) / Double(done)
      parts.append(Format.duration(.seconds(left)) + " left")
    }
    return PlainText.line(parts.joined(separator: "  "))
  }

  private func draw(_ line: String, isLast: Bool) {
    guard terminal.canRedraw else {
      write(line + "\n")
      return
    }
    // One column less than the width: a full line would wrap and could not be drawn over.
    let fitted = PlainText.truncated(line, to: terminal.width - 1)
    write("\r" + fitted + "\u{1B}[K" + (isLast ? "\n" : ""))
  }
}
