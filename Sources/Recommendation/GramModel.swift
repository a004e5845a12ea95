package import CanonicalJSON
internal import VectorMath

/// Which head items are bought by the same customers: one noised Gram matrix, its leading eigenvectors,
/// mixed on the device with public item texts and popularity.
///
/// Stage 0 learns the popularity and chooses the head, m items. In stage 1 a device sends x x' of its row
/// x over the head, of norm 1: the upper triangle with off-diagonal entries times sqrt 2, which keeps
/// the norm, so that one device's contribution has norm exactly 1 whatever it bought, or 0. The
/// coordinator publishes the leading eigenvectors V of the noised sum; a device scores x V V'.
///
/// x x' is, up to a factor, the gradient at zero of the loss of the linear autoencoder x -> x B; the loss
/// is quadratic, so that one noised gradient holds all there is to learn.
///
/// Hyperparameters (all optional): `head`, an integer 1 ... 1024; `rank`, an integer 1 ... 128. Left out,
/// both follow from the cohort and the noise.
/// - Source: the mechanism of recommendation-and-evaluation, section 2.4.
package struct GramModel: FederatedModel {
  package static let identifier = "gram"

  package let stages = [PopularityStage.name, "gram"]
  package let budgetShares = [0.1, 0.9]

  /// Bounds of the overrides.
  private enum Limits {
    static let head = 1...Head.limit
    static let rank = 1...128
  }

  /// Head size asked for; nil for the rule.
  private let headSize: Int?
  /// Rank asked for; nil for the rule.
  private let rank: Int?

  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
  package init(hyperparameters: JSONValue) throws(RecommendationError) {
    let read = try Hyperparameters(hyperparameters, known: ["head", "rank"])
    headSize = try read.integer("head", in: Limits.head)
    rank = try read.integer("rank", in: Limits.rank)
  }

  /// Every default.
  package init() {
    headSize = nil
    rank = nil
  }

  package func initialParameters(
    catalogue: Catalogue
  ) throws(RecommendationError) -> ModelParameters {
    try PopularityStage.initialParameters(itemCount: catalogue.count)
  }

  package func updateDimension(
    stage: Int, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> Int {
    try checkStage(stage)
    if stage == 0 { return itemCount }
    return UpperTriangle(size: try Head(parameters, itemCount: itemCount).count).count
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try checkStage(stage)
    if stage == 0 { return try PopularityStage.update(history: history, itemCount: itemCount) }
    try history.checkItems(below: itemCount)
    let head = try Head(parameters, itemCount: itemCount)
    let triangle = UpperTriangle(size: head.count)
    var update = [Float](repeating: 0, count: triangle.count)
    let places = head.places(of: history).map(\.place)
    guard !places.isEmpty else { return update }
    let square = 1 / Double(places.count)
    for (index, row) in places.enumerated() {
      update[triangle.index(row, row)] = Float(square)
      for column in places[(index + 1)...] {
        update[triangle.index(row, column)] = Float(square * 2.0.squareRoot())
      }
    }
    try update.shrinkToUnitNorm()
    return update
  }

  package func advance(
    stage: Int, noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    try check(
      noisedSum,
      dimension: try updateDimension(stage: stage, parameters: parameters, itemCount: itemCount))
    if stage == 0 {
      let popularity = PopularityStage.popularity(noisedSum, context: context)
      let level = SignalLevel(context: context, budgetShare: budgetShares[0])
      let head = Head(popularity: popularity, level: level, override: headSize)
      return try ModelParameters(tensors: [
        PopularityStage.tensor: .init(popularity),
        Head.tensor: .init(head.values),
        HybridScores.textWeightTensor: .init([level.textWeight]),
      ])
    }
    let head = try Head(parameters, itemCount: itemCount)
    let basis = try EigenBasis(
      triangle: noisedSum, size: head.count,
      noiseStandardDeviation: context.noiseStandardDeviation, cohort: context.targetCohort,
      maximumRank: rank)
    var tensors = parameters.tensors
    tensors[EigenBasis.tensor] = .init(
      shape: [head.count, basis.rank], values: basis.vectors)
    return try ModelParameters(tensors: tensors)
  }

  package func scores(
    history: CustomerHistory, parameters: ModelParameters, features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores {
    try HybridScores.mix(
      learned: try LearnedGram(parameters), history: history, parameters: parameters,
      features: features)
  }

  package func historyShares(
    of item: Int, history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [HistoryShare] {
    try HybridScores.shares(of: item, learned: try LearnedGram(parameters), history: history)
  }
}
