/// A figure that is reported of a task.
package enum RankingMetric: String, CaseIterable, Sendable {
  case recall, precision, ndcg, map, mrr
  case hitRate = "hr"
  /// 2 PR / (P + R) of the list: ``f1Threshold``.
  case f1
  /// The chance that a right answer is ranked above another item, of those that may be recommended;
  /// ties count half. Of the whole ranking, not of the list. 0.5 where there is no other item.
  case auc
  /// Mean of -log2((c + 1) / (n + 1)) over the list, in bits: c of the n customers learned from
  /// have the item.
  case novelty
  /// Mean of 1 - cosine over the pairs of the list, by the comparison's public item vectors; 0 for
  /// a list of one.
  case diversity
  /// Items in at least one list, divided by the catalogue.
  case coverage
  /// Gini coefficient of how often each item of the catalogue is in a list: 0 for all alike, near 1
  /// for few.
  case gini

  /// Where the threshold of ``f1`` comes from, for every report that shows it. That of
  /// ``OutcomeFigures/f1`` is another.
  package static let f1Threshold =
    "the list of k items counts as foreseen, and the protocol fixes k"

  /// Whether the figure is a mean over customers; the others belong to the whole task.
  package var isPerCustomer: Bool { self != .coverage && self != .gini }

  /// Whether the figure is about the first k of the ranking.
  package var isAboutList: Bool { self != .auc }

  /// With its cutoff: `recall@20`, `auc`.
  package func label(cutoff: Int) -> String {
    isAboutList ? "\(rawValue)@\(cutoff)" : rawValue
  }
}
