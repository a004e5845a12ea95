internal import Recommendation

extension RankingMetric {
  /// The value of one list.
  ///
  /// - Parameters:
  ///   - list: recommended items, best first, at most `cutoff`.
  ///   - targets: the right answers, not empty.
  ///   - cutoff: k.
  func value(list: [Int], targets: Set<Int>, cutoff: Int) -> Double {
    switch self {
    case .recall: RankingMetrics.recall(list: list, targets: targets, cutoff: cutoff)
    case .precision: RankingMetrics.precision(list: list, targets: targets, cutoff: cutoff)
    case .ndcg: RankingMetrics.ndcg(list: list, targets: targets, cutoff: cutoff)
    case .map: RankingMetrics.averagePrecision(list: list, targets: targets, cutoff: cutoff)
    case .mrr: RankingMetrics.reciprocalRank(list: list, targets: targets, cutoff: cutoff)
    case .hitRate: RankingMetrics.hitRate(list: list, targets: targets, cutoff: cutoff)
    case .coverage: preconditionFailure("coverage belongs to a task, not to a list")
    }
  }
}
