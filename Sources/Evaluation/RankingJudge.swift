internal import Recommendation

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
