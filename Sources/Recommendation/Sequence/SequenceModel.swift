package import CanonicalJSON
internal import VectorMath

/// A transformer over the order of purchases, learned by gradients over several rounds.
///
/// - Stage 0 learns the popularity. From it come the head, the items that the network tells apart, and a
///   bias for each (``LearnedSequence/bias(popularity:head:least:)``). Their vectors are public: the leading
///   directions of the items' features (``PublicItemVectors``), published with the weights so that all devices
///   compute with the same bits.
/// - In every later stage a device sends the gradient for the weights of its customer's mean loss
///   -ln p(next item) over the latest ``largestWindows`` windows, times ``gradientScale`` and clipped to norm 1. The
///   coordinator takes a step of Adam on the noised sum divided by the cohort, at a rate that falls to zero.
/// - A customer with fewer than two items of the head sends zero.
///
/// With public vectors about 8,000 weights are learned, whatever the catalogue; noise grows with the root of
/// that number. `learned_items` makes the vectors weights as well, as in the literature; `loss` "sum" sends the sum
/// of a customer's losses in place of their mean, times ``sumScale``, so that each purchase counts alike and not each
/// customer; `dropout` drops values while a device learns; `decay` 0 keeps the rate where it is. All four are for sums
/// without noise: with them the rounds are those of a training in one place.
///
/// Hyperparameters (all optional, decimals as strings): `head`, 1 ... 4096, by default all items up to that;
/// `dimension`, 1 ... 64, default 32; `blocks`, 1 ... 2, default 1; `length`, 1 ... 50, default 50; `rounds`,
/// 1 ... 400, default 10; `learning_rate`, "0.00001" ... "1", default "0.02"; `learned_items`, 0 or 1, default 0;
/// `loss`, "mean" or "sum", default "mean"; `dropout`, "0" ... "0.9", default "0"; `decay`, 0 or 1, default 1;
/// `popular_since`, see `PopularityStage`.
/// - Source: Kang, McAuley 2018 (see ``Transformer``); McMahan et al., "Communication-Efficient Learning of
///   Deep Networks from Decentralized Data", AISTATS 2017, FedSGD; Reddi et al., "Adaptive Federated
///   Optimization", ICLR 2021, FedAdam. The bias, the quiet start and the scale before the clip are ours.
package struct SequenceModel: FederatedModel {
  package static let identifier = "sasrec"

  /// Factor on a gradient before it is clipped: a gradient of length 0.1 fills the norm that the noise is
  /// scaled to.
  static let gradientScale: Float = 10
  /// Factor on a gradient that is summed over a customer's purchases: below a length of 500 it is not clipped.
  static let sumScale: Float = 0.002
  /// Windows of a history that are learned from at most, the latest: what one update costs a device.
  static let largestWindows = 4
  /// Standard deviation of weights before the first step.
  private static let startDeviation = 0.02
  /// Gain of the last layer before the first step: so small that popularity orders the items, until something
  /// is learned.
  private static let startLastGain: Float = 0.3
  /// What the popularity gets of mu².
  private static let popularityShare = 0.1

  private enum Limits {
    static let head = 1...Head.wideLimit
    static let dimension = 1...64
    static let blocks = 1...2
    static let length = 1...50
    static let rounds = 1...400
    static let learningRate = 0.000_01...1.0
    static let learnedItems = 0...1
    static let dropout = 0...0.9
    static let decay = 0...1
  }

  private static let hyperparameterNames = [
    "head", "dimension", "blocks", "length", "rounds", "learning_rate", "learned_items", "loss",
    "dropout", "decay", PopularityStage.sinceName,
  ]

  package let stages: [String]
  package let budgetShares: [Double]
  let shape: TransformerShape
  let learnsItems: Bool
  private let popularityStage: PopularityStage
  private let headSize: Int
  private let learningRate: Double
  private let sumsLosses: Bool
  private let dropoutRate: Double
  private let rateFalls: Bool

  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
  package init(hyperparameters: JSONValue) throws(RecommendationError) {
    let read = try Hyperparameters(hyperparameters, known: Self.hyperparameterNames)
    popularityStage = try PopularityStage(read)
    headSize = try read.integer("head", in: Limits.head) ?? Limits.head.upperBound
    shape = TransformerShape(
      dimension: try read.integer("dimension", in: Limits.dimension) ?? 32,
      blocks: try read.integer("blocks", in: Limits.blocks) ?? 1,
      length: try read.integer("length", in: Limits.length) ?? 50)
    let rounds = try read.integer("rounds", in: Limits.rounds) ?? 10
    learningRate = try read.decimal("learning_rate", in: Limits.learningRate) ?? 0.02
    learnsItems = try read.integer("learned_items", in: Limits.learnedItems) == 1
    dropoutRate = try read.decimal("dropout", in: Limits.dropout) ?? 0
    rateFalls = try read.integer("decay", in: Limits.decay) != 0
    sumsLosses = try read.choice("loss", among: ["mean", "sum"]) == "sum"
    stages = [PopularityStage.name] + (1...rounds).map { "sequence-\($0)" }
    budgetShares =
      [Self.popularityShare]
      + [Double](repeating: (1 - Self.popularityShare) / Double(rounds), count: rounds)
  }

  /// Zero popularity, and the public seed of the first weights: a hash of the catalogue.
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
    guard learnsItems else { return shape.weightCount }
    let head = try Head(parameters, itemCount: itemCount, limit: Head.wideLimit)
    return shape.weightCount + head.count * shape.dimension
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try checkStage(stage)
    if stage == 0 { return try popularityStage.update(history: history, itemCount: itemCount) }
    try history.checkItems(below: itemCount)
    let learned = try LearnedSequence(
      parameters, itemCount: itemCount, shape: shape, learnsItems: learnsItems)
    let places = learned.places(of: history)
    let windows = SequenceWindow.windows(
      of: places, length: shape.length, limit: sumsLosses ? .max : Self.largestWindows)
    let count = windows.reduce(0) { $0 + $1.inputs.count }
    let scale = sumsLosses ? Self.sumScale : Self.gradientScale / Float(count)
    var gradient = learned.network.zeroGradient
    var dropout = dropout(stage: stage, places: places)
    for window in windows {
      learned.network.addGradient(of: window, scale: scale, dropout: &dropout, to: &gradient)
    }
    var update = gradient.weights + gradient.items
    try update.shrinkToUnitNorm()
    return update
  }

  /// What a device drops in a round, by the round and its customer's own sequence: an update is a function of its
  /// arguments, and devices with different logs drop differently.
  private func dropout(stage: Int, places: [Int]) -> Dropout? {
    guard dropoutRate > 0 else { return nil }
    let bytes = ([stage] + places).flatMap { value in
      withUnsafeBytes(of: UInt32(value).bigEndian, Array.init)
    }
    return Dropout(rate: dropoutRate, seed: PublicSeed(hashing: bytes).value)
  }

  package func advance(
    stage: Int, noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    try check(
      noisedSum,
      dimension: try updateDimension(stage: stage, parameters: parameters, itemCount: itemCount))
    return stage == 0
      ? try firstWeights(noisedSum, context: context, parameters: parameters)
      : try step(stage, noisedSum, context: context, parameters: parameters, itemCount: itemCount)
  }

  private func firstWeights(
    _ noisedSum: [Double], context: StageContext, parameters: ModelParameters
  ) throws(RecommendationError) -> ModelParameters {
    let noised = popularityStage.popularity(noisedSum, context: context)
    let head = Head(popularity: noised, count: headSize)
    let seed = try PublicSeed(parameters)
    let items =
      learnsItems
      ? shape.initialItems(
        count: head.count, deviation: Self.startDeviation, seed: seed.value)
      : try PublicItemVectors.rows(
        of: head, features: context.features, dimension: shape.dimension, seed: seed.value)
    let weights = shape.initialWeights(
      deviation: Self.startDeviation, lastGain: Self.startLastGain, seed: seed.value)
    var tensors: [String: ModelParameters.Tensor] = [
      PopularityStage.tensor: .init(noised),
      Head.tensor: .init(head.values),
      LearnedSequence.biasTensor: .init(
        LearnedSequence.bias(
          popularity: noised, head: head, least: leastPopularity(context))),
      PublicSeed.tensor: seed.parameters,
    ]
    let count = weights.count + (learnsItems ? items.count : 0)
    LearnedSequence.write(
      weights: weights, items: items, steps: Adam(count: count), head: head, shape: shape,
      to: &tensors)
    return try ModelParameters(tensors: tensors)
  }

  /// The fraction of the cohort that tells an item's popularity from none: one deviation of the noise, or half a
  /// customer.
  private func leastPopularity(_ context: StageContext) -> Double {
    max(0.5, popularityStage.customers(context.noiseStandardDeviation))
      / Double(context.targetCohort)
  }

  private func step(
    _ stage: Int, _ noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let learned = try LearnedSequence(
      parameters, itemCount: itemCount, shape: shape, learnsItems: learnsItems)
    var steps = try LearnedSequence.steps(parameters, count: noisedSum.count, stage: stage)
    var values = learned.network.weights + (learnsItems ? learned.network.items : [])
    let scale = 1 / Double(context.targetCohort)
    let rounds = stages.count - 1
    let left = rateFalls ? Double(rounds - stage + 1) / Double(rounds) : 1
    steps.step(
      &values, gradient: noisedSum.map { Float($0 * scale) }, learningRate: learningRate * left)
    var tensors = parameters.tensors
    LearnedSequence.write(
      weights: Array(values[..<shape.weightCount]),
      items: learnsItems ? Array(values[shape.weightCount...]) : learned.network.items,
      steps: steps, head: learned.head, shape: shape, to: &tensors)
    return try ModelParameters(tensors: tensors)
  }

  /// The network's logits: what the order of the history adds, and the bias of each item. Items outside the head
  /// come last.
  package func scores(
    history: CustomerHistory, parameters: ModelParameters, features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores {
    let popularity = try PopularityStage.values(parameters)
    try history.checkItems(below: popularity.count)
    if let features, features.itemCount != popularity.count {
      throw .shapeMismatch(
        name: "features", expected: [popularity.count, features.dimension],
        actual: [features.itemCount, features.dimension])
    }
    guard parameters[LearnedSequence.weightsTensor] != nil else {
      return try ItemScores(
        itemCount: popularity.count, components: [(.popularity, popularity)]
      ).checked()
    }
    let learned = try LearnedSequence(
      parameters, itemCount: popularity.count, shape: shape, learnsItems: learnsItems)
    let scores = learned.scores(history)
    return try ItemScores(
      itemCount: popularity.count,
      components: [(.sequence, scores.sequence), (.popularity, scores.popularity)]
    ).checked()
  }

  /// None: what attention makes of an order is no sum over its items.
  package func historyShares(
    of items: [Int], history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [[HistoryShare]] {
    items.map { _ in [] }
  }

  package func readSequence(
    of history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [Int] {
    guard parameters[LearnedSequence.weightsTensor] != nil else { return [] }
    let itemCount = try PopularityStage.values(parameters).count
    try history.checkItems(below: itemCount)
    let head = try Head(parameters, itemCount: itemCount, limit: Head.wideLimit)
    return Array(history.sequence().filter { head.place(of: $0) != nil }.suffix(shape.length))
  }
}
