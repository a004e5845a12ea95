internal import Glibc
internal import Recommendation
internal import VectorMath

/// What a customer's known purchases say of an item, as numbers; and how real purchases follow from them.
struct PurchaseResponse: Equatable, Sendable {
  /// Coefficients of the signals; the intercept is set apart.
  let coefficients: [Double]

  /// Number of signals.
  static let signalCount = 3

  /// Public facts about the items that signals are made of.
  struct Items: Sendable {
    let features: ItemFeatures
    /// One an item, in 0 ..< categoryCount.
    let categories: [Int]
    let categoryCount: Int
    /// Logarithm of 1 + customers, standardized over the items.
    let popularity: [Float]
    /// Share of each category in all customers' items.
    let categoryShares: [Double]
  }

  /// Purchases of the average customer mixed into each customer's category shares.
  private static let priorItems = 10.0

  /// Three signals of every item, row-major [items, 3]: the logarithm of the customer's share of
  /// the item's category over everyone's, in [-2, 2]; the item's popularity; the largest cosine of
  /// its text with that of a known item, at least 0.
  static func signals(_ known: [Int], _ items: Items) -> [Double] {
    var counts = [Double](repeating: 0, count: items.categoryCount)
    for item in known { counts[items.categories[item]] += 1 }
    let lifts = counts.indices.map { category -> Double in
      let share = items.categoryShares[category]
      guard share > 0 else { return 0 }
      let own =
        (counts[category] + priorItems * share) / (Double(known.count) + priorItems)
      return min(2, max(-2, log(own / share)))
    }
    let cosines = nearestCosines(known, items.features)
    var signals: [Double] = []
    signals.reserveCapacity(Self.signalCount * items.categories.count)
    for item in items.categories.indices {
      signals.append(lifts[items.categories[item]])
      signals.append(Double(items.popularity[item]))
      signals.append(Double(cosines[item]))
    }
    return signals
  }

  /// The largest cosine of each item's vector with a known one's; 0 where nothing is alike.
  private static func nearestCosines(_ known: [Int], _ features: ItemFeatures) -> [Float] {
    guard !known.isEmpty else { return [Float](repeating: 0, count: features.itemCount) }
    var profile = Matrix(rows: features.dimension, columns: known.count)
    for (column, item) in known.enumerated() {
      for (row, value) in features.vectors.row(item).enumerated() { profile[row, column] = value }
    }
    let cosines = Kernels.product(features.vectors, profile)
    return (0..<features.itemCount).map { cosines.row($0).reduce(0) { max($0, $1) } }
  }

  /// One customer for the fit: what was known, and what was bought afterwards.
  struct Example: Sendable {
    let known: [Int]
    let later: Set<Int>
  }

  /// Logistic regression of "bought later" on the signals, by Newton's method.
  ///
  /// - Throws: `EvaluationError.invalidPlan` without an example; what the solver throws.
  init(fitting examples: [Example], items: Items) throws {
    guard !examples.isEmpty else {
      throw EvaluationError.invalidPlan(reason: "no customer bought twice")
    }
    let width = Self.signalCount + 1
    let rows = examples.map { (signals: Self.signals($0.known, items), example: $0) }
    var weights = [Double](repeating: 0, count: width)
    weights[width - 1] = Self.logOdds(of: examples, itemCount: items.categories.count)
    for _ in 0..<12 {
      var gradient = [Double](repeating: 0, count: width)
      var hessian = DoubleMatrix(rows: width, columns: width)
      for index in 0..<width { hessian[index, index] = 1e-6 }
      for (signals, example) in rows {
        let known = Set(example.known)
        for item in items.categories.indices where !known.contains(item) {
          let start = item * Self.signalCount
          let x = [signals[start], signals[start + 1], signals[start + 2], 1]
          let probability = Self.sigmoid(zip(weights, x).reduce(0) { $0 + $1.0 * $1.1 })
          let error = (example.later.contains(item) ? 1 : 0) - probability
          let curvature = probability * (1 - probability)
          for row in 0..<width {
            gradient[row] += error * x[row]
            for column in 0...row { hessian[row, column] += curvature * x[row] * x[column] }
          }
        }
      }
      let step = try Cholesky.solve(Cholesky.factor(of: hessian), gradient)
      for index in 0..<width { weights[index] += step[index] }
      if step.allSatisfy({ abs($0) < 1e-6 }) { break }
    }
    coefficients = Array(weights.prefix(Self.signalCount))
  }

  /// Logarithm of the odds that an item not known is bought later: the fit without signals, from which
  /// Newton's first step is small.
  private static func logOdds(of examples: [Example], itemCount: Int) -> Double {
    let bought = examples.reduce(0.5) { $0 + Double($1.later.subtracting($1.known).count) }
    let open = examples.reduce(1.0) { $0 + Double(itemCount - Set($1.known).count) }
    return log(bought / (open - bought + 0.5))
  }

  /// The linear part for every item, without an intercept.
  func scores(_ known: [Int], _ items: Items) -> [Double] {
    let signals = Self.signals(known, items)
    return items.categories.indices.map { item in
      coefficients.indices.reduce(0) {
        $0 + coefficients[$1] * signals[item * Self.signalCount + $1]
      }
    }
  }

  static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}
