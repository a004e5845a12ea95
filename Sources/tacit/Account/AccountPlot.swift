internal import Operations
internal import Privacy

/// Epsilon after every part of a schedule, drawn.
enum AccountPlot {
  private static let pointCount = 40

  /// - Throws: `PrivacyError` when no accountant of the question has a figure.
  static func figure(_ question: AccountQuestion, delta: Double) throws(PrivacyError) -> SVGFigure {
    let parts = try parts(of: try DPEvent(question.events))
    let total = parts.reduce(0) { $0 + $1.count }
    var lines: [SVGPlot.Line] = []
    for accountant in question.accountants {
      var points = [SVGPlot.Point(x: 0, y: 0)]
      do {
        for rounds in checkpoints(total) {
          let query = try AccountingQuery(
            try prefix(of: parts, rounds: rounds), relation: question.relation)
          let loss = try query.epsilon(delta: delta, by: accountant)
          points.append(.init(x: Double(rounds), y: loss.epsilon))
        }
      } catch {
        guard question.accountants.count > 1 else { throw error }
        continue
      }
      lines.append(.init(accountant.rawValue, points: points))
    }
    return SVGPlot.lines(
      title: "Privacy loss over the schedule",
      description: "Epsilon at delta \(delta) after each part of \(total) releases.",
      x: .init("releases"), y: .init("epsilon at delta \(delta)"), lines: lines)
  }

  /// The parts of a schedule in their order, each an event and how often it runs.
  private static func parts(
    of event: DPEvent
  ) throws(PrivacyError) -> [(event: DPEvent, count: Int)] {
    switch event.kind {
    case .repeated(let inner, let count): return [(inner, count)]
    case .composed(let events):
      var all: [(event: DPEvent, count: Int)] = []
      for inner in events { all += try parts(of: inner) }
      return all
    default: return [(event, 1)]
    }
  }

  private static func checkpoints(_ total: Int) -> [Int] {
    guard total > pointCount else { return total > 0 ? Array(1...total) : [] }
    return (1...pointCount).map { Int(Double(total) * Double($0) / Double(pointCount)) }
  }

  private static func prefix(
    of parts: [(event: DPEvent, count: Int)], rounds: Int
  ) throws(PrivacyError) -> DPEvent {
    var left = rounds
    var events: [DPEvent] = []
    for part in parts where left > 0 {
      let count = min(left, part.count)
      events.append(try .repeated(part.event, count: count))
      left -= count
    }
    return try .composed(events)
  }
}
