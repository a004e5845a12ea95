/// At each position: draws a chance for each category, takes the category with the highest that the slate
/// does not show yet, and lets another policy draw an item of that category.
///
/// A slate that shows every category with candidates starts over with all of them. Without that rule the
/// surest category fills the slate.
///
/// The propensity is that of the category, estimated by ``propensityDraws`` draws as in `LinearThompson`,
/// times the inner policy's.
/// - Source: Thompson (1933); Chapelle and Li, "An Empirical Evaluation of Thompson Sampling", NIPS 2011,
///   algorithm 2.
package struct CategoryThompson<Within: ExplorationPolicy>: ExplorationPolicy {
  package static var identifier: String { "category-thompson" }

  package let beliefs: CategoryBeliefs
  /// Per item, in 0 ..< beliefs.count.
  package let categories: [Int]
  /// Draws the item inside the chosen category.
  package let within: Within
  /// Draws for each propensity, at least 1.
  package let propensityDraws: Int

  /// Not below the first position: a category that is shown waits for the others.
  package var hasFullSupport: Bool { false }

  /// - Throws: `.invalidHyperparameter`.
  package init(
    _ beliefs: CategoryBeliefs, categories: [Int], within: Within, propensityDraws: Int = 1_000
  ) throws(RecommendationError) {
    guard categories.allSatisfy({ (0..<beliefs.count).contains($0) }) else {
      throw .invalidHyperparameter(
        name: "category of an item", accepted: "below the number of categories")
    }
    guard propensityDraws >= 1 else {
      throw .invalidHyperparameter(name: "propensity draws", accepted: "at least 1")
    }
    self.beliefs = beliefs
    self.categories = categories
    self.within = within
    self.propensityDraws = propensityDraws
  }

  package func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    precondition(categories.count == scores.totals().count, "every item has a category")
    var remaining = [[Int]](repeating: [], count: beliefs.count)
    for candidate in candidates { remaining[categories[candidate]].append(candidate) }
    var isShown = [Bool](repeating: false, count: beliefs.count)
    var shown: [(category: Int, isOpen: [Bool], item: DrawnItem)] = []
    while shown.count < count {
      var isOpen = remaining.indices.map { !remaining[$0].isEmpty && !isShown[$0] }
      if !isOpen.contains(true) {
        isShown = isShown.map { _ in false }
        isOpen = remaining.map { !$0.isEmpty }
      }
      guard let category = Self.best(beliefs.sample(using: &generator), among: isOpen),
        let item = within.slate(
          &scores, candidates: remaining[category], count: 1, using: &generator
        ).first
      else { break }
      remaining[category].removeAll { $0 == item.item }
      isShown[category] = true
      shown.append((category, isOpen, item))
    }
    guard !shown.isEmpty else { return [] }
    var wins = [Int](repeating: 1, count: shown.count)
    for _ in 0..<propensityDraws {
      let chances = beliefs.sample(using: &generator)
      for (position, choice) in shown.enumerated()
      where Self.best(chances, among: choice.isOpen) == choice.category { wins[position] += 1 }
    }
    return zip(shown, wins).map { choice, wins in
      DrawnItem(
        item: choice.item.item,
        propensity: Double(wins) / Double(propensityDraws + 1) * choice.item.propensity,
        monteCarloDraws: propensityDraws, added: choice.item.added,
        adjustment: choice.item.adjustment)
    }
  }

  /// The open category with the highest chance; nil if none is open.
  private static func best(_ chances: [Double], among isOpen: [Bool]) -> Int? {
    var best: Int?
    for category in chances.indices where isOpen[category] {
      if let current = best, chances[current] >= chances[category] { continue }
      best = category
    }
    return best
  }
}
