internal import Recommendation

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

/// What one customer's answer is judged by.
struct RankingJudge {
  /// -log2 of the share of customers who have each item.
  private let bits: [Double]
  private let features: ItemFeatures?

  /// The metrics that are computed for each customer, in the order of
  /// ``values(of:targets:scores:isTarget:cutoff:)``.
  let metrics: [RankingMetric]

  init(histories: [CustomerHistory], itemCount: Int, features: ItemFeatures?) {
    var counts = [Int](repeating: 0, count: itemCount)
    for history in histories {
      for row in history.rows { counts[row.item] += 1 }
    }
    bits = RankingMetrics.noveltyBits(customersOfItem: counts, customers: histories.count)
    self.features = features
    metrics = RankingMetric.allCases.filter {
      $0.isPerCustomer && ($0 != .diversity || features != nil)
    }
  }

  /// - Parameters:
  ///   - list: recommended items, best first, at most `cutoff`.
  ///   - targets: the right answers, not empty.
  ///   - scores: of all items that may be recommended.
  ///   - isTarget: whether each of those is a right answer.
  func values(
    of list: [Int], targets: Set<Int>, scores: [Float], isTarget: [Bool], cutoff: Int
  ) -> [Double] {
    metrics.map { metric in
      switch metric {
      case .recall: RankingMetrics.recall(list: list, targets: targets, cutoff: cutoff)
      case .precision: RankingMetrics.precision(list: list, targets: targets, cutoff: cutoff)
      case .ndcg: RankingMetrics.ndcg(list: list, targets: targets, cutoff: cutoff)
      case .map: RankingMetrics.averagePrecision(list: list, targets: targets, cutoff: cutoff)
      case .mrr: RankingMetrics.reciprocalRank(list: list, targets: targets, cutoff: cutoff)
      case .hitRate: RankingMetrics.hitRate(list: list, targets: targets, cutoff: cutoff)
      case .f1: RankingMetrics.f1(list: list, targets: targets, cutoff: cutoff)
      case .auc: RankingMetrics.areaUnderCurve(scores: scores, isTarget: isTarget)
      case .novelty: RankingMetrics.novelty(list: list, bits: bits)
      case .diversity: features.map { RankingMetrics.diversity(list: list, features: $0) } ?? 0
      case .coverage, .gini: preconditionFailure("\(metric) belongs to a task, not to a list")
      }
    }
  }
}
