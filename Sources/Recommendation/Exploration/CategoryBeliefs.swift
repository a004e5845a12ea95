/// How a customer takes to each category: a Beta distribution of the chance that a shown item is accepted.
///
/// Two counts a category, on the device.
package struct CategoryBeliefs: Sendable, Equatable {
  /// Accepted, with the prior's share; one a category, above 0.
  package private(set) var accepted: [Double]
  /// Passed over, with the prior's share; one a category, above 0.
  package private(set) var passedOver: [Double]

  /// Number of categories.
  package var count: Int { accepted.count }

  /// - Throws: `.invalidHyperparameter` for counts that are not finite and above 0, or of two lengths.
  package init(accepted: [Double], passedOver: [Double]) throws(RecommendationError) {
    guard accepted.count == passedOver.count, !accepted.isEmpty,
      (accepted + passedOver).allSatisfy({ $0 > 0 && $0.isFinite })
    else {
      throw .invalidHyperparameter(
        name: "category counts", accepted: "two finite numbers above 0 for each category")
    }
    self.accepted = accepted
    self.passedOver = passedOver
  }

  /// The beliefs about a customer before anything was shown.
  ///
  /// The prior mean of a category is the chance of its best item, held within [0.001, 0.5]; it weighs
  /// `strength` shown items. A category that the customer never bought from gets `optimism` accepted items
  /// on top, so that it is tried.
  /// - Parameters:
  ///   - chances: per item, that this customer takes it: what a model says, or popularity as a fraction of
  ///     all customers; may be noised and slightly negative.
  ///   - categories: per item, in 0 ..< categoryCount.
  ///   - history: categories with a purchase of this customer.
  ///   - strength: above 0.
  ///   - optimism: at least 0.
  /// - Throws: `.invalidHyperparameter`, `.shapeMismatch`, `.notFinite`.
  package init(
    chances: [Float], categories: [Int], categoryCount: Int, history: Set<Int>,
    strength: Double, optimism: Double
  ) throws(RecommendationError) {
    guard chances.count == categories.count else {
      throw .shapeMismatch(
        name: "categories", expected: [chances.count], actual: [categories.count])
    }
    guard strength > 0, strength.isFinite, optimism >= 0, optimism.isFinite else {
      throw .invalidHyperparameter(
        name: "prior strength and optimism", accepted: "above 0 and from 0")
    }
    guard categoryCount >= 1, categories.allSatisfy({ (0..<categoryCount).contains($0) }) else {
      throw .invalidHyperparameter(
        name: "category of an item", accepted: "below the number of categories")
    }
    var highest = [Double](repeating: 0, count: categoryCount)
    for (item, category) in categories.enumerated() {
      guard chances[item].isFinite else { throw .notFinite(name: "chances", index: item) }
      highest[category] = max(highest[category], Double(chances[item]))
    }
    let means = highest.map { min(0.5, max(0.001, $0)) }
    try self.init(
      accepted: means.enumerated().map {
        $1 * strength + (history.contains($0) ? 0 : optimism)
      },
      passedOver: means.map { (1 - $0) * strength })
  }

  /// Counts one shown item of `category`.
  package mutating func update(category: Int, accepted wasAccepted: Bool) {
    if wasAccepted { accepted[category] += 1 } else { passedOver[category] += 1 }
  }

  /// The expected chance of acceptance.
  package func mean(of category: Int) -> Double {
    accepted[category] / (accepted[category] + passedOver[category])
  }

  /// Standard deviation of the chance under the Beta distribution.
  package func standardDeviation(of category: Int) -> Double {
    let total = accepted[category] + passedOver[category]
    return (accepted[category] * passedOver[category] / (total * total * (total + 1))).squareRoot()
  }

  /// One draw of the chance of every category.
  func sample(using generator: inout some RandomNumberGenerator) -> [Double] {
    accepted.indices.map {
      RandomVariates.beta(accepted[$0], passedOver[$0], using: &generator)
    }
  }
}
