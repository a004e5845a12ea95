import Testing
import VectorMath

@Suite struct TruncatedSVDTests {
  /// About six entries a row, columns unevenly popular, as term matrices are.
  private func termMatrix(rows: Int, columns: Int, seed: UInt64) throws -> SparseMatrix {
    var random = SeededRandom(seed: seed)
    return try SparseMatrix(
      columns: columns,
      rows: (0..<rows).map { _ in
        var entries: [Int: Double] = [:]
        for _ in 0..<6 {
          let place = Double.random(in: 0..<1, using: &random)
          entries[Int(Double(columns) * place * place)] = Double.random(in: 0.1...1, using: &random)
        }
        return entries.sorted { $0.key < $1.key }.map { (column: $0.key, value: $0.value) }
      })
  }

  private func dense(_ matrix: SparseMatrix) -> DoubleMatrix {
    var result = DoubleMatrix(rows: matrix.rows, columns: matrix.columns)
    for row in 0..<matrix.rows {
      for entry in matrix.rowStarts[row]..<matrix.rowStarts[row + 1] {
        result[row, matrix.columnIndices[entry]] = matrix.values[entry]
      }
    }
    return result
  }

  @Test("singular values are those of the dense eigenproblem, vectors are orthonormal")
  func agreesWithDense() throws {
    let sparse = try termMatrix(rows: 120, columns: 80, seed: 1)
    let matrix = dense(sparse)
    let triplets = try TruncatedSVD.topTriplets(of: sparse, rank: 10)
    let eigen = try SymmetricEigen.decompose(
      Samples.naiveProduct(matrix.transposed(), matrix))
    for (value, expected) in zip(triplets.values, eigen.values) {
      // The residual bounds the error of the square by 1e-10 of the largest.
      #expect(abs(value * value - expected) <= 1e-10 * eigen.values[0])
    }
    #expect(triplets.residual <= TruncatedSVD.tolerance)
    let right = triplets.right
    #expect(
      Samples.largestDifference(
        Samples.naiveProduct(right.transposed(), right), .identity(10)) <= 1e-13)
    #expect(
      Samples.largestDifference(Samples.naiveProduct(matrix, right), triplets.scaledLeft) <= 1e-13)
  }

  @Test("the residual is what it says, recomputed from the matrix")
  func residual() throws {
    let sparse = try termMatrix(rows: 90, columns: 150, seed: 2)
    let matrix = dense(sparse)
    let triplets = try TruncatedSVD.topTriplets(of: sparse, rank: 16)
    let image = Samples.naiveProduct(
      matrix.transposed(), Samples.naiveProduct(matrix, triplets.right))
    let largest = triplets.values[0] * triplets.values[0]
    for column in 0..<16 {
      let value = triplets.values[column] * triplets.values[column]
      var sum = 0.0
      for row in 0..<150 {
        let difference = image[row, column] - value * triplets.right[row, column]
        sum += difference * difference
      }
      #expect(sum.squareRoot() <= 1.01e-10 * largest)
    }
  }

  @Test("a diagonal matrix by hand, equal values included")
  func diagonal() throws {
    let values: [Double] = [3, 7, 7, 0, 1, 5]
    let matrix = try SparseMatrix(
      columns: 6, rows: values.enumerated().map { [(column: $0.offset, value: $0.element)] })
    let triplets = try TruncatedSVD.topTriplets(of: matrix, rank: 6)
    for (value, expected) in zip(triplets.values, [7, 7, 5, 3, 1, 0] as [Double]) {
      // The square root of a residual of 1e-10 where the value is zero.
      #expect(abs(value - expected) <= 1e-4)
    }
  }

  @Test("a matrix of lower rank, or zero, gives zeros and orthonormal vectors")
  func rankDeficient() throws {
    let row: [(column: Int, value: Double)] = [(column: 1, value: 1), (column: 3, value: 2)]
    let one = try SparseMatrix(columns: 50, rows: Array(repeating: row, count: 45))
    let zero = try SparseMatrix(columns: 50, rows: Array(repeating: [], count: 45))
    for (matrix, largest) in [(one, 225.0.squareRoot()), (zero, 0)] as [(SparseMatrix, Double)] {
      let triplets = try TruncatedSVD.topTriplets(of: matrix, rank: 8)
      #expect(abs(triplets.values[0] - largest) <= 1e-12)
      #expect(triplets.values.dropFirst().allSatisfy { $0 <= 1e-4 })
      let gram = Samples.naiveProduct(triplets.right.transposed(), triplets.right)
      #expect(Samples.largestDifference(gram, .identity(8)) <= 1e-13)
    }
  }

  @Test("the same matrix gives the same bits")
  func repeatable() throws {
    let matrix = try termMatrix(rows: 60, columns: 70, seed: 3)
    #expect(
      try TruncatedSVD.topTriplets(of: matrix, rank: 5)
        == TruncatedSVD.topTriplets(of: matrix, rank: 5))
  }

  @Test("a rank that the matrix cannot have is refused", arguments: [0, -1, 5])
  func rankOutOfRange(rank: Int) throws {
    let matrix = try SparseMatrix(columns: 4, rows: Array(repeating: [], count: 6))
    #expect(throws: LinearAlgebraError.rankOutOfRange(rank, limit: 4)) {
      try TruncatedSVD.topTriplets(of: matrix, rank: rank)
    }
  }

  @Test("malformed sparse matrices are refused")
  func malformed() {
    #expect(throws: LinearAlgebraError.malformedSparseRow(1)) {
      try SparseMatrix(columns: 3, rows: [[], [(column: 2, value: 1), (column: 1, value: 1)]])
    }
    #expect(throws: LinearAlgebraError.malformedSparseRow(0)) {
      try SparseMatrix(columns: 3, rows: [[(column: 3, value: 1)]])
    }
    #expect(throws: LinearAlgebraError.notFinite(row: 0, column: 1)) {
      try SparseMatrix(columns: 3, rows: [[(column: 1, value: .infinity)]])
    }
    #expect(throws: LinearAlgebraError.malformedSparseRow(1)) {
      try SparseMatrix(
        columns: 3, rowStarts: [0, 2, 1, 2], columnIndices: [0, 1], values: [1, 1])
    }
    #expect(throws: LinearAlgebraError.shapeMismatch(rows: -1, columns: 3, count: 0)) {
      try SparseMatrix(columns: 3, rowStarts: [], columnIndices: [], values: [])
    }
  }
}
