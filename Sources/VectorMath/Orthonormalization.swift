/// Orthonormal bases that stay so when the vectors are nearly dependent.
enum Orthonormalization {
  /// What is left of a unit vector when it lies in the span of the earlier ones, up to rounding.
  private static let dependence = 0x1p-40

  /// Replaces the columns of `basis` by an orthonormal basis that contains their span.
  ///
  /// Classical Gram–Schmidt done twice ("twice is enough"), which keeps ‖Qᵀ Q - I‖ at rounding
  /// level. A column that depends on earlier ones is replaced by a random direction.
  /// - Parameter basis: shape `[n, k]`, k <= n.
  /// - Source: Giraud, Langou, Rozložník, "The loss of orthogonality in the Gram–Schmidt
  ///   orthogonalization process" (2005).
  static func orthonormalize(
    _ basis: inout DoubleMatrix, using random: inout SeededRandom, path: KernelPath
  ) {
    precondition(basis.columns <= basis.rows, "more vectors than dimensions cannot be orthonormal")
    let (length, count) = (basis.rows, basis.columns)
    var rows = basis.transposed()
    for index in 0..<count {
      var vector = Array(rows.row(index))
      var isNew = normalize(&vector, path) > 0
      while true {
        if isNew {
          var remaining = 1.0
          for _ in 0..<2 {
            removeEarlier(from: &vector, rows, count: index, path)
            remaining *= normalize(&vector, path)
          }
          if remaining > dependence { break }
        }
        for element in vector.indices {
          vector[element] = Double.random(in: -1...1, using: &random)
        }
        isNew = normalize(&vector, path) > 0
      }
      rows.storage.replaceSubrange(index * length..<(index + 1) * length, with: vector)
    }
    basis = rows.transposed()
  }

  /// vector -= Q Qᵀ vector, where the first `count` rows are Qᵀ.
  private static func removeEarlier(
    from vector: inout [Double], _ rows: DoubleMatrix, count: Int, _ path: KernelPath
  ) {
    guard count > 0 else { return }
    let length = rows.columns
    var overlaps = [Double](repeating: 0, count: count)
    var overlapSpan = overlaps.mutableSpan
    Kernels.gemv(rows.storage.span, stride: length, vector.span, into: &overlapSpan, path: path)
    var span = vector.mutableSpan
    for row in 0..<count {
      Kernels.axpy(
        -overlaps[row], rows.storage.span.extracting(row * length..<(row + 1) * length),
        into: &span, path: path)
    }
  }

  /// Scales the vector to unit length; returns the length it had.
  private static func normalize(_ vector: inout [Double], _ path: KernelPath) -> Double {
    let norm = Kernels.dot(vector.span, vector.span, path: path).squareRoot()
    guard norm > 0 else { return 0 }
    for index in vector.indices { vector[index] /= norm }
    return norm
  }
}
