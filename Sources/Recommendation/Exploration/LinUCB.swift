/// Shows the candidates whose reward could be highest: score + mean + alpha deviation, mixed with epsilon.
///
/// Optimism alone is deterministic and leaves other candidates without support; with epsilon above 0 every
/// candidate has a propensity in closed form, that of epsilon-greedy over the optimistic ranking. Among
/// equals the highest place comes first.
/// - Source: Li, Chu, Langford and Schapire, WWW 2010, algorithm 1, with a mixture added.
package struct LinUCB<Scorer: LinearScorer>: ExplorationPolicy {
  package static var identifier: String { "linucb" }

  package let scorer: Scorer
  /// Deviations added to the mean, at least 0.
  package let alpha: Double
  private let mixture: EpsilonMixture

  package var hasFullSupport: Bool { mixture.epsilon > 0 }

  /// - Parameters:
  ///   - scorer: what was learned; as many places as there are scores.
  ///   - alpha: finite, at least 0.
  ///   - epsilon: the share of positions drawn uniformly, in [0, 1]; rounded up to a multiple of 2^-32.
  /// - Throws: `.invalidHyperparameter`.
  package init(
    _ scorer: Scorer, alpha: Double, epsilon: Double
  ) throws(RecommendationError) {
    guard alpha >= 0, alpha.isFinite else {
      throw .invalidHyperparameter(name: "alpha", accepted: "a finite number from 0")
    }
    guard epsilon >= 0, epsilon <= 1 else {
      throw .invalidHyperparameter(name: "epsilon", accepted: "from 0 to 1")
    }
    self.scorer = scorer
    self.alpha = alpha
    mixture = EpsilonMixture(epsilon: epsilon)
  }

  package func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    precondition(
      scores.totals().count == scorer.count, "a score for each place of the linear model")
    var optimism = Optimism(scorer, alpha: Float(alpha))
    return mixture.slate(
      &scores, candidates: candidates, count: count, using: &generator,
      best: { totals, remaining in optimism.best(totals, remaining) },
      added: { item in optimism.added(to: item) })
  }
}

/// Mean and alpha deviations of each place: the same at every position.
///
/// A deviation costs a quadratic form, and most places are nowhere near the best. So each starts with a
/// bound of its deviation, and the deviation is computed once the place leads by its bound.
private struct Optimism<Scorer: LinearScorer> {
  private let scorer: Scorer
  private let alpha: Float
  private let means: [Float]
  private var added: [Float]
  private var isExact: [Bool]
  /// Deviations computed at the next step.
  private var batch = 64

  init(_ scorer: Scorer, alpha: Float) {
    self.scorer = scorer
    self.alpha = alpha
    means = scorer.means()
    added = scorer.deviationBounds()
    for place in added.indices { added[place] = means[place] + alpha * added[place] }
    isExact = [Bool](repeating: false, count: added.count)
  }

  mutating func added(to place: Int) -> Float {
    if !isExact[place] { settle([place]) }
    return added[place]
  }

  /// Where in the remaining items the highest optimistic total stands.
  mutating func best(_ totals: [Float], _ remaining: RemainingCandidates) -> Int? {
    while true {
      var optimistic = totals
      for place in optimistic.indices { optimistic[place] += added[place] }
      guard let best = remaining.best(by: optimistic, ties: .highestPlaceFirst) else { return nil }
      let leader = remaining.items[best]
      // What comes after it by its bound comes after it.
      if isExact[leader] { return best }
      var open = [Float](repeating: -.infinity, count: optimistic.count)
      for place in remaining.items where !isExact[place] { open[place] = optimistic[place] }
      settle([leader] + Ranking.topK(open, batch).filter { $0 != leader && open[$0] > -.infinity })
      batch *= 2
    }
  }

  private mutating func settle(_ places: [Int]) {
    for (place, deviation) in zip(places, scorer.deviations(of: places)) {
      added[place] = means[place] + alpha * deviation
      isExact[place] = true
    }
  }
}
