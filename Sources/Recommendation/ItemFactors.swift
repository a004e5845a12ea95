internal import VectorMath

/// The public item vectors of a factorisation.
struct ItemFactors: Equatable {
  let head: Head
  /// Values of a vector.
  let dimension: Int
  /// Row-major [head, dimension].
  let matrix: DoubleMatrix

  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.invalidHead`.
  init(
    _ parameters: ModelParameters, itemCount: Int, dimension: Int
  ) throws(RecommendationError) {
    let head = try Head(parameters, itemCount: itemCount)
    let values = try parameters.values(
      FactorizationModel.factorsTensor, shape: [head.count, dimension])
    self.init(head: head, dimension: dimension, values: values.map(Double.init))
  }

  /// - Precondition: `values` has `head.count * dimension` elements.
  init(head: Head, dimension: Int, values: [Double]) {
    precondition(values.count == head.count * dimension, "a vector for each head item")
    self.head = head
    self.dimension = dimension
    var matrix = DoubleMatrix(rows: head.count, columns: dimension)
    matrix.withMutableElements { elements in
      for index in values.indices { elements[index] = values[index] }
    }
    self.matrix = matrix
  }
}
