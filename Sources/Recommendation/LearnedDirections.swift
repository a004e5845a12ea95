internal import VectorMath

/// What a Gram model published after its Gram stage, as its next round reads it.
struct LearnedDirections {
  /// The items that the directions are over.
  let core: Head
  /// The items that they are carried over to; holds the core.
  let wide: Head
  /// Directions, at least 1.
  let rank: Int
  /// Shape [core, rank].
  let vectors: DoubleMatrix
  /// One a direction, without noise's part.
  let eigenvalues: [Double]

  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.invalidHead`, `.tooLarge`.
  init(_ parameters: ModelParameters, itemCount: Int) throws(RecommendationError) {
    core = try Head(parameters, itemCount: itemCount)
    let popularity = try parameters.values(PopularityStage.tensor, shape: [itemCount])
    let asked = try parameters.values(GramModel.wideTensor, shape: [1])[0]
    guard let wideSize = Int(exactly: asked), wideSize >= core.count else {
      throw .invalidHead(index: core.count - 1)
    }
    guard wideSize <= Head.wideLimit else {
      throw .tooLarge(what: GramModel.wideTensor, actual: wideSize, limit: Head.wideLimit)
    }
    wide = Head(popularity: popularity, count: wideSize)
    // The most popular of the most popular: anything else is no head of these parameters.
    for (index, item) in core.items.enumerated() where wide.place(of: item) == nil {
      throw .invalidHead(index: index)
    }
    guard let eigenvalues = parameters[GramModel.eigenvaluesTensor] else {
      throw .missingTensor(name: GramModel.eigenvaluesTensor)
    }
    rank = eigenvalues.values.count
    guard GramModel.Limits.rank.contains(rank) else {
      throw .tooLarge(
        what: GramModel.eigenvaluesTensor, actual: rank, limit: GramModel.Limits.rank.upperBound)
    }
    self.eigenvalues = eigenvalues.values.map(Double.init)
    let values = try parameters.values(LearnedGram.vectorsTensor, shape: [core.count, rank])
    var vectors = DoubleMatrix(rows: core.count, columns: rank)
    for index in values.indices { vectors.storage[index] = Double(values[index]) }
    self.vectors = vectors
  }
}
