import VectorMath

/// Repeatable inputs for the tests of this target.
enum Samples {
  static func vector(_ count: Int, seed: UInt64, within bound: Float = 1) -> [Float] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in Float.random(in: -bound...bound, using: &random) }
  }

  static func matrix(_ rows: Int, _ columns: Int, seed: UInt64) -> DoubleMatrix {
    var random = SeededRandom(seed: seed)
    var matrix = DoubleMatrix(rows: rows, columns: columns)
    for index in matrix.storage.indices {
      matrix.storage[index] = Double.random(in: -1...1, using: &random)
    }
    return matrix
  }

  static func symmetric(_ order: Int, seed: UInt64) -> DoubleMatrix {
    var matrix = matrix(order, order, seed: seed)
    matrix.mirrorLowerTriangle()
    return matrix
  }

  /// B Bᵀ + I, by plain loops: independent of the kernels under test.
  static func positiveDefinite(_ order: Int, seed: UInt64) -> DoubleMatrix {
    let factor = matrix(order, order, seed: seed)
    var result = naiveProduct(factor, factor.transposed())
    for index in 0..<order { result[index, index] += 1 }
    return result
  }

  /// The textbook triple loop.
  static func naiveProduct(_ a: DoubleMatrix, _ b: DoubleMatrix) -> DoubleMatrix {
    var result = DoubleMatrix(rows: a.rows, columns: b.columns)
    for row in 0..<a.rows {
      for inner in 0..<a.columns {
        for column in 0..<b.columns {
          result.storage[row * b.columns + column] +=
            a.storage[row * a.columns + inner] * b.storage[inner * b.columns + column]
        }
      }
    }
    return result
  }

  static func largestDifference(_ a: DoubleMatrix, _ b: DoubleMatrix) -> Double {
    guard a.rows == b.rows, a.columns == b.columns else { return .infinity }
    return zip(a.storage, b.storage).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}
