internal import VectorMath

/// The forward pass of one sequence, with what its backward pass needs.
struct TransformerPass<Scalar: TransformerScalar> {
  /// What a block computed; all [rows, d] but for the attention.
  private struct BlockState {
    let norm: LayerNorm<Scalar>
    let normed: [Scalar]
    let query: [Scalar]
    let key: [Scalar]
    let value: [Scalar]
    /// [rows, rows]: weights of the attention before dropout, 0 above the diagonal.
    let attention: [Scalar]
    let attentionFactors: [Scalar]?
    /// The attention's weighted values.
    let mixed: [Scalar]
    let outputFactors: [Scalar]?
    let forwardNorm: LayerNorm<Scalar>
    let forwardNormed: [Scalar]
    /// After ReLU and dropout.
    let inner: [Scalar]
    let innerFactors: [Scalar]?
    let outerFactors: [Scalar]?
  }

  private let inputs: [Int]
  private let inputFactors: [Scalar]?
  private let blocks: [BlockState]
  private let last: LayerNorm<Scalar>
  /// LN(x), shape [inputs, d].
  let hidden: [Scalar]

  /// - Precondition: 1 ... length inputs, each below the number of items.
  init(_ network: Transformer<Scalar>, inputs: [Int], dropout: inout Dropout?) {
    let shape = network.shape
    let d = shape.dimension
    let first = shape.positions + (shape.length - inputs.count) * d
    var x = [Scalar](repeating: 0, count: inputs.count * d)
    for (row, item) in inputs.enumerated() {
      for column in 0..<d {
        x[row * d + column] =
          network.items[item * d + column] + network.weights[first + row * d + column]
      }
    }
    let inputFactors: [Scalar]? = dropout?.factors(count: x.count)
    x.multiply(by: inputFactors)
    var blocks: [BlockState] = []
    for index in 0..<shape.blocks {
      blocks.append(
        Self.block(
          shape.block(index), rows: inputs.count, weights: network.weights, x: &x, &dropout))
    }
    self.inputs = inputs
    self.inputFactors = inputFactors
    self.blocks = blocks
    last = LayerNorm(
      x, dimension: d, gain: shape.lastGain, offset: shape.lastOffset)
    hidden = last.output(weights: network.weights)
  }

  /// Adds the layers of a block to `x`.
  private static func block(
    _ block: TransformerShape.Block, rows: Int, weights: [Scalar], x: inout [Scalar],
    _ dropout: inout Dropout?
  ) -> BlockState {
    let d = block.dimension
    let norm = LayerNorm(
      x, dimension: d, gain: block.attentionGain, offset: block.attentionOffset)
    let normed = norm.output(weights: weights)
    let query = product(normed, weights, at: block.query, rows: rows, d: d)
    let key = product(normed, weights, at: block.key, rows: rows, d: d)
    let value = product(normed, weights, at: block.value, rows: rows, d: d)
    let attention = attention(query: query, key: key, rows: rows, d: d)
    let attentionFactors: [Scalar]? = dropout?.factors(count: attention.count)
    var dropped = attention
    dropped.multiply(by: attentionFactors)
    var mixed = [Scalar](repeating: 0, count: rows * d)
    Transformer.add(
      .init(
        rows: rows, columns: d, inner: rows, a: .rowMajor(stride: rows), b: .rowMajor(stride: d),
        c: .rowMajor(stride: d)), dropped, value, to: &mixed)
    var output = product(mixed, weights, at: block.output, rows: rows, d: d)
    let outputFactors: [Scalar]? = dropout?.factors(count: output.count)
    output.multiply(by: outputFactors)
    x.add(output)

    let forwardNorm = LayerNorm(
      x, dimension: d, gain: block.forwardGain, offset: block.forwardOffset)
    let forwardNormed = forwardNorm.output(weights: weights)
    var inner = product(forwardNormed, weights, at: block.inner, rows: rows, d: d)
    inner.addRow(weights, at: block.innerOffset, d: d)
    for index in inner.indices where inner[index] < 0 { inner[index] = 0 }
    let innerFactors: [Scalar]? = dropout?.factors(count: inner.count)
    inner.multiply(by: innerFactors)
    var outer = product(inner, weights, at: block.outer, rows: rows, d: d)
    outer.addRow(weights, at: block.outerOffset, d: d)
    let outerFactors: [Scalar]? = dropout?.factors(count: outer.count)
    outer.multiply(by: outerFactors)
    x.add(outer)
    return BlockState(
      norm: norm, normed: normed, query: query, key: key, value: value, attention: attention,
      attentionFactors: attentionFactors, mixed: mixed, outputFactors: outputFactors,
      forwardNorm: forwardNorm, forwardNormed: forwardNormed, inner: inner,
      innerFactors: innerFactors, outerFactors: outerFactors)
  }

