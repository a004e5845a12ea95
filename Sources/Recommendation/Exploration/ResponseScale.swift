internal import Glibc

/// What scores say about the chance that a shown item is accepted: linear in its log-odds.
///
/// Models score in units of their own, with tails of their own. The scale is fixed by two points of one
/// customer's scores: an item of the median score is accepted with the base rate, and the item at the
/// reference rank (the best hundredth, at least the tenth best) with odds e² times as high. It needs no
/// data and moves no item past another; what the customer does corrects it.
package struct ResponseScale: Sendable, Equatable {
  /// Accepted share of shown items where nothing else is known: of an app's own page.
  package static let defaultRate = 0.02
  /// Log-odds between the median item and the one at the reference rank.
  private static let span: Float = 2
  private static let referenceShare = 100
  private static let leastReferenceRank = 10
  /// Chances that a score alone never passes: the model is not that sure.
  private static let highestRate = 0.5
  /// Expected acceptances that the prior base rate weighs.
  private static let priorWeight = 5.0

  /// The median score.
  package let centre: Float
  /// Score a unit of log-odds, above 0.
  package let unit: Float
  /// P(accepted) of an item of the median score, in (0, 1/2].
  package private(set) var baseRate: Double

  /// - Parameters:
  ///   - scores: one a catalogue item, at least one, finite.
  ///   - baseRate: in (0, 1/2].
  package init(scores: [Float], baseRate: Double = defaultRate) {
    precondition(!scores.isEmpty, "a catalogue has items")
    precondition(baseRate > 0 && baseRate <= 0.5, "a base rate is above 0 and at most 1/2")
    var ordered = scores
    centre = Self.element(at: ordered.count / 2, of: &ordered)
    let rank = min(
      ordered.count, max(Self.leastReferenceRank, ordered.count / Self.referenceShare))
    let spread = Self.element(at: ordered.count - rank, of: &ordered) - centre
    let range = scores.reduce(centre) { max($0, $1) } - scores.reduce(centre) { min($0, $1) }
    // Scores of which most are alike: by their range, or any unit if all are.
    unit = spread > 0 ? spread / Self.span : range > 0 ? range / (2 * Self.span) : 1
    self.baseRate = baseRate
  }

  /// What stands at `rank` of the values in ascending order; moves them about.
  ///
  /// - Complexity: O(n) expected; a list waits for it, and not for a full order.
  /// - Source: Hoare, "Algorithm 65: FIND", Communications of the ACM 4 (1961).
  static func element(at rank: Int, of values: inout [Float]) -> Float {
    var (low, high) = (0, values.count - 1)
    while low < high {
      let pivot = values[low + (high - low) / 2]
      var (left, right) = (low, high)
      while left <= right {
        while values[left] < pivot { left += 1 }
        while values[right] > pivot { right -= 1 }
        guard left <= right else { break }
        values.swapAt(left, right)
        left += 1
        right -= 1
      }
      if rank <= right {
        high = right
      } else if rank >= left {
        low = left
      } else {
        break
      }
    }
    return values[rank]
  }

  /// ln(p / (1 - p)) of accepting an item with this score.
  package func logOdds(_ score: Float) -> Double {
    let odds = log(baseRate / (1 - baseRate)) + Double((score - centre) / unit)
    return min(odds, log(Self.highestRate / (1 - Self.highestRate)))
  }

  /// Moves the base rate to what this customer did: accepted items over expected ones, drawn to 1 by a few
  /// expected acceptances.
  ///
  /// - Parameters:
  ///   - shown: scores of what was shown.
  ///   - accepted: how many of them were accepted.
  package mutating func calibrate(shown: [Float], accepted: Int) {
    let expected = shown.reduce(0.0) { $0 + Self.sigmoid(logOdds($1)) }
    let ratio = (Double(accepted) + Self.priorWeight) / (expected + Self.priorWeight)
    baseRate = min(Self.highestRate, baseRate * ratio)
  }

  static func sigmoid(_ value: Double) -> Double { 1 / (1 + exp(-value)) }
}
