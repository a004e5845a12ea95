/// What a customer asks for.
package struct SlateRequest: Sendable {
  package var history: CustomerHistory
  /// Length of the slate, at least 0.
  package var count: Int
  package var repeats: RepeatRule
  /// Items that are never shown: those of deleted interests.
  package var hidden: Set<Int>
  /// If given, nothing else is shown: a category.
  package var only: Set<Int>?

  package init(
    history: CustomerHistory, count: Int, repeats: RepeatRule, hidden: Set<Int> = [],
    only: Set<Int>? = nil
  ) {
    self.history = history
    self.count = count
    self.repeats = repeats
    self.hidden = hidden
    self.only = only
  }
}

/// What a policy added to the score of a drawn item, and how likely it was.
struct DrawReason {
  let drawn: ExploredItem
  let policy: String
  /// The category's tag, where the catalogue has categories.
  let tag: String?
  /// Whether the customer never bought from the category.
  let isNewCategory: Bool
}

extension Recommender {
  /// A device's exploration over the scores of one customer.
  ///
  /// - Parameters:
  ///   - exposures: what was shown and came of it, oldest first.
  ///   - categories: nil where they are not needed; a plan that needs them is refused.
  /// - Throws: as ``scores(history:repeats:)``; what `DeviceExploration` throws.
  package func exploration(
    _ plan: ExplorationPlan, scores: ItemScores, history: CustomerHistory,
    categories: CategoryIndex?, exposures: [Exposure]
  ) throws(RecommendationError) -> DeviceExploration {
    let vectors =
      switch plan.vectors {
      case .text: features
      case .model: try ModelItemVectors.unitRows(parameters, itemCount: catalogue.count)
      }
    return try DeviceExploration(
      plan,
      knowledge: .init(
        scores: scores.totals, features: features, vectors: vectors,
        categories: categories?.categories, categoryCount: categories?.count ?? 0,
        history: history),
      exposures: exposures)
  }

  /// A slate drawn by `exploration`, each item with its propensity and every part of its score.
  ///
  /// - Parameters:
  ///   - scores: those that `exploration` was made with.
  ///   - exploredSlots, decisions: as in
  ///     ``DeviceExploration/slate(candidates:count:exploredSlots:decisions:using:)``.
  ///   - categories: names the category in a reason; may be nil.
  /// - Throws: what the model and the policy throw.
  package func slate(
    _ request: SlateRequest, scores: ItemScores, exploration: DeviceExploration,
    exploredSlots: Int, decisions: Int, categories: CategoryIndex?,
    using generator: inout some RandomNumberGenerator
  ) throws(RecommendationError) -> [Recommendation] {
    let isAllowed = allowed(request)
    let candidates = scores.totals.indices.filter { isAllowed[$0] }
    let slate = try exploration.slate(
      candidates: candidates, count: request.count, exploredSlots: exploredSlots,
      decisions: decisions, using: &generator)
    let known = categories.map { index in
      Set(request.history.rows.map { index.categories[$0.item] })
    }
    let drawn = slate.map { explored in
      let category = categories?.categories[explored.drawn.item]
      let reason = DrawReason(
        drawn: explored, policy: exploration.plan.identifier,
        tag: category.flatMap { place in categories?.tags[place] },
        isNewCategory: category.map { known?.contains($0) == false } ?? false)
      return (item: explored.drawn.item, draw: Optional(reason))
    }
    return try recommendations(of: drawn, scores: scores, history: request.history)
  }

  /// Why `item` has its score with what was learned from feedback, whether or not it is recommended.
  ///
  /// - Throws: as ``explanation(of:history:repeats:)``.
  package func explanation(
    of item: Int, history: CustomerHistory, scores: ItemScores, exploration: DeviceExploration?
  ) throws(RecommendationError) -> Recommendation {
    guard (0..<catalogue.count).contains(item) else {
      throw .itemOutOfRange(item: item, itemCount: catalogue.count)
    }
    let draw = exploration.map { exploration in
      DrawReason(
        drawn: ExploredItem(
          drawn: DrawnItem(item: item, propensity: 1), feedback: exploration.feedback()[item],
          exploration: 0, diversity: 0),
        policy: Greedy.identifier, tag: nil, isNewCategory: false)
    }
    return try recommendations(of: [(item, draw)], scores: scores, history: history)[0]
  }

  /// The best items without any draw.
  ///
  /// - Throws: as ``scores(history:repeats:)``.
  package func slate(
    _ request: SlateRequest, scores: ItemScores
  ) throws(RecommendationError) -> [Recommendation] {
    let isAllowed = allowed(request)
    var totals = scores.totals
    for item in totals.indices where !isAllowed[item] { totals[item] = -.infinity }
    let items = Ranking.topK(totals, request.count).filter { isAllowed[$0] }
    return try recommendations(
      of: items.map { ($0, nil) }, scores: scores, history: request.history)
  }

  /// For each item of the catalogue, whether the request lets it be shown.
  private func allowed(_ request: SlateRequest) -> [Bool] {
    let onlyBought = request.repeats == .only
    var isAllowed = [Bool](repeating: request.only == nil && !onlyBought, count: catalogue.count)
    if let only = request.only, !onlyBought { for item in only { isAllowed[item] = true } }
    switch request.repeats {
    case .allow: break
    case .suppress: for row in request.history.rows { isAllowed[row.item] = false }
    case .only:
      for row in request.history.rows {
        isAllowed[row.item] = request.only?.contains(row.item) ?? true
      }
    }
    for item in request.hidden { isAllowed[item] = false }
    return isAllowed
  }
}