  /// softmax(Q K' / sqrt d) over the places up to the row's own.
  private static func attention(query: [Scalar], key: [Scalar], rows: Int, d: Int) -> [Scalar] {
    var attention = [Scalar](repeating: 0, count: rows * rows)
    Transformer.add(
      .init(
        rows: rows, columns: rows, inner: d, a: .rowMajor(stride: d), b: .transposed(stride: d),
        c: .rowMajor(stride: rows), lowerOnly: true), query, key, to: &attention)
    let factor = 1 / Scalar(d).squareRoot()
    var span = attention.mutableSpan
    for row in 0..<rows {
      let range = row * rows..<row * rows + row + 1
      var maximum = span[range.lowerBound] * factor
      for index in range {
        span[index] *= factor
        if span[index] > maximum { maximum = span[index] }
      }
      let sum = Scalar.exponentiate(&span, in: range, below: maximum)
      for index in range { span[index] /= sum }
    }
    return attention
  }

  /// X W for the matrix at `offset` of the weights.
  private static func product(
    _ x: [Scalar], _ weights: [Scalar], at offset: Int, rows: Int, d: Int
  ) -> [Scalar] {
    var result = [Scalar](repeating: 0, count: rows * d)
    Transformer.add(
      .init(
        rows: rows, columns: d, inner: d, a: .rowMajor(stride: d),
        b: .rowMajor(stride: d, offset: offset), c: .rowMajor(stride: d)), x, weights, to: &result)
    return result
  }
}

// The backward pass.
extension TransformerPass {
  /// Adds the gradient for weights and input vectors, given the derivative for ``hidden``.
  func backward(
    _ derivative: [Scalar], of network: Transformer<Scalar>,
    to gradient: inout Transformer<Scalar>.Gradient
  ) {
    let shape = network.shape
    let d = shape.dimension
    var dx = [Scalar](repeating: 0, count: derivative.count)
    last.backward(
      derivative, weights: network.weights, gradient: &gradient.weights, into: &dx)
    for index in blocks.indices.reversed() {
      backward(
        blocks[index], shape.block(index), weights: network.weights, dx: &dx,
        to: &gradient.weights)
    }
    dx.multiply(by: inputFactors)
    let first = shape.positions + (shape.length - inputs.count) * d
    for index in dx.indices { gradient.weights[first + index] += dx[index] }
    guard network.learnsItems else { return }
    for (row, item) in inputs.enumerated() {
      for column in 0..<d { gradient.items[item * d + column] += dx[row * d + column] }
    }
  }

  /// Turns the derivative for a block's output into that for its input.
  private func backward(
    _ state: BlockState, _ block: TransformerShape.Block, weights: [Scalar], dx: inout [Scalar],
    to gradient: inout [Scalar]
  ) {
    let d = block.dimension
    let rows = inputs.count
    var outer = dx
    outer.multiply(by: state.outerFactors)
    gradient.addColumnSums(outer, at: block.outerOffset, d: d)
    var inner = [Scalar](repeating: 0, count: rows * d)
    backward(
      outer, of: state.inner, weights: weights, at: block.outer, to: &gradient, into: &inner)
    inner.multiply(by: state.innerFactors)
    for index in inner.indices where state.inner[index] <= 0 { inner[index] = 0 }
    gradient.addColumnSums(inner, at: block.innerOffset, d: d)
    var normed = [Scalar](repeating: 0, count: rows * d)
    backward(
      inner, of: state.forwardNormed, weights: weights, at: block.inner, to: &gradient,
      into: &normed)
    state.forwardNorm.backward(normed, weights: weights, gradient: &gradient, into: &dx)

    var output = dx
    output.multiply(by: state.outputFactors)
    var mixed = [Scalar](repeating: 0, count: rows * d)
    backward(
      output, of: state.mixed, weights: weights, at: block.output, to: &gradient, into: &mixed)
    let (query, key, value) = attentionDerivatives(mixed, state, d: d)
    normed = [Scalar](repeating: 0, count: rows * d)
    for (part, offset) in [(query, block.query), (key, block.key), (value, block.value)] {
      backward(
        part, of: state.normed, weights: weights, at: offset, to: &gradient, into: &normed)
    }
    state.norm.backward(normed, weights: weights, gradient: &gradient, into: &dx)
  }

