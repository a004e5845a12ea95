internal import VectorMath

/// The leading eigenvectors of a noised Gram matrix, and how large their eigenvalues are without the noise.
///
/// Noise alone has its eigenvalues below the edge sigma sqrt(2 m) (a symmetric matrix with deviation
/// sigma on the diagonal and sigma / sqrt 2 off it; semicircle law). An eigenvalue lambda above the edge
/// comes from one of theta half edges, theta + 1 / theta = 2 lambda / edge, and the squared cosine between
/// its eigenvector and that of the noiseless matrix is 1 - 1 / theta^2.
/// - Source: Benaych-Georges and Nadakuditi, "The eigenvalues and eigenvectors of finite, low rank
///   perturbations of large random matrices", Advances in Mathematics 227 (2011), theorems 2.1 and 2.2
///   for Wigner matrices.
struct NoisedSpectrum: Equatable {
  /// Vectors kept at least: one at or below the edge has no weight yet, but the next round may tell.
  static let smallestRank = 3
  /// Vectors kept at most when nothing else is asked for.
  static let largestRank = 64

  /// Vectors kept, at least 1.
  let rank: Int
  /// Orthonormal columns, shape [m, rank].
  let vectors: DoubleMatrix
  /// Eigenvalues without what noise adds to them, descending, at least 0; half of the noised one at or
  /// below the edge.
  let eigenvalues: [Double]

  /// - Parameters:
  ///   - triangle: the noised upper triangle, off-diagonal entries times sqrt 2, finite.
  ///   - size: rows m, at least 1.
  ///   - noiseStandardDeviation: of each entry of `triangle`.
  ///   - rank: vectors kept; nil for those above the edge, within the bounds above.
  /// - Throws: `.numericalFailure`.
  init(
    triangle: [Double], size: Int, noiseStandardDeviation: Double, rank: Int?
  ) throws(RecommendationError) {
    let eigen = try Self.decompose(triangle: triangle, size: size)
    let edge = Self.edge(size: size, noiseStandardDeviation: noiseStandardDeviation)
    let above = eigen.values.prefix { $0 > edge }.count
    let kept = min(rank ?? min(max(above, Self.smallestRank), Self.largestRank), size)
    self.rank = kept
    eigenvalues = eigen.values.prefix(kept).map { Self.withoutNoise(eigenvalue: $0, edge: edge) }
    var vectors = DoubleMatrix(rows: size, columns: kept)
    for row in 0..<size {
      for column in 0..<kept { vectors[row, column] = eigen.vectors[column, row] }
    }
    self.vectors = vectors
  }

  /// The largest eigenvalue of noise alone.
  static func edge(size: Int, noiseStandardDeviation: Double) -> Double {
    noiseStandardDeviation * Double(2 * size).squareRoot()
  }

  /// The eigenvalue of the noiseless matrix, edge theta / 2.
  static func withoutNoise(eigenvalue: Double, edge: Double) -> Double {
    guard eigenvalue > edge else { return max(eigenvalue, 0) / 2 }
    return (eigenvalue + (eigenvalue * eigenvalue - edge * edge).squareRoot()) / 2
  }

  /// Squared cosine of an eigenvector of the noised matrix with that of the noiseless one: 0 for an
  /// eigenvalue from the edge or below, 1 without noise.
  ///
  /// - Parameter eigenvalue: as ``eigenvalues``.
  static func trust(eigenvalue: Double, edge: Double) -> Double {
    guard eigenvalue > edge / 2 else { return 0 }
    let ratio = edge / (2 * eigenvalue)
    return 1 - ratio * ratio
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
