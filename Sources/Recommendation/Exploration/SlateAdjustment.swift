internal import Glibc

/// Changes scores in view of what stands in the slate already.
package protocol SlateAdjustment: Sendable {
  /// Name in policy identifiers.
  static var identifier: String { get }

  /// Weight of the relevance in an adjusted score, above 0.
  var relevanceWeight: Float { get }

  /// - Parameters:
  ///   - relevances: one a catalogue item, in [0, 1] for candidates.
  ///   - chosen: the positions before, best first.
  ///   - memory: what this slate's earlier positions left; empty at the first one.
  /// - Returns: one finite score a catalogue item.
  func adjusted(_ relevances: [Float], chosen: [Int], memory: inout [Float]) -> [Float]
}

/// Maximal marginal relevance: lambda relevance - (1 - lambda) largest cosine with a chosen item.
///
/// - Source: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998.
package struct MaximalMarginalRelevance: SlateAdjustment {
  package static let identifier = "mmr"

  /// Public vectors of the items.
  package let features: ItemFeatures
  /// Weight of relevance, in (0, 1]; 1 changes nothing.
  package let lambda: Float
  package var relevanceWeight: Float { lambda }

  /// - Throws: `.invalidHyperparameter`.
  package init(features: ItemFeatures, lambda: Float) throws(RecommendationError) {
    guard lambda > 0, lambda <= 1 else {
      throw .invalidHyperparameter(name: "lambda", accepted: "above 0, at most 1")
    }
    self.features = features
    self.lambda = lambda
  }

  /// Remembers each item's largest cosine with those chosen so far.
  package func adjusted(
    _ relevances: [Float], chosen: [Int], memory: inout [Float]
  ) -> [Float] {
    precondition(relevances.count == features.itemCount, "a vector for each item")
    guard let last = chosen.last else { return relevances.map { lambda * $0 } }
    let cosines = features.cosines(with: last)
    memory = memory.isEmpty ? cosines : zip(memory, cosines).map { max($0, $1) }
    return zip(relevances, memory).map { lambda * $0 - (1 - lambda) * $1 }
  }
}

/// Calibrated slates: (1 - lambda) relevance - lambda KL(p || q), with p the customer's shares of
/// categories and q those of the slate with the item added.
///
/// q is mixed with a hundredth of p, so that the divergence is finite.
/// - Source: Steck, "Calibrated Recommendations", RecSys 2018, equations 4 and 5.
package struct SlateCalibration: SlateAdjustment {
  package static let identifier = "calibrated"
  private static let smoothing = 0.01

  /// Per item, a place in ``shares``.
  package let categories: [Int]
  /// The customer's share of each category, at least 0, of sum 1.
  package let shares: [Double]
  /// Weight of calibration, in [0, 1); 0 changes nothing.
  package let lambda: Double
  package var relevanceWeight: Float { Float(1 - lambda) }

  /// - Parameter history: times each category was bought; at least one above 0.
  /// - Throws: `.invalidHyperparameter`.
  package init(
    categories: [Int], history: [Double], lambda: Double
  ) throws(RecommendationError) {
    let total = history.reduce(0, +)
    guard total > 0, total.isFinite, history.allSatisfy({ $0 >= 0 }) else {
      throw .invalidHyperparameter(
        name: "category history", accepted: "numbers from 0 with one above it")
    }
    guard lambda >= 0, lambda < 1 else {
      throw .invalidHyperparameter(name: "lambda", accepted: "from 0, below 1")
    }
    guard categories.allSatisfy(history.indices.contains) else {
      throw .invalidHyperparameter(
        name: "category of an item", accepted: "below the number of categories")
    }
    self.categories = categories
    self.lambda = lambda
    shares = history.map { $0 / total }
  }

  package func adjusted(
    _ relevances: [Float], chosen: [Int], memory: inout [Float]
  ) -> [Float] {
    precondition(relevances.count == categories.count, "every item has a category")
    var counts = [Double](repeating: 0, count: shares.count)
    for item in chosen { counts[categories[item]] += 1 }
    let penalties = counts.indices.map { category in
      var extended = counts
      extended[category] += 1
      return divergence(extended, total: Double(chosen.count + 1))
    }
    return relevances.indices.map { item in
      Float((1 - lambda) * Double(relevances[item]) - lambda * penalties[categories[item]])
    }
  }

  /// KL(p || q) in nats.
  func divergence(_ counts: [Double], total: Double) -> Double {
    zip(shares, counts).reduce(0) { sum, pair in
      let (share, count) = pair
      guard share > 0 else { return sum }
      let mixed = (1 - Self.smoothing) * count / total + Self.smoothing * share
      return sum + share * log(share / mixed)
    }
  }
}

/// Adjusts the scores at each position and lets a policy draw that position from them.
///
/// The draw comes last, so that propensities are the base policy's given the positions before, exact where
/// it is. Adjustments see scores brought to [0, 1] over the candidates, so that they mean the same for
/// every model; what they take off is brought back to units of the score, so that a temperature or a
/// deviation means the same with and without them.
package struct AdjustedSlates<
  Base: ExplorationPolicy, Adjustment: SlateAdjustment
>: ExplorationPolicy {
  package static var identifier: String { Adjustment.identifier + "-" + Base.identifier }

  package let base: Base
  package let adjustment: Adjustment
  /// Positions at the end of a slate that the base policy draws; the ones before are the best.
  package let exploredSlots: Int
  package var hasFullSupport: Bool { base.hasFullSupport && exploredSlots == .max }

  /// - Parameter exploredSlots: at least 0.
  package init(_ base: Base, adjustment: Adjustment, exploredSlots: Int = .max) {
    precondition(exploredSlots >= 0, "slots are counted from 0")
    self.base = base
    self.adjustment = adjustment
    self.exploredSlots = exploredSlots
  }

  package func slate(
    scores: [Float], candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    let values = candidates.map { scores[$0] }
    guard let lowest = values.min(), let highest = values.max() else { return [] }
    let spread = highest > lowest ? highest - lowest : 1
    var relevances = [Float](repeating: 0, count: scores.count)
    for candidate in candidates { relevances[candidate] = (scores[candidate] - lowest) / spread }
    let weight = adjustment.relevanceWeight
    let fixed = max(0, min(count, candidates.count) - exploredSlots)
    var remaining = candidates
    var slate: [DrawnItem] = []
    var memory: [Float] = []
    while slate.count < count, !remaining.isEmpty {
      let adjusted = adjustment.adjusted(
        relevances, chosen: slate.map(\.item), memory: &memory)
      let taken = zip(adjusted, relevances).map { ($0 / weight - $1) * spread }
      let totals = zip(scores, taken).map { $0 + $1 }
      let drawing: any ExplorationPolicy = slate.count < fixed ? Greedy() : base
      guard
        let drawn = drawing.slate(
          scores: totals, candidates: remaining, count: 1, using: &generator
        ).first
      else { break }
      remaining.removeAll { $0 == drawn.item }
      slate.append(
        DrawnItem(
          item: drawn.item, propensity: drawn.propensity, monteCarloDraws: drawn.monteCarloDraws,
          added: drawn.added + taken[drawn.item], adjustment: taken[drawn.item]))
    }
    return slate
  }
}
