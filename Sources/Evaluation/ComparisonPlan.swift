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
  /// `popularity`, `own-frequency`, `local`, a ``CentralizedBaseline``, `sasrec`, or a federated model's identifier.
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
  /// Customers of the training over the customers there are: 1 trains on them as they are, any other
  /// number on as many drawn from them with replacement.
  package let multiple: Double
  /// Whether the federation, in reverse of a centralized twin, learns the network of `sasrec:centralized` by its steps, and not the smaller one
  /// that noise allows.
  package let isTwin: Bool

  package init(
    model: String, setting: ComparisonSetting, epsilon: Double? = nil, seed: UInt64 = 0,
    mode: String = ComparisonCell.centralNoise, multiple: Double = 1, isTwin: Bool = false
  ) {
    self.isTwin = isTwin
    self.model = model
    self.setting = setting
    self.epsilon = epsilon
    self.seed = seed
    self.mode = mode
    self.multiple = multiple
  }

  /// The mode with exactly the noise that is charged for.
  package static let centralNoise = "sealed"

  /// Whether the customers of the training are drawn with replacement.
  package var isResampled: Bool { multiple != 1 }

  /// How many customers train, out of so many that there are.
  package func customers(of histories: Int) -> Int {
    max(1, Int((multiple * Double(histories)).rounded()))
  }

  /// The cell without its seed, as commands and tables name it: `ease:centralized`, `gram:inf`,
  /// `gram:8:sealed`, `gram:8:sealed:10x`, `sasrec:inf:twin`.
  package var label: String {
    guard setting == .federated else { return "\(model):\(setting.rawValue)" }
    guard let epsilon else { return "\(model):inf" + (isTwin ? ":twin" : "") }
    return "\(model):\(Self.number(epsilon)):\(mode)"
      + (isResampled ? ":\(Self.number(multiple))x" : "")
  }

  /// The labels of the rows that `cells` make, in their order: runs that differ by their seed alone are
  /// one row.
  package static func rowLabels(of cells: [ComparisonCell]) -> [String] {
    var known: Set<String> = []
    return cells.map(\.label).filter { known.insert($0).inserted }
  }

  /// Where among `labels` the row is that `text` names: a label, or the start of one that no other row has.
  ///
  /// - Throws: `EvaluationError.invalidPlan` if it names none or several.
  package static func place(
    ofRow text: String, among labels: [String]
  ) throws(EvaluationError) -> Int {
    if let exact = labels.firstIndex(of: text) { return exact }
    let matches = labels.indices.filter { labels[$0].hasPrefix(text + ":") }
    guard let match = matches.first, matches.count == 1 else {
      let candidates = matches.isEmpty ? labels : matches.map { labels[$0] }
      throw .invalidPlan(
        reason: (matches.isEmpty ? "no row is named \(text)" : "\(text) names several rows")
          + "; rows are " + candidates.joined(separator: ", "))
    }
    return match
  }

  /// `8` for 8.0, `0.5` for 0.5.
  package static func number(_ value: Double) -> String {
    Int(exactly: value).map(String.init) ?? "\(value)"
  }
}

