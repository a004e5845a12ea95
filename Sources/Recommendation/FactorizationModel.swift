package import CanonicalJSON
internal import VectorMath

/// Matrix factorisation learned by gradients over several rounds: a public vector for each head item, a
/// vector for each customer that exists only on the device.
///
/// Stage 0 learns the popularity and chooses the head. In every later stage a device rebuilds its
/// customer's vector from the public item vectors by weighted ridge regression, sends the gradient of its
/// loss for the item vectors (``FactorizationLoss``), clipped, and keeps nothing. The coordinator divides the
/// noised sum by the cohort and lets its optimizer take a step.
///
/// Nearly every gradient is longer than the fixed clip norm, 1 / ``gradientScale``: what a device sends is mostly a
/// direction, which wastes the least of the noise's budget. An adaptive one goes to the median of the norms.
///
/// Hyperparameters (all optional, decimals as strings): `head`, 1 ... 1024, else from cohort and noise;
/// `dimension`, 1 ... 64, default 8; `rounds`, 1 ... 200, default 10; `clipping`, "fixed" (default) or "adaptive"
/// (``AdaptiveClipNorm``); `server_optimizer`, "momentum" (default; FedAvg with server momentum, FedAvg itself at
/// momentum "0") or "adam" (FedAdam); `learning_rate`, default "20", or "0.1" with adam; `momentum`, "0" ...
/// "0.99", default "0.5"; `ridge`, default "1"; `unobserved_weight`, default "0.5"; `popular_since`, see
/// `PopularityStage`.
/// The defaults were chosen on a split inside the training part of ml-100k.
/// - Source: Singhal et al., "Federated Reconstruction: Partially Local Federated Learning", NeurIPS
///   2021, algorithm 1 (users rebuilt from nothing, one gradient step); weights as in Hu, Koren, Volinsky,
///   "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, equation 3; server optimizers: Reddi et
///   al., "Adaptive Federated Optimization", ICLR 2021, algorithm 2.
package struct FactorizationModel: FederatedModel {
  package static let identifier = "mf"

  /// Name of the tensor [head, dimension] of item vectors.
  static let factorsTensor = "factors"
  /// Name of the tensor [head, dimension] of the server optimizer's velocity, or mean of gradients.
  static let velocityTensor = "velocity"
  /// Name of the tensor [head, dimension] of the mean of squared gradients, with the optimizer that has one.
  static let squareTensor = "gradient_square"
  /// Factor on a gradient before it is clipped.
  static let gradientScale = 10.0

  private enum ServerOptimizer {
    case momentum(Double)
    case adam
  }

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
    "head", "dimension", "rounds", "clipping", "server_optimizer", "learning_rate", "momentum",
    "ridge", "unobserved_weight", PopularityStage.sinceName,
  ]
  /// What the popularity gets of mu².
  private static let popularityShare = 0.1

  package let stages: [String]
  package let budgetShares: [Double]
  /// The gradient steps: the sum of them is what is learned.
  package var repeatedStages: Range<Int> { 1..<stages.count }
  private let popularityStage: PopularityStage
  private let headSize: Int?
  private let dimension: Int
  private let learningRate: Double
  private let optimizer: ServerOptimizer
  private let isClippingAdaptive: Bool
  private let loss: FactorizationLoss

  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
  package init(hyperparameters: JSONValue) throws(RecommendationError) {
    let read = try Hyperparameters(hyperparameters, known: Self.hyperparameterNames)
    popularityStage = try PopularityStage(read)
    headSize = try read.integer("head", in: Limits.head)
    dimension = try read.integer("dimension", in: Limits.dimension) ?? 8
    let rounds = try read.integer("rounds", in: Limits.rounds) ?? 10
    isClippingAdaptive =
      try read.choice("clipping", among: ["fixed", "adaptive"]) == "adaptive"
    let momentum = try read.decimal("momentum", in: Limits.momentum)
    if try read.choice("server_optimizer", among: ["momentum", "adam"]) == "adam" {
      guard momentum == nil else {
        throw .invalidHyperparameter(name: "momentum", accepted: "nothing beside adam")
      }
      optimizer = .adam
    } else {
      optimizer = .momentum(momentum ?? 0.5)
    }
    let usualRate = if case .adam = optimizer { 0.1 } else { 20.0 }
    learningRate = try read.decimal("learning_rate", in: Limits.learningRate) ?? usualRate
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
      + (isClippingAdaptive ? 1 : 0)
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try checkStage(stage)
    if stage == 0 { return try popularityStage.update(history: history, itemCount: itemCount) }
    try history.checkItems(below: itemCount)
    let factors = try ItemFactors(parameters, itemCount: itemCount, dimension: dimension)
    // All of the parameters before any of the history: who bought what must not decide which error there is (ruling 1).
    let clipNorm = isClippingAdaptive ? try AdaptiveClipNorm(parameters) : nil
    let places = factors.head.places(of: history).map(\.place)
    let gradient = try loss.gradient(factors: factors, places: places)
    // Clipped in Double, before rounding: a gradient may be too long for the scaled value to be exact.
    var update = clipped(gradient, isEmpty: places.isEmpty, to: clipNorm).map { Float($0) }
    try update.shrinkToUnitNorm()
    return update
  }

  /// Norm at most 1, and zeros where nothing of the head was bought.
  ///
  /// - Parameter clipNorm: nil for the fixed one.
  private func clipped(
    _ gradient: [Double], isEmpty: Bool, to clipNorm: AdaptiveClipNorm?
  ) -> [Double] {
    if let clipNorm {
      return isEmpty
        ? [Double](repeating: 0, count: gradient.count + 1) : clipNorm.update(of: gradient)
    }
    let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let factor = 1 / max(norm, 1 / Self.gradientScale)
    return gradient.map { $0 * factor }
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
      : try step(
        stage, noisedSum, context: context, parameters: parameters, itemCount: itemCount)
  }

  private func firstFactors(
    _ noisedSum: [Double], context: StageContext, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let popularity = popularityStage.popularity(noisedSum, context: context)
    let level = SignalLevel(context: context, budgetShare: Self.popularityShare)
    let head = Head(popularity: popularity, count: headSize ?? level.headSize)
    let shape = [head.count, dimension]
    let seed = try PublicSeed(parameters)
    let zeros = ModelParameters.Tensor(
      shape: shape, values: [Float](repeating: 0, count: head.count * dimension))
    var tensors: [String: ModelParameters.Tensor] = [
      PopularityStage.tensor: .init(popularity),
      Head.tensor: .init(head.values),
      HybridScores.textWeightTensor: .init([
        level.textWeight(itemCount: itemCount, alignment: KernelAlignment.unknown)
      ]),
      PublicSeed.tensor: seed.parameters,
      Self.factorsTensor: .init(
        shape: shape, values: seed.factors(count: head.count * dimension)),
      Self.velocityTensor: zeros,
    ]
    if case .adam = optimizer { tensors[Self.squareTensor] = zeros }
    if isClippingAdaptive {
      tensors[AdaptiveClipNorm.tensor] = AdaptiveClipNorm(1 / Self.gradientScale).parameters
    }
    return try ModelParameters(tensors: tensors)
  }

  private func step(
    _ stage: Int, _ noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let head = try Head(parameters, itemCount: itemCount)
    let shape = [head.count, dimension]
    var factors = try parameters.values(Self.factorsTensor, shape: shape)
    var tensors = parameters.tensors
    var gradient = noisedSum
    if isClippingAdaptive {
      var clipNorm = try AdaptiveClipNorm(parameters)
      // In the unit of the fixed clip norm, so that one learning rate serves both.
      gradient = clipNorm.gradient(of: noisedSum).map { $0 * Self.gradientScale }
      clipNorm.follow(noisedSum, cohort: context.targetCohort)
      tensors[AdaptiveClipNorm.tensor] = clipNorm.parameters
    }
    let scale = 1 / Double(context.targetCohort)
    switch optimizer {
    case .momentum(let momentum):
      var velocity = try parameters.values(Self.velocityTensor, shape: shape)
      for index in factors.indices {
        let next = momentum * Double(velocity[index]) + gradient[index] * scale
        velocity[index] = Float(next)
        factors[index] = Float(Double(factors[index]) - learningRate * next)
      }
      tensors[Self.velocityTensor] = .init(shape: shape, values: velocity)
    case .adam:
      var adam = try Adam(
        parameters, mean: Self.velocityTensor, square: Self.squareTensor, shape: shape,
        steps: stage - 1)
      adam.step(
        &factors, gradient: gradient.map { Float($0 * scale) }, learningRate: learningRate)
      tensors[Self.velocityTensor] = .init(shape: shape, values: adam.mean)
      tensors[Self.squareTensor] = .init(shape: shape, values: adam.square)
    }
    tensors[Self.factorsTensor] = .init(shape: shape, values: factors)
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
