package import VectorMath

/// A public vector for each item, such as of its text: rows of unit norm, or zero where nothing is known.
package struct ItemFeatures: Sendable, Equatable {
  /// Bounds on what features may hold.
  package enum Limits {
    /// Values a row.
    package static let dimension = 1 << 10
    /// Bytes of an encoding.
    package static let encodedBytes = 1 << 28
  }

  static let format = "tacit features/1"
  /// How far a norm may be from 1: a few hundred roundings of Float.
  private static let normTolerance = 1e-4
  /// No vector is longer.
  static let largestNorm = Float(1 + 2 * normTolerance)

  /// Shape [items, dimension]: at least 1 item, 1 ... 1024 values a row, finite.
  package let vectors: Matrix

  /// Number of items, at least 1.
  package var itemCount: Int { vectors.rows }
  /// Values of a row, 1 ... 1024.
  package var dimension: Int { vectors.columns }

  /// The vectors row by row, `itemCount * dimension` values.
  package var values: [Float] { vectors.storage }

  /// - Throws: `.itemCountOutOfRange`, `.tooLarge`, `.notFinite`, `.featureNotUnit`.
  package init(vectors: Matrix) throws(RecommendationError) {
    try Self.check(itemCount: vectors.rows, dimension: vectors.columns)
    for item in 0..<vectors.rows {
      let square = Kernels.sumOfSquares(vectors.storage.span.extracting(vectors.range(ofRow: item)))
      guard square.isFinite else {
        throw .notFinite(name: "features", index: vectors.range(ofRow: item).lowerBound)
      }
      guard square == 0 || abs(square - 1) <= 2 * Self.normTolerance else {
        throw .featureNotUnit(item: item)
      }
    }
    self.vectors = vectors
  }

  /// These vectors without what they all share: the mean of the rows that are not zero taken off them, at
  /// unit norm again.
  ///
  /// Vectors of texts of one shop all point somewhat the same way, which hides how they differ. A row of
  /// zeros stays one, and so does a row that is the mean.
  /// - Source: Mu, Viswanath, "All-but-the-Top: Simple and Effective Postprocessing for Word
  ///   Representations", ICLR 2018, section 2, without its second step.
  package func centered() throws(RecommendationError) -> ItemFeatures {
    var mean = [Double](repeating: 0, count: dimension)
    var known = 0
    for item in 0..<itemCount where vectors.row(item).contains(where: { $0 != 0 }) {
      known += 1
      for (index, value) in vectors.row(item).enumerated() { mean[index] += Double(value) }
    }
    guard known > 0 else { return self }
    for index in mean.indices { mean[index] /= Double(known) }
    var result = Matrix(rows: itemCount, columns: dimension)
    for item in 0..<itemCount where vectors.row(item).contains(where: { $0 != 0 }) {
      let row = vectors.row(item).enumerated().map { Double($0.element) - mean[$0.offset] }
      let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard norm > Self.normTolerance else { continue }
      for (index, value) in row.enumerated() { result[item, index] = Float(value / norm) }
    }
    return try ItemFeatures(vectors: result)
  }

  private static func check(itemCount: Int, dimension: Int) throws(RecommendationError) {
    guard (1...Catalogue.Limits.items).contains(itemCount) else {
      throw .itemCountOutOfRange(actual: itemCount, limit: Catalogue.Limits.items)
    }
    guard (1...Limits.dimension).contains(dimension) else {
      throw .tooLarge(what: "feature dimension", actual: dimension, limit: Limits.dimension)
    }
  }

  /// The cosine of every item's vector with the mean of the vectors of `items`; 0 where either is zero,
  /// and everywhere for no items.
  ///
  /// - Precondition: `items` are places below ``itemCount``.
  package func cosines(withMeanOf items: [Int]) -> [Float] {
    guard let profile = profile(of: items) else {
      return [Float](repeating: 0, count: itemCount)
    }
    return Kernels.product(vectors, profile)
  }

  /// The cosine of every item with one; 0 where a vector is zero.
  ///
  /// - Precondition: a place below ``itemCount``.
  package func cosines(with item: Int) -> [Float] {
    Kernels.product(vectors, Array(vectors.row(item)))
  }

  /// The cosine of two items' vectors; 0 if either is zero.
  ///
  /// - Precondition: places below ``itemCount``.
  package func cosine(_ first: Int, _ second: Int) -> Float {
    Kernels.dot(
      vectors.storage.span.extracting(vectors.range(ofRow: first)),
      vectors.storage.span.extracting(vectors.range(ofRow: second)))
  }

  /// The mean of the items' vectors at unit norm; nil if it is zero.
  private func profile(of items: [Int]) -> [Float]? {
    var sum = [Double](repeating: 0, count: dimension)
    for item in items {
      for (index, value) in vectors.row(item).enumerated() { sum[index] += Double(value) }
    }
    let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard norm > 0 else { return nil }
    return sum.map { Float($0 / norm) }
  }

  /// The canonical bytes: `tacit features/1`, a newline, items and dimension as four bytes big-endian
  /// each, then the rows as little-endian binary32.
  package func encoded() -> [UInt8] {
    var writer = BinaryWriter(format: Self.format, capacity: 8 + 4 * values.count)
    writer.write(UInt32(itemCount))
    writer.write(UInt32(dimension))
    writer.write(values: values)
    return writer.bytes
  }

  /// - Parameter bytes: what ``encoded()`` wrote; untrusted.
  /// - Throws: `.tooLarge`, `.wrongFormat`, `.truncated`, `.trailingBytes`, and what
  ///   ``init(vectors:)`` throws.
  package init(decoding bytes: [UInt8]) throws(RecommendationError) {
    var reader = try BinaryReader(bytes, format: Self.format, limit: Limits.encodedBytes)
    let itemCount = Int(try reader.read(UInt32.self))
    let dimension = Int(try reader.read(UInt32.self))
    try Self.check(itemCount: itemCount, dimension: dimension)
    let values = try reader.readValues(itemCount * dimension, name: "features")
    try reader.end()
    let vectors: Matrix
    do {
      vectors = try Matrix(rows: itemCount, columns: dimension, storage: values)
    } catch {
      throw .shapeMismatch(
        name: "features", expected: [itemCount, dimension], actual: [values.count])
    }
    try self.init(vectors: vectors)
  }
}
