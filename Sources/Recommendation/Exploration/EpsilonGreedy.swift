/// At each position: with probability epsilon any remaining candidate, all alike, else the best one.
///
/// - Source: Sutton and Barto, "Reinforcement Learning", second edition, section 2.2; one draw a
///   position.
package struct EpsilonGreedy: ExplorationPolicy {
  package static let identifier = "epsilon-greedy"

  /// The probability of exploring is `threshold` / 2^32, so that propensities are exact.
  private let threshold: UInt64
  private static let resolution: UInt64 = 1 << 32

  /// The probability of exploring at a position, in (0, 1]: what was asked for, rounded up to a multiple
  /// of 2^-32.
  package var epsilon: Double { Double(threshold) / Double(Self.resolution) }

  /// - Parameter epsilon: in (0, 1].
  /// - Throws: `.invalidHyperparameter`.
  package init(epsilon: Double) throws(RecommendationError) {
    guard epsilon > 0, epsilon <= 1 else {
      throw .invalidHyperparameter(name: "epsilon", accepted: "above 0, at most 1")
    }
    threshold = UInt64((epsilon * Double(Self.resolution)).rounded(.up))
  }

  package func slate(
    scores: [Float], candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    var remaining = ranked(candidates, by: scores)
    var slate: [DrawnItem] = []
    while slate.count < count, !remaining.isEmpty {
      let explores = UInt64.random(in: 0..<Self.resolution, using: &generator) < threshold
      let place = explores ? Int.random(in: remaining.indices, using: &generator) : 0
      let explored = epsilon / Double(remaining.count)
      // The best candidate is also drawn by exploring.
      let propensity = place == 0 ? (1 - epsilon) + explored : explored
      slate.append(DrawnItem(item: remaining.remove(at: place), propensity: propensity))
    }
    return slate
  }
}
