internal import VectorMath

/// Groups of items by their public texts, for a catalogue that has no categories of its own.
package enum ItemCategories {
  private static let iterations = 30

  /// Spherical k-means on the items' vectors; items without a text share the last category.
  ///
  /// The first centre is item 0's vector, each further one the vector that is least like the centres so far,
  /// so that the result depends on nothing but the vectors.
  /// - Parameter count: categories, at least 2; fewer are filled if the items are fewer.
  /// - Returns: one in 0 ..< count for each item.
  /// - Source: Dhillon and Modha, "Concept Decompositions for Large Sparse Text Data Using Clustering",
  ///   Machine Learning 42 (2001).
  package static func cluster(_ features: ItemFeatures, count: Int) -> [Int] {
    precondition(count >= 2, "a catalogue has several categories")
    let described = (0..<features.itemCount).filter {
      features.vectors.row($0).contains { $0 != 0 }
    }
    var categories = [Int](repeating: count - 1, count: features.itemCount)
    guard var centres = firstCentres(features, described, count: count - 1) else {
      return categories
    }
    for _ in 0..<iterations {
      let cosines = Kernels.product(features.vectors, centres.transposed())
      var hasChanged = false
      for item in described {
        let row = cosines.row(item)
        let start = row.startIndex
        let best = row.indices.reduce(start) { row[$1] > row[$0] ? $1 : $0 } - start
        if categories[item] != best { hasChanged = true }
        categories[item] = best
      }
      guard hasChanged else { break }
      centres = means(features, described, categories, previous: centres)
    }
    return categories
  }

  /// Shape [at most count, dimension]; nil without a described item.
  private static func firstCentres(
    _ features: ItemFeatures, _ described: [Int], count: Int
  ) -> Matrix? {
    guard let first = described.first else { return nil }
    var chosen = [first]
    var nearest = described.map { features.cosine($0, first) }
    while chosen.count < min(count, described.count) {
      guard let place = nearest.indices.min(by: { nearest[$0] < nearest[$1] }) else { break }
      chosen.append(described[place])
      for index in described.indices {
        nearest[index] = max(nearest[index], features.cosine(described[index], described[place]))
      }
    }
    var centres = Matrix(rows: chosen.count, columns: features.dimension)
    for (row, item) in chosen.enumerated() {
      for (column, value) in features.vectors.row(item).enumerated() {
        centres[row, column] = value
      }
    }
    return centres
  }

  private static func means(
    _ features: ItemFeatures, _ described: [Int], _ categories: [Int], previous: Matrix
  ) -> Matrix {
    var sums = Matrix(rows: previous.rows, columns: previous.columns)
    for item in described {
      for (column, value) in features.vectors.row(item).enumerated() {
        sums[categories[item], column] += value
      }
    }
    var centres = previous
    for row in 0..<sums.rows {
      let norm = sums.row(row).reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard norm > 0 else { continue }
      for column in 0..<sums.columns { centres[row, column] = sums[row, column] / norm }
    }
    return centres
  }
}
