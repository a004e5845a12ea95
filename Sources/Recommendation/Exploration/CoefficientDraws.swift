internal import VectorMath

/// Draws of a linear model's coefficients, with the vectors that they weigh: a reward is their product.
package struct CoefficientDraws: Sendable {
  /// Shape `[places, dimension]`, finite.
  let vectors: Matrix
  /// One draw a row, shape `[draws, dimension]`, finite.
  let coefficients: Matrix
  /// At least the norm of every vector.
  let longestVector: Float

  var count: Int { coefficients.rows }

  /// For each draw, what no reward under it passes in size, with room for the rounding of a product.
  func bounds() -> [Float] {
    (0..<count).map { draw in
      let square = Kernels.sumOfSquares(
        coefficients.storage.span.extracting(coefficients.range(ofRow: draw)))
      return Float(square.squareRoot()) * longestVector * 1.0001
    }
  }

  /// Rewards of all places under some draws, one place a row: shape `[places, draws.count]`.
  ///
  /// A place's reward is the same, to the bit, however it is asked for.
  func rewards(ofDraws draws: Range<Int>) -> Matrix {
    precondition(draws.lowerBound >= 0 && draws.upperBound <= count, "draws that were made")
    return product(
      vectors,
      coefficients.storage.span.extracting(
        draws.lowerBound * vectors.columns..<draws.upperBound * vectors.columns),
      draws: draws.count)
  }

  /// Rewards of some places under some draws, one place a row: shape `[places.count, draws.count]`.
  func rewards(of places: [Int], draws: [Int]) -> Matrix {
    let rows = vectors.gathered(places)
    if draws.count == count { return product(rows, coefficients.storage.span, draws: count) }
    return product(rows, coefficients.gathered(draws).storage.span, draws: draws.count)
  }

  private func product(_ rows: Matrix, _ coefficients: Span<Float>, draws: Int) -> Matrix {
    let shape = ProductShape(
      rows: rows.rows, columns: draws, inner: rows.columns,
      a: .rowMajor(stride: rows.columns), b: .transposed(stride: rows.columns),
      c: .rowMajor(stride: draws))
    var result = Matrix(rows: rows.rows, columns: draws)
    result.withMutableElements {
      Kernels.gemm(shape, rows.storage.span, coefficients, into: &$0)
    }
    return result
  }
}
