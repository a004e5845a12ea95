/// The published eigenvectors as a device uses them: score x V V' for its row x over the head.
struct LearnedGram: LearnedComponent {
  private let itemCount: Int
  private let head: Head
  private let rank: Int
  /// Row-major [head, rank].
  private let vectors: [Float]

  /// - Returns: nil if the parameters are from before the Gram stage.
  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.invalidHead`.
  init?(_ parameters: ModelParameters) throws(RecommendationError) {
    itemCount = try PopularityStage.values(parameters).count
    guard let tensor = parameters[EigenBasis.tensor] else { return nil }
    head = try Head(parameters, itemCount: itemCount)
    guard tensor.shape.count == 2, tensor.shape[0] == head.count, tensor.shape[1] >= 1 else {
      throw .shapeMismatch(
        name: EigenBasis.tensor, expected: [head.count, tensor.shape.last ?? 0],
        actual: tensor.shape)
    }
    rank = tensor.shape[1]
    vectors = tensor.values
  }

  /// The score of every catalogue item, 0 outside the head.
  func scores(_ history: CustomerHistory) -> [Float] {
    let places = head.places(of: history).map(\.place)
    var scores = [Float](repeating: 0, count: itemCount)
    guard !places.isEmpty else { return scores }
    let weight = entry(of: places.count)
    var profile = [Float](repeating: 0, count: rank)
    for place in places {
      for index in 0..<rank { profile[index] += weight * vectors[place * rank + index] }
    }
    for place in 0..<head.count {
      var sum: Float = 0
      for index in 0..<rank { sum += profile[index] * vectors[place * rank + index] }
      scores[head.items[place]] = sum
    }
    return scores
  }

  /// What each history item in the head adds to the score of `item`.
  func shares(of item: Int, history: CustomerHistory) -> [HistoryShare] {
    guard let target = head.place(of: item) else { return [] }
    let places = head.places(of: history)
    let weight = entry(of: places.count)
    return places.map { place, row in
      var sum: Float = 0
      for index in 0..<rank {
        sum += vectors[place * rank + index] * vectors[target * rank + index]
      }
      return HistoryShare(item: history.rows[row].item, value: weight * sum)
    }
  }

  /// An entry of a row of norm 1 with this many items.
  private func entry(of count: Int) -> Float { 1 / Float(max(count, 1)).squareRoot() }
}
