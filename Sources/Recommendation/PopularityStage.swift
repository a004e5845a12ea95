internal import VectorMath

/// The round that counts customers per item; the first of every model.
enum PopularityStage {
  /// Name of the stage.
  static let name = "popularity"
  /// Name of the tensor [items]: noised customers per item as a fraction of the target cohort.
  static let tensor = "popularity"

  /// A customer of at most this many items counts in full for each; one of more is scaled to norm 1.
  private static let itemsCountedInFull = 64.0
  /// What a purchase weighs for a customer who counts in full: 1 / sqrt(64).
  private static let weight = 1 / itemsCountedInFull.squareRoot()

  /// Zero for all items.
  static func initialParameters(itemCount: Int) throws(RecommendationError) -> ModelParameters {
    try ModelParameters(tensors: [tensor: .init([Float](repeating: 0, count: itemCount))])
  }

  /// The customer's row of zeros and ones scaled by min(1/8, 1/norm): norm at most 1.
  static func update(
    history: CustomerHistory, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try history.checkItems(below: itemCount)
    var update = [Float](repeating: 0, count: itemCount)
    guard !history.isEmpty else { return update }
    let norm = Double(history.rows.count).squareRoot()
    let value = Float(min(weight, 1 / norm))
    for row in history.rows { update[row.item] = value }
    try update.shrinkToUnitNorm()
    return update
  }

  /// Undoes the weight and divides by the target cohort. Noise may make a value negative.
  static func popularity(_ noisedSum: [Double], context: StageContext) -> [Float] {
    let scale = 1 / (weight * Double(context.targetCohort))
    return noisedSum.map { Float($0 * scale) }
  }

  /// How many customers who count in full make a value of the stage's sum.
  static func customers(_ value: Double) -> Double { value / weight }

  /// - Throws: `.missingTensor`, `.shapeMismatch` if it is not a vector.
  static func values(_ parameters: ModelParameters) throws(RecommendationError) -> [Float] {
    guard let tensor = parameters[Self.tensor] else { throw .missingTensor(name: Self.tensor) }
    guard tensor.shape.count == 1 else {
      throw .shapeMismatch(
        name: Self.tensor, expected: [tensor.values.count], actual: tensor.shape)
    }
    return tensor.values
  }
}

extension [Float] {
  /// Takes off what rounding to Float put above norm 1; a norm of at most 1 stays as it is.
  mutating func shrinkToUnitNorm() throws(RecommendationError) {
    do {
      _ = try Clipping.clip(&self, to: 1)
    } catch {
      throw .numericalFailure(step: "clipping an update")
    }
  }
}
