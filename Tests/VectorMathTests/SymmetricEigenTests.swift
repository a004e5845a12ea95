import Testing
import VectorMath

@Suite struct SymmetricEigenTests {
  /// Checks order, orthogonality and residual of a decomposition against m · 2^-49 ‖A‖.
  private func expectDecomposition(_ matrix: DoubleMatrix, _ eigen: EigenDecomposition) {
    let order = matrix.rows
    let size = max(abs(eigen.values.first ?? 0), abs(eigen.values.last ?? 0))
    let tolerance = Double(order) * 0x1p-49
    #expect(eigen.values == eigen.values.sorted(by: >))
    let gram = Samples.naiveProduct(eigen.vectors, eigen.vectors.transposed())
    #expect(Samples.largestDifference(gram, .identity(order)) <= tolerance)
    var scaled = eigen.vectors
    for row in 0..<order {
      for column in 0..<order { scaled[row, column] *= eigen.values[row] }
    }
    let image = Samples.naiveProduct(eigen.vectors, matrix)
    #expect(Samples.largestDifference(image, scaled) <= tolerance * size)
  }

  @Test("a 2 x 2 matrix by hand")
  func byHand() throws {
    let eigen = try SymmetricEigen.decompose(
      DoubleMatrix(rows: 2, columns: 2, storage: [2, 1, 1, 2]))
    let half = 0.5.squareRoot()
    // One rounding for each of a handful of operations.
    #expect(abs(eigen.values[0] - 3) < 1e-15 && abs(eigen.values[1] - 1) < 1e-15)
    #expect(abs(eigen.vectors[0, 0] - half) < 1e-15 && abs(eigen.vectors[0, 1] - half) < 1e-15)
    #expect(abs(abs(eigen.vectors[1, 0]) - half) < 1e-15)
    #expect(eigen.vectors[1, 0] == -eigen.vectors[1, 1])
  }

  /// The second difference matrix has eigenvalues 2 - 2 cos(kπ / (n + 1)); cosines by Chebyshev
  /// recurrence would be circular, so the characteristic polynomial of n = 3 is solved by hand: 2 +
  /// √2, 2, 2 - √2.
  @Test("the second difference matrix of order 3")
  func secondDifference() throws {
    let eigen = try SymmetricEigen.decompose(
      DoubleMatrix(rows: 3, columns: 3, storage: [2, -1, 0, -1, 2, -1, 0, -1, 2]))
    let root = 2.0.squareRoot()
    for (value, expected) in zip(eigen.values, [2 + root, 2, 2 - root]) {
      #expect(abs(value - expected) < 4e-15)
    }
  }

  @Test("orders around the reflector block", arguments: [1, 2, 3, 31, 32, 33, 34, 66, 120])
  func orders(order: Int) throws {
    let matrix = Samples.symmetric(order, seed: UInt64(order))
    for path in [KernelPath.baseline, .fastest] {
      expectDecomposition(matrix, try SymmetricEigen.decompose(matrix, path: path))
    }
  }

  @Test("an empty matrix has no eigenvalues")
  func empty() throws {
    #expect(try SymmetricEigen.decompose(DoubleMatrix(rows: 0, columns: 0)).values == [])
  }

  @Test("zero, identity, diagonal, rank one, clustered and graded matrices")
  func special() throws {
    let order = 40
    expectDecomposition(
      DoubleMatrix(rows: order, columns: order),
      try SymmetricEigen.decompose(DoubleMatrix(rows: order, columns: order)))
    #expect(
      try SymmetricEigen.decompose(.identity(order)).values
        == [Double](repeating: 1, count: order))

