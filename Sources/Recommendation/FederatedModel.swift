/// What the coordinator knows of a round's noised sum besides its values. All of it is public.
package struct StageContext: Sendable, Equatable {
  /// Standard deviation of the noise on each coordinate of the sum, in units of the update (whose norm
  /// is at most 1). 0 without noise.
  package let noiseStandardDeviation: Double
  /// The policy's cohort, by which sums are divided (ruling 22); at least 1.
  package let targetCohort: Int
  /// Devices that contributed; at least 0. Shown, never divided by.
  package let contributorCount: Int
  /// Public vectors of all items; nil where there are none.
  package let features: ItemFeatures?

  /// No argument has a default: a caller that forgot the vectors would train another model, silently.
  /// - Precondition: a finite deviation of at least 0, `targetCohort >= 1`, `contributorCount >= 0`.
  package init(
    noiseStandardDeviation: Double, targetCohort: Int, contributorCount: Int,
    features: ItemFeatures?
  ) {
    precondition(
      noiseStandardDeviation >= 0 && noiseStandardDeviation.isFinite,
      "a noise standard deviation is finite and not negative")
    precondition(targetCohort >= 1 && contributorCount >= 0, "cohorts are counts")
    self.noiseStandardDeviation = noiseStandardDeviation
    self.targetCohort = targetCohort
    self.contributorCount = contributorCount
    self.features = features
  }
}

/// How much one item of the history adds to an item's score in the learned component.
package struct HistoryShare: Sendable, Equatable {
  /// Place in the catalogue of the item that the customer bought.
  package let item: Int
  /// What it adds to the component, in units of the score; may be negative.
  package let value: Float

  package init(item: Int, value: Float) {
    self.item = item
    self.value = value
  }
}

/// A recommender that is learned from clipped, noised sums.
///
/// Aggregation, privacy, transport and ledger never know which model it is. A conformer is a value: all
/// learned state is in ``ModelParameters``, all private state in ``CustomerHistory``.
package protocol FederatedModel: Sendable {
  /// The name in policies and on command lines.
  static var identifier: String { get }

  /// Name of each stage, one a planned round; not empty.
  var stages: [String] { get }

  /// The fraction of mu² that each stage gets: positive, one a stage, together 1.
  var budgetShares: [Double] { get }

  /// Consecutive stages that repeat one step, each on the model of the one before, so that noise
  /// correlated across them cancels in what they add up to; empty if there are none.
  var repeatedStages: Range<Int> { get }

  /// The experiment that devices take part in while this model is in force; nil where there is none.
  var experiment: Experiment? { get }

  /// The public parameters before the first round; a function of the catalogue only.
  func initialParameters(catalogue: Catalogue) throws(RecommendationError) -> ModelParameters

  /// How many values a device sends in a stage.
  ///
  /// - Throws: `.stageOutOfRange`, or an error about `parameters` that are not those of this stage.
  func updateDimension(
    stage: Int, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> Int

  /// What a device sends: an L2 norm of at most 1, and exactly zero for an empty history (ruling 1).
  ///
  /// Whatever is wrong with `parameters` is found before the history is looked at, so that it is an error for every history
  /// alike.
  /// - Throws: as ``updateDimension(stage:parameters:itemCount:)``, `.itemOutOfRange`, and `.numericalFailure` where the
  ///   history overflows.
  func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float]

  /// The next public parameters from a noised sum. Post-processing: it sees nothing else.
  ///
  /// - Parameter noisedSum: the sum of updates plus noise, in units of the update.
  /// - Throws: as ``updateDimension(stage:parameters:itemCount:)``, `.shapeMismatch` or `.notFinite`
  ///   for the sum, `.numericalFailure`.
  func advance(
    stage: Int, noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters

  /// The score of every item for one customer, on the device. Works with the parameters of any stage.
  ///
  /// - Parameter features: public text vectors of all items; nil where there are none.
  /// - Throws: an error about `parameters` or `features`, `.itemOutOfRange`, or `.notFinite` where
  ///   extreme parameters overflow.
  func scores(
    history: CustomerHistory, parameters: ModelParameters, features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores

  /// For each of `items`, what each item of the history adds to its component ``ItemScores/learned``, in
  /// the order of the history. The shares add up to the component, up to rounding; empty if the model has
  /// none. Asked for all items of a list at once, since they share what it costs to score them.
  func historyShares(
    of items: [Int], history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [[HistoryShare]]

  /// The items of the history that the model reads in their order, oldest first; empty where it knows no order.
  /// Asked once for all items of a list.
  ///
  /// - Throws: an error about `parameters`.
  func readSequence(
    of history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [Int]
}

extension FederatedModel {
  package var repeatedStages: Range<Int> { 0..<0 }
  package var experiment: Experiment? { nil }

  package func readSequence(
    of history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [Int] { [] }

  /// What a device contributes in a stage: its ``update(stage:history:parameters:itemCount:)``, or zeros
  /// where this customer's history makes it overflow under the parameters that were given.
  ///
  /// A device that stopped instead would tell whose history overflows, without any noise, to whoever chose
  /// the parameters (ruling 1).
  ///
  /// - Throws: what holds for every history alike: an error about `stage` or `parameters`;
  ///   `.itemOutOfRange`.
  package func contribution(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    do {
      return try update(
        stage: stage, history: history, parameters: parameters, itemCount: itemCount)
    } catch .numericalFailure {
      let dimension = try updateDimension(
        stage: stage, parameters: parameters, itemCount: itemCount)
      return [Float](repeating: 0, count: dimension)
    }
  }

  /// - Throws: `.stageOutOfRange`.
  func checkStage(_ stage: Int) throws(RecommendationError) {
    guard stages.indices.contains(stage) else {
      throw .stageOutOfRange(stage: stage, stages: stages.count)
    }
  }

  /// - Throws: `.shapeMismatch` or `.notFinite`.
  func check(_ noisedSum: [Double], dimension: Int) throws(RecommendationError) {
    guard noisedSum.count == dimension else {
      throw .shapeMismatch(name: "noised sum", expected: [dimension], actual: [noisedSum.count])
    }
    if let index = noisedSum.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(name: "noised sum", index: index)
    }
  }
}
