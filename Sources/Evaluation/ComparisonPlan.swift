package import CanonicalJSON

/// Who holds the data when a model is fitted.
package enum ComparisonSetting: String, Sendable {
  /// One party holds every log.
  case centralized
  /// The logs stay on the devices.
  case federated
  /// Each device alone.
  case local
}

/// One run of one model.
package struct ComparisonCell: Hashable, Sendable {
  /// `popularity`, `own-frequency`, `local`, `ease`, or a federated model's identifier.
  package let model: String
  /// Who holds the data.
  package let setting: ComparisonSetting
  /// Total budget; nil without noise.
  package let epsilon: Double?
  /// For noise and random starts; 0 where the cell has neither.
  package let seed: UInt64
  /// How a federated cell aggregates: `sealed` draws the noise centrally; `secagg-ddp` has the noise
  /// of its clients, who draw more than is charged for.
  package let mode: String

  package init(
    model: String, setting: ComparisonSetting, epsilon: Double? = nil, seed: UInt64 = 0,
    mode: String = ComparisonCell.centralNoise
  ) {
    self.model = model
    self.setting = setting
    self.epsilon = epsilon
    self.seed = seed
    self.mode = mode
  }

  /// The mode with exactly the noise that is charged for.
  package static let centralNoise = "sealed"
}

/// The runs of a comparison, in the order they are made and reported.
package struct ComparisonPlan: Sendable {
  /// What is learned and asked.
  package let problem: EvaluationProblem
  /// The runs, each once.
  package let cells: [ComparisonCell]
  /// Hyper-parameters by model. EASE takes `{"lambda": "200"}`.
  package let hyperparameters: [String: JSONValue]
  /// Delta of every private run.
  package let delta: Double
  /// Version of the program, for the cache: a result computed by other code is not used.
  package let codeVersion: String

  /// - Throws: `EvaluationError.invalidPlan` for a repeated cell, an epsilon that is not positive and
  ///   finite or stands in a cell that is not federated, or a delta outside (0, 1).
  package init(
    problem: EvaluationProblem, cells: [ComparisonCell], hyperparameters: [String: JSONValue],
    delta: Double, codeVersion: String
  ) throws(EvaluationError) {
    guard Set(cells).count == cells.count else {
      throw .invalidPlan(reason: "a cell occurs twice in the plan")
    }
    guard delta > 0, delta < 1 else { throw .invalidPlan(reason: "delta is not in (0, 1)") }
    for cell in cells {
      guard let epsilon = cell.epsilon else { continue }
      guard cell.setting == .federated else {
        throw .invalidPlan(reason: "\(cell.model): only federated cells have an epsilon")
      }
      guard epsilon > 0, epsilon.isFinite else {
        throw .invalidPlan(reason: "epsilon \(epsilon) is not positive and finite")
      }
    }
    self.problem = problem
    self.cells = cells
    self.hyperparameters = hyperparameters
    self.delta = delta
    self.codeVersion = codeVersion
  }

  /// The cells of the standard comparison.
  ///
  /// - Parameters:
  ///   - federated: identifiers of the federated models; each also runs as its centralized twin if
  ///     there is one.
  ///   - epsilons: budgets; nil is the run without noise, made once, because nothing in it is drawn.
  ///   - seeds: repetitions of every private run, at least 1; seeds are 1, 2, ...
  ///   - withLocal: whether the baselines of the device are in.
  ///   - modes: aggregation modes of the private runs. Without noise all are the same sum, so that
  ///     run is made once.
  package static func standardCells(
    federated: [String], epsilons: [Double?], seeds: Int, withLocal: Bool,
    modes: [String] = [ComparisonCell.centralNoise]
  ) -> [ComparisonCell] {
    precondition(seeds >= 1, "a comparison has a seed")
    var cells = [ComparisonCell(model: "popularity", setting: .centralized)]
    if withLocal {
      cells.append(ComparisonCell(model: "own-frequency", setting: .local))
      cells.append(ComparisonCell(model: "local", setting: .local))
    }
    cells.append(ComparisonCell(model: "ease", setting: .centralized))
    for model in federated {
      if model == CentralizedGram.identifier {
        cells.append(ComparisonCell(model: model, setting: .centralized))
      }
      for epsilon in epsilons {
        guard epsilon != nil else {
          cells.append(ComparisonCell(model: model, setting: .federated, seed: 1))
          continue
        }
        for mode in modes {
          for seed in 1...UInt64(seeds) {
            cells.append(
              ComparisonCell(
                model: model, setting: .federated, epsilon: epsilon, seed: seed, mode: mode))
          }
        }
      }
    }
    return cells
  }

  /// What the result of a cell depends on, and nothing else.
  func key(of cell: ComparisonCell, dataDigest: String, usesTexts: Bool) -> JSONValue {
    .object([
      "texts": .bool(usesTexts),
      "format": .integer(1),
      "code_version": .string(codeVersion),
      "data": .string(dataDigest),
      "model": .string(cell.model),
      "setting": .string(cell.setting.rawValue),
      "epsilon": cell.epsilon.map(JSONValue.number) ?? .null,
      "delta": cell.epsilon == nil ? .null : .number(delta),
      "seed": .string(String(cell.seed)),
      "mode": .string(cell.mode),
      "hyperparameters": hyperparameters[cell.model] ?? .object([:]),
    ])
  }
}
