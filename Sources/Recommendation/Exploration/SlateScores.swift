/// The scores by which the positions of one slate are drawn, best position first.
///
/// They may change with what stands further up. A policy asks for them at each position and says what it
/// shows there, so that what it computes for a whole slate is computed once.
package protocol SlateScores {
  /// Whether the scores are the same at every position.
  var areConstant: Bool { get }

  /// One a catalogue item, for the next position; finite for candidates.
  mutating func totals() -> [Float]

  /// The part of `item`'s total at the next position that rests on the positions above.
  mutating func adjustment(of item: Int) -> Float

  /// Puts `item` at the next position.
  mutating func show(_ item: Int)
}

extension SlateScores {
  /// Shows `item` at the next position and tells how it was drawn.
  ///
  /// - Parameter added: what the policy itself added to the item's total.
  mutating func drawn(
    _ item: Int, propensity: Double, monteCarloDraws: Int? = nil, added: Float = 0
  ) -> DrawnItem {
    let adjustment = adjustment(of: item)
    show(item)
    return DrawnItem(
      item: item, propensity: propensity, monteCarloDraws: monteCarloDraws,
      added: added + adjustment, adjustment: adjustment)
  }
}

/// Scores that no position changes.
struct ConstantScores: SlateScores {
  let scores: [Float]
  var areConstant: Bool { true }

  mutating func totals() -> [Float] { scores }
  mutating func adjustment(of item: Int) -> Float { 0 }
  mutating func show(_ item: Int) {}
}

/// Which of two candidates with the same score comes first.
enum TieOrder {
  case lowestPlaceFirst
  /// As the published LinUCB traces have it.
  case highestPlaceFirst
}

/// Candidates that stand at no position yet, in the order in which they came.
struct RemainingCandidates {
  private(set) var items: [Int]

  /// - Parameters:
  ///   - candidates: distinct places.
  ///   - count: places there are.
  init(_ candidates: [Int], of count: Int) {
    var isCandidate = [Bool](repeating: false, count: count)
    for candidate in candidates {
      precondition(isCandidate.indices.contains(candidate), "a candidate has a score")
      precondition(!isCandidate[candidate], "candidates are distinct")
      isCandidate[candidate] = true
    }
    items = candidates
  }

  /// Where in ``items`` the highest score stands; nil if nothing remains.
  ///
  /// - Precondition: the scores of what remains are finite.
  func best(by scores: [Float], ties: TieOrder = .lowestPlaceFirst) -> Int? {
    var best: Int?
    var bestItem = 0
    var highest = -Float.infinity
    for (index, item) in items.enumerated() {
      let score = scores[item]
      precondition(score.isFinite, "a candidate has a finite score")
      if score < highest { continue }
      let comesLater = ties == .lowestPlaceFirst ? item > bestItem : item < bestItem
      if score == highest, comesLater { continue }
      (best, bestItem, highest) = (index, item, score)
    }
    return best
  }

  mutating func remove(at index: Int) -> Int { items.remove(at: index) }
}
