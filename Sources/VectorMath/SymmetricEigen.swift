/// Eigenvalues and eigenvectors of a symmetric matrix.
package struct EigenDecomposition: Equatable, Sendable {
  /// The eigenvalues, descending.
  package let values: [Double]
  /// Row i is the unit eigenvector of `values[i]`; its element of largest magnitude is positive.
  package let vectors: DoubleMatrix
}

/// The symmetric eigenproblem: blocked Householder tridiagonalisation, then implicit QL.
package enum SymmetricEigen {
  /// All eigenvalues and eigenvectors of a symmetric matrix.
  ///
  /// Deterministic for one kernel path. For order m, ‖A V - V Λ‖ and ‖Vᵀ V - I‖ stay within a
  /// modest multiple of m · 2^-53 (relative to ‖A‖ for the first).
  /// - Parameter matrix: shape `[m, m]`, finite, element (i, j) equal to (j, i) within 2^-40 of the
  ///   largest magnitude; the lower triangle is the one used.
  /// - Throws: `LinearAlgebraError.notSquare`, `.notFinite`, `.notSymmetric`, or `.notConverged`,
  ///   which no finite matrix is known to cause.
  /// - Complexity: O(m³); three matrices of order m at the peak.
  /// - Source: Dongarra, Hammarling, Sorensen, "Block reduction of matrices to condensed forms"
  ///   (1989); Wilkinson, Reinsch, "Handbook for Automatic Computation II", `tql2`.
  package static func decompose(
    _ matrix: DoubleMatrix, path: KernelPath = .fastest
  ) throws(LinearAlgebraError) -> EigenDecomposition {
    let scale = try checkedScale(of: matrix)
    let order = matrix.rows
    var work = matrix
    for index in work.storage.indices { work.storage[index] *= 1 / scale }
    for row in 0..<order {
      for column in 0..<row { work[column, row] = work[row, column] }
    }
    let reduction = Tridiagonalization(reducing: &work, path: path)
    var vectors = DoubleMatrix.identity(order)
    var solver = TridiagonalSolver(
      diagonal: reduction.diagonal, offDiagonal: reduction.offDiagonal, path: path)
    try solver.solve(rotating: &vectors)
    reduction.backTransform(&vectors, path: path)
    return sorted(values: solver.diagonal.map { $0 * scale }, vectors: vectors)
  }

  /// A power of two near the largest magnitude, so that dividing by it is exact and squares cannot
  /// overflow.
  private static func checkedScale(of matrix: DoubleMatrix) throws(LinearAlgebraError) -> Double {
    let order = matrix.rows
    guard order == matrix.columns else {
      throw .notSquare(rows: matrix.rows, columns: matrix.columns)
    }
    if let (row, column) = matrix.firstNotFinite() { throw .notFinite(row: row, column: column) }
    let largest = matrix.storage.reduce(0) { max($0, abs($1)) }
    for row in 0..<order {
      for column in 0..<row
      where !(abs(matrix[row, column] - matrix[column, row]) <= largest * 0x1p-40) {
        throw .notSymmetric(row: row, column: column)
      }
    }
    guard largest >= 0x1p-1000 else { return largest == 0 ? 1 : 0x1p-1000 }
    return min(largest.binade, 0x1p1000)
  }

  private static func sorted(values: [Double], vectors: DoubleMatrix) -> EigenDecomposition {
    let order = values.indices.sorted { (values[$0], $1) > (values[$1], $0) }
    var result = DoubleMatrix(rows: vectors.rows, columns: vectors.columns)
    for (target, source) in order.enumerated() {
      let vector = vectors.row(source)
      let peak = vector.reduce(0.0) { abs($1) > abs($0) ? $1 : $0 }
      let sign = peak < 0 ? -1.0 : 1.0
      let start = target * vectors.columns
      for (column, element) in vector.enumerated() {
        result.storage[start + column] = sign * element
      }
    }
    return EigenDecomposition(values: order.map { values[$0] }, vectors: result)
  }
}
