package import Recommendation

/// A fitted model, as the comparison sees it: a history in, a score for every item out.
package protocol RankingModel: Sendable {
  /// Name in reports: `popularity`, `ease`, `gram`.
  var name: String { get }

  /// One score for each item of the catalogue; higher is better. Finite.
  ///
  /// - Parameter repeats: whether the customer's own items may be recommended; a model that has no
  ///   rule for them ignores it.
  func scores(for history: CustomerHistory, repeats: RepeatRule) throws -> [Float]
}

/// Distinct customers per item: the same list for everyone.
package struct PopularityBaseline: RankingModel {
  package let name = "popularity"
  /// How many customers have the item.
  package let counts: [Int]
  private let table: [Float]

  package init(histories: [CustomerHistory], itemCount: Int) {
    var counts = [Int](repeating: 0, count: itemCount)
    for history in histories {
      for row in history.rows { counts[row.item] += 1 }
    }
    self.counts = counts
    table = counts.map(Float.init)
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] { table }
}

/// The customer's own purchase frequency: distinct occasions per item, ties by popularity.
///
/// The score is f + p / (max p + 1), with f the customer's occasions and p the customers of the item.
package struct OwnFrequencyBaseline: RankingModel {
  package let name = "own-frequency"
  private let tieBreak: [Float]

  package init(histories: [CustomerHistory], itemCount: Int) {
    let counts = PopularityBaseline(histories: histories, itemCount: itemCount).counts
    let divisor = Float((counts.max() ?? 0) + 1)
    tieBreak = counts.map { Float($0) / divisor }
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    var scores = tieBreak
    for row in history.rows { scores[row.item] += Float(row.occasions) }
    return scores
  }
}

/// What a device can do alone: its own history and the public texts of the items.
///
/// The score is f + (1 + c) / 4, with f the customer's occasions of the item and c the cosine of the
/// item's text vector with the mean of those of the history. So the own frequency comes first, and
/// the text orders items bought equally often, among them all that were never bought. Nothing is
/// learned from other customers, and nothing is sent.
package struct LocalOnlyBaseline: RankingModel {
  package let name = "local"
  private let features: ItemFeatures

  /// - Parameter features: public vectors of all items, rows of unit norm or zero.
  package init(features: ItemFeatures) { self.features = features }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    var scores = features.cosines(withMeanOf: history.rows.map(\.item)).map { (1 + $0) / 4 }
    for row in history.rows { scores[row.item] += Float(row.occasions) }
    return scores
  }
}
