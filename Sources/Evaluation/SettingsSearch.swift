package import CanonicalJSON
package import Recommendation

/// Chooses the hyper-parameters of rows on a split inside the training part, with the same number of trials for
/// each.
///
/// A trial is a run of a comparison over that split: it is kept in the same cache.
package struct SettingsSearch: Sendable {
  /// What was chosen for a row.
  package struct Choice: Equatable, Sendable {
    /// The best of the settings, the first among equals.
    package let hyperparameters: JSONValue
    /// Its NDCG on the last task of the split.
    package let ndcg: Double
    /// Settings tried, those included that could not be run.
    package let tried: Int
    /// Why settings could not be run: by the model's refusal, or because their numbers came to nothing.
    package let failures: [String]
  }

  /// Beyond those of the runs of a row, which count from 1.
  package static let trialSeed: UInt64 = 1 << 32

  private let problem: EvaluationProblem
  private let delta: Double
  private let codeVersion: String
  private let runsMasks: Bool
  private let cache: CellCache?
  private let features: ItemFeatures?
  private let featuresName: String
  private let trainer: FederatedTrainer?

  /// - Parameters:
  ///   - problem: made of training data only.
  ///   - delta: of the private runs.
  ///   - features: public item vectors; nil for a comparison without.
  ///   - featuresName: as for ``Comparison``.
  package init(
    problem: EvaluationProblem, delta: Double, codeVersion: String, runsMasks: Bool,
    cache: CellCache?, features: ItemFeatures?, featuresName: String, trainer: FederatedTrainer?
  ) {
    self.problem = problem
    self.delta = delta
    self.codeVersion = codeVersion
    self.runsMasks = runsMasks
    self.cache = cache
    self.features = features
    self.featuresName = features == nil ? "" : featuresName
    self.trainer = trainer
  }

  /// The run that stands for a row while it is tuned, with the customers there are. Its seed is one that no run of
  /// the row has: a setting chosen for the noise that it is judged under would be flattered.
  package static func trial(of cell: ComparisonCell) -> ComparisonCell {
    ComparisonCell(
      model: cell.model, setting: cell.setting, epsilon: cell.epsilon,
      seed: cell.seed == 0 ? 0 : trialSeed, mode: cell.mode)
  }

  /// Tries all settings for one row.
  ///
  /// - Parameters:
  ///   - trial: of the row.
  ///   - settings: at least one.
  ///   - progress: told after each how many are done.
  /// - Throws: `EvaluationError.invalidPlan` if none could be run; what a run throws that no setting is to blame for;
  ///   `CancellationError`.
  package func choice(
    for trial: ComparisonCell, among settings: [JSONValue], progress: (Int) -> Void = { _ in }
  ) async throws -> Choice {
    if trial.model == CentralizedSASRec.identifier, trial.setting == .centralized {
      return try best(
        of: trial, settings,
        values: try await valuesOverEpochs(trial, settings, progress: progress), failures: [])
    }
    var values: [Double?] = []
    var failures: [String] = []
    for setting in settings {
      do {
        values.append(try await value(of: trial, with: setting))
      } catch let error where !Self.isOfSetting(error) {
        throw error
      } catch {
        values.append(nil)
        failures.append("\(error)")
      }
      progress(values.count)
    }
    return try best(of: trial, settings, values: values, failures: failures)
  }

  private func best(
    of trial: ComparisonCell, _ settings: [JSONValue], values: [Double?], failures: [String]
  ) throws -> Choice {
    var best: (place: Int, value: Double)?
    for (place, value) in values.enumerated() {
      if let value, value > best?.value ?? -.infinity { best = (place, value) }
    }
    guard let best else {
      throw EvaluationError.invalidPlan(
        reason: "\(trial.label) could not be tuned: "
          + (failures.first ?? "the tuning split has no figures"))
    }
    return Choice(
      hyperparameters: settings[best.place], ndcg: best.value, tried: settings.count,
      failures: failures)
  }

  /// Whether another setting may do better: not where the run was ended or cannot be made at all.
  private static func isOfSetting(_ error: any Error) -> Bool {
    if error is CancellationError { return false }
    guard let error = error as? EvaluationError else { return true }
    switch error {
    case .invalidPlan, .scoreNotFinite, .wrongScoreCount: return true
    case .cacheUnusable, .noFederatedTrainer, .nothingToEvaluate: return false
    }
  }

  private func plan(
    _ trial: ComparisonCell, _ setting: JSONValue
  ) throws(EvaluationError) -> ComparisonPlan {
    try ComparisonPlan(
      problem: problem, cells: [trial], hyperparameters: [trial.label: setting], delta: delta,
      codeVersion: codeVersion, runsMasks: runsMasks)
  }

  private func value(
    of trial: ComparisonCell, with setting: JSONValue
  ) async throws -> Double? {
    let vectors = features
    var makeFeatures: (@Sendable () throws -> ItemFeatures)?
    if let vectors { makeFeatures = { vectors } }
    let report = try await Comparison(
      plan: plan(trial, setting), cache: cache, features: makeFeatures,
      featuresName: featuresName, trainer: trainer
    ).run()
    return Self.value(of: report.outcomes.first?.outcome)
  }

  private static func value(of outcome: CellOutcome?) -> Double? {
    outcome?.tasks.last?.value(of: .ndcg)
  }

  /// Numbers of epochs are points of one training, so that it is not begun anew for each.
  private func valuesOverEpochs(
    _ trial: ComparisonCell, _ settings: [JSONValue], progress: (Int) -> Void
  ) async throws -> [Double?] {
    let digest = problem.contentDigest()
    let keys = try settings.map {
      try plan(trial, $0).key(of: trial, dataDigest: digest, features: featuresName)
    }
    let kept = keys.compactMap { cache?.outcome(for: $0) }
    guard kept.count < keys.count else {
      progress(keys.count)
      return kept.map { Self.value(of: $0) }
    }
    let epochs = try settings.map { try CentralizedSASRec.epochs(in: $0) ?? 0 }
    let results = try await CentralizedSASRec.results(
      after: epochs, on: problem, features: features, seed: trial.seed, progress: progress)
    return try zip(keys, epochs).map { key, epochs -> Double? in
      guard let tasks = results[epochs] else { return nil }
      let outcome = CellOutcome(tasks: tasks, effort: nil)
      try cache?.store(outcome, for: key)
      return Self.value(of: outcome)
    }
  }
}