  /// The derivatives for Q, K and V from that for the weighted values.
  private func attentionDerivatives(
    _ mixed: [Scalar], _ state: BlockState, d: Int
  ) -> (query: [Scalar], key: [Scalar], value: [Scalar]) {
    let rows = inputs.count
    var dropped = state.attention
    dropped.multiply(by: state.attentionFactors)
    var value = [Scalar](repeating: 0, count: rows * d)
    let transposedByRows = ProductShape(
      rows: rows, columns: d, inner: rows, a: .transposed(stride: rows), b: .rowMajor(stride: d),
      c: .rowMajor(stride: d))
    Transformer.add(transposedByRows, dropped, mixed, to: &value)
    var scores = [Scalar](repeating: 0, count: rows * rows)
    Transformer.add(
      .init(
        rows: rows, columns: rows, inner: d, a: .rowMajor(stride: d), b: .transposed(stride: d),
        c: .rowMajor(stride: rows), lowerOnly: true), mixed, state.value, to: &scores)
    scores.multiply(by: state.attentionFactors)
    let factor = 1 / Scalar(d).squareRoot()
    for row in 0..<rows {
      var product: Scalar = 0
      for index in row * rows...row * rows + row {
        product += scores[index] * state.attention[index]
      }
      for index in row * rows...row * rows + row {
        scores[index] = factor * state.attention[index] * (scores[index] - product)
      }
    }
    var query = [Scalar](repeating: 0, count: rows * d)
    Transformer.add(
      .init(
        rows: rows, columns: d, inner: rows, a: .rowMajor(stride: rows), b: .rowMajor(stride: d),
        c: .rowMajor(stride: d)), scores, state.key, to: &query)
    var key = [Scalar](repeating: 0, count: rows * d)
    Transformer.add(transposedByRows, scores, state.query, to: &key)
    return (query, key, value)
  }

  /// Of Y = X W: adds X' dY to the gradient of W and dY W' to that of X.
  private func backward(
    _ derivative: [Scalar], of x: [Scalar], weights: [Scalar], at offset: Int,
    to gradient: inout [Scalar], into input: inout [Scalar]
  ) {
    let rows = inputs.count
    let d = x.count / rows
    Transformer.add(
      .init(
        rows: d, columns: d, inner: rows, a: .transposed(stride: d), b: .rowMajor(stride: d),
        c: .rowMajor(stride: d, offset: offset)), x, derivative, to: &gradient)
    Transformer.add(
      .init(
        rows: rows, columns: d, inner: d, a: .rowMajor(stride: d),
        b: .transposed(stride: d, offset: offset), c: .rowMajor(stride: d)), derivative, weights,
      to: &input)
  }
}

extension Array where Element: TransformerScalar {
  /// Multiplies by factors of a dropout, if there was one.
  fileprivate mutating func multiply(by factors: [Element]?) {
    guard let factors else { return }
    for index in indices { self[index] *= factors[index] }
  }

  fileprivate mutating func add(_ other: [Element]) {
    for index in indices { self[index] += other[index] }
  }

  /// Adds `d` weights to each row.
  fileprivate mutating func addRow(_ weights: [Element], at offset: Int, d: Int) {
    for row in 0..<count / d {
      for column in 0..<d { self[row * d + column] += weights[offset + column] }
    }
  }

  /// Adds the sum of all rows to `d` elements from `offset` on.
  fileprivate mutating func addColumnSums(_ rows: [Element], at offset: Int, d: Int) {
    for row in 0..<rows.count / d {
      for column in 0..<d { self[offset + column] += rows[row * d + column] }
    }
  }
}
