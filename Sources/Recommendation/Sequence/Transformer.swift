internal import VectorMath

/// A transformer over the order of a customer's purchases: it reads the latest items and scores every item
/// as the next one.
///
/// With item vectors e, x_t = e(item t) + position; a block adds Attention(LN x) and then a feed-forward layer
/// of LN x; the score of item i after item t is LN(x_t) · e_i + bias_i. Attention is causal and has one head.
/// Hidden layers have d units and ReLU. Positions are counted from the latest item.
///
/// - Source: Kang, McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, sections III.A to III.D;
///   departures: softmax over all items instead of one sampled negative (Klenitskiy, Vasilev, "Turning Dross
///   Into Gold Loss", RecSys 2023), an output matrix behind the attention, keys and values normalised as
///   queries are, a bias of the items that is given and not learned.
package struct Transformer<Scalar: TransformerScalar>: Sendable, Equatable {
  /// What one gradient is made of.
  package struct Gradient: Sendable, Equatable {
    /// For ``Transformer/weights``.
    package var weights: [Scalar]
    /// For ``Transformer/items``; empty where they are not learned.
    package var items: [Scalar]
  }

  package let shape: TransformerShape
  /// As ``TransformerShape/groups`` says.
  package var weights: [Scalar]
  /// Item vectors, row-major [items, d].
  package var items: [Scalar]
  /// What is added to the score of each item.
  package let bias: [Scalar]
  /// Whether gradients are made for the item vectors.
  package let learnsItems: Bool

  package var itemCount: Int { bias.count }

  /// - Precondition: sizes are those of `shape`; at least one item.
  package init(
    shape: TransformerShape, weights: [Scalar], items: [Scalar], bias: [Scalar], learnsItems: Bool
  ) {
    precondition(weights.count == shape.weightCount, "as many weights as the shape says")
    precondition(!bias.isEmpty && items.count == bias.count * shape.dimension, "a vector an item")
    self.shape = shape
    self.weights = weights
    self.items = items
    self.bias = bias
    self.learnsItems = learnsItems
  }

  /// A gradient of zeros.
  package var zeroGradient: Gradient {
    Gradient(
      weights: [Scalar](repeating: 0, count: weights.count),
      items: [Scalar](repeating: 0, count: learnsItems ? items.count : 0))
  }

  /// LN(x) · e_i of every item as the next after `sequence`, without the bias.
  ///
  /// - Parameter sequence: places of items, oldest first; only the last ``TransformerShape/length`` are read.
  ///   All zero for an empty one.
  @specialized(where Scalar == Float)
  package func scores(after sequence: [Int]) -> [Scalar] {
    let inputs = Array(sequence.suffix(shape.length))
    guard !inputs.isEmpty else { return [Scalar](repeating: 0, count: itemCount) }
    var dropout: Dropout?
    let pass = TransformerPass(self, inputs: inputs, dropout: &dropout)
    var scores = [Scalar](repeating: 0, count: itemCount)
    var span = scores.mutableSpan
    let last = pass.hidden[(inputs.count - 1) * shape.dimension..<inputs.count * shape.dimension]
    Kernels.gemv(items.span, stride: shape.dimension, Array(last).span, into: &span)
    return scores
  }

  /// Adds the gradient of one window's loss: the sum over its places of -ln p(next item) times `scale`.
  ///
  /// - Parameters:
  ///   - window: at most ``TransformerShape/length`` items and what came after each.
  ///   - scale: factor of the loss.
  ///   - dropout: nil to drop nothing.
  /// - Returns: the loss, times `scale`.
  @specialized(where Scalar == Float)
  @discardableResult
  package func addGradient(
    of window: SequenceWindow, scale: Scalar, dropout: inout Dropout?, to gradient: inout Gradient
  ) -> Scalar {
    precondition(window.inputs.count <= shape.length, "a window is no longer than the positions")
    guard !window.inputs.isEmpty else { return 0 }
    let pass = TransformerPass(self, inputs: window.inputs, dropout: &dropout)
    var logits = logits(of: pass.hidden, rows: window.inputs.count)
    let loss = Self.crossEntropy(&logits, targets: window.targets, scale: scale)
    let rows = window.inputs.count
    let d = shape.dimension
    var derivative = [Scalar](repeating: 0, count: rows * d)
    Self.add(
      .init(
        rows: rows, columns: d, inner: itemCount, a: .rowMajor(stride: itemCount),
        b: .rowMajor(stride: d), c: .rowMajor(stride: d)), logits, items, to: &derivative)
    if learnsItems {
      Self.add(
        .init(
          rows: itemCount, columns: d, inner: rows, a: .transposed(stride: itemCount),
          b: .rowMajor(stride: d), c: .rowMajor(stride: d)), logits, pass.hidden,
        to: &gradient.items)
    }
    pass.backward(derivative, of: self, to: &gradient)
    return loss
  }

  private func logits(of hidden: [Scalar], rows: Int) -> [Scalar] {
    var logits: [Scalar] = []
    logits.reserveCapacity(rows * itemCount)
    for _ in 0..<rows { logits.append(contentsOf: bias) }
    Self.add(
      .init(
        rows: rows, columns: itemCount, inner: shape.dimension,
        a: .rowMajor(stride: shape.dimension), b: .transposed(stride: shape.dimension),
        c: .rowMajor(stride: itemCount)), hidden, items, to: &logits)
    return logits
  }

  /// Replaces each row of logits by its derivative, `scale` (p - [target]).
  private static func crossEntropy(
    _ logits: inout [Scalar], targets: [Int], scale: Scalar
  ) -> Scalar {
    let count = logits.count / targets.count
    var loss: Scalar = 0
    var span = logits.mutableSpan
    for (row, target) in targets.enumerated() {
      let range = row * count..<(row + 1) * count
      var maximum = span[range.lowerBound]
      for index in range where span[index] > maximum { maximum = span[index] }
      let distance = span[range.lowerBound + target] - maximum
      let sum = Scalar.exponentiate(&span, in: range, below: maximum)
      loss += scale * (Scalar.logarithm(sum) - distance)
      let factor = scale / sum
      for index in range { span[index] *= factor }
      span[range.lowerBound + target] -= scale
    }
    return loss
  }

  /// C += A B.
  static func add(
    _ shape: ProductShape, _ a: [Scalar], _ b: [Scalar], to c: inout [Scalar]
  ) {
    var span = c.mutableSpan
    Kernels.gemm(shape, a.span, b.span, into: &span)
  }
}
