internal import VectorMath

/// At each position: draws the coefficients anew and shows the candidate that is best under them.
///
/// A fresh draw a position makes the propensity at a position a function of the candidates that remain,
/// so that it can be estimated: by ``propensityDraws`` further draws, the shown one counted with them,
/// hence never zero and biased upwards by at most 1 / (draws + 1). The further draws serve all positions of
/// a slate. Candidates that are best under no draw have no support.
/// - Source: Agrawal and Goyal, "Thompson Sampling for Contextual Bandits with Linear Payoffs", ICML 2013.
package struct LinearThompson<Scorer: LinearScorer>: ExplorationPolicy {
  package static var identifier: String { "linear-thompson" }

  package let scorer: Scorer
  /// Standard deviation of the noise that the posterior assumes, at least 0; 0 is greedy.
  package let scale: Double
  /// Draws for each propensity, at least 1.
  package let propensityDraws: Int

  /// In theory where the scale is not 0, but no draw count shows it for a candidate that never wins.
  package var hasFullSupport: Bool { false }

  /// - Throws: `.invalidHyperparameter`.
  package init(
    _ scorer: Scorer, scale: Double, propensityDraws: Int = 1_000
  ) throws(RecommendationError) {
    guard scale >= 0, scale.isFinite else {
      throw .invalidHyperparameter(name: "scale", accepted: "a finite number from 0")
    }
    guard propensityDraws >= 1 else {
      throw .invalidHyperparameter(name: "propensity draws", accepted: "at least 1")
    }
    self.scorer = scorer
    self.scale = scale
    self.propensityDraws = propensityDraws
  }

  package func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    precondition(
      scores.totals().count == scorer.count, "a score for each place of the linear model")
    let length = min(max(0, count), candidates.count)
    guard length > 0 else { return [] }
    var remaining = RemainingCandidates(candidates, of: scorer.count)
    let choices = scorer.sampled(length, scale: scale, using: &generator)
    let others = scorer.sampled(propensityDraws, scale: scale, using: &generator)
    var slate: [DrawnItem] = []
    while slate.count < length {
      let open = remaining.items
      let start = slate.count
      let chunk = start..<min(length, start + ThompsonContest.mostPositions)
      let rewards = choices.rewards(ofDraws: chunk)
      var positions: [ThompsonContest.Position] = []
      var drawn: [DrawnItem] = []
      for column in 0..<chunk.count {
        let totals = scores.totals()
        var sampled = totals
        for place in sampled.indices {
          sampled[place] += rewards.storage[place * chunk.count + column]
        }
        guard let best = remaining.best(by: sampled) else { break }
        let item = remaining.remove(at: best)
        positions.append(.init(item: item, totals: totals))
        drawn.append(
          scores.drawn(
            item, propensity: 1, monteCarloDraws: propensityDraws,
            added: rewards[item, column]))
      }
      guard !drawn.isEmpty else { break }
      let wins = ThompsonContest.wins(of: positions, among: open, draws: others)
      slate += zip(drawn, wins).map { drawn, wins in
        DrawnItem(
          item: drawn.item, propensity: Double(wins + 1) / Double(propensityDraws + 1),
          monteCarloDraws: propensityDraws, added: drawn.added, adjustment: drawn.adjustment)
      }
    }
    return slate
  }
}
