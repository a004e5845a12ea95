/// A sparse matrix by rows (CSR).
package struct SparseMatrix: Equatable, Sendable {
  /// The number of columns, at least 0.
  package let columns: Int
  /// Row i has entries `rowStarts[i] ..< rowStarts[i + 1]`; shape `[rows + 1]`.
  package let rowStarts: [Int]
  /// The column of each entry, ascending within a row.
  package let columnIndices: [Int]
  /// The value of each entry, finite.
  package let values: [Double]

  /// The number of rows.
  package var rows: Int { rowStarts.count - 1 }

  /// - Parameters:
  ///   - columns: at least 0.
  ///   - rowStarts: shape `[rows + 1]`, from 0 to the number of entries, ascending.
  ///   - columnIndices: strictly ascending within a row, in `0 ..< columns`.
  ///   - values: as many as `columnIndices`, finite.
  /// - Throws: `LinearAlgebraError.shapeMismatch`, `.malformedSparseRow`, or `.notFinite`.
  package init(
    columns: Int, rowStarts: [Int], columnIndices: [Int], values: [Double]
  ) throws(LinearAlgebraError) {
    guard columns >= 0, rowStarts.first == 0, rowStarts.last == values.count,
      columnIndices.count == values.count
    else {
      throw .shapeMismatch(rows: rowStarts.count - 1, columns: columns, count: values.count)
    }
    for row in 0..<rowStarts.count - 1 {
      let (start, end) = (rowStarts[row], rowStarts[row + 1])
      guard start <= end, end <= values.count else { throw .malformedSparseRow(row) }
      var previous = -1
      for entry in start..<end {
        let column = columnIndices[entry]
        guard column > previous, column < columns else { throw .malformedSparseRow(row) }
        guard values[entry].isFinite else { throw .notFinite(row: row, column: column) }
        previous = column
      }
    }
    self.columns = columns
    self.rowStarts = rowStarts
    self.columnIndices = columnIndices
    self.values = values
  }

  /// A matrix from its rows, each a list of (column, value) with ascending columns.
  ///
  /// - Throws: as the other initialiser.
  package init(
    columns: Int, rows: [[(column: Int, value: Double)]]
  ) throws(LinearAlgebraError) {
    var starts = [0]
    for row in rows { starts.append(starts[starts.count - 1] + row.count) }
    try self.init(
      columns: columns, rowStarts: starts, columnIndices: rows.flatMap { $0.map(\.column) },
      values: rows.flatMap { $0.map(\.value) })
  }

  /// A X, for X of shape `[columns, k]`.
  func product(_ x: DoubleMatrix, path: KernelPath) -> DoubleMatrix {
    precondition(x.rows == columns, "the inner dimensions of a product are equal")
    let width = x.columns
    var result = DoubleMatrix(rows: rows, columns: width)
    var sum = [Double](repeating: 0, count: width)
    for row in 0..<rows {
      for index in 0..<width { sum[index] = 0 }
      var span = sum.mutableSpan
      for entry in rowStarts[row]..<rowStarts[row + 1] {
        let start = columnIndices[entry] * width
        Kernels.axpy(
          values[entry], x.storage.span.extracting(start..<start + width), into: &span, path: path)
      }
      for index in 0..<width { result.storage[row * width + index] = sum[index] }
    }
    return result
  }

  /// The transpose, its rows in ascending column order.
  func transposed() -> SparseMatrix {
    var starts = [Int](repeating: 0, count: columns + 1)
    for column in columnIndices { starts[column + 1] += 1 }
    for column in 0..<columns { starts[column + 1] += starts[column] }
    var next = starts
    var rowIndices = [Int](repeating: 0, count: values.count)
    var transposedValues = [Double](repeating: 0, count: values.count)
    for row in 0..<rows {
      for entry in rowStarts[row]..<rowStarts[row + 1] {
        let target = next[columnIndices[entry]]
        next[columnIndices[entry]] += 1
        rowIndices[target] = row
        transposedValues[target] = values[entry]
      }
    }
    return SparseMatrix(
      checkedColumns: rows, rowStarts: starts, columnIndices: rowIndices, values: transposedValues)
  }

  private init(
    checkedColumns: Int, rowStarts: [Int], columnIndices: [Int], values: [Double]
  ) {
    columns = checkedColumns
    self.rowStarts = rowStarts
    self.columnIndices = columnIndices
    self.values = values
  }
}
