/// A model that does what another one does, but for what it declares itself.
///
/// It forwards every requirement of ``FederatedModel``, those that have a default of their own as well: a
/// wrapper that forwarded by hand and left one of those out would answer with the default, as if the model
/// in it had no repeated stages or no experiment.
package protocol WrappedModel: FederatedModel {
  /// The model that answers for whatever the conformer does not declare.
  var base: any FederatedModel { get }
}

extension WrappedModel {
  package var stages: [String] { base.stages }
  package var budgetShares: [Double] { base.budgetShares }
  package var repeatedStages: Range<Int> { base.repeatedStages }
  package var experiment: Experiment? { base.experiment }

  package func initialParameters(
    catalogue: Catalogue
  ) throws(RecommendationError) -> ModelParameters {
    try base.initialParameters(catalogue: catalogue)
  }

  package func updateDimension(
    stage: Int, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> Int {
    try base.updateDimension(stage: stage, parameters: parameters, itemCount: itemCount)
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try base.update(stage: stage, history: history, parameters: parameters, itemCount: itemCount)
  }

  package func advance(
    stage: Int, noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    try base.advance(
      stage: stage, noisedSum: noisedSum, context: context, parameters: parameters,
      itemCount: itemCount)
  }

  package func scores(
    history: CustomerHistory, parameters: ModelParameters, features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores {
    try base.scores(history: history, parameters: parameters, features: features)
  }

  package func historyShares(
    of items: [Int], history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [[HistoryShare]] {
    try base.historyShares(of: items, history: history, parameters: parameters)
  }

  package func readSequence(
    of history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [Int] {
    try base.readSequence(of: history, parameters: parameters)
  }
}
