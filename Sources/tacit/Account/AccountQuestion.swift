internal import CanonicalJSON
internal import Operations
internal import Privacy

/// One question to the accountants: some events, and epsilon or delta.
struct AccountQuestion {
  enum Target {
    /// Which epsilon holds at this delta?
    case epsilon(delta: Double)
    /// Which delta holds at this epsilon?
    case delta(epsilon: Double)
  }

  enum Choice {
    /// The one that gives the least figure that can be trusted.
    case tightest
    case one(Accountant)
    case all
  }

  let query: AccountingQuery
  let events: String
  let relation: NeighbouringRelation
  let target: Target
  let accountants: [Accountant]

  /// - Throws: `PrivacyError` for events that are none, or none under this relation.
  init(
    events: String, relation: NeighbouringRelation, target: Target, choice: Choice
  ) throws(PrivacyError) {
    query = try AccountingQuery(try DPEvent(events), relation: relation)
    self.events = events
    self.relation = relation
    self.target = target
    accountants =
      switch choice {
      case .tightest: [query.tightest]
      case .one(let accountant): [accountant]
      case .all: Accountant.allCases
      }
  }

  /// - Throws: `PrivacyError` for a target out of range, or an accountant without a figure.
  func answer(by accountant: Accountant) throws(PrivacyError) -> AccountedLoss {
    switch target {
    case .epsilon(let delta): try query.epsilon(delta: delta, by: accountant)
    case .delta(let epsilon): try query.delta(epsilon: epsilon, by: accountant)
    }
  }

  /// One object: the figures of the accountant asked for, or of each under `results`.
  /// - Throws: as `answer(by:)`; with several accountants, one without a figure is an `error` among
  ///   the results instead.
  func json() throws(PrivacyError) -> JSONValue {
    var members: [String: JSONValue] = [
      "events": .string(events), "relation": .string(relation.rawValue),
    ]
    if accountants.count == 1, let accountant = accountants.first {
      members.merge(Self.members(of: try answer(by: accountant))) { $1 }
      return .object(members)
    }
    var results: [JSONValue] = []
    for accountant in accountants {
      do {
        results.append(.object(Self.members(of: try answer(by: accountant))))
      } catch {
        results.append(
          .object([
            "accountant": .string(accountant.rawValue), "error": .string(error.description),
          ]))
      }
    }
    members["results"] = .array(results)
    return .object(members)
  }

  static func members(of loss: AccountedLoss) -> [String: JSONValue] {
    var members: [String: JSONValue] = [
      "accountant": .string(loss.accountant.rawValue),
      "epsilon": figure(loss.epsilon), "delta": figure(loss.delta),
    ]
    if loss.delta == 0 { members["log_delta"] = figure(loss.logDelta) }
    if let excess = loss.excess { members["excess"] = figure(excess) }
    if let interval = loss.gridInterval { members["grid_interval"] = figure(interval) }
    if let order = loss.order { members["order"] = figure(order) }
    return members
  }

  /// JSON has no infinity: it is the string "inf".
  static func figure(_ value: Double) -> JSONValue {
    guard value.isFinite else { return .string(value < 0 ? "-inf" : "inf") }
    guard let integer = Int64(exactly: value), JSONValue.safeIntegers.contains(integer) else {
      return .number(value)
    }
    return .integer(integer)
  }
}

extension NeighbouringRelation {
  /// Reads a relation as people and other accountants spell it: case, `_` and `-` do not matter.
  init?(spelled text: String) {
    let word = text.lowercased().replacing("_", with: "-")
    switch word {
    case Self.zeroOut.rawValue, "replace-special": self = .zeroOut
    case Self.addRemoveOne.rawValue, "add-remove-one", "add-or-remove-one": self = .addRemoveOne
    case Self.replaceOne.rawValue, "replace": self = .replaceOne
    default: return nil
    }
  }

  static let spellings = "zero-out (or replace-special), add-remove, replace-one"
}

extension AccountQuestion.Choice {
  init?(spelled text: String) {
    switch text.lowercased() {
    case "tightest": self = .tightest
    case "all": self = .all
    case let name:
      guard let accountant = Accountant(rawValue: name) else { return nil }
      self = .one(accountant)
    }
  }

  static let spellings =
    Accountant.allCases.map(\.rawValue).joined(separator: ", ") + ", all, tightest"
}
