package import CanonicalJSON
internal import VectorMath

/// Matrix factorisation learned by gradients over several rounds: a public vector for each head item, a
/// vector for each customer that exists only on the device.
///
/// Stage 0 learns the popularity and chooses the head. In every later stage a device rebuilds its
/// customer's vector from the public item vectors by weighted ridge regression, sends the gradient of its
/// loss for the item vectors (``FactorizationLoss``), clipped to norm 1, and keeps nothing. The
/// coordinator takes a momentum step on the noised sum divided by the cohort.
///
/// Nearly every gradient is longer than the clip norm before clipping, by way of ``gradientScale``: what
/// a device sends is mostly a direction, which wastes the least of the noise's budget.
///
/// Hyperparameters (all optional, decimals as strings): `head`, 1 ... 1024, else from cohort and noise;
/// `dimension`, 1 ... 64, default 8; `rounds`, 1 ... 200, default 10; `learning_rate`, default "20";
/// `momentum`, "0" ... "0.99", default "0.5"; `ridge`, default "1"; `unobserved_weight`, default "0.5".
/// The defaults were chosen on a split inside the training part of ml-100k.
/// - Source: Singhal et al., "Federated Reconstruction: Partially Local Federated Learning", NeurIPS
///   2021, algorithm 1 (users rebuilt from nothing, one gradient step); weights as in Hu, Koren, Volinsky,
///   "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, equation 3.
package struct FactorizationModel: FederatedModel {
  package static let identifier = "mf"

  /// Name of the tensor [head, dimension] of item vectors.
  static let factorsTensor = "factors"
  /// Name of the tensor [head, dimension] of the server optimizer's velocity.
  static let velocityTensor = "velocity"
  /// Factor on a gradient before it is clipped.
  static let gradientScale = 10.0

  private enum Limits {
    static let head = 1...Head.limit
    static let dimension = 1...64
    static let rounds = 1...200
    static let learningRate = 0.001...1000.0
    static let momentum = 0.0...0.99
    static let ridge = 0.001...1000.0
    static let unobservedWeight = 0.001...1.0
  }

  private static let hyperparameterNames = [
    "head", "dimension", "rounds", "learning_rate", "momentum", "ridge", "unobserved_weight",
  ]
  /// What the popularity gets of mu².
  private static let popularityShare = 0.1

  package let stages: [String]
  package let budgetShares: [Double]
  /// The gradient steps: the sum of them is what is learned.
  package var repeatedStages: Range<Int> { 1..<stages.count }
  private let headSize: Int?
  private let dimension: Int
  private let learningRate: Double
  private let momentum: Double
  private let loss: FactorizationLoss

  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
  package init(hyperparameters: JSONValue) throws(RecommendationError) {
    let read = try Hyperparameters(hyperparameters, known: Self.hyperparameterNames)
    headSize = try read.integer("head", in: Limits.head)
    dimension = try read.integer("dimension", in: Limits.dimension) ?? 8
    let rounds = try read.integer("rounds", in: Limits.rounds) ?? 10
    learningRate = try read.decimal("learning_rate", in: Limits.learningRate) ?? 20
    momentum = try read.decimal("momentum", in: Limits.momentum) ?? 0.5
    loss = FactorizationLoss(
      ridge: try read.decimal("ridge", in: Limits.ridge) ?? 1,
      unobservedWeight: try read.decimal("unobserved_weight", in: Limits.unobservedWeight) ?? 0.5)
    stages = [PopularityStage.name] + (1...rounds).map { "factors-\($0)" }
    budgetShares =
      [Self.popularityShare]
      + [Double](repeating: (1 - Self.popularityShare) / Double(rounds), count: rounds)
  }

  /// Zero popularity, and the public seed of the item vectors: a hash of the catalogue.
  package func initialParameters(
    catalogue: Catalogue
  ) throws(RecommendationError) -> ModelParameters {
    var tensors = try PopularityStage.initialParameters(itemCount: catalogue.count).tensors
    tensors[PublicSeed.tensor] = PublicSeed(hashing: catalogue.encoded()).parameters
    return try ModelParameters(tensors: tensors)
  }

  package func updateDimension(
    stage: Int, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> Int {
    try checkStage(stage)
    if stage == 0 { return itemCount }
    return try Head(parameters, itemCount: itemCount).count * dimension
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try checkStage(stage)
    if stage == 0 { return try PopularityStage.update(history: history, itemCount: itemCount) }
    try history.checkItems(below: itemCount)
    let factors = try ItemFactors(parameters, itemCount: itemCount, dimension: dimension)
    let places = factors.head.places(of: history).map(\.place)
    let gradient = try loss.gradient(factors: factors, places: places)
    let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    // Clipped in Double, before rounding: a gradient may be too long for the scaled value to be exact.
    let factor = norm * Self.gradientScale > 1 ? 1 / norm : Self.gradientScale
    var update = gradient.map { Float($0 * factor) }
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
    return stage == 0
      ? try firstFactors(noisedSum, context: context, parameters: parameters, itemCount: itemCount)
      : try step(noisedSum, context: context, parameters: parameters, itemCount: itemCount)
  }

  private func firstFactors(
    _ noisedSum: [Double], context: StageContext, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let popularity = PopularityStage.popularity(noisedSum, context: context)
    let level = SignalLevel(context: context, budgetShare: Self.popularityShare)
    let head = Head(popularity: popularity, count: headSize ?? level.headSize)
    let shape = [head.count, dimension]
    let seed = try PublicSeed(parameters)
    return try ModelParameters(tensors: [
      PopularityStage.tensor: .init(popularity),
      Head.tensor: .init(head.values),
      HybridScores.textWeightTensor: .init([
        level.textWeight(itemCount: itemCount, alignment: KernelAlignment.unknown)
      ]),
      PublicSeed.tensor: seed.parameters,
      Self.factorsTensor: .init(
        shape: shape, values: seed.factors(count: head.count * dimension)),
      Self.velocityTensor: .init(
        shape: shape, values: [Float](repeating: 0, count: head.count * dimension)),
    ])
  }

  private func step(
    _ noisedSum: [Double], context: StageContext, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let head = try Head(parameters, itemCount: itemCount)
    let shape = [head.count, dimension]
    var factors = try parameters.values(Self.factorsTensor, shape: shape)
    var velocity = try parameters.values(Self.velocityTensor, shape: shape)
    let scale = 1 / Double(context.targetCohort)
    for index in factors.indices {
      let next = momentum * Double(velocity[index]) + noisedSum[index] * scale
      velocity[index] = Float(next)
      factors[index] = Float(Double(factors[index]) - learningRate * next)
    }
    var tensors = parameters.tensors
    tensors[Self.factorsTensor] = .init(shape: shape, values: factors)
    tensors[Self.velocityTensor] = .init(shape: shape, values: velocity)
    return try ModelParameters(tensors: tensors)
  }

  package func scores(
    history: CustomerHistory, parameters: ModelParameters, features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores {
    try HybridScores.mix(
      learned: try learned(parameters), history: history, parameters: parameters,
      features: features)
  }

  package func historyShares(
    of items: [Int], history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [[HistoryShare]] {
    try HybridScores.shares(of: items, learned: try learned(parameters), history: history)
  }

  /// Nil before the first item vectors.
  private func learned(
    _ parameters: ModelParameters
  ) throws(RecommendationError) -> LearnedFactors? {
    guard parameters[Self.factorsTensor] != nil else { return nil }
    let itemCount = try PopularityStage.values(parameters).count
    return LearnedFactors(
      factors: try ItemFactors(parameters, itemCount: itemCount, dimension: dimension),
      loss: loss, itemCount: itemCount)
  }
}
