package import CanonicalJSON
package import Recommendation
internal import VectorMath

/// Embarrassingly shallow autoencoder on the binary matrix of customers and items: the centralized
/// reference.
///
/// With G = X'X + lambda I and P its inverse, the weight of item i for item j is -P_ij / P_jj, and 0
/// for i = j. Scores are sums of weights over the history.
/// - Source: H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equation 8.
package struct EASE: RankingModel {
  package static let identifier = CentralizedBaseline.ease.rawValue
  package let name = identifier
  /// Items beyond which the matrices would not fit in the memory of a small machine (8 n² bytes, twice).
  package static let largestCatalogue = 12_000
  private let itemCount: Int
  /// Weights, one row an item of the history: row i holds the weight of i for every item.
  private let weights: [Float]

  /// - Parameters:
  ///   - histories: what is learned from.
  ///   - itemCount: number of items n.
  ///   - regularization: lambda > 0.
  /// - Throws: what `Cholesky` throws; G is positive definite, so only for a lambda lost in rounding.
  /// - Complexity: O(n^3) once; 8 n^2 bytes at the peak twice, 4 n^2 kept.
  package init(histories: [CustomerHistory], itemCount: Int, regularization: Double) throws {
    precondition(regularization > 0, "EASE needs a positive regularization")
    var gram = CoOccurrence.matrix(histories: histories, itemCount: itemCount)
    for item in 0..<itemCount { gram[item, item] += regularization }
    let inverse = try Cholesky.inverse(of: gram)
    var weights = [Float](repeating: 0, count: itemCount * itemCount)
    let reciprocals = (0..<itemCount).map { 1 / inverse[$0, $0] }
    for row in 0..<itemCount {
      for column in 0..<itemCount where column != row {
        weights[row * itemCount + column] = Float(-inverse[row, column] * reciprocals[column])
      }
    }
    self.itemCount = itemCount
    self.weights = weights
  }

  /// The lambda with the highest NDCG on a problem made of training data only; ties by order.
  ///
  /// - Parameters:
  ///   - candidates: values to try, at least one.
  ///   - tuning: `BenchmarkProtocol.tuningProblem`; its first task decides.
  package static func chosenRegularization(
    among candidates: [Double], on tuning: EvaluationProblem
  ) async throws -> Double {
    var best: (lambda: Double, value: Double)?
    for lambda in candidates {
      let model = try EASE(
        histories: tuning.histories, itemCount: tuning.catalogue.count, regularization: lambda)
      guard let value = try await tuning.evaluate(model).first?.value(of: .ndcg) else { continue }
      if value > best?.value ?? -.infinity { best = (lambda, value) }
    }
    guard let best else {
      throw EvaluationError.invalidPlan(reason: "there is no lambda to choose among")
    }
    return best.lambda
  }

  /// Lambda out of `{"lambda": "200"}`.
  ///
  /// - Throws: `EvaluationError.invalidPlan` if it is missing or not a positive number.
  package static func regularization(in hyperparameters: JSONValue) throws(EvaluationError)
    -> Double
  {
    guard let text = hyperparameters["lambda"]?.stringValue, let lambda = Double(text),
      lambda > 0, lambda.isFinite
    else {
      throw .invalidPlan(reason: "ease needs a hyper-parameter lambda, a positive number as text")
    }
    return lambda
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    var sums = [Float](repeating: 0, count: itemCount)
    var span = sums.mutableSpan
    for row in history.rows {
      let start = row.item * itemCount
      Kernels.axpy(1, weights.span.extracting(start..<start + itemCount), into: &span)
    }
    return sums
  }
}
