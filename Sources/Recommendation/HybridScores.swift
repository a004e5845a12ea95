internal import VectorMath

/// What a model learned from all customers, as a device applies it to one history.
protocol LearnedComponent {
  /// A value for each catalogue item, 0 where nothing is known.
  func scores(_ history: CustomerHistory) throws(RecommendationError) -> [Float]

  /// What each item of the history adds to the value of `item`, in the order of the history.
  func shares(
    of item: Int, history: CustomerHistory
  ) throws(RecommendationError) -> [HistoryShare]
}

/// The mix that the learned models share: learned component, public text, popularity.
///
/// Each is divided by its standard deviation over the catalogue, so that the weights compare like with
/// like for every customer; no mean is subtracted, as it would move all items alike (``ItemScores``).
/// The learned component has weight 1, the text the published one (``SignalLevel/textWeight``).
enum HybridScores {
  /// Name of the tensor [1] with the weight of the text; 1 where it is missing.
  static let textWeightTensor = "text_weight"
  /// Weight of the popularity component, relative to the learned one.
  static let popularityWeight: Float = 0.2

  /// - Parameters:
  ///   - learned: nil before the model has learned any.
  ///   - features: public vectors of all items; nil where there are none.
  /// - Throws: `.itemOutOfRange`, `.missingTensor`, `.shapeMismatch`, `.notFinite`, and what
  ///   `learned` throws.
  static func mix(
    learned: (some LearnedComponent)?, history: CustomerHistory, parameters: ModelParameters,
    features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores {
    let popularity = try PopularityStage.values(parameters)
    let itemCount = popularity.count
    try history.checkItems(below: itemCount)
    var parts: [(component: ItemScores.Component, values: [Float])] = []
    if let learned {
      parts.append((.learned, scaled(try learned.scores(history), weight: 1)))
    }
    if let features {
      guard features.itemCount == itemCount else {
        throw .shapeMismatch(
          name: "features", expected: [itemCount, features.dimension],
          actual: [features.itemCount, features.dimension])
      }
      let textWeight =
        parameters[Self.textWeightTensor] == nil
        ? 1 : try parameters.values(Self.textWeightTensor, shape: [1])[0]
      let cosines = features.cosines(withMeanOf: history.rows.map(\.item))
      parts.append((.text, scaled(cosines, weight: textWeight)))
    }
    parts.append((.popularity, scaled(popularity, weight: popularityWeight)))
    return try ItemScores(itemCount: itemCount, components: parts).checked()
  }

  /// The shares of a learned component in units of the mixed score, for each of `items`.
  static func shares(
    of items: [Int], learned: (some LearnedComponent)?, history: CustomerHistory
  ) throws(RecommendationError) -> [[HistoryShare]] {
    guard let learned else { return items.map { _ in [] } }
    let factor = factor(try learned.scores(history), weight: 1)
    return try items.map { item throws(RecommendationError) in
      try learned.shares(of: item, history: history).map {
        HistoryShare(item: $0.item, value: $0.value * factor)
      }
    }
  }

  /// The values times `weight` over their standard deviation; zero if they are all the same.
  static func scaled(_ values: [Float], weight: Float) -> [Float] {
    let factor = factor(values, weight: weight)
    return values.map { $0 * factor }
  }

  /// What ``scaled(_:weight:)`` multiplies by; sums in Double, in index order.
  private static func factor(_ values: [Float], weight: Float) -> Float {
    let count = Double(values.count)
    let mean = values.reduce(0.0) { $0 + Double($1) } / count
    let squares = values.reduce(0.0) { sum, value in
      let offset = Double(value) - mean
      return sum + offset * offset
    }
    let deviation = (squares / count).squareRoot()
    // The mean of n equal floats is off by at most n rounding errors of a Double; a deviation below
    // 1e-12 would come from parameters that are noise of rounding.
    guard deviation > max(abs(mean) * count * 0x1p-52, 1e-12) else { return 0 }
    return Float(Double(weight) / deviation)
  }
}
