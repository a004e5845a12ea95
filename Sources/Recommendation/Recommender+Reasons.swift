extension Recommender {
  /// History items named in a reason at most.
  private static let namedItems = 3

  /// - Precondition: `item` is in the catalogue; `scores` are of this recommender and history.
  func recommendation(
    of item: Int, propensity: Double?, scores: ItemScores, history: CustomerHistory
  ) throws(RecommendationError) -> Recommendation {
    let size = scores.components.reduce(Float(0)) { $0 + abs($1.values[item]) }
    var reasons: [Reason] = []
    for part in scores.components {
      let contribution = part.values[item]
      let evidence = try evidence(for: part.component, item: item, history: history)
      reasons.append(
        Reason(
          component: part.component, contribution: contribution,
          share: size > 0 ? contribution / size : 0, evidence: evidence,
          sentence: sentence(for: evidence)))
    }
    // A stable order: equal contributions keep the order of the components.
    let order = reasons.indices.sorted {
      (-reasons[$0].contribution, $0) < (-reasons[$1].contribution, $1)
    }
    return Recommendation(
      item: item, score: scores.totals[item], propensity: propensity,
      reasons: order.map { reasons[$0] })
  }

  private func evidence(
    for component: ItemScores.Component, item: Int, history: CustomerHistory
  ) throws(RecommendationError) -> Reason.Evidence {
    switch component {
    case .ownFrequency:
      return .ownFrequency(
        occasions: history.rows.first { $0.item == item }.map(\.occasions) ?? 0)
    case .learned:
      let shares = try model.historyShares(of: item, history: history, parameters: parameters)
      let largest = shares.filter { $0.value > 0 && $0.item != item }
        .sorted { ($1.value, $0.item) < ($0.value, $1.item) }
      return .learned(Array(largest.prefix(Self.namedItems)))
    case .text:
      return nearestText(to: item, history: history)
    case .popularity:
      return .popularity(fraction: try PopularityStage.values(parameters)[item])
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

  private func sentence(for evidence: Reason.Evidence) -> String {
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
    case .text(let nearest, _):
      return "Its description is like that of \(name(nearest)), which you bought."
    case .noText:
      return "Its description is unlike those of what you bought."
    case .popularity(let fraction):
      return popularitySentence(fraction)
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
