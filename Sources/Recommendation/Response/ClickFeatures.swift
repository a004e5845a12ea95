internal import Glibc

/// What a device's own slates, the feedback on them, its customer's purchases and public facts say of an item that is
/// about to be shown, as numbers in 0 ... 1 (`docs/behaviour-features.md`).
///
/// As with ``BehaviorFeatures`` every range is written here and depends on nobody's data. It never leaves the
/// device.
package struct ClickFeatures: Sendable {
  /// A feature; its place in the vector is its place in the list of cases.
  package enum Feature: String, CaseIterable, Sendable {
    // The customer.
    case shown, clicks
    case clickShare = "click_share"
    case shownSinceClick = "shown_since_click"
    case itemsBought = "items_bought"
    // The item's category.
    case categoryShown = "category_shown"
    case categoryClicks = "category_clicks"
    case categoryClickShare = "category_click_share"
    case categoryBought = "category_bought"
    // The item's text.
    case boughtMean = "bought_mean"
    case boughtNearest = "bought_nearest"
    case clickedMean = "clicked_mean"
    case clickedNearest = "clicked_nearest"
    // The item and its place.
    case position
    case shownBefore = "shown_before"
    case popularity
    case modelScore = "model_score"
  }

  /// What is known before anything was shown.
  package struct Knowledge: Sendable {
    private let features: ItemFeatures
    fileprivate let categories: [Int]
    fileprivate let categoryCount: Int
    fileprivate let popularity: [Float]

    /// Public facts.
    ///
    /// - Parameters:
    ///   - features: vectors of the items' texts.
    ///   - categories: of each item, in 0 ..< `categoryCount`.
    ///   - popularity: of each item, on any scale: a published one.
    package init(
      features: ItemFeatures, categories: [Int], categoryCount: Int, popularity: [Float]
    ) {
      precondition(
        categories.count == features.itemCount && popularity.count == features.itemCount,
        "every item has a category and a popularity")
      self.features = features
      self.categories = categories
      self.categoryCount = categoryCount
      self.popularity = ClickFeatures.sharesBelow(popularity)
    }

    /// Of every item, at least 0.
    fileprivate func cosines(withMeanOf items: [Int]) -> [Float] {
      features.cosines(withMeanOf: items).map { max($0, 0) }
    }

    /// Of every item with the nearest of those in `cosines` and `item`.
    fileprivate func nearest(_ cosines: [Float], and item: Int) -> [Float] {
      zip(cosines, features.cosines(with: item)).map { max($0, $1) }
    }
  }

  private let knowledge: Knowledge
  private let modelScores: [Float]
  private let itemsBought: Int
  private let categoryBought: [Int]
  private let boughtMean: [Float]
  private let boughtNearest: [Float]
  private var clicked: [Int] = []
  private var clickedMean: [Float]
  private var clickedNearest: [Float]
  private var shown = 0
  private var shownSinceClick = 0
  private var shownOfItem: [Int]
  private var shownOfCategory: [Int]
  private var clicksOfCategory: [Int]

  /// Nothing was shown yet.
  ///
  /// - Parameters:
  ///   - bought: distinct items that the customer bought.
  ///   - scores: the shared model's for this customer, one an item.
  package init(_ knowledge: Knowledge, bought: [Int], scores: [Float]) {
    precondition(scores.count == knowledge.categories.count, "every item has a score")
    self.knowledge = knowledge
    modelScores = Self.sharesBelow(scores)
    itemsBought = bought.count
    let nothing = [Float](repeating: 0, count: scores.count)
    boughtMean = knowledge.cosines(withMeanOf: bought)
    boughtNearest = bought.reduce(nothing) { knowledge.nearest($0, and: $1) }
    clickedMean = nothing
    clickedNearest = nothing
    shownOfItem = [Int](repeating: 0, count: scores.count)
    let none = [Int](repeating: 0, count: knowledge.categoryCount)
    categoryBought = bought.reduce(into: none) { $0[knowledge.categories[$1]] += 1 }
    shownOfCategory = none
    clicksOfCategory = none
  }

  /// Records what became of an item that was shown.
  package mutating func learn(_ exposure: Exposure) {
    let category = knowledge.categories[exposure.item]
    shown += 1
    shownSinceClick += 1
    shownOfItem[exposure.item] += 1
    shownOfCategory[category] += 1
    guard exposure.isAccepted else { return }
    shownSinceClick = 0
    clicksOfCategory[category] += 1
    clicked.append(exposure.item)
    clickedMean = knowledge.cosines(withMeanOf: clicked)
    clickedNearest = knowledge.nearest(clickedNearest, and: exposure.item)
  }

  /// What is known of `item` before it is shown.
  ///
  /// - Parameter position: its place in the slate, from 1.
  /// - Returns: one value a case of ``Feature``, in their order, each in 0 ... 1.
  package func values(of item: Int, at position: Int) -> [Float] {
    let category = knowledge.categories[item]
    return Feature.allCases.map { feature in
      let value: Double =
        switch feature {
        case .shown: logarithmic(shown, cap: 1000)
        case .clicks: logarithmic(clicked.count, cap: 100)
        case .clickShare: smoothedShare(clicked.count, of: shown)
        case .shownSinceClick: clicked.isEmpty ? 1 : logarithmic(shownSinceClick, cap: 1000)
        case .itemsBought: logarithmic(itemsBought, cap: 100)
        case .categoryShown: logarithmic(shownOfCategory[category], cap: 100)
        case .categoryClicks: logarithmic(clicksOfCategory[category], cap: 30)
        case .categoryClickShare:
          smoothedShare(clicksOfCategory[category], of: shownOfCategory[category])
        case .categoryBought: 2 * Double(categoryBought[category]) / Double(max(1, itemsBought))
        case .boughtMean: Double(boughtMean[item])
        case .boughtNearest: Double(boughtNearest[item])
        case .clickedMean: Double(clickedMean[item])
        case .clickedNearest: Double(clickedNearest[item])
        case .position: Double(position - 1) / 9
        case .shownBefore: logarithmic(shownOfItem[item], cap: 30)
        case .popularity: Double(knowledge.popularity[item])
        case .modelScore: Double(modelScores[item])
        }
      return Float(min(max(value, 0), 1))
    }
  }

  /// Ten times the share, ten more showings without a click counted in.
  private func smoothedShare(_ clicks: Int, of shown: Int) -> Double {
    10 * Double(clicks) / Double(shown + 10)
  }

  /// ln(1 + x) / ln(1 + cap): 0 for nothing, 1 for `cap`.
  private func logarithmic(_ count: Int, cap: Double) -> Double {
    log1p(Double(count)) / log1p(cap)
  }

  /// For each value the share of the others that are less.
  static func sharesBelow(_ values: [Float]) -> [Float] {
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    var shares = [Float](repeating: 0, count: values.count)
    var less = 0
    for (rank, place) in order.enumerated() {
      if rank > 0, values[order[rank - 1]] < values[place] { less = rank }
      shares[place] = Float(less) / Float(max(1, values.count - 1))
    }
    return shares
  }
}
