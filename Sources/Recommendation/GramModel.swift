package import CanonicalJSON
internal import VectorMath

/// Which items are bought by the same customers: directions of taste from a noised Gram matrix over the most
/// popular items, refined and carried over to more items, mixed on the device with public
/// item texts and popularity.
///
/// Every sum adds vectors of norm 1, or 0, so that one customer moves it by at most 1 under zero-out:
/// - Stage 0 learns the popularity and chooses the core, the m most popular items, and the wide head, more
///   of them: how many follows from the noise and the length of the catalogue (``SignalLevel``).
/// - Stage 1: y is the customer's row over the core without its part along the direction of popularity
///   (``PopularityDirection``), at norm 1. A device sends the upper triangle of y y' with off-diagonal
///   entries times sqrt 2. The norm of that is the Frobenius norm of y y', which is |y|² = 1. The coordinator
///   publishes the leading eigenvectors V of the noised sum (``NoisedSpectrum``), and weighs the texts by
///   how well they foretell that sum (``KernelAlignment``).
/// - Stage 2: c is V'y at norm 1, z the row over the wide head made as y. A device sends z c', whose
///   Frobenius norm is |z| |c| = 1. Its sum is the image of V under the Gram matrix of the wide head, where
///   customers are weighted by 1 / |V'y|: the few numbers fill the norm that in stage 1 was mostly spent on
///   what is no direction of taste. Together the two make the published vectors (``RefinedSpectrum``).
/// - A customer with nothing in the core, or with nothing beside popularity, sends zero.
///
/// y y' is, up to a factor, the gradient at zero of the loss of the linear autoencoder y -> y B; the loss
/// is quadratic, so that one noised gradient holds what there is to learn. Stage 2 is one step of the
/// noisy power method on it.
///
/// Hyperparameters (all optional): `head`, the core, an integer 1 ... 1024; `rank`, an integer 1 ... 128: left
/// out, both follow from the cohort and the noise; `popular_since`, see `PopularityStage`.
/// - Source: section 2.4 of recommendation-and-evaluation for stage 1; Hardt and Price, "The Noisy Power
///   Method: A Meta Algorithm with Applications", NIPS 2014, for stage 2. The normalisation of stage 2 and
///   the mean of both releases are ours.
package struct GramModel: FederatedModel {
  package static let identifier = "gram"

  package let stages = [PopularityStage.name, "gram", "refinement"]
  package let budgetShares = [0.15, 0.35, 0.5]

  /// Name of the tensor [rank] between stages 1 and 2: eigenvalues without their noise.
  static let eigenvaluesTensor = "eigenvalues"
  /// Name of the tensor [1] between stages 0 and 2: items of the wide head.
  static let wideTensor = "wide_head"
  /// Items of the wide head for each of the largest core, and for each of one that is asked for.
  static let wideFactor = 4
  /// The ridge c of the scores as a fraction of the cohort.
  private static let ridgeFraction = 0.01
  /// A profile V'y shorter than this is rounding.
  private static let smallestProfile = 1e-9

  /// Bounds of the overrides.
  enum Limits {
    static let head = 1...Head.limit
    static let rank = 1...128
  }

  private let popularityStage: PopularityStage
  /// Core size asked for; nil for the rule.
  private let headSize: Int?
  /// Rank asked for; nil for the rule.
  private let rank: Int?

  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
  package init(hyperparameters: JSONValue) throws(RecommendationError) {
    let read = try Hyperparameters(
      hyperparameters, known: ["head", "rank", PopularityStage.sinceName])
    popularityStage = try PopularityStage(read)
    headSize = try read.integer("head", in: Limits.head)
    rank = try read.integer("rank", in: Limits.rank)
  }

  /// Every default.
  package init() {
    popularityStage = PopularityStage()
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
    switch stage {
    case 0: return itemCount
    case 1: return UpperTriangle(size: try Head(parameters, itemCount: itemCount).count).count
    default:
      let directions = try LearnedDirections(parameters, itemCount: itemCount)
      return directions.wide.count * directions.rank
    }
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try checkStage(stage)
    switch stage {
    case 0: return try popularityStage.update(history: history, itemCount: itemCount)
    case 1:
      return try gramUpdate(history: history, parameters: parameters, itemCount: itemCount)
    default:
      return try imageUpdate(history: history, parameters: parameters, itemCount: itemCount)
    }
  }

  private func gramUpdate(
    history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try history.checkItems(below: itemCount)
    let head = try Head(parameters, itemCount: itemCount)
    let popularity = try parameters.values(PopularityStage.tensor, shape: [itemCount])
    let triangle = UpperTriangle(size: head.count)
    var update = [Float](repeating: 0, count: triangle.count)
    let row = PopularityDirection(popularity: popularity, head: head)
      .residual(places: head.places(of: history).map(\.place))
    guard let row else { return update }
    var index = 0
    for first in row.indices {
      update[index] = Float(row[first] * row[first])
      index += 1
      let scaled = row[first] * 2.0.squareRoot()
      for second in row[(first + 1)...] {
        update[index] = Float(scaled * second)
        index += 1
      }
    }
    try update.shrinkToUnitNorm()
    return update
  }

  private func imageUpdate(
    history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try history.checkItems(below: itemCount)
    let popularity = try parameters.values(PopularityStage.tensor, shape: [itemCount])
    let directions = try LearnedDirections(parameters, itemCount: itemCount)
    var update = [Float](repeating: 0, count: directions.wide.count * directions.rank)
    func row(over head: Head) -> [Double]? {
      PopularityDirection(popularity: popularity, head: head)
        .residual(places: head.places(of: history).map(\.place))
    }
    guard let core = row(over: directions.core), let wide = row(over: directions.wide) else {
      return update
    }
    let profile = Kernels.transposedProduct(directions.vectors, core)
    let norm = profile.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard norm > Self.smallestProfile, norm.isFinite else { return update }
    let unit = profile.map { $0 / norm }
    var index = 0
    for value in wide {
      for entry in unit {
        update[index] = Float(value * entry)
        index += 1
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
    switch stage {
    case 0: return try core(noisedSum, context: context, itemCount: itemCount)
    case 1:
      return try spectrum(
        noisedSum, context: context, parameters: parameters, itemCount: itemCount)
    default:
      return try refined(
        noisedSum, context: context, parameters: parameters, itemCount: itemCount)
    }
  }

  private func core(
    _ noisedSum: [Double], context: StageContext, itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let popularity = popularityStage.popularity(noisedSum, context: context)
    let level = SignalLevel(context: context, budgetShare: budgetShares[0])
    let head = Head(popularity: popularity, count: headSize ?? level.coreSize)
    let wideSize =
      headSize.map { $0 * Self.wideFactor }
      ?? level.wideSize(core: head.count, itemCount: itemCount)
    return try ModelParameters(tensors: [
      PopularityStage.tensor: .init(popularity),
      Head.tensor: .init(head.values),
      Self.wideTensor: .init([Float(min(wideSize, itemCount))]),
      HybridScores.textWeightTensor: .init([
        level.textWeight(itemCount: itemCount, alignment: KernelAlignment.unknown)
      ]),
    ])
  }

  private func spectrum(
    _ noisedSum: [Double], context: StageContext, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let head = try Head(parameters, itemCount: itemCount)
    let spectrum = try NoisedSpectrum(
      triangle: noisedSum, size: head.count,
      noiseStandardDeviation: context.noiseStandardDeviation, rank: rank)
    let edge = NoisedSpectrum.edge(
      size: head.count, noiseStandardDeviation: context.noiseStandardDeviation)
    let ridge = Self.ridgeFraction * Double(context.targetCohort)
    let weights = spectrum.eigenvalues.map {
      NoisedSpectrum.trust(eigenvalue: $0, edge: edge) * $0 / ($0 + ridge)
    }
    var tensors = parameters.tensors
    tensors[LearnedGram.vectorsTensor] = Self.tensor(spectrum.vectors)
    tensors[LearnedGram.weightsTensor] = .init(weights.map { Float($0) })
    tensors[Self.eigenvaluesTensor] = .init(spectrum.eigenvalues.map { Float($0) })
    if let features = context.features {
      tensors[HybridScores.textWeightTensor] = .init([
        try textWeight(
          noisedSum, context: context, features: features, head: head, parameters: parameters)
      ])
    }
    return try ModelParameters(tensors: tensors)
  }

  /// The text weight that the purchases themselves ask for, as far as noise lets them be seen.
  private func textWeight(
    _ triangle: [Double], context: StageContext, features: ItemFeatures, head: Head,
    parameters: ModelParameters
  ) throws(RecommendationError) -> Float {
    let popularity = try PopularityStage.values(parameters)
    let itemCount = popularity.count
    guard features.itemCount == itemCount else {
      throw .shapeMismatch(
        name: "features", expected: [itemCount, features.dimension],
        actual: [features.itemCount, features.dimension])
    }
    let alignment = KernelAlignment.value(
      triangle: triangle, noiseStandardDeviation: context.noiseStandardDeviation,
      direction: PopularityDirection(popularity: popularity, head: head).values,
      features: features, items: head.items)
    return SignalLevel(context: context, budgetShare: budgetShares[1])
      .textWeight(itemCount: itemCount, alignment: alignment)
  }

  private func refined(
    _ noisedSum: [Double], context: StageContext, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let directions = try LearnedDirections(parameters, itemCount: itemCount)
    var image = DoubleMatrix(rows: directions.wide.count, columns: directions.rank)
    for index in noisedSum.indices { image.storage[index] = noisedSum[index] }
    let refined = try RefinedSpectrum(
      directions: directions.vectors, eigenvalues: directions.eigenvalues,
      gramShare: budgetShares[1], image: image, imageShare: budgetShares[2],
      corePlaces: directions.core.items.compactMap { directions.wide.place(of: $0) },
      noiseStandardDeviation: context.noiseStandardDeviation * budgetShares[2].squareRoot(),
      ridge: Self.ridgeFraction * Double(context.targetCohort))
    var tensors = parameters.tensors
    tensors[Self.eigenvaluesTensor] = nil
    tensors[Self.wideTensor] = nil
    tensors[Head.tensor] = .init(directions.wide.values)
    if refined.weights.isEmpty {
      // The form stays, and the scores fall back on popularity and text.
      tensors[LearnedGram.vectorsTensor] = .init(
        shape: [directions.wide.count, 1],
        values: [Float](repeating: 0, count: directions.wide.count))
      tensors[LearnedGram.weightsTensor] = .init([0])
    } else {
      tensors[LearnedGram.vectorsTensor] = Self.tensor(refined.vectors)
      tensors[LearnedGram.weightsTensor] = .init(refined.weights.map { Float($0) })
    }
    return try ModelParameters(tensors: tensors)
  }

  private static func tensor(_ matrix: DoubleMatrix) -> ModelParameters.Tensor {
    .init(shape: [matrix.rows, matrix.columns], values: matrix.storage.map { Float($0) })
  }

  package func scores(
    history: CustomerHistory, parameters: ModelParameters, features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores {
    try HybridScores.mix(
      learned: try LearnedGram(parameters), history: history, parameters: parameters,
      features: features)
  }

  package func historyShares(
    of items: [Int], history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [[HistoryShare]] {
    try HybridScores.shares(of: items, learned: try LearnedGram(parameters), history: history)
  }
}
