package import CanonicalJSON

/// The figures of one cell.
package struct CellOutcome: Equatable, Sendable {
  /// One entry a task, in the problem's order.
  package let tasks: [TaskResult]
  /// What the federated training took; nil for the others.
  package let effort: FederatedTrainingResult.Effort?

  package init(tasks: [TaskResult], effort: FederatedTrainingResult.Effort?) {
    self.tasks = tasks
    self.effort = effort
  }
}

extension CellOutcome {
  /// The form kept in the cache.
  var json: JSONValue {
    var members: [String: JSONValue] = ["tasks": .array(tasks.map(\.json))]
    if let effort { members["effort"] = effort.json }
    return .object(members)
  }

  /// - Returns: nil for anything that `json` does not write.
  init?(json: JSONValue) {
    guard case .array(let values)? = json["tasks"] else { return nil }
    var tasks: [TaskResult] = []
    for value in values {
      guard let task = TaskResult(json: value) else { return nil }
      tasks.append(task)
    }
    var effort: FederatedTrainingResult.Effort?
    if let value = json["effort"] {
      guard let read = FederatedTrainingResult.Effort(json: value) else { return nil }
      effort = read
    }
    self.init(tasks: tasks, effort: effort)
  }
}

extension TaskResult {
  fileprivate var json: JSONValue {
    .object([
      "task": .string(task),
      "cutoff": .integer(Int64(cutoff)),
      "customers": .array(customers.map { .integer(Int64($0)) }),
      "of_task": .object(
        Dictionary(
          uniqueKeysWithValues: ofTask.map { ($0.key.rawValue, JSONValue.number($0.value)) })),
      "tally": tally?.json ?? .null,
      "metrics": .object(
        Dictionary(
          uniqueKeysWithValues: perCustomer.map {
            ($0.key.rawValue, JSONValue.array($0.value.map(JSONValue.number)))
          })),
    ])
  }

  fileprivate init?(json: JSONValue) {
    guard case .string(let task)? = json["task"], case .integer(let cutoff)? = json["cutoff"],
      case .array(let customerValues)? = json["customers"],
      case .object(let taskValues)? = json["of_task"], let tallyValue = json["tally"],
      case .object(let metricValues)? = json["metrics"]
    else { return nil }
    let customers: [Int] = customerValues.compactMap {
      guard case .integer(let customer) = $0 else { return nil }
      return Int(customer)
    }
    guard customers.count == customerValues.count else { return nil }
    var perCustomer: [RankingMetric: [Double]] = [:]
    for (name, value) in metricValues {
      guard let metric = RankingMetric(rawValue: name), case .array(let numbers) = value else {
        return nil
      }
      let values = numbers.compactMap(\.numberValue)
      guard values.count == customers.count, numbers.count == customers.count else { return nil }
      perCustomer[metric] = values
    }
    var ofTask: [RankingMetric: Double] = [:]
    for (name, value) in taskValues {
      guard let metric = RankingMetric(rawValue: name), let number = value.numberValue else {
        return nil
      }
      ofTask[metric] = number
    }
    var tally: ScoreTally?
    if tallyValue != .null {
      guard let read = ScoreTally(json: tallyValue) else { return nil }
      tally = read
    }
    self.init(
      task: task, cutoff: Int(cutoff), customers: customers, perCustomer: perCustomer,
      ofTask: ofTask, tally: tally)
  }
}

extension FederatedTrainingResult.Effort {
  /// Also part of a report.
  package var json: JSONValue {
    .object([
      "rounds": .integer(Int64(rounds)),
      "clients_per_round": .integer(Int64(clientsPerRound)),
      "bytes_up_per_client": .integer(Int64(bytesUpPerClient)),
      "bytes_down_per_client": .integer(Int64(bytesDownPerClient)),
      "mode": .string(mode),
      "epsilon_spent": epsilonSpent.map(JSONValue.number) ?? .null,
    ])
  }

  fileprivate init?(json: JSONValue) {
    func integer(_ name: String) -> Int? {
      guard case .integer(let value)? = json[name] else { return nil }
      return Int(value)
    }
    guard let rounds = integer("rounds"), let clients = integer("clients_per_round"),
      let up = integer("bytes_up_per_client"), let down = integer("bytes_down_per_client"),
      case .string(let mode)? = json["mode"], let spent = json["epsilon_spent"]
    else { return nil }
    guard spent == .null || spent.numberValue != nil else { return nil }
    self.init(
      rounds: rounds, clientsPerRound: clients, bytesUpPerClient: up, bytesDownPerClient: down,
      mode: mode, epsilonSpent: spent.numberValue)
  }
}
