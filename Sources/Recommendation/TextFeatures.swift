internal import Glibc
internal import VectorMath

/// Public item vectors from public item texts: latent semantic analysis.
package enum TextFeatures {
  /// What is a word, after lower-casing.
  package enum WordRule: Sendable {
    /// Runs of [a-z].
    case letters
    /// Runs of [a-z0-9]: years and sizes are words too.
    case lettersAndDigits
  }

  /// Values of a vector, unless fewer directions exist.
  package static let defaultDimension = 256
  /// A shorter row is numerically zero.
  private static let smallestNorm = 1e-9

  /// The vectors that models are given: 256 directions, letters and digits, without what all texts share.
  ///
  /// - Parameter descriptions: one an item, at least one.
  /// - Throws: as ``lsa(descriptions:dimension:words:)``.
  package static func vectors(
    descriptions: [String]
  ) throws(RecommendationError) -> ItemFeatures {
    try lsa(descriptions: descriptions, words: .lettersAndDigits).centered()
  }

  /// The leading singular directions of the tf-idf matrix of the descriptions.
  ///
  /// Words are runs of letters, or of letters and digits, in the lower-cased text; an entry is the
  /// count of the word times ln((1 + items) / (1 + items with the word)) + 1; rows are scaled to
  /// norm 1, projected, and scaled to norm 1 again. A text without a word gets the zero vector.
  ///
  /// Reproducible to the bit on one kind of processor and within rounding elsewhere: compute once, hand
  /// the bytes out.
  /// - Parameters:
  ///   - descriptions: one an item, at least one.
  ///   - dimension: 1 ... 1024; less is used if there are fewer items or words.
  ///   - words: what is a word.
  /// - Throws: `.itemCountOutOfRange`, `.tooLarge`, `.numericalFailure`.
  /// - Source: Deerwester et al., "Indexing by Latent Semantic Analysis", JASIS 41 (1990); the exact form
  ///   is that of recommendation-and-evaluation, section 4.
  package static func lsa(
    descriptions: [String], dimension: Int = defaultDimension, words: WordRule = .letters
  ) throws(RecommendationError) -> ItemFeatures {
    guard (1...Catalogue.Limits.items).contains(descriptions.count) else {
      throw .itemCountOutOfRange(actual: descriptions.count, limit: Catalogue.Limits.items)
    }
    guard (1...ItemFeatures.Limits.dimension).contains(dimension) else {
      throw .tooLarge(
        what: "feature dimension", actual: dimension, limit: ItemFeatures.Limits.dimension)
    }
    let (rows, wordCount) = weightedRows(descriptions, words)
    guard wordCount > 0 else {
      return try ItemFeatures(vectors: Matrix(rows: descriptions.count, columns: 1))
    }
    let projected: DoubleMatrix
    do {
      projected = try TruncatedSVD.topTriplets(
        of: SparseMatrix(columns: wordCount, rows: rows),
        rank: min(dimension, descriptions.count, wordCount)
      ).scaledLeft
    } catch {
      throw .numericalFailure(step: "singular vectors of the item texts")
    }
    return try ItemFeatures(vectors: projected.singleUnitRows(above: smallestNorm))
  }

  /// The words of the lower-cased text.
  static func words(of text: String, rule: WordRule = .letters) -> [String] {
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return text.lowercased().utf8.split { byte in
      !(letters.contains(byte) || (rule == .lettersAndDigits && digits.contains(byte)))
    }.map { String(Substring($0)) }
  }

  /// Rows of tf-idf at norm 1, each by ascending word; words are numbered in alphabetical order.
  private static func weightedRows(
    _ descriptions: [String], _ rule: WordRule
  ) -> (rows: [[(column: Int, value: Double)]], wordCount: Int) {
    let counts = descriptions.map { text in
      words(of: text, rule: rule).reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    }
    var itemsWithWord: [String: Int] = [:]
    for count in counts {
      for word in count.keys { itemsWithWord[word, default: 0] += 1 }
    }
    let vocabulary = itemsWithWord.keys.sorted()
    let column = Dictionary(
      uniqueKeysWithValues: vocabulary.enumerated().map { ($0.element, $0.offset) })
    let inverseFrequency = vocabulary.map { word in
      let items = Double(descriptions.count)
      return log((1 + items) / (1 + Double(itemsWithWord[word] ?? 0))) + 1
    }
    let rows = counts.map { count in
      var row: [(column: Int, value: Double)] = []
      for (word, occurrences) in count {
        guard let place = column[word] else { continue }
        row.append((place, Double(occurrences) * inverseFrequency[place]))
      }
      row.sort { $0.column < $1.column }
      let norm = row.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
      return row.map { (column: $0.column, value: $0.value / norm) }
    }
    return (rows, vocabulary.count)
  }
}
