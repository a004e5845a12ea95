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
    scores: [Float], candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    precondition(candidates.count <= Catalogue.Limits.items, "candidates come from a catalogue")
    var remaining = ranked(candidates, by: scores)
    guard let best = remaining.first.map({ Double(scores[$0]) }) else { return [] }
    var weights = remaining.map { candidate in
      max(1, UInt64(exp((Double(scores[candidate]) - best) / temperature) * Self.unit))
    }
    var total = weights.reduce(0, +)
    var slate: [DrawnItem] = []
    while slate.count < count, !remaining.isEmpty {
      var ticket = UInt64.random(in: 0..<total, using: &generator)
      var place = 0
      while ticket >= weights[place] {
        ticket -= weights[place]
        place += 1
      }
      let weight = weights.remove(at: place)
      slate.append(
        DrawnItem(
          item: remaining.remove(at: place), propensity: Double(weight) / Double(total)))
      total -= weight
    }
    return slate
  }
}
