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

  /// The two parts of every catalogue item's score: what the order of the history adds, 0 outside the head, and
  /// the popularity.
  ///
  /// The network knows nothing of items outside the head but that they are bought less than those in it. So
  /// they come last for every customer: their popularity is one below the least score of the head, at odds
  /// smaller by the factor e.
  func scores(_ history: CustomerHistory) -> (sequence: [Float], popularity: [Float]) {
    let order = network.scores(after: places(of: history))
    var least = Float.infinity
    // Added as the parts of a score are, so that what is least here is least there.
    for (value, bias) in zip(order, network.bias) { least = min(least, value + bias) }
    return (
      spread(order, outside: 0),
      // Beyond 2^24 taking off one changes nothing.
      spread(network.bias, outside: min(least - 1, least.nextDown))
    )
  }

  private func spread(_ values: [Float], outside: Float) -> [Float] {
    var spread = [Float](repeating: outside, count: itemCount)
    for (place, item) in head.items.enumerated() { spread[item] = values[place] }
    return spread
  }

  /// What a softmax without a history would learn, up to a constant: ln of the popularity over the least that
  /// counts.
  static func bias(popularity: [Float], head: Head, least: Double) -> [Float] {
    head.items.map { Float(log(max(Double(popularity[$0]) / least, 1))) }
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
  ///
  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.negative` for a square.
  static func steps(
    _ parameters: ModelParameters, count: Int, stage: Int
  ) throws(RecommendationError) -> Adam {
    try Adam(
      parameters, mean: meanTensor, square: squareTensor, shape: [count], steps: stage - 1)
  }
}
