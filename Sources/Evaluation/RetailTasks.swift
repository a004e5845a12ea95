package import Datasets
internal import Recommendation

extension EvaluationProblem {
  /// The two retail tasks at k = 20, which are always reported together.
  ///
  /// - "all": everything a customer buys after the cut, repeats included; nothing is masked; a mean
  ///   over the customers with purchases on both sides.
  /// - "new": what the customer had not bought before; the earlier items are masked; a mean over
  ///   those of them who buy something new.
  /// - Throws: `EvaluationError.nothingToEvaluate`.
  package static func retail(_ split: RetailSplit, name: String) throws -> EvaluationProblem {
    let metrics: [RankingMetric] = [.recall, .ndcg, .hitRate, .coverage]
    let all = split.evaluated.map {
      RankingQuery(customer: $0.customer, targets: $0.all, masked: [])
    }
    let new = split.evaluated.filter { !$0.new.isEmpty }.map {
      RankingQuery(
        customer: $0.customer, targets: $0.new,
        masked: split.histories[$0.customer].rows.map(\.item))
    }
    guard !all.isEmpty else {
      throw EvaluationError.nothingToEvaluate(
        protocolName: "retail", need: "purchases before and after the cut")
    }
    return EvaluationProblem(
      name: name, histories: split.histories, catalogue: split.catalogue,
      tasks: [
        RankingTask(
          name: "all", cutoff: 20, metrics: metrics, repeats: .allow, queries: all),
        RankingTask(
          name: "new", cutoff: 20, metrics: metrics, repeats: .suppress, queries: new),
      ])
  }
}
