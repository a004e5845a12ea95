/// What happens to items that the customer bought before.
package enum RepeatRule: String, CaseIterable, Sendable {
  /// They may be recommended, and the customer's own frequency comes first.
  case allow
  /// They are left out: discovery only.
  case suppress
  /// Nothing else is recommended: what to buy again.
  case only
}

/// Makes a customer's list on the customer's device, with the reasons for each item.
///
/// The list is computed from the customer's own log without noise: whoever sees it learns about the
/// customer (ruling 3).
package struct Recommender: Sendable {
  /// The model that learned ``parameters``.
  package let model: any FederatedModel
  /// The public parameters.
  package let parameters: ModelParameters
  /// The public price list.
  package let catalogue: Catalogue
  /// Public text vectors of the items; nil where there are none.
  package let features: ItemFeatures?

  package init(
    model: any FederatedModel, parameters: ModelParameters, catalogue: Catalogue,
    features: ItemFeatures?
  ) {
    self.model = model
    self.parameters = parameters
    self.catalogue = catalogue
    self.features = features
  }

  /// The scores by which items are ranked under a repeat rule: the model's, and for ``RepeatRule/allow``
  /// and ``RepeatRule/only`` the customer's own frequency before them.
  ///
  /// A purchase weighs slightly more than the model's scores differ, so that items are ordered by how
  /// often the customer bought them and then by the model. With popularity as the only model this is the
  /// rule f + p / (max p + 1). It beat every weaker weight of the own frequency on the retail
  /// log before the test months.
  /// - Returns: one total a catalogue item, as the sum of its components.
  /// - Throws: what the model throws, `.notFinite`, `.shapeMismatch` if parameters and catalogue
  ///   differ in size.
  package func scores(
    history: CustomerHistory, repeats: RepeatRule
  ) throws(RecommendationError) -> ItemScores {
    let scores = try model.scores(history: history, parameters: parameters, features: features)
    guard scores.totals.count == catalogue.count else {
      throw .shapeMismatch(
        name: "scores", expected: [catalogue.count], actual: [scores.totals.count])
    }
    guard repeats != .suppress, !history.isEmpty else { return scores }
    let lowest = scores.totals.min() ?? 0
    let highest = scores.totals.max() ?? 0
    // The hundredth keeps the order under rounding; the constant serves scores that are all alike.
    let weight = highest > lowest ? (highest - lowest) * 1.01 : 1
    var frequency = [Float](repeating: 0, count: catalogue.count)
    for row in history.rows { frequency[row.item] = weight * Float(row.occasions) }
    return try ItemScores(
      itemCount: catalogue.count,
      components: [(.ownFrequency, frequency)]
        + scores.components.map { ($0.component, $0.values) }
    ).checked()
  }

  /// Per item, customers as a fraction of the policy's cohort, learned with noise.
  ///
  /// - Throws: `.missingTensor`.
  package func popularity() throws(RecommendationError) -> [Float] {
    try PopularityStage.values(parameters)
  }

  /// The `count` best items with their reasons; fewer if the rule leaves fewer.
  ///
  /// - Throws: as ``scores(history:repeats:)``.
  package func slate(
    history: CustomerHistory, count: Int, repeats: RepeatRule
  ) throws(RecommendationError) -> [Recommendation] {
    try slate(
      SlateRequest(history: history, count: count, repeats: repeats),
      scores: try scores(history: history, repeats: repeats))
  }

  /// Why `item` has its score, whether or not it is recommended.
  ///
  /// - Throws: as ``scores(history:repeats:)``, `.itemOutOfRange`.
  package func explanation(
    of item: Int, history: CustomerHistory, repeats: RepeatRule
  ) throws(RecommendationError) -> Recommendation {
    guard (0..<catalogue.count).contains(item) else {
      throw .itemOutOfRange(item: item, itemCount: catalogue.count)
    }
    let scores = try scores(history: history, repeats: repeats)
    return try recommendations(of: [(item, nil)], scores: scores, history: history)[0]
  }
}
