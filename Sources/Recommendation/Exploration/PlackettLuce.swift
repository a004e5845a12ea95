internal import Glibc

/// At each position: a remaining candidate with probability proportional to exp(score / temperature).
///
/// The weights are rounded to whole multiples of 2^-40 of the best candidate's, at least one, and drawn as
/// integers, so that propensities are those of the distribution sampled and none is zero.
/// - Source: Plackett, "The analysis of permutations", Applied Statistics 24 (1975).
package struct PlackettLuce: ExplorationPolicy {
  package static let identifier = "plackett-luce"
  package var hasFullSupport: Bool { true }

  /// Scale of the weights; with at most 2^20 candidates their sum stays below 2^61.
  private static let unit = 0x1p40

  /// Above 0, in units of the score; towards 0 the best candidates are shown, towards infinity any.
  package let temperature: Double

  /// - Parameter temperature: finite, above 0.
  /// - Throws: `.invalidHyperparameter`.
  package init(temperature: Double) throws(RecommendationError) {
    guard temperature > 0, temperature.isFinite else {
      throw .invalidHyperparameter(name: "temperature", accepted: "a finite number above 0")
    }
    self.temperature = temperature
  }

  package func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    precondition(candidates.count <= Catalogue.Limits.items, "candidates come from a catalogue")
    guard count > 0, !candidates.isEmpty else { return [] }
    var remaining = RemainingCandidates(candidates, of: scores.totals().count)
    var weights = weights(of: remaining, by: scores.totals())
    var slate: [DrawnItem] = []
    while slate.count < count, !remaining.items.isEmpty {
      if !slate.isEmpty, !scores.areConstant {
        weights = self.weights(of: remaining, by: scores.totals())
      }
      let total = weights.reduce(0, +)
      var ticket = UInt64.random(in: 0..<total, using: &generator)
      var place = 0
      while ticket >= weights[place] {
        ticket -= weights[place]
        place += 1
      }
      let weight = weights.remove(at: place)
      slate.append(
        scores.drawn(
          remaining.remove(at: place), propensity: Double(weight) / Double(total)))
    }
    return slate
  }

  private func weights(of remaining: RemainingCandidates, by scores: [Float]) -> [UInt64] {
    guard let best = remaining.best(by: scores).map({ Double(scores[remaining.items[$0]]) }) else {
      return []
    }
    return remaining.items.map { candidate in
      max(1, UInt64(exp((Double(scores[candidate]) - best) / temperature) * Self.unit))
    }
  }
}