    var diagonal = DoubleMatrix(rows: order, columns: order)
    for index in 0..<order { diagonal[index, index] = Double(index * 17 % order) }
    #expect(
      try SymmetricEigen.decompose(diagonal).values == (0..<order).reversed().map(Double.init))

    let vector = Samples.matrix(1, order, seed: 3)
    expectDecomposition(
      Kernels.gram(of: vector), try SymmetricEigen.decompose(Kernels.gram(of: vector)))

    var clustered = Samples.symmetric(order, seed: 4)
    for index in clustered.storage.indices { clustered.storage[index] *= 1e-13 }
    for index in 0..<order { clustered[index, index] += 1 }
    expectDecomposition(clustered, try SymmetricEigen.decompose(clustered))

    var graded = Samples.symmetric(order, seed: 5)
    var size = 1.0
    for row in 0..<order {
      for column in 0...row { graded[row, column] *= size }
      size /= 8
    }
    graded.mirrorLowerTriangle()
    expectDecomposition(graded, try SymmetricEigen.decompose(graded))
  }

  @Test(
    "magnitudes near the limits of Double",
    arguments: [1e300, 1e-300, Double.leastNonzeroMagnitude])
  func extremeScale(scale: Double) throws {
    var matrix = Samples.symmetric(12, seed: 6)
    let eigen = try SymmetricEigen.decompose(matrix)
    for index in matrix.storage.indices { matrix.storage[index] *= scale }
    let scaled = try SymmetricEigen.decompose(matrix)
    for (value, expected) in zip(scaled.values, eigen.values) {
      // A denormal scale leaves no digits: only its spacing is promised, for 12 elements a row.
      #expect(abs(value - expected * scale) <= 1e-14 * scale + 20 * Double.leastNonzeroMagnitude)
    }
  }

  @Test("a matrix of low rank, whose other eigenvalues are rounding, converges")
  func lowRank() throws {
    for seed: UInt64 in 1...5 {
      var generator = SeededRandom(seed: seed)
      var rows = DoubleMatrix(rows: 5, columns: 300)
      for index in rows.storage.indices {
        rows.storage[index] =
          Double.random(in: -1...1, using: &generator) / Double(1 + index % 300)
      }
      let eigen = try SymmetricEigen.decompose(Kernels.gram(of: rows))
      let trace = rows.storage.reduce(0) { $0 + $1 * $1 }
      #expect(eigen.values.dropFirst(5).allSatisfy { abs($0) < 1e-13 * trace }, "seed \(seed)")
      let product = Kernels.product(eigen.vectors, eigen.vectors.transposed())
      for row in 0..<300 {
        for column in 0..<300 {
          let wanted = row == column ? 1.0 : 0
          #expect(abs(product[row, column] - wanted) < 1e-12)
        }
      }
    }
  }

  @Test("the largest element of each vector is positive")
  func signs() throws {
    let eigen = try SymmetricEigen.decompose(Samples.symmetric(25, seed: 7))
    for row in 0..<25 {
      let vector = eigen.vectors.row(row)
      #expect(vector.max() == vector.map(abs).max())
    }
  }

  @Test("the same matrix gives the same bits")
  func repeatable() throws {
    let matrix = Samples.symmetric(50, seed: 8)
    #expect(try SymmetricEigen.decompose(matrix) == SymmetricEigen.decompose(matrix))
  }

  @Test("malformed matrices are refused with the place")
  func malformed() {
    #expect(throws: LinearAlgebraError.notSquare(rows: 2, columns: 3)) {
      try SymmetricEigen.decompose(DoubleMatrix(rows: 2, columns: 3))
    }
    for value in [Double.nan, .infinity] {
      var matrix = Samples.symmetric(5, seed: 9)
      matrix[3, 1] = value
      matrix[1, 3] = value
      #expect(throws: LinearAlgebraError.notFinite(row: 1, column: 3)) {
        try SymmetricEigen.decompose(matrix)
      }
    }
    var matrix = Samples.symmetric(5, seed: 9)
    matrix[3, 1] += 1e-6
    #expect(throws: LinearAlgebraError.notSymmetric(row: 3, column: 1)) {
      try SymmetricEigen.decompose(matrix)
    }
  }
}
