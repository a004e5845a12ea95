internal import VectorMath

/// The leading eigenvectors of a noised Gram matrix, each with the weight it deserves in V V'.
///
/// Noise alone has its eigenvalues below the edge sigma sqrt(2 m) (a symmetric matrix with deviation
/// sigma on the diagonal and sigma / sqrt 2 off it; semicircle law). Eigenvalues lambda above the edge
/// are kept, with the product of two weights:
/// - The squared cosine between the eigenvector and that of the noiseless matrix, 1 - 1 / theta^2 with
///   theta + 1 / theta = 2 lambda / edge: how far the direction can be trusted.
/// - lambda / (lambda + c) with c = n / 100 for the cohort n: the solution (G + c I)^-1 G of the ridge
///   regression of a customer's row on itself. It matters where there is little noise and the rank is
///   high; elsewhere the edge has removed what it would shrink.
/// - Source: Benaych-Georges and Nadakuditi, "The eigenvalues and eigenvectors of finite, low rank
///   perturbations of large random matrices", Advances in Mathematics 227 (2011), theorems 2.1 and 2.2
///   for Wigner matrices.
struct EigenBasis: Equatable {
  /// Name of the tensor [m, rank] in ``ModelParameters``.
  static let tensor = "vectors"
  /// Vectors kept at most when nothing else is asked for: with noise fewer are above the edge, without
  /// noise more did not help.
  static let defaultRank = 64
  /// The ridge c as a fraction of the cohort.
  private static let ridgeFraction = 0.01

  /// Vectors kept, at least 1: where no eigenvalue rises above the edge, the first with weight 0, so
  /// that the parameters keep their form and the scores fall back on text and popularity.
  let rank: Int
  /// Row-major [m, rank]: column j is eigenvector j times the square root of its weight.
  let vectors: [Float]

  /// - Parameters:
  ///   - triangle: the noised upper triangle, off-diagonal entries times sqrt 2, finite.
  ///   - size: rows m, at least 1.
  ///   - noiseStandardDeviation: of each entry of `triangle`.
  ///   - cohort: n, at least 1.
  ///   - maximumRank: vectors kept at most; nil for ``defaultRank``.
  /// - Throws: `.numericalFailure`.
  init(
    triangle: [Double], size: Int, noiseStandardDeviation: Double, cohort: Int, maximumRank: Int?
  ) throws(RecommendationError) {
    let eigen = try Self.decompose(triangle: triangle, size: size)
    let edge = noiseStandardDeviation * Double(2 * size).squareRoot()
    let limit = min(maximumRank ?? Self.defaultRank, size)
    let ridge = Self.ridgeFraction * Double(cohort)
    var weights = eigen.values.prefix(limit).map { value in
      Self.trust(eigenvalue: value, edge: edge) * value / (value + ridge)
    }
    // Eigenvalues descend, and so do their weights.
    weights = Array(weights.prefix { $0 > 0 })
    if weights.isEmpty { weights = [0] }
    rank = weights.count
    var vectors = [Float](repeating: 0, count: size * rank)
    for (column, weight) in weights.enumerated() {
      let scale = weight.squareRoot()
      for row in 0..<size {
        vectors[row * rank + column] = Float(eigen.vectors[column, row] * scale)
      }
    }
    self.vectors = vectors
  }

  /// Squared cosine of an eigenvector of the noised matrix with that of the noiseless one; 0 at or
  /// below the edge, 1 without noise.
  static func trust(eigenvalue: Double, edge: Double) -> Double {
    guard eigenvalue > edge else { return 0 }
    guard edge > 0 else { return 1 }
    let ratio = 2 * eigenvalue / edge
    let theta = (ratio + (ratio * ratio - 4).squareRoot()) / 2
    return 1 - 1 / (theta * theta)
  }

  private static func decompose(
    triangle: [Double], size: Int
  ) throws(RecommendationError) -> EigenDecomposition {
    let layout = UpperTriangle(size: size)
    precondition(triangle.count == layout.count, "a triangle of the size given")
    var gram = DoubleMatrix(rows: size, columns: size)
    for row in 0..<size {
      gram[row, row] = triangle[layout.index(row, row)]
      for column in (row + 1)..<max(size, row + 1) {
        let value = triangle[layout.index(row, column)] * 0.5.squareRoot()
        gram[row, column] = value
        gram[column, row] = value
      }
    }
    do {
      return try SymmetricEigen.decompose(gram)
    } catch {
      throw .numericalFailure(step: "eigenvectors of the Gram matrix")
    }
  }
}
