internal import VectorMath

extension DoubleMatrix {
  /// Every row at norm 1, in single precision: what ``ItemFeatures`` are made of.
  ///
  /// - Parameter smallest: rows of at most that norm become zero.
  func singleUnitRows(above smallest: Double) -> Matrix {
    var scaled = self
    scaled.scaleRowsToUnitNorm(above: smallest)
    var single = Matrix(rows: rows, columns: columns)
    for index in single.storage.indices { single.storage[index] = Float(scaled.storage[index]) }
    return single
  }

  /// Rows of at most that norm become zero.
  mutating func scaleRowsToUnitNorm(above smallest: Double) {
    for row in 0..<rows {
      let norm = self.row(row).reduce(0) { $0 + $1 * $1 }.squareRoot()
      for column in 0..<columns {
        self[row, column] = norm > smallest ? self[row, column] / norm : 0
      }
    }
  }
}
