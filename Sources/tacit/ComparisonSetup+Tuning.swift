internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Operations
internal import Recommendation

extension ComparisonSetup {
  /// A comparison whose hyper-parameters are chosen.
  struct Prepared {
    let comparison: Comparison
    /// What was chosen, in sentences.
    let notes: [String]
  }

  /// What rows run with, and how it came about.
  private struct Settings {
    /// By label of a row.
    var hyperparameters: [String: JSONValue] = [:]
    /// As `ComparisonPlan.settingsTried`.
    var tried: [String: Int?] = [:]
    var notes: [String] = []
  }

  /// What is tried for EASE on a data set without anchors, where nothing else is tuned.
  private static let lambdas = [50.0, 100, 200, 400, 800]

  /// Refuses what cannot be tuned fairly.
  static func requireTunable(
    _ command: CompareCommand, _ given: [String: JSONValue]
  ) throws {
    guard command.tune != nil else { return }
    guard !command.tuning else {
      throw CommandFailure(
        what: "--tune and --tuning exclude each other",
        why: "each row would be chosen on the split that is shown", next: "leave one of them out",
        exit: .usage)
    }
    for model in given.keys.sorted() where SearchSpace.of(model) != nil {
      throw CommandFailure(
        what: "--tune and --hyperparameters of \(model) exclude each other",
        why: "what is given is not chosen", next: "leave one of them out", exit: .usage)
    }
  }

  /// Chooses hyper-parameters, which may run for long, and makes the comparison.
  func prepared() async throws -> Prepared {
    let cache = try CellCache(directory: command.cache ?? CacheDirectory.comparisons())
    let settings: Settings
    if let count = command.tune {
      settings = try await tuned(count, cache: cache)
    } else {
      settings = try await untuned()
    }
    let plan = try ComparisonPlan(
      problem: problem, cells: cells, hyperparameters: settings.hyperparameters,
      delta: command.delta, codeVersion: ProductVersion.current, settingsTried: settings.tried,
      runsMasks: command.runMasks)
    return Prepared(
      comparison: Comparison(
        plan: plan, cache: cache, features: features?.make, featuresName: features?.name ?? "",
        trainer: InProcessTrainer.train, tuning: tuning), notes: settings.notes)
  }

  /// What a row runs with untuned; nil for its model's defaults.
  private func usual(_ cell: ComparisonCell) -> JSONValue? {
    switch cell.setting {
    case .local: return nil
    case .federated: return given[cell.model]
    case .centralized:
      if let baseline = CentralizedBaseline(rawValue: cell.model) {
        return baseline.anchored(on: command.name, benchmark) ?? baseline.defaults
      }
      return cell.model == CentralizedGram.identifier ? given[cell.model] : nil
    }
  }

  private func untuned() async throws -> Settings {
    var settings = Settings()
    settings.tried = SettingsTried.counts(of: cells, on: command.name)
    // What was tried before these were given is not known here.
    for model in given.keys { settings.tried.updateValue(nil, forKey: model) }
    for cell in cells {
      settings.hyperparameters[cell.label] = usual(cell)
      guard let baseline = CentralizedBaseline(rawValue: cell.model) else { continue }
      if baseline.anchored(on: command.name, benchmark) != nil {
        // Those who chose them did not count their trials.
        settings.tried.updateValue(nil, forKey: cell.model)
      } else if baseline == .ease {
        try await chooseLambda(of: cell, in: &settings)
      }
    }
    return settings
  }

  private func chooseLambda(of cell: ComparisonCell, in settings: inout Settings) async throws {
    do {
      let chosen = try await EASE.chosenRegularization(among: Self.lambdas, on: try tuning())
      settings.hyperparameters[cell.label] = .object([
        "lambda": .string(ComparisonCell.number(chosen))
      ])
      settings.tried[cell.model] = Self.lambdas.count
    } catch EvaluationError.nothingToEvaluate {
      settings.notes.append(
        "\(cell.label) runs with \(Self.text(usual(cell) ?? .object([:]))), which was not chosen: no "
          + "customer has enough items to split once more")
    }
  }

  /// As many settings for every row that has any; a row of more or fewer customers has the choice of those there are.
  private func tuned(_ count: Int, cache: CellCache) async throws -> Settings {
    let split = try tuning()
    let search = SettingsSearch(
      problem: split, delta: command.delta, codeVersion: ProductVersion.current,
      runsMasks: command.runMasks, cache: cache, features: try features?.make(),
      featuresName: features?.name ?? "", trainer: InProcessTrainer.train)
    let metric = RankingMetric.ndcg.label(cutoff: split.tasks.last?.cutoff ?? 0)
    var settings = Settings()
    var choices: [String: SettingsSearch.Choice] = [:]
    var tunesPrivateRows = false
    for cell in cells where settings.tried[cell.label] == nil {
      let trial = SettingsSearch.trial(of: cell)
      guard
        let candidates = SearchSpace.settings(
          for: trial, count: count, from: usual(trial) ?? .object([:]))
      else {
        settings.hyperparameters[cell.label] = usual(cell)
        settings.tried.updateValue(usual(cell) == nil ? 0 : nil, forKey: cell.label)
        continue
      }
      let choice: SettingsSearch.Choice
      if let known = choices[trial.label] {
        choice = known
      } else {
        choice = try await search.choice(of: trial, among: candidates)
        choices[trial.label] = choice
        if trial.epsilon != nil { tunesPrivateRows = true }
        settings.notes.append(Self.note(of: trial, choice, metric: metric))
      }
      settings.hyperparameters[cell.label] = choice.hyperparameters
      settings.tried[cell.label] = choice.tried
    }
    if tunesPrivateRows { settings.notes.append(Self.uncharged) }
    return settings
  }

  /// For every report with private rows that were tuned.
  private static let uncharged =
    "the settings of private rows were tried at their own epsilon and mode as on public data: nothing is "
    + "charged for the choice. On your own customers' logs it leaks (ruling 7, docs/privacy.md)"

  private static func note(
    of trial: ComparisonCell, _ choice: SettingsSearch.Choice, metric: String
  ) -> String {
    var text =
      "\(trial.label) runs with \(self.text(choice.hyperparameters)), the best of \(choice.tried) on the "
      + "tuning split (\(metric) \(Format.decimal(choice.ndcg, places: 4)))"
    if let first = choice.failures.first {
      text += "; \(choice.failures.count) of them could not be run: \(first)"
    }
    return text
  }
}

extension SettingsSearch {
  /// As `choice(for:among:progress:)`, with the progress on stderr.
  fileprivate func choice(
    of trial: ComparisonCell, among settings: [JSONValue]
  ) async throws -> Choice {
    let progress = ProgressReporter.onStandardError(
      title: "tuning \(trial.label)", unit: "settings", total: settings.count)
    let choice = try await choice(for: trial, among: settings) { progress.update(done: $0) }
    progress.finish()
    return choice
  }
}
