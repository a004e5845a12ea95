/// An item of a slate that was drawn, with how likely it was.
package struct DrawnItem: Sendable, Equatable {
  /// Place in the catalogue.
  package let item: Int
  /// The probability, in (0, 1], that the policy shows this item at this position given the items at the
  /// positions before; exact for the distribution that was sampled.
  package let propensity: Double

  package init(item: Int, propensity: Double) {
    self.item = item
    self.propensity = propensity
  }
}

/// A rule that draws slates, so that what was shown can be evaluated later.
///
/// It runs on the device and spends no budget. The propensity of a whole slate is the product of its
/// items' propensities. Every candidate has a positive propensity at every position, as off-policy
/// estimators need.
package protocol ExplorationPolicy: Sendable {
  /// The name in logs and on command lines.
  static var identifier: String { get }

  /// Draws `count` different candidates, or all of them if there are fewer, best position first.
  ///
  /// - Parameters:
  ///   - scores: one a catalogue item.
  ///   - candidates: distinct places in the catalogue, with finite scores; any order.
  ///   - count: length of the slate, at least 0.
  ///   - generator: draws 64 bits at a time; how many depends on what was drawn.
  func slate(
    scores: [Float], candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem]
}

extension ExplorationPolicy {
  /// The candidates by descending score, ties by ascending place.
  ///
  /// - Precondition: distinct candidates with finite scores.
  func ranked(_ candidates: [Int], by scores: [Float]) -> [Int] {
    precondition(Set(candidates).count == candidates.count, "candidates are distinct")
    for candidate in candidates {
      precondition(
        scores.indices.contains(candidate) && scores[candidate].isFinite,
        "a candidate has a finite score")
    }
    return candidates.sorted { first, second in
      scores[first] > scores[second] || (scores[first] == scores[second] && first < second)
    }
  }
}
