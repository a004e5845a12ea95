/// At each position: draws the coefficients anew and shows the candidate that is best under them.
///
/// A fresh draw a position makes the propensity at a position a function of the candidates that remain,
/// so that it can be estimated: by ``propensityDraws`` further draws, the shown one counted with them,
/// hence never zero and biased upwards by at most 1 / (draws + 1). Candidates that are best under no draw
/// have no support.
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
    scores: [Float], candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    precondition(scores.count == scorer.count, "a score for each place of the linear model")
    precondition(Set(candidates).count == candidates.count, "candidates are distinct")
    var isCandidate = [Bool](repeating: false, count: scores.count)
    for candidate in candidates { isCandidate[candidate] = true }
    let length = min(max(0, count), candidates.count)
    var remaining = isCandidate
    var shown: [Int] = []
    var added: [Float] = []
    for _ in 0..<length {
      let sampled = scorer.sampled(scale: scale, using: &generator)
      let totals = zip(scores, sampled).map { $0 + $1 }
      guard let best = Self.top(totals, among: remaining, count: 1).first else { break }
      remaining[best] = false
      shown.append(best)
      added.append(sampled[best])
    }
    guard !shown.isEmpty else { return [] }
    var wins = [Int](repeating: 1, count: shown.count)
    for _ in 0..<propensityDraws {
      // The best that remains at a position is the first of the whole ranking not shown before it.
      let top = Self.top(totals(scores, using: &generator), among: isCandidate, count: length)
      var next = 0
      for position in shown.indices {
        while next < top.count, shown[..<position].contains(top[next]) { next += 1 }
        if next < top.count, top[next] == shown[position] { wins[position] += 1 }
      }
    }
    return shown.indices.map { position in
      DrawnItem(
        item: shown[position], propensity: Double(wins[position]) / Double(propensityDraws + 1),
        monteCarloDraws: propensityDraws, added: added[position])
    }
  }

  private func totals(
    _ scores: [Float], using generator: inout some RandomNumberGenerator
  ) -> [Float] {
    let sampled = scorer.sampled(scale: scale, using: &generator)
    return scores.indices.map { scores[$0] + sampled[$0] }
  }

  private static func top(_ totals: [Float], among candidates: [Bool], count: Int) -> [Int] {
    Ranking.topK(
      totals.indices.map { candidates[$0] ? totals[$0] : -.infinity }, count
    ).filter { candidates[$0] }
  }
}
