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
    if memory.isEmpty {
      memory = cosines
    } else {
      for item in memory.indices where cosines[item] > memory[item] {
        memory[item] = cosines[item]
      }
    }
    var adjusted = relevances
    for item in adjusted.indices {
      adjusted[item] = lambda * adjusted[item] - (1 - lambda) * memory[item]
    }
    return adjusted
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

/// Scores that an adjustment moves at each position, in view of the positions above.
///
/// Adjustments see scores brought to [0, 1] over the candidates, so that they mean the same for every
/// model; what they take off is brought back to units of the score, so that a temperature or a deviation
/// means the same with and without them.
struct AdjustedScores<Adjustment: SlateAdjustment>: SlateScores {
  private let adjustment: Adjustment
  private let scores: [Float]
  /// Scores of candidates in [0, 1]; 0 for the others.
  private let relevances: [Float]
  /// Score from the worst to the best candidate, above 0.
  private let spread: Float
  private var shown: [Int] = []
  private var memory: [Float] = []
  /// For the next position, once somebody asked for it.
  private var taken: [Float]?

  var areConstant: Bool { false }

  /// - Parameter candidates: distinct places with finite scores.
  init(_ adjustment: Adjustment, scores: [Float], candidates: [Int]) {
    var (lowest, highest) = (Float.infinity, -Float.infinity)
    for candidate in candidates {
      lowest = min(lowest, scores[candidate])
      highest = max(highest, scores[candidate])
    }
    spread = highest > lowest ? highest - lowest : 1
    var relevances = [Float](repeating: 0, count: scores.count)
    for candidate in candidates { relevances[candidate] = (scores[candidate] - lowest) / spread }
    self.adjustment = adjustment
    self.scores = scores
    self.relevances = relevances
  }

  mutating func totals() -> [Float] {
    let taken = currentAdjustment()
    var totals = scores
    for item in totals.indices { totals[item] += taken[item] }
    return totals
  }

  mutating func adjustment(of item: Int) -> Float { currentAdjustment()[item] }

  mutating func show(_ item: Int) {
    shown.append(item)
    taken = nil
  }

  private mutating func currentAdjustment() -> [Float] {
    if let taken { return taken }
    var current = adjustment.adjusted(relevances, chosen: shown, memory: &memory)
    let weight = adjustment.relevanceWeight
    for item in current.indices {
      current[item] = (current[item] / weight - relevances[item]) * spread
    }
    taken = current
    return current
  }
}

/// Adjusts the scores at each position and lets a policy draw that position from them.
///
/// The draw comes last, so that propensities are the base policy's given the positions before, exact where
/// it is.
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
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    var adjusted = AdjustedScores(adjustment, scores: scores.totals(), candidates: candidates)
    let slate = BudgetedExploration(base, exploredSlots: exploredSlots)
      .slate(&adjusted, candidates: candidates, count: count, using: &generator)
    for drawn in slate { scores.show(drawn.item) }
    return slate
  }
}
