internal import Glibc
internal import VectorMath

/// The published network as a device uses it, and its form in ``ModelParameters``.
struct LearnedSequence {
  /// Name of the tensor [weights], laid out as ``TransformerShape/groups`` says.
  static let weightsTensor = "weights"
  /// Name of the tensor [head, dimension] of item vectors.
  static let itemsTensor = "item_vectors"
  /// Name of the tensor [head]: ln of the noised popularity over the least that counts, at least 0.
  static let biasTensor = "bias"
  /// Names of the optimizer's tensors [weights, and item vectors if they are learned].
  static let meanTensor = "gradient_mean"
  static let squareTensor = "gradient_square"

  let head: Head
  let network: Transformer<Float>
  private let itemCount: Int

  /// - Parameter parameters: untrusted.
  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.tooLarge`, `.invalidHead`.
  init(
    _ parameters: ModelParameters, itemCount: Int, shape: TransformerShape, learnsItems: Bool
  ) throws(RecommendationError) {
    head = try Head(parameters, itemCount: itemCount, limit: Head.wideLimit)
    network = Transformer(
      shape: shape,
      weights: try parameters.values(Self.weightsTensor, shape: [shape.weightCount]),
      items: try parameters.values(Self.itemsTensor, shape: [head.count, shape.dimension]),
      bias: try parameters.values(Self.biasTensor, shape: [head.count]), learnsItems: learnsItems)
    self.itemCount = itemCount
  }

  /// The history in order, as places in the head; items outside it are left out.
  func places(of history: CustomerHistory) -> [Int] {
    history.sequence().compactMap { head.place(of: $0) }
  }

  /// What the order of the history adds to each catalogue item; 0 outside the head.
  func scores(_ history: CustomerHistory) -> [Float] {
    spread(network.scores(after: places(of: history)))
  }

  /// The bias of each catalogue item; 0 outside the head, as for an item that nobody is known to buy.
  var popularityScores: [Float] { spread(network.bias) }

  private func spread(_ values: [Float]) -> [Float] {
    var spread = [Float](repeating: 0, count: itemCount)
    for (place, item) in head.items.enumerated() { spread[item] = values[place] }
    return spread
  }

  /// What a softmax without a history would learn, up to a constant: ln of the popularity over the least that
  /// counts, which is one deviation of the noise, or half a customer.
  static func bias(popularity: [Float], head: Head, context: StageContext) -> [Float] {
    let deviation = PopularityStage.customers(context.noiseStandardDeviation)
    let floor = max(0.5, deviation) / Double(context.targetCohort)
    return head.items.map { Float(log(max(Double(popularity[$0]) / floor, 1))) }
  }

  static func write(
    weights: [Float], items: [Float], steps: Adam, head: Head, shape: TransformerShape,
    to tensors: inout [String: ModelParameters.Tensor]
  ) {
    tensors[weightsTensor] = .init(weights)
    tensors[itemsTensor] = .init(shape: [head.count, shape.dimension], values: items)
    tensors[meanTensor] = .init(steps.mean)
    tensors[squareTensor] = .init(steps.square)
  }

  /// The optimizer before the step of `stage`, the first of which is 1.
  static func steps(
    _ parameters: ModelParameters, count: Int, stage: Int
  ) throws(RecommendationError) -> Adam {
    let square = try parameters.values(squareTensor, shape: [count])
    if let index = square.firstIndex(where: { $0 < 0 }) {
      throw .notFinite(name: squareTensor, index: index)
    }
    return Adam(
      mean: try parameters.values(meanTensor, shape: [count]), square: square, steps: stage - 1)
  }
}
