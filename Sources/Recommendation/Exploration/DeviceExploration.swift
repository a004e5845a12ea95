/// An item of a slate with what exploring added to its score, in units of the score.
package struct ExploredItem: Sendable, Equatable {
  package let drawn: DrawnItem
  /// What the device learned from accepted and passed over items.
  package let feedback: Float
  /// What the policy added for being unsure: optimism, or the draw less its mean.
  package let exploration: Float
  /// What likeness to the positions above, or calibration, took off.
  package let diversity: Float
}

/// What one customer's device knows beyond the model, and how it draws slates from it.
///
/// Everything is a function of the log: a device keeps no policy state that could be stale, outlive a
/// retention, or survive an erase. The environments of `tacit evaluate policy` drive this same code.
package struct DeviceExploration: Sendable {
  /// What policies choose by besides the scores.
  package struct Knowledge: Sendable {
    /// Base score of every catalogue item, finite.
    package var scores: [Float]
    /// Public text vectors; nil where there are none.
    package var features: ItemFeatures?
    /// Vectors that the layer learns over; nil where there are none.
    package var vectors: ItemFeatures?
    /// One an item; nil where the catalogue has no categories.
    package var categories: [Int]?
    package var categoryCount: Int
    package var history: CustomerHistory
    /// Accepted share of shown items before anything is known.
    package var baseRate: Double

    package init(
      scores: [Float], features: ItemFeatures?, vectors: ItemFeatures?, categories: [Int]?,
      categoryCount: Int, history: CustomerHistory,
      baseRate: Double = ResponseScale.defaultRate
    ) {
      self.scores = scores
      self.features = features
      self.vectors = vectors
      self.categories = categories
      self.categoryCount = categoryCount
      self.history = history
      self.baseRate = baseRate
    }
  }

  /// Prior precision of the taste along a unit vector: with 1, two items of like texts are accepted with
  /// odds that differ by a factor of e.
  private static let ridge = 1.0
  /// Latest exposures that are learned from: older ones say little about today.
  package static let exposureLimit = 2_000

  package let plan: ExplorationPlan
  private let knowledge: Knowledge
  package private(set) var scale: ResponseScale
  private var layer: BayesianLastLayer?
  package private(set) var beliefs: CategoryBeliefs?

  /// - Parameter exposures: what was learned so far, oldest first.
  /// - Throws: `.invalidHyperparameter` where the plan needs vectors or categories that are not there;
  ///   what the parts throw.
  package init(
    _ plan: ExplorationPlan, knowledge: Knowledge, exposures: [Exposure] = []
  ) throws(RecommendationError) {
    self.plan = plan
    self.knowledge = knowledge
    scale = ResponseScale(scores: knowledge.scores, baseRate: knowledge.baseRate)
    let exposures = exposures.suffix(Self.exposureLimit)
    if !exposures.isEmpty {
      scale.calibrate(
        shown: exposures.map { knowledge.scores[$0.item] },
        accepted: exposures.count { $0.isAccepted })
    }
    if let vectors = knowledge.vectors {
      guard vectors.itemCount == knowledge.scores.count else {
        throw .shapeMismatch(
          name: "item vectors", expected: [knowledge.scores.count],
          actual: [vectors.itemCount])
      }
      layer = try BayesianLastLayer(vectors, ridge: Self.ridge)
    }
    beliefs = try Self.priorBeliefs(plan, knowledge)
    for exposure in exposures { learn(exposure) }
    try checkPlan()
  }

  /// What the scores say of each category: they hold the history, or popularity where there is none.
  private static func priorBeliefs(
    _ plan: ExplorationPlan, _ knowledge: Knowledge
  ) throws(RecommendationError) -> CategoryBeliefs? {
    guard case .categoryThompson(let strength, let optimism, _) = plan.rule,
      let categories = knowledge.categories
    else { return nil }
    // Of the scores alone: what was shown is counted by category.
    let scale = ResponseScale(scores: knowledge.scores, baseRate: knowledge.baseRate)
    return try CategoryBeliefs(
      chances: knowledge.scores.map { Float(ResponseScale.sigmoid(scale.logOdds($0))) },
      categories: categories, categoryCount: knowledge.categoryCount,
      history: Set(knowledge.history.rows.map { categories[$0.item] }), strength: strength,
      optimism: optimism)
  }

  private func checkPlan() throws(RecommendationError) {
    func need(_ isThere: Bool, _ what: String) throws(RecommendationError) {
      guard isThere else {
        throw .invalidHyperparameter(
          name: plan.identifier, accepted: "where there are \(what)")
      }
    }
    switch plan.rule {
    case .greedy, .epsilonGreedy, .plackettLuce: break
    case .linUCB, .linearThompson: try need(layer != nil, "item vectors")
    case .categoryThompson: try need(beliefs != nil, "categories")
    }
    switch plan.diversity {
    case .none: break
    case .marginalRelevance: try need(knowledge.features != nil, "text vectors")
    case .calibrated: try need(knowledge.categories != nil, "categories")
    }
  }

  /// Learns from one shown item.
  package mutating func learn(_ exposure: Exposure) {
    layer?.update(
      item: exposure.item, isAccepted: exposure.isAccepted,
      offset: scale.logOdds(knowledge.scores[exposure.item]))
    if let categories = knowledge.categories {
      beliefs?.update(category: categories[exposure.item], accepted: exposure.isAccepted)
    }
  }

  /// What was learned from feedback, for every item, in units of the score.
  package func feedback() -> [Float] {
    layer.map { $0.means().map { $0 * scale.unit } }
      ?? [Float](repeating: 0, count: knowledge.scores.count)
  }

  /// Draws a slate: the best items by score and feedback first, the last `exploredSlots` by the plan.
  ///
  /// - Parameters:
  ///   - candidates: distinct places in the catalogue.
  ///   - count: length of the slate, at least 0.
  ///   - exploredSlots: positions that may explore, at least 0; all of the slate if it is shorter.
  ///   - decisions: slates drawn before, for an epsilon that decays.
  /// - Throws: what the parts throw.
  package func slate(
    candidates: [Int], count: Int, exploredSlots: Int, decisions: Int,
    using generator: inout some RandomNumberGenerator
  ) throws(RecommendationError) -> [ExploredItem] {
    let feedback = feedback()
    let known = zip(knowledge.scores, feedback).map { $0 + $1 }
    let policy = try budgeted(
      try rule(decisions: decisions), exploredSlots: min(exploredSlots, max(0, count)))
    return policy.slate(scores: known, candidates: candidates, count: count, using: &generator)
      .map { drawn in
        ExploredItem(
          drawn: drawn, feedback: feedback[drawn.item],
          exploration: drawn.added - drawn.adjustment, diversity: drawn.adjustment)
      }
  }

  private func rule(decisions: Int) throws(RecommendationError) -> any ExplorationPolicy {
    switch plan.rule {
    case .greedy: return Greedy()
    case .epsilonGreedy(let decay):
      let epsilon = decay.epsilon(after: decisions)
      return epsilon > 0 ? try EpsilonGreedy(epsilon: epsilon) : Greedy()
    case .plackettLuce(let temperature):
      return try PlackettLuce(temperature: temperature * Double(scale.unit))
    case .linUCB(let alpha, let epsilon):
      return try LinUCB(try uncertainty(), alpha: alpha, epsilon: epsilon)
    case .linearThompson(let scale):
      return try LinearThompson(
        try uncertainty(), scale: scale, propensityDraws: plan.propensityDraws)
    case .categoryThompson(_, _, let epsilon):
      guard let beliefs, let categories = knowledge.categories else {
        throw .invalidHyperparameter(name: plan.identifier, accepted: "where there are categories")
      }
      if epsilon > 0 {
        return try CategoryThompson(
          beliefs, categories: categories, within: EpsilonGreedy(epsilon: epsilon),
          propensityDraws: plan.propensityDraws)
      }
      return try CategoryThompson(
        beliefs, categories: categories, within: Greedy(), propensityDraws: plan.propensityDraws)
    }
  }

  private func uncertainty() throws(RecommendationError) -> CentredLayer {
    guard let layer else {
      throw .invalidHyperparameter(name: plan.identifier, accepted: "where there are item vectors")
    }
    return CentredLayer(layer, unit: scale.unit)
  }

  private func budgeted(
    _ policy: some ExplorationPolicy, exploredSlots: Int
  ) throws(RecommendationError) -> any ExplorationPolicy {
    switch plan.diversity {
    case .none: return BudgetedExploration(policy, exploredSlots: exploredSlots)
    case .marginalRelevance(let lambda):
      guard let features = knowledge.features else {
        throw .invalidHyperparameter(name: "mmr", accepted: "where there are text vectors")
      }
      return AdjustedSlates(
        policy, adjustment: try MaximalMarginalRelevance(features: features, lambda: lambda),
        exploredSlots: exploredSlots)
    case .calibrated(let lambda):
      guard let categories = knowledge.categories else {
        throw .invalidHyperparameter(name: "calibrated", accepted: "where there are categories")
      }
      // A customer without a history has no shares to calibrate to.
      guard !knowledge.history.isEmpty else {
        return BudgetedExploration(policy, exploredSlots: exploredSlots)
      }
      var counts = [Double](repeating: 0, count: knowledge.categoryCount)
      for row in knowledge.history.rows { counts[categories[row.item]] += Double(row.occasions) }
      return AdjustedSlates(
        policy,
        adjustment: try SlateCalibration(
          categories: categories, history: counts, lambda: lambda),
        exploredSlots: exploredSlots)
    }
  }
}

/// A layer's uncertainty alone, in units of the score: for scores that hold its means already.
struct CentredLayer: LinearScorer {
  private let layer: BayesianLastLayer
  private let unit: Float
  var count: Int { layer.count }

  init(_ layer: BayesianLastLayer, unit: Float) {
    self.layer = layer
    self.unit = unit
  }

  func means() -> [Float] { [Float](repeating: 0, count: count) }

  func deviations(of places: [Int]) -> [Float] { layer.deviations(of: places).map { $0 * unit } }

  func deviationBounds() -> [Float] { layer.deviationBounds().map { $0 * unit } }

  func sampled(
    _ draws: Int, scale: Double, using generator: inout some RandomNumberGenerator
  ) -> CoefficientDraws {
    layer.deviating(draws, scale: scale, unit: unit, using: &generator)
  }
}
