package import CanonicalJSON
package import Recommendation
internal import VectorMath

/// The Gram model fitted by one party that holds every log, without noise: the twin of the federated
/// one.
///
/// Written for the comparison only, from the model's description and not from its code: dense matrices
/// X'X and V V' in double precision instead of triangles that are summed, encoded and shipped. It
/// shares no function with the federated path beyond `VectorMath`, so that an error in either shows as a
/// difference between them.
///
/// - Popularity: each customer's row of zeros and ones, scaled by min(1/8, 1/norm), summed.
/// - Head: the m most popular items, m at most `defaultHead`.
/// - Learned part: rows x over the head scaled to norm 1; G the sum of their x x', cut to its leading
///   eigenvalues; score x (G + c I)^-1 G with c a hundredth of the number of customers.
/// - Text part: cosine of an item's vector with the mean of the history's.
/// - The three are standardized over the catalogue and added with weights 1, 1 and 0.2.
/// - Where repeats are allowed, items are ordered by the customer's own frequency, then by that sum.
package struct CentralizedGram: RankingModel {
  /// The federated model's name.
  package static let identifier = "gram"
  /// Head size when the hyper-parameters name none and nothing is noised.
  package static let defaultHead = 632
  /// Eigenvectors kept when the hyper-parameters name no other number.
  package static let defaultRank = 64

  private static let textWeight: Float = 1
  private static let popularityWeight: Float = 0.2
  private static let ridgeFraction = 0.01

  package let name = identifier
  private let itemCount: Int
  /// For each item its place in the head; nil outside.
  private let placeInHead: [Int?]
  private let head: [Int]
  /// (G + c I)^-1 G, shape [head, head].
  private let projection: DoubleMatrix
  private let standardizedPopularity: [Float]
  /// Text vectors, shape [items, dimension]; nil for a model without texts.
  private let texts: DoubleMatrix?

  /// - Parameters:
  ///   - histories: what is learned from.
  ///   - itemCount: number of items.
  ///   - hyperparameters: optional integers `head` and `rank`, as the federated model takes them.
  ///   - features: public vectors of all items; nil to do without the text part.
  /// - Throws: `EvaluationError.invalidPlan`, or what the solver throws.
  package init(
    histories: [CustomerHistory], itemCount: Int, hyperparameters: JSONValue,
    features: ItemFeatures?
  ) throws {
    let headSize = try Self.integer("head", in: hyperparameters) ?? Self.defaultHead
    let rank = try Self.integer("rank", in: hyperparameters) ?? Self.defaultRank
    self.itemCount = itemCount

    var popularity = [Double](repeating: 0, count: itemCount)
    for history in histories where !history.isEmpty {
      let weight = min(1.0 / 8, 1 / Double(history.rows.count).squareRoot())
      for row in history.rows { popularity[row.item] += weight }
    }
    let byPopularity = (0..<itemCount).sorted {
      (popularity[$0], $1) > (popularity[$1], $0)
    }
    head = byPopularity.prefix(headSize).sorted()
    var places = [Int?](repeating: nil, count: itemCount)
    for (place, item) in head.enumerated() { places[item] = place }
    placeInHead = places

    var rows = DoubleMatrix(rows: histories.count, columns: head.count)
    for (customer, history) in histories.enumerated() {
      let present = history.rows.compactMap { places[$0.item] }
      for place in present { rows[customer, place] = 1 / Double(present.count).squareRoot() }
    }
    let eigen = try SymmetricEigen.decompose(Kernels.gram(of: rows))
    let kept = eigen.values.prefix(rank).prefix { $0 > 0 }
    let ridge = Self.ridgeFraction * Double(histories.count)
    // With V's rows scaled by the square root of lambda / (lambda + c), V'V is the product.
    var basis = DoubleMatrix(rows: kept.count, columns: head.count)
    for (vector, value) in kept.enumerated() {
      let scale = (value / (value + ridge)).squareRoot()
      for place in 0..<head.count { basis[vector, place] = eigen.vectors[vector, place] * scale }
    }
    projection = Kernels.gram(of: basis)
    standardizedPopularity = popularity.map { Float($0) }.standardized()
    texts = try features.map {
      try DoubleMatrix(
        rows: itemCount, columns: $0.vectors.columns,
        storage: $0.vectors.storage.map { Double($0) })
    }
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    let learned = learnedScores(history).standardized()
    let text = textScores(history).standardized()
    var scores = (0..<itemCount).map {
      learned[$0] + Self.textWeight * text[$0]
        + Self.popularityWeight * standardizedPopularity[$0]
    }
    if repeats != .suppress, let highest = scores.max(), let lowest = scores.min() {
      // Squeezed into (0, 1/2], so that one purchase more always comes first.
      scores = scores.map { ($0 - lowest) / (2 * max(highest - lowest, .leastNormalMagnitude)) }
      for row in history.rows { scores[row.item] += Float(row.occasions) }
    }
    return scores
  }

  private func learnedScores(_ history: CustomerHistory) -> [Float] {
    let present = history.rows.compactMap { placeInHead[$0.item] }
    var row = [Double](repeating: 0, count: head.count)
    for place in present { row[place] = 1 / Double(present.count).squareRoot() }
    let projected = Kernels.transposedProduct(projection, row)
    var scores = [Float](repeating: 0, count: itemCount)
    for (place, item) in head.enumerated() { scores[item] = Float(projected[place]) }
    return scores
  }

  private func textScores(_ history: CustomerHistory) -> [Float] {
    guard let texts else { return [Float](repeating: 0, count: itemCount) }
    var indicator = [Double](repeating: 0, count: itemCount)
    for row in history.rows { indicator[row.item] = 1 }
    // Standardizing removes the length of the profile, so it need not be scaled to norm 1.
    return Kernels.product(texts, Kernels.transposedProduct(texts, indicator)).map { Float($0) }
  }

  private static func integer(
    _ name: String, in hyperparameters: JSONValue
  ) throws(EvaluationError) -> Int? {
    guard let value = hyperparameters[name] else { return nil }
    guard let integer = value.integerValue, integer > 0 else {
      throw .invalidPlan(reason: "\(identifier): \(name) is not a positive integer")
    }
    return Int(integer)
  }
}
