extension Recommender {
  /// History items named in a reason at most.
  private static let namedItems = 3

  /// - Parameter items: each with how it was drawn, if it was.
  /// - Precondition: items are in the catalogue; `scores` are of this recommender and history.
  func recommendations(
    of items: [(item: Int, draw: DrawReason?)], scores: ItemScores, history: CustomerHistory
  ) throws(RecommendationError) -> [Recommendation] {
    let shares =
      scores[.learned] == nil
      ? items.map { _ in [] }
      : try model.historyShares(of: items.map(\.item), history: history, parameters: parameters)
    let read =
      scores[.sequence] == nil ? [] : try model.readSequence(of: history, parameters: parameters)
    var recommendations: [Recommendation] = []
    for (place, (item, draw)) in items.enumerated() {
      recommendations.append(
        try recommendation(
          of: item, draw: draw, shares: shares[place], read: read, scores: scores,
          history: history))
    }
    return recommendations
  }

  private func recommendation(
    of item: Int, draw: DrawReason?, shares: [HistoryShare], read: [Int], scores: ItemScores,
    history: CustomerHistory
  ) throws(RecommendationError) -> Recommendation {
    var parts: [(component: ItemScores.Component, contribution: Float, evidence: Reason.Evidence)]
    parts = []
    for part in scores.components {
      parts.append(
        (
          part.component, part.values[item],
          try evidence(
            for: part.component, item: item, shares: shares, read: read, history: history)
        ))
    }
    let added = draw.map { self.parts(of: $0) } ?? []
    parts += added
    // In Double, rounded once: the parts of a drawn item differ widely in size.
    let score =
      added.isEmpty
      ? scores.totals[item] : Float(parts.reduce(0.0) { $0 + Double($1.contribution) })
    let size = parts.reduce(Float(0)) { $0 + abs($1.contribution) }
    let reasons = parts.map { part in
      Reason(
        component: part.component, contribution: part.contribution,
        share: size > 0 ? part.contribution / size : 0, evidence: part.evidence,
        sentence: sentence(for: part.evidence, contribution: part.contribution))
    }
    // A stable order: equal contributions keep the order of the components.
    let order = reasons.indices.sorted {
      (-reasons[$0].contribution, $0) < (-reasons[$1].contribution, $1)
    }
    return Recommendation(
      item: item, score: score, propensity: draw?.drawn.drawn.propensity,
      monteCarloDraws: draw?.drawn.drawn.monteCarloDraws, reasons: order.map { reasons[$0] })
  }

  /// What feedback and a policy added; nothing where they add nothing and no chance was involved.
  private func parts(
    of draw: DrawReason
  ) -> [(component: ItemScores.Component, contribution: Float, evidence: Reason.Evidence)] {
    var parts: [(component: ItemScores.Component, contribution: Float, evidence: Reason.Evidence)]
    parts = []
    if draw.drawn.feedback != 0 { parts.append((.feedback, draw.drawn.feedback, .feedback)) }
    if draw.drawn.diversity != 0 { parts.append((.diversity, draw.drawn.diversity, .diversity)) }
    let probability = draw.drawn.drawn.propensity
    if draw.drawn.exploration != 0 || probability < 1 {
      parts.append(
        (
          .exploration, draw.drawn.exploration,
          .exploration(
            policy: draw.policy, probability: probability,
            newCategory: draw.isNewCategory ? draw.tag : nil)
        ))
    }
    return parts
  }

