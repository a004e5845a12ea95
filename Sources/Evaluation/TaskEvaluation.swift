package import Recommendation

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
  /// The metrics that belong to the whole task.
  package let ofTask: [RankingMetric: Double]
  /// Scores against what happened; nil where no one kept them.
  package let tally: ScoreTally?

  package init(
    task: String, cutoff: Int, customers: [Int], perCustomer: [RankingMetric: [Double]],
    ofTask: [RankingMetric: Double], tally: ScoreTally? = nil
  ) {
    self.task = task
    self.cutoff = cutoff
    self.customers = customers
    self.perCustomer = perCustomer
    self.ofTask = ofTask
    self.tally = tally
  }

  /// The figure for the task; nil if it was not computed.
  package func value(of metric: RankingMetric) -> Double? {
    guard metric.isPerCustomer else { return ofTask[metric] }
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
  /// - Parameter features: public item vectors, by which the diversity of a list is measured; nil
  ///   leaves it out.
  /// - Returns: one result a task, in their order.
  /// - Throws: `EvaluationError.wrongScoreCount`, `.scoreNotFinite`, what the model throws, or
  ///   `CancellationError`.
  package func evaluate(
    _ model: some RankingModel, features: ItemFeatures? = nil
  ) async throws -> [TaskResult] {
    let judge = RankingJudge(
      histories: histories, itemCount: catalogue.count, features: features)
    var results: [TaskResult] = []
    for task in tasks { results.append(try await evaluate(model, on: task, judge: judge)) }
    return results
  }

  private struct Answer: Sendable {
    let list: [Int]
    /// One value for each metric of the judge.
    let values: [Double]
  }

  private struct Batch: Sendable {
    var answers: [Answer] = []
    var tally = ScoreTally()
  }

  private func evaluate(
    _ model: some RankingModel, on task: RankingTask, judge: RankingJudge
  ) async throws -> TaskResult {
    let batches = stride(from: 0, to: task.queries.count, by: Self.queriesPerBatch).map {
      task.queries[$0..<min($0 + Self.queriesPerBatch, task.queries.count)]
    }
    var answers = [[Answer]](repeating: [], count: batches.count)
    var tally = ScoreTally()
    try await withThrowingTaskGroup(of: (Int, Batch).self) { group in
      var next = 0
      func start() {
        guard next < batches.count else { return }
        let index = next
        let queries = batches[index]
        next += 1
        group.addTask {
          try Task.checkCancellation()
          var batch = Batch()
          for query in queries {
            try answer(query, of: task, by: model, judge: judge, into: &batch)
          }
          return (index, batch)
        }
      }
      for _ in 0..<Self.concurrentBatches { start() }
      while let (index, batch) = try await group.next() {
        answers[index] = batch.answers
        // Counts: in whichever order they come, the sum is the same.
        tally.add(batch.tally)
        start()
      }
    }
    return result(of: task, answers: answers.flatMap { $0 }, tally: tally, judge: judge)
  }

  private func answer(
    _ query: RankingQuery, of task: RankingTask, by model: some RankingModel,
    judge: RankingJudge, into batch: inout Batch
  ) throws {
    let scores = try model.scores(for: histories[query.customer], repeats: task.repeats)
    guard scores.count == catalogue.count else {
      throw EvaluationError.wrongScoreCount(
        model: model.name, expected: catalogue.count, actual: scores.count)
    }
    guard scores.allSatisfy(\.isFinite) else {
      throw EvaluationError.scoreNotFinite(model: model.name)
    }
    let ranked = rankedItems(query)
    let rankedScores = ranked.map { scores[$0] }
    // They ascend, so that ties by place are ties by index.
    let list = Ranking.topK(rankedScores, task.cutoff).map { ranked[$0] }
    let targets = Set(query.targets)
    let isTarget = ranked.map(targets.contains)
    batch.tally.add(scores: rankedScores, isTarget: isTarget, customer: query.customer)
    batch.answers.append(
      Answer(
        list: list,
        values: judge.values(
          of: list, targets: targets, scores: rankedScores, isTarget: isTarget,
          cutoff: task.cutoff)))
  }

  /// What may be recommended, ascending.
  private func rankedItems(_ query: RankingQuery) -> [Int] {
    if let candidates = query.candidates { return candidates }
    var items: [Int] = []
    items.reserveCapacity(catalogue.count)
    var masked = query.masked[...]
    for item in 0..<catalogue.count {
      if masked.first == item { masked.removeFirst() } else { items.append(item) }
    }
    return items
  }

  private func result(
    of task: RankingTask, answers: [Answer], tally: ScoreTally, judge: RankingJudge
  ) -> TaskResult {
    var perCustomer: [RankingMetric: [Double]] = [:]
    for (place, metric) in judge.metrics.enumerated() {
      perCustomer[metric] = answers.map { $0.values[place] }
    }
    let lists = answers.map(\.list)
    return TaskResult(
      task: task.name, cutoff: task.cutoff, customers: task.queries.map(\.customer),
      perCustomer: perCustomer,
      ofTask: [
        .coverage: RankingMetrics.coverage(
          lists: lists, cutoff: task.cutoff, itemCount: catalogue.count),
        .gini: RankingMetrics.gini(
          lists: lists, cutoff: task.cutoff, itemCount: catalogue.count),
      ], tally: tally)
  }
}
