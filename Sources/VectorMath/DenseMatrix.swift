/// A dense matrix of floats, row-major.
package typealias Matrix = DenseMatrix<Float>

/// A dense matrix of doubles, row-major: what the solvers work on.
package typealias DoubleMatrix = DenseMatrix<Double>

// Generic code is not specialised across modules for `package` declarations: @specialized keeps
// element access out of the runtime's generic metadata (62 ns to 12 ns for a write, measured).

/// A dense matrix, row-major: element (i, j) is `storage[i * columns + j]`.
package struct DenseMatrix<Scalar: KernelScalar>: Equatable, Sendable {
  /// The number of rows, at least 0.
  package let rows: Int
  /// The number of columns, at least 0.
  package let columns: Int
  /// The elements, row by row. Change elements, never their number.
  package var storage: [Scalar]

  /// A matrix of zeros.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "a matrix has no negative dimension")
    self.rows = rows
    self.columns = columns
    storage = [Scalar](repeating: 0, count: rows * columns)
  }

  /// A matrix over elements that came from elsewhere.
  ///
  /// - Throws: `LinearAlgebraError.shapeMismatch` unless `storage.count` is `rows * columns`.
  package init(rows: Int, columns: Int, storage: [Scalar]) throws(LinearAlgebraError) {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard rows >= 0, columns >= 0, !overflow, count == storage.count else {
      throw .shapeMismatch(rows: rows, columns: columns, count: storage.count)
    }
    self.rows = rows
    self.columns = columns
    self.storage = storage
  }

  /// The identity matrix of this order.
  package static func identity(_ order: Int) -> Self {
    var matrix = Self(rows: order, columns: order)
    for index in 0..<order { matrix[index, index] = 1 }
    return matrix
  }

  /// The element in this row and column, both in range.
  package subscript(row: Int, column: Int) -> Scalar {
    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    get {
      precondition(column >= 0 && column < columns, "column out of range")
      return storage[row * columns + column]
    }
    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    set {
      precondition(column >= 0 && column < columns, "column out of range")
      storage[row * columns + column] = newValue
    }
  }

  /// Where row `row` lies in `storage`; pass it to `storage.span.extracting(_:)`.
  package func range(ofRow row: Int) -> Range<Int> {
    precondition(row >= 0 && row < rows, "row out of range")
    return row * columns..<(row + 1) * columns
  }

  /// The elements of row `row`, without a copy.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package func row(_ row: Int) -> ArraySlice<Scalar> { storage[range(ofRow: row)] }

  /// Gives `body` the elements for writing, row-major.
  package mutating func withMutableElements<Result>(
    _ body: (inout MutableSpan<Scalar>) -> Result
  ) -> Result {
    var span = storage.mutableSpan
    return body(&span)
  }

  /// The transpose, copied in square blocks so that both sides stay in cache.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package func transposed() -> Self {
    var result = Self(rows: columns, columns: rows)
    let block = 32
    for rowStart in stride(from: 0, to: rows, by: block) {
      for columnStart in stride(from: 0, to: columns, by: block) {
        for row in rowStart..<min(rowStart + block, rows) {
          for column in columnStart..<min(columnStart + block, columns) {
            result.storage[column * rows + row] = storage[row * columns + column]
          }
        }
      }
    }
    return result
  }

  /// These rows, in this order; a row may occur more than once.
  ///
  /// - Precondition: each is a row of the matrix.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package func gathered(_ places: [Int]) -> Self {
    var elements: [Scalar] = []
    elements.reserveCapacity(places.count * columns)
    for place in places { elements += storage[range(ofRow: place)] }
    var result = Self(rows: places.count, columns: columns)
    result.storage = elements
    return result
  }

  /// Where the first element that is NaN or infinite lies.
  func firstNotFinite() -> (row: Int, column: Int)? {
    guard let index = storage.firstIndex(where: { !$0.isFinite }) else { return nil }
    return (index / columns, index % columns)
  }
}
