package import CanonicalJSON
internal import Glibc
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
/// - Popularity: each customer's row of zeros and ones, scaled by min(1/8, 1/norm), summed; with `popular_since`
///   of what was last bought from that day on, and 1/4 in place of 1/8.
/// - Core: the m most popular items, m at most `defaultHead`; wide head: the 4 m most popular.
/// - Rows over each without their part along q, where q_i is (popularity / largest, at least 0.01)^0.6
///   at unit norm, scaled to norm 1: Y over the core, Z over the wide head.
/// - V: the leading eigenvectors of Y'Y. C: the rows of Y V at norm 1. M = Z'C, divided by
///   g = tr(V'M) / (sum of the eigenvalues), at least 1; its core rows become the mean of M and V Lambda with
///   weights 0.5 g^2 and 0.7.
/// - Learned part: with left singular vectors U and values s of that, row x over the wide head goes to
///   (x - a q) U s/(s + c) U' + a q, a = x q and c a hundredth of the number of customers.
/// - Text part: cosine of an item's vector with the mean of the history's.
/// - The three are standardized over the catalogue and added with weights 1, 1.3 a and 0.2. a,
///   within 0.1 ... 1, is the correlation over pairs of core items between Y'Y and the inner
///   products of the items' vectors without their part along q.
/// - Where repeats are allowed, items are ordered by the customer's own frequency, then by that sum.
package struct CentralizedGram: RankingModel {
  /// The federated model's name.
  package static let identifier = "gram"
  /// Core size when the hyper-parameters name none and nothing is noised.
  package static let defaultHead = 632
  /// Eigenvectors kept when the hyper-parameters name no other number.
  package static let defaultRank = 64

  private static let textWeightPerAlignment = 1.3
  private static let popularityWeight: Float = 0.2
  private static let ridgeFraction = 0.01

  package let name = identifier
  private let itemCount: Int
  /// For each item its place in the wide head; nil outside.
  private let placeInHead: [Int?]
  private let head: [Int]
  /// U scaled by the square root of s/(s + c), shape [head, rank].
  private let basis: DoubleMatrix
  /// q over the wide head.
  private let direction: [Double]
  private let standardizedPopularity: [Float]
  private let textWeight: Float
  /// Text vectors, shape [items, dimension]; nil for a model without texts.
  private let texts: DoubleMatrix?

  /// - Parameters:
  ///   - histories: what is learned from.
  ///   - itemCount: number of items.
  ///   - hyperparameters: optional integers `head` and `rank` and date `popular_since`, as the
  ///     federated model takes them.
  ///   - features: public vectors of all items; nil to do without the text part.
  /// - Throws: `EvaluationError.invalidPlan`, or what the solver throws.
  package init(
    histories: [CustomerHistory], itemCount: Int, hyperparameters: JSONValue,
    features: ItemFeatures?
  ) throws {
    let headSize = try Self.integer("head", in: hyperparameters) ?? Self.defaultHead
    let rank = try Self.integer("rank", in: hyperparameters) ?? Self.defaultRank
    self.itemCount = itemCount

    let since = try Self.since(in: hyperparameters)
    var popularity = [Double](repeating: 0, count: itemCount)
    for history in histories {
      let items = history.rows.filter { since == nil || $0.lastSeconds >= since ?? 0 }.map(\.item)
      guard !items.isEmpty else { continue }
      let weight = min(since == nil ? 1.0 / 8 : 1.0 / 4, 1 / Double(items.count).squareRoot())
      for item in items { popularity[item] += weight }
    }
    let byPopularity = (0..<itemCount).sorted {
      (popularity[$0], $1) > (popularity[$1], $0)
    }
    let core = Array(byPopularity.prefix(headSize))
    head = Array(byPopularity.prefix(4 * headSize))
    var places = [Int?](repeating: nil, count: itemCount)
    for (place, item) in head.enumerated() { places[item] = place }
    placeInHead = places
    direction = Self.direction(head, popularity)

    let coreRows = Self.rows(histories, Self.direction(core, popularity), places)
    let coreGram = Kernels.gram(of: coreRows)
    let eigen = try SymmetricEigen.decompose(coreGram)
    let kept = eigen.values.prefix(rank).prefix { $0 > 0 }
    var image = DoubleMatrix(rows: core.count, columns: kept.count)
    for place in core.indices {
      for vector in kept.indices { image[place, vector] = eigen.vectors[vector, place] }
    }
    var profiles = Kernels.product(coreRows, image)
    for customer in 0..<profiles.rows {
      let norm = profiles.row(customer).reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard norm > 1e-9 else { continue }
      for vector in kept.indices { profiles[customer, vector] /= norm }
    }
    let wideRows = Self.rows(histories, direction, places)
    var mean = Kernels.product(wideRows.transposed(), profiles)
    let trace = zip(image.storage, mean.storage).reduce(0) { $0 + $1.0 * $1.1 }
    let gain = max(trace / kept.reduce(0, +), 1)
    for index in mean.storage.indices { mean.storage[index] /= gain }
    let share = 0.5 * gain * gain
    for place in core.indices {
      for (vector, value) in kept.enumerated() {
        mean[place, vector] =
          (share * mean[place, vector] + 0.7 * value * image[place, vector]) / (share + 0.7)
      }
    }
    let ridge = Self.ridgeFraction * Double(histories.count)
    let squares = try SymmetricEigen.decompose(Kernels.gram(of: mean))
    let largest = squares.values.first ?? 0
    let found = squares.values.prefix { $0 > 1e-12 * largest }
    var basis = Kernels.product(mean, squares.vectors.transposed())
    for place in head.indices {
      for vector in 0..<basis.columns {
        let value = vector < found.count ? found[vector].squareRoot() : 0
        basis[place, vector] *= value > 0 ? 1 / (value * (value + ridge)).squareRoot() : 0
      }
    }
    self.basis = basis
    standardizedPopularity = popularity.map { Float($0) }.standardized()
    texts = try features.map {
      try DoubleMatrix(
        rows: itemCount, columns: $0.vectors.columns,
        storage: $0.vectors.storage.map { Double($0) })
    }
    let alignment = texts.map {
      Self.alignment(of: $0, with: coreGram, core, Self.direction(core, popularity))
    }
    textWeight = Float(Self.textWeightPerAlignment * (alignment ?? 0))
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    let learned = learnedScores(history).standardized()
    let text = textScores(history).standardized()
    var scores = (0..<itemCount).map {
      learned[$0] + textWeight * text[$0]
        + Self.popularityWeight * standardizedPopularity[$0]
    }
    if repeats != .suppress, let highest = scores.max(), let lowest = scores.min() {
      // Squeezed into (0, 1/2], so that one purchase more always comes first.
      scores = scores.map { ($0 - lowest) / (2 * max(highest - lowest, .leastNormalMagnitude)) }
      for row in history.rows { scores[row.item] += Float(row.occasions) }
    }
    return scores
  }

  /// The correlation between Y'Y and the residual inner products of the texts, off the diagonal.
  private static func alignment(
    of texts: DoubleMatrix, with purchases: DoubleMatrix, _ core: [Int], _ direction: [Double]
  ) -> Double {
    var along = [Double](repeating: 0, count: texts.columns)
    for (place, item) in core.enumerated() {
      for column in along.indices { along[column] += direction[place] * texts[item, column] }
    }
    var residual = DoubleMatrix(rows: texts.columns, columns: core.count)
    for (place, item) in core.enumerated() {
      for column in along.indices {
        residual[column, place] = texts[item, column] - direction[place] * along[column]
      }
    }
    let likeness = Kernels.gram(of: residual)
    var sums = (product: 0.0, texts: 0.0, purchases: 0.0)
    for row in core.indices {
      for column in core.indices where column != row {
        sums.product += likeness[row, column] * purchases[row, column]
        sums.texts += likeness[row, column] * likeness[row, column]
        sums.purchases += purchases[row, column] * purchases[row, column]
      }
    }
    guard sums.texts > 0, sums.purchases > 0 else { return 0.35 }
    return min(max(sums.product / (sums.texts * sums.purchases).squareRoot(), 0.1), 1)
  }

  /// q over these items.
  private static func direction(_ items: [Int], _ popularity: [Double]) -> [Double] {
    let largest = popularity.max() ?? 0
    let raised = items.map { pow(max(popularity[$0] / largest, 0.01), 0.6) }
    let norm = raised.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return raised.map { $0 / norm }
  }

  /// Residual rows at norm 1 over the items of `direction`, those of the lowest places.
  private static func rows(
    _ histories: [CustomerHistory], _ direction: [Double], _ places: [Int?]
  ) -> DoubleMatrix {
    var rows = DoubleMatrix(rows: histories.count, columns: direction.count)
    for (customer, history) in histories.enumerated() {
      let present = history.rows.compactMap { places[$0.item] }.filter { $0 < direction.count }
      let along = present.reduce(0) { $0 + direction[$1] }
      let norm = (Double(present.count) - along * along).squareRoot()
      guard norm > 1e-3 * Double(present.count).squareRoot() else { continue }
      for place in direction.indices { rows[customer, place] = -along * direction[place] / norm }
      for place in present { rows[customer, place] += 1 / norm }
    }
    return rows
  }

  private func learnedScores(_ history: CustomerHistory) -> [Float] {
    let present = history.rows.compactMap { placeInHead[$0.item] }
    let along = present.reduce(0) { $0 + direction[$1] }
    var row = direction.map { -along * $0 }
    for place in present { row[place] += 1 }
    let projected = Kernels.product(basis, Kernels.transposedProduct(basis, row))
    var scores = [Float](repeating: 0, count: itemCount)
    for (place, item) in head.enumerated() {
      scores[item] = Float(projected[place] + along * direction[place])
    }
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

  /// The first second of what the popularity counts; nil for all times.
  private static func since(in hyperparameters: JSONValue) throws(EvaluationError) -> Int64? {
    guard let value = hyperparameters["popular_since"] else { return nil }
    guard let seconds = value.stringValue.flatMap(CalendarTime.seconds(ofDate:)) else {
      throw .invalidPlan(reason: "\(identifier): popular_since is no date such as 2011-07-01")
    }
    return seconds
  }
}
