import Testing
import VectorMath

@Suite struct CholeskyTests {
  @Test("a 3 x 3 factor by hand")
  func byHand() throws {
    let matrix = try DoubleMatrix(
      rows: 3, columns: 3, storage: [4, 12, -16, 12, 37, -43, -16, -43, 98])
    let factor = try Cholesky.factor(of: matrix)
    #expect(
      factor.lower
        == (try DoubleMatrix(rows: 3, columns: 3, storage: [2, 0, 0, 6, 1, 0, -8, 5, 3])))
    // The row sums of the matrix, so that the solution is all ones.
    #expect(try Cholesky.solve(factor, [0, 6, 39]) == [1, 1, 1])
  }

  @Test("orders around the block", arguments: [1, 2, 95, 96, 97, 193, 200])
  func orders(order: Int) throws {
    let matrix = Samples.positiveDefinite(order, seed: UInt64(order))
    // ‖A‖ is about 4/3 order and the smallest eigenvalue at least 1: the condition is below 2 ·
    // order.
    let tolerance = Double(order * order) * 0x1p-50
    for path in [KernelPath.baseline, .fastest] {
      let lower = try Cholesky.factor(of: matrix, path: path).lower
      let product = Samples.naiveProduct(lower, lower.transposed())
      #expect(Samples.largestDifference(product, matrix) <= tolerance)
      let inverse = try Cholesky.inverse(of: matrix, path: path)
      #expect(inverse == inverse.transposed())
      let identity = Samples.naiveProduct(matrix, inverse)
      #expect(Samples.largestDifference(identity, .identity(order)) <= tolerance)
    }
  }

  @Test("a solution satisfies its system")
  func solves() throws {
    let order = 150
    let matrix = Samples.positiveDefinite(order, seed: 2)
    let rightHandSide = Array(Samples.matrix(1, order, seed: 3).row(0))
    let solution = try Cholesky.solve(Cholesky.factor(of: matrix), rightHandSide)
    for (actual, expected) in zip(Kernels.product(matrix, solution), rightHandSide) {
      #expect(abs(actual - expected) <= Double(order * order) * 0x1p-50)
    }
  }

  @Test("only the lower triangle is read")
  func lowerTriangle() throws {
    let matrix = Samples.positiveDefinite(100, seed: 4)
    var damaged = matrix
    for row in 0..<100 {
      for column in row + 1..<100 { damaged[row, column] = .nan }
    }
    #expect(try Cholesky.inverse(of: damaged) == Cholesky.inverse(of: matrix))
  }

  @Test("an empty matrix is its own inverse")
  func empty() throws {
    #expect(try Cholesky.inverse(of: DoubleMatrix(rows: 0, columns: 0)).storage == [])
  }

  @Test("a pivot that is not positive is named", arguments: [0, 50, 120])
  func notPositiveDefinite(row: Int) {
    var matrix = DoubleMatrix.identity(130)
    matrix[row, row] = 0
    #expect(throws: LinearAlgebraError.notPositiveDefinite(row: row)) {
      try Cholesky.factor(of: matrix)
    }
    matrix[row, row] = -1
    #expect(throws: LinearAlgebraError.notPositiveDefinite(row: row)) {
      try Cholesky.inverse(of: matrix)
    }
  }

  @Test("malformed input is refused")
  func malformed() throws {
    #expect(throws: LinearAlgebraError.notSquare(rows: 3, columns: 2)) {
      try Cholesky.factor(of: DoubleMatrix(rows: 3, columns: 2))
    }
    var matrix = DoubleMatrix.identity(4)
    matrix[3, 2] = .infinity
    #expect(throws: LinearAlgebraError.notFinite(row: 3, column: 2)) {
      try Cholesky.factor(of: matrix)
    }
    let factor = try Cholesky.factor(of: .identity(4))
    #expect(throws: LinearAlgebraError.lengthMismatch(expected: 4, actual: 3)) {
      try Cholesky.solve(factor, [1, 2, 3])
    }
  }
}
