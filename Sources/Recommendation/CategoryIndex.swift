internal import CanonicalJSON

/// The categories of a catalogue that names none: groups of items with like texts, each with a tag.
///
/// A function of public data alone, so that every device has the same ones.
package struct CategoryIndex: Sendable, Equatable {
  /// Most categories.
  package static let limit = 40
  /// Fewer items than this a category on average make fewer categories.
  private static let itemsEach = 10
  private static let wordsInTag = 2
  private static let otherTag = "other"

  /// One a catalogue item, a place in ``tags``.
  package let categories: [Int]
  /// One a category: at most two of its telling words, joined by a hyphen; no tag twice.
  package let tags: [String]

  /// Number of categories, at least 2.
  package var count: Int { tags.count }

  /// - Throws: `.shapeMismatch` unless there is a text for each vector.
  package init(
    features: ItemFeatures, catalogue: Catalogue
  ) throws(RecommendationError) {
    guard features.itemCount == catalogue.count else {
      throw .shapeMismatch(
        name: "features", expected: [catalogue.count, features.dimension],
        actual: [features.itemCount, features.dimension])
    }
    let count = min(Self.limit, max(2, catalogue.count / Self.itemsEach))
    categories = ItemCategories.cluster(features, count: count)
    tags = Self.tags(categories, count: count, texts: catalogue.descriptions)
  }

  /// The place of a tag.
  package func category(tagged tag: String) -> Int? { tags.firstIndex(of: tag) }

  /// The items of a category, ascending.
  package func items(of category: Int) -> [Int] {
    categories.indices.filter { categories[$0] == category }
  }

  /// The words that are frequent in a category and rare elsewhere: share of the category's items with the
  /// word, squared, over the share of all items with it.
  private static func tags(_ categories: [Int], count: Int, texts: [String]) -> [String] {
    var sizes = [Double](repeating: 0, count: count)
    var holders = [[String: Double]](repeating: [:], count: count)
    var everywhere: [String: Double] = [:]
    for (item, text) in texts.enumerated() {
      sizes[categories[item]] += 1
      for word in Set(TextFeatures.words(of: text)) where word.utf8.count > 2 {
        holders[categories[item]][word, default: 0] += 1
        everywhere[word, default: 0] += 1
      }
    }
    var used: Set<String> = []
    return (0..<count).map { category in
      func telling(_ word: String, _ holding: Double) -> Double {
        let share = holding / sizes[category]
        return share * share * Double(texts.count) / (everywhere[word] ?? 1)
      }
      let ranked = holders[category].map { (word: $0, weight: telling($0, $1)) }
        .sorted { ($1.weight, $0.word) < ($0.weight, $1.word) }
      var chosen: [String] = []
      for (word, _) in ranked where chosen.count < wordsInTag {
        // "bag" and "bags" say the same.
        if chosen.contains(where: { $0.hasPrefix(word) || word.hasPrefix($0) }) { continue }
        chosen.append(word)
      }
      let stem = chosen.isEmpty ? otherTag : chosen.joined(separator: "-")
      var tag = stem
      var copies = 1
      while !used.insert(tag).inserted {
        copies += 1
        tag = "\(stem)-\(copies)"
      }
      return tag
    }
  }
}

/// The categories as bytes, so that a device computes them once for a catalogue.
extension CategoryIndex {
  /// Canonical JSON.
  package func encoded() -> [UInt8] {
    JSONValue.object([
      "categories": .array(categories.map { .integer(Int64($0)) }),
      "tags": .array(tags.map(JSONValue.string)),
    ]).canonicalBytes
  }

  /// - Parameter bytes: what ``encoded()`` wrote; untrusted.
  /// - Throws: `.wrongFormat`, `.shapeMismatch`, `.invalidHyperparameter`.
  package init(decoding bytes: [UInt8], itemCount: Int) throws(RecommendationError) {
    let value: JSONValue
    do {
      value = try JSONValue.parse(bytes, limit: 1 << 24)
    } catch {
      throw .wrongFormat(expected: "categories as JSON")
    }
    guard let places = value["categories"]?.arrayValue, let names = value["tags"]?.arrayValue else {
      throw .wrongFormat(expected: "categories as JSON")
    }
    guard places.count == itemCount else {
      throw .shapeMismatch(name: "categories", expected: [itemCount], actual: [places.count])
    }
    tags = names.compactMap(\.stringValue)
    categories = places.compactMap { $0.integerValue.map { Int($0) } }
    let range = tags.indices
    guard tags.count == names.count, tags.count >= 2, categories.count == itemCount,
      categories.allSatisfy(range.contains), Set(tags).count == tags.count
    else {
      throw .invalidHyperparameter(
        name: "category of an item", accepted: "below the number of categories")
    }
  }
}
