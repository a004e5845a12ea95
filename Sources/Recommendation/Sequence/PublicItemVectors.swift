internal import VectorMath

/// Short public vectors of the head's items.
enum PublicItemVectors {
  /// The features of the head's items along the `dimension` leading principal directions of all items' features,
  /// at unit norm, row-major [head, dimension].
  ///
  /// The other directions are dropped. Items that differ along those alone have the same vector, and only the bias
  /// tells the network which is which. An item that has nothing along the leading ones, like one of which nothing
  /// is known, has random values by `seed`; so have all of them without features. Features of fewer directions
  /// than `dimension` are filled up with zeros.
  /// - Throws: `.shapeMismatch` for features of fewer items, `.numericalFailure`.
  static func rows(
    of head: Head, features: ItemFeatures?, dimension: Int, seed: UInt64
  ) throws(RecommendationError) -> [Float] {
    // Not the seed itself, by which the first weights are drawn.
    var uniform = UniformStart(seed: ~seed)
    var rows: [Float] = []
    rows.reserveCapacity(head.count * dimension)
    let projected = try features.map { features throws(RecommendationError) in
      try principal(features, of: head, dimension: dimension)
    }
    for place in 0..<head.count {
      // Drawn for every item: what one item has does not depend on the others.
      let random = (0..<dimension).map { _ in Double(uniform.next(deviation: 1)) }
      let known = projected.map { Array($0.row(place)) }
      rows += unit(known.flatMap { isZero($0) ? nil : $0 } ?? random)
    }
    return rows
  }

  private static func isZero(_ row: [Double]) -> Bool {
    row.reduce(0) { $0 + $1 * $1 } < 1e-12
  }

  private static func unit(_ row: [Double]) -> [Float] {
    let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return row.map { Float($0 / max(norm, 1e-12)) }
  }

  private static func principal(
    _ features: ItemFeatures, of head: Head, dimension: Int
  ) throws(RecommendationError) -> DoubleMatrix {
    guard let last = head.items.last, last < features.itemCount else {
      throw .shapeMismatch(
        name: "features", expected: [(head.items.last ?? 0) + 1, features.dimension],
        actual: [features.itemCount, features.dimension])
    }
    var all = DoubleMatrix(rows: features.itemCount, columns: features.dimension)
    all.withMutableElements { elements in
      for (index, value) in features.values.enumerated() { elements[index] = Double(value) }
    }
    let count = min(dimension, features.dimension)
    let directions: DoubleMatrix
    do {
      // By descending eigenvalue, one a row.
      directions = try SymmetricEigen.decompose(Kernels.gram(of: all)).vectors
        .gathered(Array(0..<count))
    } catch {
      throw .numericalFailure(step: "principal directions of item features")
    }
    var result = DoubleMatrix(rows: head.count, columns: dimension)
    for (place, item) in head.items.enumerated() {
      let values = Kernels.product(directions, Array(all.row(item)))
      for column in 0..<count { result[place, column] = values[column] }
    }
    return result
  }
}
