internal import Glibc

/// What a device thinks of one category for its customer, with how sure it is.
package struct Interest: Sendable, Equatable {
  package enum Standing: String, CaseIterable, Sendable {
    /// Bought from, or taken twice when shown.
    case known
    /// Shown to find out, with no such evidence yet.
    case exploring
    /// Neither: nothing is known but what others do.
    case untried
  }

  /// Whether the customer's share of purchases in it changed of late.
  package enum Drift: String, CaseIterable, Sendable {
    case rising, fading, steady
    /// Too few purchases to tell.
    case unknown
  }

  package let tag: String
  /// Place in the catalogue's categories.
  package let category: Int
  /// Items on distinct occasions.
  package let purchases: Int
  /// Of all the customer's purchases, 0 ... 1.
  package let share: Double
  /// Shown items that the customer is known to have seen, and those accepted.
  package let shown: Int
  package let accepted: Int
  /// Expected chance that a shown item is accepted, and its 95 % interval (normal approximation of the
  /// Beta distribution, cut to 0 ... 1).
  package let chance: Double
  package let interval: ClosedRange<Double>
  package let standing: Standing
  package let drift: Drift

  /// For the customer, in plain English.
  package var sentence: String {
    func percent(_ value: Double) -> String {
      let hundredths = value * 100
      return hundredths < 1 ? "fewer than 1" : "\(Int(hundredths.rounded()))"
    }
    let sure =
      "about \(percent(chance)) in 100 shown items would interest you "
      + "(\(percent(interval.lowerBound)) to \(percent(interval.upperBound)))"
    let seen = "\(accepted) of \(shown) shown \(shown == 1 ? "item was" : "items were") taken"
    var text: String
    switch standing {
    case .known:
      text =
        purchases > 0
        ? "\(purchases) \(purchases == 1 ? "purchase" : "purchases"), \(percent(share)) in 100 of yours"
        : "never bought, but"
      text += (shown > 0 ? (purchases > 0 ? "; " : " ") + seen : "") + "; \(sure)."
    case .exploring: text = "being explored: \(seen); \(sure)."
    case .untried: text = "nothing is known yet; by what others buy, \(sure)."
    }
    switch drift {
    case .rising: text += " More of it lately than before."
    case .fading: text += " Less of it lately than before."
    case .steady, .unknown: break
    }
    return text
  }
}

/// A customer's interests by category.
package struct InterestProfile: Sendable, Equatable {
  /// Days that count as lately.
  package static let recentDays = 90
  /// Shown items that popularity weighs before anything is known.
  private static let priorStrength = 20.0
  /// Two-sided 95 % of the normal distribution.
  private static let quantile = 1.959_963_984_540_054
  private static let leastPurchases = 5
  private static let acceptedAsKnown = 2

  /// One a category: known ones first, by share; then explored ones, then untried ones, by chance.
  package let interests: [Interest]

  /// - Parameters:
  ///   - popularity: per item, customers as a fraction of all, noised.
  ///   - history: what was bought, all of it.
  ///   - recent: the part of it within ``recentDays``.
  ///   - exposures: what was shown and came of it.
  /// - Throws: `.shapeMismatch`, `.notFinite`, `.itemOutOfRange`.
  package init(
    categories: CategoryIndex, popularity: [Float], history: CustomerHistory,
    recent: CustomerHistory, exposures: [Exposure]
  ) throws(RecommendationError) {
    try history.checkItems(below: categories.categories.count)
    try recent.checkItems(below: categories.categories.count)
    var beliefs = try CategoryBeliefs(
      chances: popularity, categories: categories.categories,
      categoryCount: categories.count, history: [],
      strength: Self.priorStrength, optimism: 0)
    func purchases(_ history: CustomerHistory) -> [Int] {
      var counts = [Int](repeating: 0, count: categories.count)
      for row in history.rows { counts[categories.categories[row.item]] += row.occasions }
      return counts
    }
    let all = purchases(history)
    let lately = purchases(recent)
    for row in history.rows {
      beliefs.update(category: categories.categories[row.item], accepted: true)
    }
    var shown = [Int](repeating: 0, count: categories.count)
    var accepted = shown
    for exposure in exposures {
      let category = categories.categories[exposure.item]
      shown[category] += 1
      if exposure.isAccepted { accepted[category] += 1 }
      beliefs.update(category: category, accepted: exposure.isAccepted)
    }
    let total = all.reduce(0, +)
    let recentTotal = lately.reduce(0, +)
    let found = (0..<categories.count).map { category in
      let isKnown = all[category] > 0 || accepted[category] >= Self.acceptedAsKnown
      let chance = beliefs.mean(of: category)
      let half = Self.quantile * beliefs.standardDeviation(of: category)
      return Interest(
        tag: categories.tags[category], category: category, purchases: all[category],
        share: total > 0 ? Double(all[category]) / Double(total) : 0, shown: shown[category],
        accepted: accepted[category], chance: chance,
        interval: max(0, chance - half)...min(1, chance + half),
        standing: isKnown ? .known : shown[category] > 0 ? .exploring : .untried,
        drift: Self.drift(
          recent: lately[category], of: recentTotal, before: all[category] - lately[category],
          of: total - recentTotal))
    }
    let order: [Interest.Standing] = Interest.Standing.allCases
    interests = found.sorted { first, second in
      func key(_ interest: Interest) -> (Int, Double, Double, String) {
        (
          order.firstIndex(of: interest.standing) ?? order.count, -interest.share,
          -interest.chance, interest.tag
        )
      }
      return key(first) < key(second)
    }
  }

  /// By the test of two proportions at 5 %.
  static func drift(
    recent: Int, of recentTotal: Int, before: Int, of beforeTotal: Int
  ) -> Interest.Drift {
    guard recentTotal >= leastPurchases, beforeTotal >= leastPurchases else { return .unknown }
    let pooled = Double(recent + before) / Double(recentTotal + beforeTotal)
    guard pooled > 0, pooled < 1 else { return .steady }
    let difference =
      Double(recent) / Double(recentTotal) - Double(before) / Double(beforeTotal)
    let error =
      (pooled * (1 - pooled) * (1 / Double(recentTotal) + 1 / Double(beforeTotal))).squareRoot()
    guard abs(difference) > quantile * error else { return .steady }
    return difference > 0 ? .rising : .fading
  }
}
