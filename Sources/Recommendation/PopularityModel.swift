package import CanonicalJSON

/// How many customers buy each item, learned in one round.
///
/// The baseline of every comparison, and the first stage of the other models.
/// Hyperparameter (optional): `popular_since`, see `PopularityStage`.
package struct PopularityModel: FederatedModel {
  package static let identifier = "popularity"

  package let stages = [PopularityStage.name]
  package let budgetShares = [1.0]
  private let popularityStage: PopularityStage

  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
  package init(hyperparameters: JSONValue) throws(RecommendationError) {
    popularityStage = try PopularityStage(
      try Hyperparameters(hyperparameters, known: [PopularityStage.sinceName]))
  }

  /// Every default.
  package init() { popularityStage = PopularityStage() }

  package func initialParameters(
    catalogue: Catalogue
  ) throws(RecommendationError) -> ModelParameters {
    try PopularityStage.initialParameters(itemCount: catalogue.count)
  }

  package func updateDimension(
    stage: Int, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> Int {
    try checkStage(stage)
    return itemCount
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try checkStage(stage)
    return try popularityStage.update(history: history, itemCount: itemCount)
  }

  package func advance(
    stage: Int, noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    try checkStage(stage)
    try check(noisedSum, dimension: itemCount)
    return try ModelParameters(tensors: [
      PopularityStage.tensor: .init(popularityStage.popularity(noisedSum, context: context))
    ])
  }

  /// One component: the learned popularity, in customers as a fraction of the target cohort.
  package func scores(
    history: CustomerHistory, parameters: ModelParameters, features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores {
    let popularity = try PopularityStage.values(parameters)
    try history.checkItems(below: popularity.count)
    return try ItemScores(
      itemCount: popularity.count, components: [(.popularity, popularity)]
    ).checked()
  }

  package func historyShares(
    of items: [Int], history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [[HistoryShare]] {
    items.map { _ in [] }
  }
}
