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
  /// Mean and alpha deviations of each place: the same at every position.
  private let added: [Float]

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
    added = zip(scorer.means(), scorer.deviations()).map { $0 + Float(alpha) * $1 }
  }

  package func slate(
    scores: [Float], candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    precondition(scores.count == scorer.count, "a score for each place of the linear model")
    let bounds = zip(scores, added).map { $0 + $1 }
    return mixture.slate(
      ranked: ranked(candidates, by: bounds, first: max(0, count), ties: .highestPlaceFirst),
      count: count, using: &generator
    ).map { DrawnItem(item: $0.item, propensity: $0.propensity, added: added[$0.item]) }
  }
}
