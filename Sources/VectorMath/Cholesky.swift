/// L with A = L Lᵀ.
package struct CholeskyFactor: Equatable, Sendable {
  /// L, shape `[n, n]`: lower triangular, positive diagonal, zeros above.
  package let lower: DoubleMatrix
}

/// Symmetric positive definite systems in `Double`, blocked: all cubic work is matrix products.
package enum Cholesky {
  /// Rows that are handled together; below it the work is substitution.
  private static let blockSize = 96

  /// The Cholesky factor of a symmetric positive definite matrix.
  ///
  /// - Parameter matrix: shape `[n, n]`, finite; only the lower triangle is read.
  /// - Throws: `LinearAlgebraError.notSquare`, `.notFinite`, or `.notPositiveDefinite` with the
  ///   first row whose pivot is not positive.
  /// - Complexity: n³/3 multiply-adds; one matrix of n² elements.
  package static func factor(
    of matrix: DoubleMatrix, path: KernelPath = .fastest
  ) throws(LinearAlgebraError) -> CholeskyFactor {
    CholeskyFactor(lower: try lowerFactor(of: matrix, path))
  }

  /// x with A x = b.
  ///
  /// - Parameters:
  ///   - factor: of A, shape `[n, n]`.
  ///   - rightHandSide: b, shape `[n]`.
  /// - Returns: shape `[n]`.
  /// - Throws: `LinearAlgebraError.lengthMismatch`.
  /// - Complexity: 2 n² multiply-adds.
  package static func solve(
    _ factor: CholeskyFactor, _ rightHandSide: [Double], path: KernelPath = .fastest
  ) throws(LinearAlgebraError) -> [Double] {
    let lower = factor.lower
    guard rightHandSide.count == lower.rows else {
      throw .lengthMismatch(expected: lower.rows, actual: rightHandSide.count)
    }
    var solution = rightHandSide
    for row in 0..<lower.rows {
      let start = row * lower.columns
      let known = Kernels.dot(
        lower.storage.span.extracting(start..<start + row), solution.span.extracting(0..<row),
        path: path)
      solution[row] = (solution[row] - known) / lower[row, row]
    }
    for row in (0..<lower.rows).reversed() {
      solution[row] /= lower[row, row]
      let value = solution[row]
      let start = row * lower.columns
      for column in 0..<row { solution[column] -= value * lower.storage[start + column] }
    }
    return solution
  }

  /// A⁻¹ of a symmetric positive definite matrix, exactly symmetric.
  ///
  /// - Parameter matrix: shape `[n, n]`, finite; only the lower triangle is read.
  /// - Throws: as `factor(of:)`.
  /// - Complexity: n³ multiply-adds; one matrix of n² elements beside the argument.
  package static func inverse(
    of matrix: DoubleMatrix, path: KernelPath = .fastest
  ) throws(LinearAlgebraError) -> DoubleMatrix {
    var work = try lowerFactor(of: matrix, path)
    invertLower(&work, path)
    multiplyTransposeBySelf(&work, path)
    work.mirrorLowerTriangle()
    return work
  }

  private static func lowerFactor(
    of matrix: DoubleMatrix, _ path: KernelPath
  ) throws(LinearAlgebraError) -> DoubleMatrix {
    let order = matrix.rows
    guard order == matrix.columns else {
      throw .notSquare(rows: matrix.rows, columns: matrix.columns)
    }
    var work = DoubleMatrix(rows: order, columns: order)
    for row in 0..<order {
      for column in 0...row {
        let element = matrix.storage[row * order + column]
        guard element.isFinite else { throw .notFinite(row: row, column: column) }
        work.storage[row * order + column] = element
      }
    }
    for start in stride(from: 0, to: order, by: blockSize) {
      let end = min(start + blockSize, order)
      try factorPanel(&work, from: start, to: end, path)
      subtractPanelProduct(&work, from: start, to: end, path)
    }
    return work
  }

  /// Factors columns start ..< end of all rows from `start` on, one row after another.
  private static func factorPanel(
    _ work: inout DoubleMatrix, from start: Int, to end: Int, _ path: KernelPath
  ) throws(LinearAlgebraError) {
    let order = work.rows
    for row in start..<order {
      let rowStart = row * order + start
      for column in start..<min(end, row + 1) {
        let columnStart = column * order + start
        let width = column - start
        let known = Kernels.dot(
          work.storage.span.extracting(rowStart..<rowStart + width),
          work.storage.span.extracting(columnStart..<columnStart + width), path: path)
        let rest = work.storage[rowStart + width] - known
        guard column == row else {
          work.storage[rowStart + width] = rest / work.storage[columnStart + width]
          continue
        }
        guard rest > 0 else { throw .notPositiveDefinite(row: row) }
        work.storage[rowStart + width] = rest.squareRoot()
      }
    }
  }

  /// Trailing lower triangle -= panel · panelᵀ.
  private static func subtractPanelProduct(
    _ work: inout DoubleMatrix, from start: Int, to end: Int, _ path: KernelPath
  ) {
    let order = work.rows
    let width = end - start
    // A copy, since one array cannot be read and written at once.
    let panel = copy(of: work, rows: end..<order, columns: start..<end)
    let shape = ProductShape(
      rows: order - end, columns: order - end, inner: width, a: .rowMajor(stride: width),
      b: .transposed(stride: width), c: .rowMajor(stride: order, offset: end * (order + 1)),
      lowerOnly: true)
    work.withMutableElements {
      Kernels.gemm(shape, alpha: -1, panel.span, panel.span, into: &$0, path: path)
    }
  }

  /// Replaces L by W = L⁻¹, a block of rows at a time: W_i = L_ii⁻¹ (I_i - L_i,<i W_<i).
  private static func invertLower(_ work: inout DoubleMatrix, _ path: KernelPath) {
    let order = work.rows
    for start in stride(from: 0, to: order, by: blockSize) {
      let end = min(start + blockSize, order)
      let left = copy(of: work, rows: start..<end, columns: 0..<start)
      var rows = DoubleMatrix(rows: end - start, columns: end)
      for row in start..<end { rows[row - start, row] = 1 }
      // W is lower triangular: column c needs rows c ..< start only.
      for column in stride(from: 0, to: start, by: blockSize) {
        let shape = ProductShape(
          rows: end - start, columns: min(blockSize, start - column), inner: start - column,
          a: .rowMajor(stride: start, offset: column),
          b: .rowMajor(stride: order, offset: column * (order + 1)),
          c: .rowMajor(stride: end, offset: column))
        rows.withMutableElements {
          Kernels.gemm(shape, alpha: -1, left.span, work.storage.span, into: &$0, path: path)
        }
      }
      substitute(&rows, work, from: start, path)
      for row in start..<end {
        let source = rows.row(row - start)
        work.storage.replaceSubrange(
          row * order..<row * order + row + 1, with: source.prefix(row + 1))
      }
    }
  }

  /// rows = L_ii⁻¹ rows, where L_ii is the diagonal block of `work` from `start` on.
  private static func substitute(
    _ rows: inout DoubleMatrix, _ work: DoubleMatrix, from start: Int, _ path: KernelPath
  ) {
    let width = rows.columns
    for row in 0..<rows.rows {
      var current = Array(rows.row(row))
      var span = current.mutableSpan
      for previous in 0..<row {
        Kernels.axpy(
          -work[start + row, start + previous],
          rows.storage.span.extracting(previous * width..<(previous + 1) * width), into: &span,
          path: path)
      }
      let pivot = work[start + row, start + row]
      for column in current.indices { current[column] /= pivot }
      rows.storage.replaceSubrange(row * width..<(row + 1) * width, with: current)
    }
  }

  /// Replaces the lower triangle of W by that of Wᵀ W, a block of rows at a time: rows i of the
  /// result need only rows from i on of W, which are still there.
  private static func multiplyTransposeBySelf(_ work: inout DoubleMatrix, _ path: KernelPath) {
    let order = work.rows
    for start in stride(from: 0, to: order, by: blockSize) {
      let end = min(start + blockSize, order)
      var rows = DoubleMatrix(rows: end - start, columns: end)
      let shape = ProductShape(
        rows: end - start, columns: end, inner: order - start,
        a: .transposed(stride: order, offset: start * (order + 1)),
        b: .rowMajor(stride: order, offset: start * order), c: .rowMajor(stride: end))
      rows.withMutableElements {
        Kernels.gemm(shape, work.storage.span, work.storage.span, into: &$0, path: path)
      }
      for row in start..<end {
        let source = rows.row(row - start)
        work.storage.replaceSubrange(
          row * order..<row * order + row + 1, with: source.prefix(row + 1))
      }
    }
  }

  private static func copy(
    of matrix: DoubleMatrix, rows: Range<Int>, columns: Range<Int>
  ) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(rows.count * columns.count)
    for row in rows {
      let start = row * matrix.columns
      result.append(
        contentsOf: matrix.storage[start + columns.lowerBound..<start + columns.upperBound])
    }
    return result
  }
}
