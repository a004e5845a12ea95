/// At each position: with probability epsilon any remaining candidate, all alike, else the best one.
///
/// - Source: Sutton and Barto, "Reinforcement Learning", second edition, section 2.2; one draw a
///   position.
package struct EpsilonGreedy: ExplorationPolicy {
  package static let identifier = "epsilon-greedy"

  private let mixture: EpsilonMixture

  /// The probability of exploring at a position, in (0, 1]: what was asked for, rounded up to a multiple
  /// of 2^-32.
  package var epsilon: Double { mixture.epsilon }
  package var hasFullSupport: Bool { true }

  /// - Parameter epsilon: in (0, 1].
  /// - Throws: `.invalidHyperparameter`.
  package init(epsilon: Double) throws(RecommendationError) {
    guard epsilon > 0, epsilon <= 1 else {
      throw .invalidHyperparameter(name: "epsilon", accepted: "above 0, at most 1")
    }
    mixture = EpsilonMixture(epsilon: epsilon)
  }

  /// - Parameters:
  ///   - decay: how exploration lessens.
  ///   - decisions: slates drawn so far, at least 0.
  /// - Throws: `.invalidHyperparameter` once epsilon is zero; `Greedy` serves from there on.
  package init(_ decay: EpsilonDecay, decisions: Int) throws(RecommendationError) {
    try self.init(epsilon: decay.epsilon(after: decisions))
  }

  package func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    mixture.slate(
      &scores, candidates: candidates, count: count, using: &generator,
      best: { totals, remaining in remaining.best(by: totals) }, added: { _ in 0 })
  }
}

/// The best candidates in order: no exploration, every propensity 1.
///
/// What a customer gets whose exploration budget is zero, and the baseline of every comparison.
package struct Greedy: ExplorationPolicy {
  package static let identifier = "greedy"

  package var hasFullSupport: Bool { false }

  package init() {}

  package func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    EpsilonMixture.none.slate(
      &scores, candidates: candidates, count: count, using: &generator,
      best: { totals, remaining in remaining.best(by: totals) }, added: { _ in 0 })
  }
}

/// Exploration that lessens with the number of decisions: initial / (1 + decisions / halfLife), and never
/// below a floor.
///
/// - Source: the 1/t schedule of Auer, Cesa-Bianchi and Fischer, "Finite-time Analysis of the Multiarmed
///   Bandit Problem", Machine Learning 47 (2002), theorem 3.
package struct EpsilonDecay: Sendable, Equatable {
  /// Epsilon before the first decision, in [0, 1].
  package let initial: Double
  /// Epsilon in the long run, in [0, initial].
  package let floor: Double
  /// Epsilon 1 for good: any item, all alike.
  package static let always = EpsilonDecay()

  private init() {
    (initial, floor, halfLife) = (1, 1, 1)
  }

  /// Decisions after which epsilon is half the initial one (before the floor), above 0.
  package let halfLife: Double

  /// - Throws: `.invalidHyperparameter`.
  package init(initial: Double, floor: Double, halfLife: Double) throws(RecommendationError) {
    guard initial >= 0, initial <= 1 else {
      throw .invalidHyperparameter(name: "initial epsilon", accepted: "from 0 to 1")
    }
    guard floor >= 0, floor <= initial else {
      throw .invalidHyperparameter(name: "epsilon floor", accepted: "from 0 to the initial one")
    }
    guard halfLife > 0, halfLife.isFinite else {
      throw .invalidHyperparameter(name: "half-life", accepted: "a finite number above 0")
    }
    self.initial = initial
    self.floor = floor
    self.halfLife = halfLife
  }

  /// - Parameter decisions: made so far, at least 0.
  package func epsilon(after decisions: Int) -> Double {
    precondition(decisions >= 0, "decisions are counted from 0")
    return max(floor, initial / (1 + Double(decisions) / halfLife))
  }
}

/// The best of what remains, mixed at each position with a uniform choice.
struct EpsilonMixture: Sendable, Equatable {
  /// Always the best; takes nothing from the generator.
  static let none = EpsilonMixture(epsilon: 0)

  private static let resolution: UInt64 = 1 << 32
  /// The probability of exploring is `threshold` / 2^32, so that propensities are exact.
  private let threshold: UInt64

  /// In [0, 1], a multiple of 2^-32.
  var epsilon: Double { Double(threshold) / Double(Self.resolution) }

  /// - Precondition: `epsilon` is in [0, 1]; it is rounded up.
  init(epsilon: Double) {
    precondition(epsilon >= 0 && epsilon <= 1, "epsilon is a probability")
    threshold = UInt64((epsilon * Double(Self.resolution)).rounded(.up))
  }

  /// - Parameters:
  ///   - best: where the best of the remaining candidates stands, given the totals; nil only if none remains.
  ///   - added: what the policy adds to an item's total.
  func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator,
    best: (_ totals: [Float], _ remaining: RemainingCandidates) -> Int?,
    added: (_ item: Int) -> Float
  ) -> [DrawnItem] {
    guard count > 0, !candidates.isEmpty else { return [] }
    var remaining = RemainingCandidates(candidates, of: scores.totals().count)
    var slate: [DrawnItem] = []
    while slate.count < count, let best = best(scores.totals(), remaining) {
      let explores =
        threshold > 0 && UInt64.random(in: 0..<Self.resolution, using: &generator) < threshold
      let place = explores ? Int.random(in: remaining.items.indices, using: &generator) : best
      let explored = epsilon / Double(remaining.items.count)
      // The best candidate is also drawn by exploring.
      let propensity = place == best ? (1 - epsilon) + explored : explored
      let item = remaining.remove(at: place)
      slate.append(scores.drawn(item, propensity: propensity, added: added(item)))
    }
    return slate
  }
}
