package import CanonicalJSON
internal import Glibc
package import Recommendation
internal import VectorMath

/// The truncated singular value decomposition of the matrix of customers and items, with zeros for what a customer
/// does not have: row x is scored by x V V', with the leading right singular vectors V.
///
/// - Source: Cremonesi, Koren, Turrin, "Performance of Recommender Algorithms on Top-N Recommendation Tasks", RecSys
///   2010, section 3.3.2, equation 12.
package struct PureSVD: RankingModel {
  package static let identifier = CentralizedBaseline.pureSVD.rawValue

  /// What stands in a customer's row for an item that was bought.
  package enum Weights: String, CaseIterable, Sendable {
    /// 1.
    case binary
    /// ln(1 + occasions).
    case log
  }

  /// Hyper-parameters.
  package struct Options: Equatable, Sendable {
    /// Singular vectors kept, 1 ... 512.
    package let rank: Int
    package let weights: Weights

    /// - Parameter hyperparameters: an object; `rank`, an integer, default 32; `weights`, "binary" (default) or "log".
    /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
    package init(hyperparameters: JSONValue) throws(RecommendationError) {
      let read = try Hyperparameters(hyperparameters, known: ["rank", "weights"])
      rank = try read.integer("rank", in: 1...512) ?? 32
      weights = try read.choice("weights") ?? .binary
    }
  }

  package let name = identifier
  private let weights: Weights
  /// V, shape [items, rank], orthonormal columns.
  let vectors: DoubleMatrix

  /// - Parameters:
  ///   - histories: what is learned from.
  ///   - itemCount: number of items.
  ///   - options: a rank above the number of customers or items counts as that number.
  /// - Throws: what `TruncatedSVD` throws; `CancellationError` before and after it.
  /// - Complexity: linear in the pairs of customer and item, and in customers and items times rank²: see
  ///   `TruncatedSVD`.
  package init(histories: [CustomerHistory], itemCount: Int, options: Options) throws {
    try Task.checkCancellation()
    weights = options.weights
    let matrix = try SparseMatrix(
      columns: itemCount,
      rows: histories.map { history in
        history.rows.map { (column: $0.item, value: Self.value(of: $0, options.weights)) }
      })
    let rank = min(options.rank, matrix.rows, itemCount)
    vectors = try TruncatedSVD.topTriplets(of: matrix, rank: rank).right
    try Task.checkCancellation()
  }

  private static func value(of row: CustomerHistory.Row, _ weights: Weights) -> Double {
    switch weights {
    case .binary: 1
    case .log: log1p(Double(row.occasions))
    }
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    let values = history.rows.map { Self.value(of: $0, weights) }
    let profile = Kernels.transposedProduct(vectors.gathered(history.rows.map(\.item)), values)
    return Kernels.product(vectors, profile).map { Float($0) }
  }
}
