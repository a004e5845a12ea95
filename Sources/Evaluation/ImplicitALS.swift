package import CanonicalJSON
package import Recommendation
internal import VectorMath

/// Matrix factorization of implicit feedback by alternating least squares (iALS).
///
/// A vector p_u for each customer and q_i for each item minimize the sum of (1 - p_u q_i)² over what customers have,
/// plus `unobservedWeight` times the sum of (p_u q_i)² over what they have not, plus `regularization` times all
/// squared norms. Given one side, each vector of the other solves a linear system of its own. A customer is scored
/// by the vector that solves it for the history and the final item vectors, so that a new customer needs no training.
///
/// It is that of the Python library `implicit` for 0/1 data, at a confidence of 1 / `unobservedWeight`, with its
/// regularization times `unobservedWeight`.
/// - Source: Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, equations 3
///   to 5; how it is started and what is worth tuning: Rendle, Krichene, Zhang, Koren, "Revisiting the Performance of
///   iALS on Item Recommendation Benchmarks", RecSys 2022.
package struct ImplicitALS: RankingModel {
  package static let identifier = CentralizedBaseline.implicitALS.rawValue

  /// Hyper-parameters.
  package struct Options: Equatable, Sendable {
    /// Length of the vectors, 1 ... 512.
    package let factors: Int
    /// Weight of the squared norms, 0.001 ... 1000, for each vector the same.
    package let regularization: Double
    /// Weight of what a customer does not have, 0.001 ... 1, against 1 for what is there.
    package let unobservedWeight: Double
    /// Passes over customers and items, 1 ... 200.
    package let iterations: Int

    /// The defaults were chosen on the tuning split of Online Retail.
    ///
    /// - Parameter hyperparameters: an object; integers `factors`, default 64, and `iterations`, default 15; decimals
    ///   as strings `regularization`, default "12", and `unobserved_weight`, default "1".
    /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
    package init(hyperparameters: JSONValue) throws(RecommendationError) {
      let read = try Hyperparameters(
        hyperparameters, known: ["factors", "regularization", "unobserved_weight", "iterations"])
      factors = try read.integer("factors", in: 1...512) ?? 64
      regularization = try read.decimal("regularization", in: 0.001...1000) ?? 12
      unobservedWeight = try read.decimal("unobserved_weight", in: 0.001...1) ?? 1
      iterations = try read.integer("iterations", in: 1...200) ?? 15
    }
  }

  /// An item's vector starts at about this norm.
  private static let startDeviation = 0.1

  /// What the systems of one side have in common.
  private struct SharedSystem: Sendable {
    /// unobservedWeight Q'Q + regularization I.
    let matrix: DoubleMatrix
    /// Of `matrix`, where nothing is added to it: with an unobserved weight of 1.
    let factor: CholeskyFactor?

    init(_ given: DoubleMatrix, _ options: Options) throws {
      var matrix = Kernels.gram(of: given)
      for index in matrix.storage.indices { matrix.storage[index] *= options.unobservedWeight }
      for index in 0..<matrix.rows { matrix[index, index] += options.regularization }
      self.matrix = matrix
      factor = try options.unobservedWeight == 1 ? Cholesky.factor(of: matrix) : nil
    }
  }

  package let name = identifier
  private let options: Options
  /// q, shape [items, factors].
  let itemFactors: DoubleMatrix
  /// Of the customers.
  private let shared: SharedSystem

  /// - Parameters:
  ///   - histories: what is learned from.
  ///   - itemCount: number of items.
  ///   - seed: of the start; the same gives the same bits.
  /// - Throws: `CancellationError`; what `Cholesky` throws, for a regularization that is lost in rounding.
  /// - Complexity: per pass factors² multiply-adds for each pair of customer and item, twice, and factors³ / 3 for each
  ///   customer and item (neither with an unobserved weight of 1): linear in all three numbers. Both sides' vectors
  ///   are held.
  package init(
    histories: [CustomerHistory], itemCount: Int, options: Options, seed: UInt64
  ) throws {
    let items = histories.map { $0.rows.map(\.item) }
    let customers = CoOccurrence.customers(histories: histories, itemCount: itemCount)
    var factors = Self.start(itemCount: itemCount, factors: options.factors, seed: seed)
    for _ in 0..<options.iterations {
      let customerFactors = try Self.halfStep(items, given: factors, options)
      factors = try Self.halfStep(customers, given: customerFactors, options)
    }
    self.options = options
    itemFactors = factors
    shared = try SharedSystem(factors, options)
  }

  /// Uniform, with a variance of (``startDeviation``)² / factors.
  private static func start(itemCount: Int, factors: Int, seed: UInt64) -> DoubleMatrix {
    var generator = SeededRandom(seed: seed)
    let bound = startDeviation * (3 / Double(factors)).squareRoot()
    var matrix = DoubleMatrix(rows: itemCount, columns: factors)
    for index in matrix.storage.indices {
      // 53 bits, and not a draw of the standard library, which may change with it.
      let unit = Double(generator.next() >> 11) * 0x1p-53
      matrix.storage[index] = (2 * unit - 1) * bound
    }
    return matrix
  }

  /// The vectors of one side that minimize the loss for the other side's.
  ///
  /// - Parameters:
  ///   - lists: for each vector that is sought the places of those that it is observed with.
  ///   - given: shape [count, factors].
  /// - Returns: shape [lists, factors]; zeros where nothing is observed.
  static func halfStep(
    _ lists: [[Int]], given: DoubleMatrix, _ options: Options
  ) throws -> DoubleMatrix {
    let shared = try SharedSystem(given, options)
    var found = DoubleMatrix(rows: lists.count, columns: given.columns)
    for (place, list) in lists.enumerated() where !list.isEmpty {
      try Task.checkCancellation()
      found.storage.replaceSubrange(
        found.range(ofRow: place), with: try Self.minimum(list, given: given, shared, options))
    }
    return found
  }

  /// The vector p that minimizes the loss of one customer, or item, for the other side's vectors, with the rows Q_S
  /// that it is observed with: (shared + (1 - unobservedWeight) Q_S' Q_S) p = sum of the rows of Q_S.
  private static func minimum(
    _ list: [Int], given: DoubleMatrix, _ shared: SharedSystem, _ options: Options
  ) throws -> [Double] {
    let observed = given.gathered(list)
    let sums = Kernels.transposedProduct(observed, [Double](repeating: 1, count: list.count))
    if let factor = shared.factor { return try Cholesky.solve(factor, sums) }
    var system = Kernels.gram(of: observed)
    for index in system.storage.indices {
      system.storage[index] =
        (1 - options.unobservedWeight) * system.storage[index] + shared.matrix.storage[index]
    }
    return try Cholesky.solve(try Cholesky.factor(of: system), sums)
  }

  /// p of a customer with this history; zero for an empty one.
  func customerFactors(of history: CustomerHistory) throws -> [Double] {
    guard !history.isEmpty else { return [Double](repeating: 0, count: options.factors) }
    return try Self.minimum(
      history.rows.map(\.item), given: itemFactors, shared, options)
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) throws -> [Float] {
    Kernels.product(itemFactors, try customerFactors(of: history)).map { Float($0) }
  }
}
