internal import VectorMath

/// The round that counts customers per item; the first of every model of items.
///
/// Hyperparameter of each of them: `popular_since`, a date such as "2011-07-01", by default none. Then what was
/// last bought before that day counts as not bought, here alone, and a customer has fewer items to share the norm.
struct PopularityStage: Equatable, Sendable {
  /// Name of the stage.
  static let name = "popularity"
  /// Name of the tensor [items]: noised customers per item as a fraction of the target cohort.
  static let tensor = "popularity"

  /// Name of the hyperparameter.
  static let sinceName = "popular_since"

  /// Purchases from this second on are counted; nil for all.
  let since: Int64?

  /// A customer of at most this many items counts in full for each; one of more is scaled to norm 1.
  private var itemsCountedInFull: Double { since == nil ? 64 : 16 }
  /// What a purchase weighs for a customer who counts in full: 1/8, or 1/4 where only late ones count.
  private var weight: Double { 1 / itemsCountedInFull.squareRoot() }

  /// - Throws: `.invalidHyperparameter`.
  init(_ hyperparameters: Hyperparameters) throws(RecommendationError) {
    since = try hyperparameters.date(Self.sinceName)
  }

  /// Purchases of all times.
  init() { since = nil }

  /// Zero for all items.
  static func initialParameters(itemCount: Int) throws(RecommendationError) -> ModelParameters {
    try ModelParameters(tensors: [tensor: .init([Float](repeating: 0, count: itemCount))])
  }

  /// The customer's row of zeros and ones scaled by min(weight, 1/norm): norm at most 1.
  func update(
    history: CustomerHistory, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try history.checkItems(below: itemCount)
    var update = [Float](repeating: 0, count: itemCount)
    let rows = history.rows.filter { row in since.map { row.lastSeconds >= $0 } ?? true }
    guard !rows.isEmpty else { return update }
    let norm = Double(rows.count).squareRoot()
    let value = Float(min(weight, 1 / norm))
    for row in rows { update[row.item] = value }
    try update.shrinkToUnitNorm()
    return update
  }

  /// Undoes the weight and divides by the target cohort. Noise may make a value negative.
  func popularity(_ noisedSum: [Double], context: StageContext) -> [Float] {
    let scale = 1 / (weight * Double(context.targetCohort))
    return noisedSum.map { Float($0 * scale) }
  }

  /// How many customers who count in full make a value of the stage's sum.
  func customers(_ value: Double) -> Double { value / weight }

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
