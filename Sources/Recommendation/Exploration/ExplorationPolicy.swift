/// An item of a slate that was drawn, with how likely it was.
package struct DrawnItem: Sendable, Equatable {
  /// Place in the catalogue.
  package let item: Int
  /// The probability, in (0, 1], that the policy shows this item at this position given the items at the
  /// positions before; exact for the distribution that was sampled, unless ``monteCarloDraws`` is set.
  package let propensity: Double
  /// How many draws the propensity was estimated from; nil where it is exact.
  package let monteCarloDraws: Int?
  /// What the policy added to the item's score at this position, in its units.
  package let added: Float
  /// The part of ``added`` that rests on the positions above.
  package let adjustment: Float

  package init(
    item: Int, propensity: Double, monteCarloDraws: Int? = nil, added: Float = 0,
    adjustment: Float = 0
  ) {
    self.item = item
    self.propensity = propensity
    self.monteCarloDraws = monteCarloDraws
    self.added = added
    self.adjustment = adjustment
  }
}

/// A rule that draws slates, so that what was shown can be evaluated later.
///
/// It runs on the device and spends no budget. The propensity of a whole slate is the product of its
/// items' propensities. A policy that learns holds what it learned as a value; the same policy, scores
/// and generator draw the same slate again.
package protocol ExplorationPolicy: Sendable {
  /// The name in logs and on command lines.
  static var identifier: String { get }

  /// Whether every candidate has a positive propensity at every position, as inverse propensity
  /// weighting needs; a log drawn without it can only be evaluated for policies that show the same.
  var hasFullSupport: Bool { get }

  /// Draws `count` different candidates, or all of them if there are fewer, best position first.
  ///
  /// - Parameters:
  ///   - scores: of this slate; every drawn item is shown in them.
  ///   - candidates: distinct places in the catalogue, with finite scores; any order.
  ///   - count: length of the slate, at least 0.
  ///   - generator: draws 64 bits at a time; how many depends on what was drawn.
  func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem]
}

extension ExplorationPolicy {
  /// A slate by scores that no position changes.
  ///
  /// - Parameter scores: one a catalogue item.
  package func slate(
    scores: [Float], candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    var constant = ConstantScores(scores: scores)
    return slate(&constant, candidates: candidates, count: count, using: &generator)
  }
}
