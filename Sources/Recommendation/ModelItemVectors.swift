internal import VectorMath

/// The item vectors that a model learned from all customers, for a layer on top of them.
package enum ModelItemVectors {
  /// Names of tensors [head, dimension] that hold item vectors.
  private static let tensors = [
    LearnedGram.vectorsTensor, FactorizationModel.factorsTensor, LearnedSequence.itemsTensor,
  ]

  /// One row a catalogue item, of unit norm, or zero outside the head; nil for a model without vectors.
  ///
  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.invalidHead`, `.notFinite`.
  package static func unitRows(
    _ parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> ItemFeatures? {
    guard let tensor = tensors.lazy.compactMap({ parameters[$0] }).first else { return nil }
    let head = try Head(parameters, itemCount: itemCount, limit: Head.wideLimit)
    guard tensor.shape.count == 2, tensor.shape[0] == head.count, tensor.shape[1] >= 1 else {
      throw .shapeMismatch(
        name: "item vectors", expected: [head.count, tensor.shape.last ?? 0], actual: tensor.shape)
    }
    let dimension = tensor.shape[1]
    var rows = Matrix(rows: itemCount, columns: dimension)
    for (place, item) in head.items.enumerated() {
      let row = tensor.values[place * dimension..<(place + 1) * dimension]
      let norm = row.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      guard norm.isFinite else { throw .notFinite(name: "item vectors", index: item) }
      guard norm > 0 else { continue }
      for (column, value) in row.enumerated() { rows[item, column] = Float(Double(value) / norm) }
    }
    return try ItemFeatures(vectors: rows)
  }
}
