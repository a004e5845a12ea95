internal import CanonicalJSON
internal import Operations
internal import Privacy

/// Questions as JSON lines, each answered by one line in the same order.
///
/// A question is `{"events", "delta" or "epsilon", "relation", "accountant"}`, the last two
/// optional. A line that cannot be answered gets `{"error", "line"}`, and the next one is read.
enum AccountBatch {
  private static let longestLine = 1 << 20
  private static let fields = ["events", "delta", "epsilon", "relation", "accountant"]

  /// Why one line has no answer.
  private struct BadLine: Error {
    let reason: String
  }

  /// - Parameter lines: without their line feeds.
  /// - Returns: how many lines got an error for an answer.
  static func answer(_ lines: some Sequence<[UInt8]>, print: (String) -> Void) -> Int {
    var failures = 0
    for (index, line) in lines.enumerated() {
      let answer: JSONValue
      do {
        answer = try question(line).json()
      } catch {
        failures += 1
        answer = .object([
          "error": .string((error as? BadLine)?.reason ?? "\(error)"),
          "line": .integer(Int64(index + 1)),
        ])
      }
      print(String(decoding: answer.canonicalBytes, as: UTF8.self))
    }
    return failures
  }

  private static func question(_ line: [UInt8]) throws -> AccountQuestion {
    let value: JSONValue
    do {
      value = try JSONValue.parse(line, limit: longestLine)
    } catch {
      throw BadLine(reason: "not JSON: \(error.description)")
    }
    guard let members = value.objectValue else {
      throw BadLine(reason: "not an object with events and delta but \(value.kindName)")
    }
    if let unknown = members.keys.sorted().first(where: { !fields.contains($0) }) {
      throw BadLine(
        reason: "there is no field \"\(unknown)\"; known are \(fields.joined(separator: ", "))")
    }
    guard let events = members["events"]?.stringValue else {
      throw BadLine(reason: "\"events\" is missing or no string")
    }
    return try AccountQuestion(
      events: events, relation: try relation(members["relation"]), target: try target(members),
      choice: try choice(members["accountant"]))
  }

  private static func target(_ members: [String: JSONValue]) throws -> AccountQuestion.Target {
    switch (try number("delta", members), try number("epsilon", members)) {
    case (let delta?, nil): return .epsilon(delta: delta)
    case (nil, let epsilon?): return .delta(epsilon: epsilon)
    case (_?, _?): throw BadLine(reason: "either \"delta\" or \"epsilon\" is given, not both")
    case (nil, nil): throw BadLine(reason: "\"delta\" is missing (or \"epsilon\", to get delta)")
    }
  }

  /// A number, or the string "inf" or a decimal in quotes.
  private static func number(_ key: String, _ members: [String: JSONValue]) throws -> Double? {
    guard let value = members[key], !value.isNull else { return nil }
    guard let number = value.numberValue ?? value.stringValue.flatMap(Double.init) else {
      throw BadLine(reason: "\"\(key)\" is a \(value.kindName), not a number")
    }
    return number
  }

  private static func relation(_ value: JSONValue?) throws -> NeighbouringRelation {
    guard let value, !value.isNull else { return .zeroOut }
    guard let relation = value.stringValue.flatMap(NeighbouringRelation.init(spelled:)) else {
      throw BadLine(reason: "\"relation\" is none of \(NeighbouringRelation.spellings)")
    }
    return relation
  }

  private static func choice(_ value: JSONValue?) throws -> AccountQuestion.Choice {
    guard let value, !value.isNull else { return .tightest }
    guard let choice = value.stringValue.flatMap(AccountQuestion.Choice.init(spelled:)) else {
      throw BadLine(reason: "\"accountant\" is none of \(AccountQuestion.Choice.spellings)")
    }
    return choice
  }
}
