/// Why a matrix could not be built or a solver gave no answer.
package enum LinearAlgebraError: Error, Equatable, Sendable {
  /// A dimension is negative, or rows × columns is not the number of elements.
  case shapeMismatch(rows: Int, columns: Int, count: Int)
  /// The solver needs as many rows as columns.
  case notSquare(rows: Int, columns: Int)
  /// The element is NaN or infinite.
  case notFinite(row: Int, column: Int)
  /// The element differs from its mirror image.
  case notSymmetric(row: Int, column: Int)
  /// The pivot of this row is not positive.
  case notPositiveDefinite(row: Int)
  /// A right-hand side has the wrong length.
  case lengthMismatch(expected: Int, actual: Int)
  /// A sparse matrix is malformed at this row: row starts not ascending, or a column out of range
  /// or order.
  case malformedSparseRow(Int)
  /// The rank asked for is not in 1...limit.
  case rankOutOfRange(Int, limit: Int)
  /// The iteration limit was reached; `residual` is relative to the largest value.
  case notConverged(iterations: Int, residual: Double)
}
