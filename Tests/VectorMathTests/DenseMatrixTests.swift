import Testing
import VectorMath

@Suite struct DenseMatrixTests {
  @Test("storage of the wrong length is refused")
  func wrongShape() {
    #expect(throws: LinearAlgebraError.shapeMismatch(rows: 2, columns: 3, count: 5)) {
      try Matrix(rows: 2, columns: 3, storage: [1, 2, 3, 4, 5])
    }
    #expect(throws: LinearAlgebraError.shapeMismatch(rows: -1, columns: -2, count: 2)) {
      try Matrix(rows: -1, columns: -2, storage: [1, 2])
    }
    #expect(throws: LinearAlgebraError.shapeMismatch(rows: .max, columns: 2, count: 0)) {
      try Matrix(rows: .max, columns: 2, storage: [])
    }
  }

  @Test("elements are row-major and the transpose swaps them")
  func layout() throws {
    let matrix = try Matrix(rows: 2, columns: 3, storage: [1, 2, 3, 4, 5, 6])
    #expect(matrix[1, 0] == 4)
    #expect(Array(matrix.row(1)) == [4, 5, 6])
    #expect(matrix.transposed() == (try Matrix(rows: 3, columns: 2, storage: [1, 4, 2, 5, 3, 6])))
    let large = Samples.matrix(70, 45, seed: 1)
    #expect(large.transposed().transposed() == large)
    #expect(large.transposed()[44, 69] == large[69, 44])
  }

  @Test("gathered rows come in the order that is asked for, as often as it says")
  func gathered() throws {
    let matrix = try Matrix(rows: 3, columns: 2, storage: [1, 2, 3, 4, 5, 6])
    let rows = matrix.gathered([2, 0, 2])
    #expect(rows == (try Matrix(rows: 3, columns: 2, storage: [5, 6, 1, 2, 5, 6])))
    #expect(matrix.gathered([]) == Matrix(rows: 0, columns: 2))
    let large = Samples.matrix(70, 45, seed: 3)
    #expect(large.gathered(Array(0..<70)) == large)
  }

  @Test("mirroring copies the lower triangle and nothing else")
  func mirror() {
    let original = Samples.matrix(67, 67, seed: 2)
    var mirrored = original
    mirrored.mirrorLowerTriangle()
    #expect(mirrored == mirrored.transposed())
    for row in 0..<67 {
      for column in 0...row { #expect(mirrored[row, column] == original[row, column]) }
    }
  }
}
