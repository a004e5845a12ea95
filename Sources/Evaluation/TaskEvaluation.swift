internal import Recommendation

/// A figure that is reported of a task.
package enum RankingMetric: String, CaseIterable, Sendable {
  case recall, precision, ndcg, map, mrr, coverage
  case hitRate = "hr"

  /// Whether the figure is a mean over customers; coverage belongs to the whole task.
  package var isPerCustomer: Bool { self != .coverage }
}

/// The figures of one model on one task.
package struct TaskResult: Equatable, Sendable {
  /// Name of the task.
  package let task: String
  /// Length of the lists.
  package let cutoff: Int
  /// Customer of each query, ascending: indices into the problem's histories.
  package let customers: [Int]
  /// For each metric that is a mean over customers, one value for each of `customers`. For tests of
  /// two models on the same customers (paired bootstrap).
  package let perCustomer: [RankingMetric: [Double]]
  /// Items in at least one list, divided by the catalogue.
  package let coverage: Double

  package init(
    task: String, cutoff: Int, customers: [Int], perCustomer: [RankingMetric: [Double]],
    coverage: Double
  ) {
    self.task = task
    self.cutoff = cutoff
    self.customers = customers
    self.perCustomer = perCustomer
    self.coverage = coverage
  }

  /// The figure for the task; nil if the task does not report it.
  package func value(of metric: RankingMetric) -> Double? {
    if metric == .coverage { return coverage }
    guard let values = perCustomer[metric], !values.isEmpty else { return nil }
    return values.reduce(0, +) / Double(values.count)
  }
}

extension EvaluationProblem {
  /// Queries answered by one child task; a constant, so that the figures do not depend on the number
  /// of processors.
  private static let queriesPerBatch = 64
  /// Batches in flight: more would only hold memory.
  private static let concurrentBatches = 8

  /// Asks a model all questions of the problem.
  ///
  /// - Returns: one result a task, in their order.
  /// - Throws: `EvaluationError.wrongScoreCount`, `.scoreNotFinite`, what the model throws, or
  ///   `CancellationError`.
  package func evaluate(_ model: some RankingModel) async throws -> [TaskResult] {
    var results: [TaskResult] = []
    for task in tasks { results.append(try await evaluate(model, on: task)) }
    return results
  }

  private struct Answer: Sendable {
    let list: [Int]
    /// One value for each metric of the task that is a mean over customers.
    let values: [Double]
  }

  private func evaluate(
    _ model: some RankingModel, on task: RankingTask
  ) async throws -> TaskResult {
    let batches = stride(from: 0, to: task.queries.count, by: Self.queriesPerBatch).map {
      task.queries[$0..<min($0 + Self.queriesPerBatch, task.queries.count)]
    }
    var answers = [[Answer]](repeating: [], count: batches.count)
    try await withThrowingTaskGroup(of: (Int, [Answer]).self) { group in
      var next = 0
      func start() {
        guard next < batches.count else { return }
        let index = next
        let batch = batches[index]
        next += 1
        group.addTask {
          try Task.checkCancellation()
          return (index, try batch.map { try answer($0, of: task, by: model) })
        }
      }
      for _ in 0..<Self.concurrentBatches { start() }
      while let (index, batch) = try await group.next() {
        answers[index] = batch
        start()
      }
    }
    return result(of: task, answers: answers.flatMap { $0 })
  }

  private func answer(
    _ query: RankingQuery, of task: RankingTask, by model: some RankingModel
  ) throws -> Answer {
    let scores = try model.scores(for: histories[query.customer], repeats: task.repeats)
    guard scores.count == catalogue.count else {
      throw EvaluationError.wrongScoreCount(
        model: model.name, expected: catalogue.count, actual: scores.count)
    }
    guard scores.allSatisfy(\.isFinite) else {
      throw EvaluationError.scoreNotFinite(model: model.name)
    }
    let list = Self.list(query, scores: scores, count: task.cutoff)
    let targets = Set(query.targets)
    return Answer(
      list: list,
      values: task.metrics.filter(\.isPerCustomer).map {
        $0.value(list: list, targets: targets, cutoff: task.cutoff)
      })
  }

  private static func list(_ query: RankingQuery, scores: [Float], count: Int) -> [Int] {
    guard let candidates = query.candidates else {
      return Ranking.topK(scores, count, excluding: Set(query.masked))
    }
    // Candidates ascend, so ties by position are ties by index.
    return Ranking.topK(candidates.map { scores[$0] }, count).map { candidates[$0] }
  }

  private func result(of task: RankingTask, answers: [Answer]) -> TaskResult {
    var perCustomer: [RankingMetric: [Double]] = [:]
    for (place, metric) in task.metrics.filter(\.isPerCustomer).enumerated() {
      perCustomer[metric] = answers.map { $0.values[place] }
    }
    return TaskResult(
      task: task.name, cutoff: task.cutoff, customers: task.queries.map(\.customer),
      perCustomer: perCustomer,
      coverage: RankingMetrics.coverage(
        lists: answers.map(\.list), cutoff: task.cutoff, itemCount: catalogue.count))
  }
}