/// The runs of a comparison, in the order they are made and reported.
package struct ComparisonPlan: Sendable {
  /// What is learned and asked.
  package let problem: EvaluationProblem
  /// The runs, each once.
  package let cells: [ComparisonCell]
  /// Hyper-parameters by label of a row: `ease:centralized` takes `{"lambda": "200"}`. Rows that are not named have
  /// their model's defaults.
  package let hyperparameters: [String: JSONValue]
  /// Delta of every private run.
  package let delta: Double
  /// Version of the program, for the cache: a result computed by other code is not used.
  package let codeVersion: String
  /// By model, or by label of a row: how many settings of its hyper-parameters were tried on this data set to
  /// choose the ones of a model: nil where that was not counted; 0, as for models that are not named, where
  /// they follow from a rule. For the report.
  package let settingsTried: [String: Int?]
  /// Whether masked modes run their masks. If not, their cells draw the noise that the mode has at once.
  package let runsMasks: Bool

  /// - Throws: `EvaluationError.invalidPlan` for a repeated cell, an epsilon that is not positive and
  ///   finite or stands in a cell that is not federated, customers that are resampled in a cell without
  ///   epsilon or by no positive factor, a twin that is no federated sequence transformer without noise, or a delta
  ///   outside (0, 1).
  package init(
    problem: EvaluationProblem, cells: [ComparisonCell], hyperparameters: [String: JSONValue],
    delta: Double, codeVersion: String, settingsTried: [String: Int?] = [:],
    runsMasks: Bool = false
  ) throws(EvaluationError) {
    guard Set(cells).count == cells.count else {
      throw .invalidPlan(reason: "a cell occurs twice in the plan")
    }
    guard delta > 0, delta < 1 else { throw .invalidPlan(reason: "delta is not in (0, 1)") }
    for cell in cells {
      guard !cell.isResampled || cell.epsilon != nil, cell.multiple > 0, cell.multiple.isFinite
      else {
        throw .invalidPlan(
          reason:
            "\(cell.model): only private cells have another number of customers, and a positive one"
        )
      }
      guard
        !cell.isTwin
          || cell.setting == .federated && cell.epsilon == nil
            && cell.model == CentralizedSASRec.identifier
      else {
        throw .invalidPlan(
          reason: "\(cell.model): only \(CentralizedSASRec.identifier) without noise has a twin")
      }
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
    self.settingsTried = settingsTried
    self.runsMasks = runsMasks
  }

  /// The cells of the standard comparison.
  ///
  /// - Parameters:
  ///   - federated: identifiers of the federated models; each also runs as its centralized twin if
  ///     there is one, and the sequence transformer with learned item vectors as one party fits it; where
  ///     `epsilons` have the run without noise, also as a federation learns that one.
  ///   - epsilons: budgets; nil is the run without noise, made once, because nothing in it is drawn.
  ///   - seeds: repetitions of every private run and of what starts at random, at least 1; seeds are
  ///     1, 2, ...
  ///   - withLocal: whether the baselines of the device are in.
  ///   - baselines: the centralized ones beside popularity.
  ///   - modes: aggregation modes of the private runs. Without noise all are the same sum, so that
  ///     run is made once.
  ///   - multiples: of the customers there are, of the private runs; 1 for as they are.
  package static func standardCells(
    federated: [String], epsilons: [Double?], seeds: Int, withLocal: Bool,
    baselines: [CentralizedBaseline] = [.ease],
    modes: [String] = [ComparisonCell.centralNoise], multiples: [Double] = [1]
  ) -> [ComparisonCell] {
    precondition(seeds >= 1, "a comparison has a seed")
    var cells = [ComparisonCell(model: "popularity", setting: .centralized)]
    if withLocal {
      cells.append(ComparisonCell(model: "own-frequency", setting: .local))
      cells.append(ComparisonCell(model: "local", setting: .local))
    }
    for baseline in baselines {
      for seed in baseline.isSeeded ? 1...UInt64(seeds) : 0...0 {
        cells.append(
          ComparisonCell(model: baseline.rawValue, setting: .centralized, seed: seed))
      }
    }
    for model in federated {
      if model == CentralizedGram.identifier {
        cells.append(ComparisonCell(model: model, setting: .centralized))
      }
      if model == CentralizedSASRec.identifier {
        // It starts at random: one run says little.
        for seed in 1...UInt64(seeds) {
          cells.append(ComparisonCell(model: model, setting: .centralized, seed: seed))
        }
      }
      for epsilon in epsilons {
        guard epsilon != nil else {
          cells.append(ComparisonCell(model: model, setting: .federated, seed: 1))
          if model == CentralizedSASRec.identifier {
            // Who is there in a round is drawn.
            for seed in 1...UInt64(seeds) {
              cells.append(
                ComparisonCell(model: model, setting: .federated, seed: seed, isTwin: true))
            }
          }
          continue
        }
        for mode in modes {
          for multiple in multiples {
            for seed in 1...UInt64(seeds) {
              cells.append(
                ComparisonCell(
                  model: model, setting: .federated, epsilon: epsilon, seed: seed, mode: mode,
                  multiple: multiple))
            }
          }
        }
      }
    }
    return cells
  }

  /// ``settingsTried`` of a cell's row, or of its model.
  func settingsTried(for cell: ComparisonCell) -> Int? {
    guard let tried = settingsTried[cell.label] ?? settingsTried[cell.model] else { return 0 }
    return tried
  }

  /// Those of the cell's row; an empty object for its model's defaults.
  func hyperparameters(of cell: ComparisonCell) -> JSONValue {
    if cell.isTwin { return CentralizedSASRec.twinHyperparameters }
    return hyperparameters[cell.label] ?? .object([:])
  }

  /// What the result of a cell depends on, and nothing else.
  ///
  /// - Parameter features: names the public item vectors; empty without.
  func key(of cell: ComparisonCell, dataDigest: String, features: String) -> JSONValue {
    .object([
      "features": .string(features),
      "format": .integer(2),
      "multiple": .number(cell.multiple),
      "masks_run": .bool(runsMasks && cell.mode != ComparisonCell.centralNoise),
      "code_version": .string(codeVersion),
      "data": .string(dataDigest),
      "model": .string(cell.model),
      "setting": .string(cell.setting.rawValue),
      "epsilon": cell.epsilon.map(JSONValue.number) ?? .null,
      "delta": cell.epsilon == nil ? .null : .number(delta),
      "seed": .string(String(cell.seed)),
      "mode": .string(cell.mode),
      "hyperparameters": hyperparameters(of: cell),
      "twin": .bool(cell.isTwin),
    ])
  }
}