  private func evidence(
    for component: ItemScores.Component, item: Int, shares: [HistoryShare], read: [Int],
    history: CustomerHistory
  ) throws(RecommendationError) -> Reason.Evidence {
    switch component {
    case .ownFrequency:
      return .ownFrequency(
        occasions: history.rows.first { $0.item == item }.map(\.occasions) ?? 0)
    case .learned:
      let largest = shares.filter { $0.value > 0 && $0.item != item }
        .sorted { ($1.value, $0.item) < ($0.value, $1.item) }
      return .learned(Array(largest.prefix(Self.namedItems)))
    case .sequence:
      return .order(latest: Array(read.suffix(Self.namedItems).reversed()), read: read.count)
    case .text:
      return nearestText(to: item, history: history)
    case .popularity:
      return .popularity(fraction: try PopularityStage.values(parameters)[item])
    // Scores of a model have none of these: `parts(of:)` adds them to a drawn item.
    case .feedback: return .feedback
    case .exploration:
      return .exploration(policy: Greedy.identifier, probability: 1, newCategory: nil)
    case .diversity: return .diversity
    }
  }

  private func nearestText(to item: Int, history: CustomerHistory) -> Reason.Evidence {
    guard let features else { return .noText }
    var nearest: (item: Int, cosine: Float)?
    for row in history.rows where row.item != item {
      let cosine = features.cosine(item, row.item)
      if cosine > nearest?.cosine ?? 0 { nearest = (row.item, cosine) }
    }
    guard let nearest else { return .noText }
    return .text(nearest: nearest.item, cosine: nearest.cosine)
  }

  private func sentence(for evidence: Reason.Evidence, contribution: Float) -> String {
    switch evidence {
    case .ownFrequency(let occasions):
      switch occasions {
      case 0: return "You have not bought it before."
      case 1: return "You bought it once before."
      default: return "You bought it on \(occasions) occasions."
      }
    case .learned(let shares):
      guard !shares.isEmpty else {
        return "Nothing you bought points to it in other customers' baskets."
      }
      return "Customers who buy \(list(shares.map(\.item))) also buy it."
    case .order(let latest, let read):
      return orderSentence(latest: latest, read: read)
    case .text(let nearest, _):
      return "Its description is like that of \(name(nearest)), which you bought."
    case .noText:
      return "Its description is unlike those of what you bought."
    case .popularity(let fraction):
      return popularitySentence(fraction)
    case .feedback:
      return contribution < 0
        ? "You passed over items like it when they were shown."
        : "You took items like it when they were shown."
    case .exploration(_, let probability, let newCategory):
      let why =
        newCategory.map { "\($0) is new to you" } ?? "we are not sure how much you like such items"
      return probability < 1
        ? "Exploration: shown here with probability \(Self.decimal(probability)), because \(why)."
        : "Exploration: \(contribution < 0 ? "moved down" : "moved up"), because \(why)."
    case .diversity:
      return contribution < 0
        ? "It is like something further up, or you already see much of its kind."
        : "It is of another kind than what stands further up."
    }
  }

  /// Three significant digits at most, without an exponent for what a person would read.
  private static func decimal(_ probability: Double) -> String {
    guard probability >= 0.001 else { return "below 0.001" }
    let thousandths = Int((probability * 1_000).rounded())
    let digits = String(thousandths % 1_000 + 1_000).dropFirst()
    return thousandths >= 1_000 ? "1" : "0.\(digits)"
  }

  private func orderSentence(latest: [Int], read: Int) -> String {
    switch read {
    case 0: return "You have bought nothing yet that it could follow."
    case 1: return "Learned from what customers buy after \(list(latest))."
    default:
      return "Learned from what customers buy after a sequence like your last \(read), which ends "
        + "with \(list(latest.reversed()))."
    }
  }

  private func popularitySentence(_ fraction: Float) -> String {
    let percent = (fraction * 100).rounded()
    // Noise can lift an estimate above everyone.
    guard percent >= 1 else {
      return "Fewer than 1 in 100 customers buy it (estimated with noise)."
    }
    return "About \(Int(min(percent, 100))) in 100 customers buy it (estimated with noise)."
  }

  /// The description of an item, or its code where there is none.
  private func name(_ item: Int) -> String {
    catalogue.descriptions[item].isEmpty ? catalogue.codes[item] : catalogue.descriptions[item]
  }

  private func list(_ items: [Int]) -> String {
    let names = items.map(name)
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }
}
