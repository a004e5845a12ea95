internal import CanonicalJSON
package import Recommendation

/// Runs the cells of a plan, keeps what is finished, and makes rows of it.
package struct Comparison: Sendable {
  /// Told after each cell.
  package struct Progress: Equatable, Sendable {
    /// The cell that is done.
    package let cell: ComparisonCell
    /// Cells done so far, this one included.
    package let done: Int
    /// Cells in the plan.
    package let total: Int
    /// Whether it came from the cache.
    package let isCached: Bool
  }

  private let plan: ComparisonPlan
  private let cache: CellCache?
  private let features: (@Sendable () throws -> ItemFeatures)?
  private let featuresName: String
  private let trainer: FederatedTrainer?
  private let tuning: (@Sendable () throws -> EvaluationProblem)?

  /// - Parameters:
  ///   - plan: what to run.
  ///   - cache: where finished cells are; nil keeps none.
  ///   - features: makes the public item vectors; called at most once, and only if a cell that is
  ///     not in the cache needs them. They must depend on the catalogue alone. Nil for a comparison
  ///     without item texts, whose results are cached apart.
  ///   - featuresName: tells vectors apart in the cache: a digest of what they are made of besides the
  ///     catalogue.
  ///   - trainer: trains the federated cells.
  ///   - tuning: makes a problem of the training part only, for cells that choose a setting on it; called
  ///     at most once, and only for such cells.
  package init(
    plan: ComparisonPlan, cache: CellCache?,
    features: (@Sendable () throws -> ItemFeatures)?, featuresName: String = "texts",
    trainer: FederatedTrainer?, tuning: (@Sendable () throws -> EvaluationProblem)? = nil
  ) {
    self.tuning = tuning
    self.plan = plan
    self.cache = cache
    self.features = features
    self.featuresName = features == nil ? "" : featuresName
    self.trainer = trainer
  }

  /// Runs what is not in the cache, one cell after the other.
  ///
  /// - Parameter progress: called after each cell.
  /// - Throws: `CancellationError` between cells and inside; what was finished before is kept.
  package func run(
    progress: (Progress) -> Void = { _ in }
  ) async throws -> ComparisonReport {
    let digest = plan.problem.contentDigest()
    var fitted = Fitting(plan: plan, features: features, trainer: trainer, tuning: tuning)
    var outcomes: [(ComparisonCell, CellOutcome)] = []
    for cell in plan.cells {
      try Task.checkCancellation()
      let key = plan.key(of: cell, dataDigest: digest, features: featuresName)
      let kept = cache?.outcome(for: key)
      let outcome: CellOutcome
      if let kept {
        outcome = kept
      } else {
        outcome = try await fitted.outcome(of: cell)
        try cache?.store(outcome, for: key)
      }
      outcomes.append((cell, outcome))
      progress(
        Progress(
          cell: cell, done: outcomes.count, total: plan.cells.count, isCached: kept != nil))
    }
    return ComparisonReport(plan: plan, outcomes: outcomes)
  }
}

/// Turns cells into fitted models.
private struct Fitting {
  let plan: ComparisonPlan
  let makeFeatures: (@Sendable () throws -> ItemFeatures)?
  let trainer: FederatedTrainer?
  let makeTuning: (@Sendable () throws -> EvaluationProblem)?
  private var madeFeatures: ItemFeatures?
  private var chosenEpochs: Int?

  init(
    plan: ComparisonPlan, features: (@Sendable () throws -> ItemFeatures)?,
    trainer: FederatedTrainer?, tuning: (@Sendable () throws -> EvaluationProblem)?
  ) {
    makeTuning = tuning
    self.plan = plan
    makeFeatures = features
    self.trainer = trainer
  }

  mutating func outcome(of cell: ComparisonCell) async throws -> CellOutcome {
    let problem = plan.problem
    let itemCount = problem.catalogue.count
    switch (cell.setting, cell.model) {
    case (.centralized, "popularity"):
      return try await outcome(
        PopularityBaseline(histories: problem.histories, itemCount: itemCount))
    case (.local, "own-frequency"):
      return try await outcome(
        OwnFrequencyBaseline(histories: problem.histories, itemCount: itemCount))
    case (.local, "local"):
      guard let features = try features() else {
        throw EvaluationError.invalidPlan(reason: "the local baseline needs item texts")
      }
      return try await outcome(LocalOnlyBaseline(features: features))
    case (.centralized, CentralizedGram.identifier):
      return try await outcome(
        CentralizedGram(
          histories: problem.histories, itemCount: itemCount,
          hyperparameters: plan.hyperparameters(of: cell), features: features()))
    case (.centralized, CentralizedSASRec.identifier):
      let epochs = try await epochs(of: cell)
      return try await outcome(
        CentralizedSASRec(
          histories: problem.histories, itemCount: itemCount, epochs: epochs, seed: cell.seed))
    case (.federated, _):
      return try await federatedOutcome(of: cell)
    case (let setting, let model):
      guard setting == .centralized, let baseline = CentralizedBaseline(rawValue: model) else {
        throw EvaluationError.invalidPlan(
          reason: "there is no \(setting.rawValue) form of \(model)")
      }
      return try await outcome(
        try baseline.fitted(
          histories: problem.histories, itemCount: itemCount,
          hyperparameters: plan.hyperparameters(of: cell), seed: cell.seed))
    }
  }

  /// Those of the sequence transformer: given, or chosen once for all of its seeds.
  private mutating func epochs(of cell: ComparisonCell) async throws -> Int {
    if let given = try CentralizedSASRec.epochs(in: plan.hyperparameters(of: cell)) { return given }
    if let chosenEpochs { return chosenEpochs }
    guard let makeTuning else {
      throw EvaluationError.invalidPlan(
        reason: "\(CentralizedSASRec.identifier) needs a split on which to choose its epochs")
    }
    let chosen = try await CentralizedSASRec.chosenEpochs(on: try makeTuning(), seed: 1)
    chosenEpochs = chosen
    return chosen
  }

  private mutating func federatedOutcome(of cell: ComparisonCell) async throws -> CellOutcome {
    guard let trainer else { throw EvaluationError.noFederatedTrainer }
    let trained = try await trainer(
      FederatedTrainingRequest(
        histories: plan.problem.histories, catalogue: plan.problem.catalogue,
        features: features(), model: cell.model, hyperparameters: plan.hyperparameters(of: cell),
        epsilon: cell.epsilon, delta: plan.delta, seed: cell.seed, mode: cell.mode,
        runsMasks: plan.runsMasks,
        resampledCustomers: cell.isResampled
          ? cell.customers(of: plan.problem.histories.count) : nil,
        devicesPerRound: cell.isTwin
          ? CentralizedSASRec.twinDevices(of: plan.problem.histories.count) : nil))
    let model = try FederatedRankingModel(
      identifier: cell.model, hyperparameters: plan.hyperparameters(of: cell),
      parameters: trained.parameters, catalogue: plan.problem.catalogue, features: features())
    return try await outcome(model, effort: trained.effort)
  }

  private mutating func outcome(
    _ model: some RankingModel, effort: FederatedTrainingResult.Effort? = nil
  ) async throws -> CellOutcome {
    CellOutcome(
      tasks: try await plan.problem.evaluate(model, features: try features()), effort: effort)
  }

  private mutating func features() throws -> ItemFeatures? {
    if let madeFeatures { return madeFeatures }
    let made = try makeFeatures?()
    madeFeatures = made
    return made
  }
}
