internal import VectorMath

/// The published vectors as a device uses them: score y V W V' + a q for its row x over the head, split into
/// a q along the direction of popularity q and the rest y.
struct LearnedGram: LearnedComponent {
  /// Name of the tensor [head, rank] of orthonormal columns.
  static let vectorsTensor = "vectors"
  /// Name of the tensor [rank]: what each column deserves.
  static let weightsTensor = "weights"

  private let itemCount: Int
  private let head: Head
  private let rank: Int
  /// Row-major [head, rank].
  private let vectors: [Float]
  private let weights: [Float]
  /// q, one a head item.
  private let direction: [Float]
  /// V' q.
  private let directionProfile: [Float]

  /// - Returns: nil if the parameters are from before the Gram stage.
  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.invalidHead`, `.tooLarge`.
  init?(_ parameters: ModelParameters) throws(RecommendationError) {
    let popularity = try PopularityStage.values(parameters)
    itemCount = popularity.count
    guard let tensor = parameters[Self.vectorsTensor] else { return nil }
    head = try Head(parameters, itemCount: itemCount, limit: Head.wideLimit)
    guard tensor.shape.count == 2, tensor.shape[0] == head.count, tensor.shape[1] >= 1 else {
      throw .shapeMismatch(
        name: Self.vectorsTensor, expected: [head.count, tensor.shape.last ?? 0],
        actual: tensor.shape)
    }
    rank = tensor.shape[1]
    vectors = tensor.values
    weights = try parameters.values(Self.weightsTensor, shape: [rank])
    direction = PopularityDirection(popularity: popularity, head: head).values.map(Float.init)
    var profile = [Float](repeating: 0, count: rank)
    for place in 0..<head.count {
      for index in 0..<rank { profile[index] += direction[place] * vectors[place * rank + index] }
    }
    directionProfile = profile
  }

  /// The score of every catalogue item, 0 outside the head.
  func scores(_ history: CustomerHistory) -> [Float] {
    let places = head.places(of: history).map(\.place)
    var scores = [Float](repeating: 0, count: itemCount)
    guard !places.isEmpty else { return scores }
    let entry = entry(of: places.count)
    var profile = [Float](repeating: 0, count: rank)
    var along: Float = 0
    for place in places {
      for index in 0..<rank { profile[index] += entry * vectors[place * rank + index] }
      along += entry * direction[place]
    }
    for index in 0..<rank {
      profile[index] = weights[index] * (profile[index] - along * directionProfile[index])
    }
    for place in 0..<head.count {
      var sum = along * direction[place]
      for index in 0..<rank { sum += profile[index] * vectors[place * rank + index] }
      scores[head.items[place]] = sum
    }
    return scores
  }

  /// What each history item in the head adds to the score of `item`: the score is linear in the row.
  func shares(of item: Int, history: CustomerHistory) -> [HistoryShare] {
    guard let target = head.place(of: item) else { return [] }
    let places = head.places(of: history)
    let entry = entry(of: places.count)
    return places.map { place, row in
      var sum = direction[place] * direction[target]
      for index in 0..<rank {
        let residual = vectors[place * rank + index] - direction[place] * directionProfile[index]
        sum += residual * weights[index] * vectors[target * rank + index]
      }
      return HistoryShare(item: history.rows[row].item, value: entry * sum)
    }
  }

  /// An entry of a row of norm 1 with this many items.
  private func entry(of count: Int) -> Float { 1 / Float(max(count, 1)).squareRoot() }
}
