/// The largest singular triplets of a matrix A ≈ U Σ Vᵀ.
package struct SingularTriplets: Equatable, Sendable {
  /// Σ: descending, at least 0, shape `[rank]`.
  package let values: [Double]
  /// V, shape `[columns, rank]`, orthonormal columns; the element of largest magnitude of each is
  /// positive.
  package let right: DoubleMatrix
  /// U Σ = A V, shape `[rows, rank]`: row i is row i of A in the leading singular directions.
  package let scaledLeft: DoubleMatrix
  /// max over i of ‖Aᵀ A v_i - σ_i² v_i‖ / σ_1².
  package let residual: Double
  /// Outer iterations done.
  package let iterations: Int
}

/// Singular vectors of a sparse matrix by block subspace iteration with a Chebyshev filter.
///
/// Each outer iteration damps the part of the spectrum of Aᵀ A below the block, orthonormalises,
/// and takes the best vectors of the subspace (Rayleigh–Ritz). Deterministic for one kernel path:
/// the start comes from a fixed seed.
/// - Source: Zhou, Saad, Tiago, Chelikowsky, "Self-consistent-field calculations using
///   Chebyshev-filtered subspace iteration" (2006), Algorithm 4.3; Saad, "Numerical Methods for
///   Large Eigenvalue Problems", ch. 5.
package enum TruncatedSVD {
  /// The residual, relative to σ_1², at which the iteration stops.
  package static let tolerance = 1e-10
  /// Vectors beyond the rank, which make the last wanted ones converge.
  private static let oversampling = 32
  private static let filterDegree = 8
  private static let iterationLimit = 200
  private static let seed: UInt64 = 0x7461_6369_742D_7376

  /// The `rank` largest singular values of `matrix` with their vectors.
  ///
  /// A matrix of lower rank gives zeros for the rest, with orthonormal right vectors.
  /// - Parameters:
  ///   - matrix: sparse, shape `[rows, columns]`.
  ///   - rank: in 1 ... min(rows, columns).
  /// - Throws: `LinearAlgebraError.rankOutOfRange` or `.notConverged`.
  /// - Complexity: each iteration O((entries · degree + columns · block) · block), block = rank +
  ///   32; dense blocks of columns × block and rows × block are held.
  package static func topTriplets(
    of matrix: SparseMatrix, rank: Int, path: KernelPath = .fastest
  ) throws(LinearAlgebraError) -> SingularTriplets {
    let limit = min(matrix.rows, matrix.columns)
    guard rank >= 1, rank <= limit else { throw .rankOutOfRange(rank, limit: limit) }
    let transpose = matrix.transposed()
    let block = min(rank + oversampling, matrix.columns)
    var random = SeededRandom(seed: seed)
    var basis = DoubleMatrix(rows: matrix.columns, columns: block)
    for index in basis.storage.indices {
      basis.storage[index] = Double.random(in: -1...1, using: &random)
    }
    Orthonormalization.orthonormalize(&basis, using: &random, path: path)

    var residual = Double.infinity
    for iteration in 1...iterationLimit {
      let image = matrix.product(basis, path: path)
      let eigen = try SymmetricEigen.decompose(Kernels.gram(of: image, path: path), path: path)
      let rotation = eigen.vectors.transposed()
      let normalImage = Kernels.product(
        transpose.product(image, path: path), rotation, path: path)
      basis = Kernels.product(basis, rotation, path: path)
      let ritz = eigen.values.map { max(0, $0) }
      residual = largestResidual(normalImage, basis, ritz, rank: rank)
      if residual <= tolerance {
        return triplets(matrix, basis, ritz, rank: rank, residual, iteration, path)
      }
      let filter = ChebyshevFilter(
        degree: filterDegree, damped: ritz[block - 1], largest: ritz[0], matrix: matrix,
        transpose: transpose, path: path)
      basis = filter.apply(basis: basis, image: normalImage)
      Orthonormalization.orthonormalize(&basis, using: &random, path: path)
    }
    throw .notConverged(iterations: iterationLimit, residual: residual)
  }

  /// max over i < rank of ‖Aᵀ A v_i - θ_i v_i‖ / θ_1; 0 for the zero matrix.
  private static func largestResidual(
    _ normalImage: DoubleMatrix, _ basis: DoubleMatrix, _ ritz: [Double], rank: Int
  ) -> Double {
    var squares = [Double](repeating: 0, count: rank)
    for row in 0..<basis.rows {
      for column in 0..<rank {
        let difference = normalImage[row, column] - ritz[column] * basis[row, column]
        squares[column] += difference * difference
      }
    }
    let largest = squares.reduce(0, max).squareRoot()
    return ritz[0] > 0 ? largest / ritz[0] : largest
  }

  private static func triplets(
    _ matrix: SparseMatrix, _ basis: DoubleMatrix, _ ritz: [Double], rank: Int, _ residual: Double,
    _ iterations: Int, _ path: KernelPath
  ) -> SingularTriplets {
    var right = DoubleMatrix(rows: basis.rows, columns: rank)
    for column in 0..<rank {
      var peak = 0.0
      for row in 0..<basis.rows where abs(basis[row, column]) > abs(peak) {
        peak = basis[row, column]
      }
      let sign = peak < 0 ? -1.0 : 1.0
      for row in 0..<basis.rows { right[row, column] = sign * basis[row, column] }
    }
    return SingularTriplets(
      values: ritz.prefix(rank).map { $0.squareRoot() }, right: right,
      scaledLeft: matrix.product(right, path: path), residual: residual, iterations: iterations)
  }
}

/// A polynomial in Aᵀ A that stays small on the eigenvalues in [0, damped] and grows fast above
/// them.
private struct ChebyshevFilter {
  let degree: Int
  let damped: Double
  let largest: Double
  let matrix: SparseMatrix
  let transpose: SparseMatrix
  let path: KernelPath

  /// The filtered basis, scaled so that the largest eigenvalue keeps magnitude about 1.
  ///
  /// - Parameters:
  ///   - basis: shape `[columns, block]`, Ritz vectors.
  ///   - image: Aᵀ A times `basis`.
  func apply(basis: DoubleMatrix, image: DoubleMatrix) -> DoubleMatrix {
    // With nothing to damp, one plain power step already is the best there is.
    guard damped > largest * 0x1p-40 else { return image }
    let halfWidth = damped / 2
    let center = damped / 2
    var scale = halfWidth / max(largest - center, halfWidth)
    let firstScale = scale
    var previous = basis
    var current = image
    for index in current.storage.indices {
      current.storage[index] =
        (image.storage[index] - center * basis.storage[index]) * scale / halfWidth
    }
    for _ in 1..<max(1, degree) {
      let nextScale = 1 / (2 / firstScale - scale)
      var next = transpose.product(matrix.product(current, path: path), path: path)
      let factor = 2 * nextScale / halfWidth
      let keep = scale * nextScale
      for index in next.storage.indices {
        next.storage[index] =
          factor * (next.storage[index] - center * current.storage[index])
          - keep * previous.storage[index]
      }
      previous = current
      current = next
      scale = nextScale
    }
    return current
  }
}
