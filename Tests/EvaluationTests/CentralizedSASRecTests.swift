import Evaluation
import Recommendation
import Synchronization
import Testing

@Suite struct CentralizedSASRecTests {
  private static let options = SequenceTrainer.Options(
    shape: TransformerShape(dimension: 8, blocks: 1, length: 6), dropoutRate: 0,
    learningRate: 0.01, batchSize: 4, startDeviation: 0.1)

  /// Every customer goes round a circle of ten items, from another one on.
  private static func history(_ customer: Int, count: Int) -> CustomerHistory {
    CustomerHistory(
      rows: (0..<count).map { step in
        (item: (customer + step) % 10, seconds: Int64(step))
      }.sorted { $0.item < $1.item }.map {
        .init(item: $0.item, occasions: 1, lastSeconds: $0.seconds)
      })
  }

  private static func problem() throws -> EvaluationProblem {
    EvaluationProblem(
      name: "circle", histories: (0..<20).map { history($0, count: 6) },
      catalogue: try catalogue(10),
      tasks: [
        RankingTask(
          name: "next", cutoff: 1, metrics: [.hitRate, .ndcg], repeats: .suppress,
          queries: (0..<20).map { customer in
            RankingQuery(
              customer: customer, targets: [(customer + 6) % 10],
              masked: history(customer, count: 6).rows.map(\.item))
          })
      ])
  }

  @Test("it finds what comes next, to the bit the same for a seed")
  func learns() async throws {
    let problem = try Self.problem()
    func fitted(_ seed: UInt64) throws -> CentralizedSASRec {
      try CentralizedSASRec(
        histories: problem.histories, itemCount: 10, epochs: 40, seed: seed,
        options: Self.options)
    }
    let model = try fitted(1)
    let result = try #require(try await problem.evaluate(model).first)
    // Four items are left to choose from: chance has a quarter.
    #expect(try #require(result.value(of: .hitRate)) > 0.9)
    let question = problem.histories[3]
    #expect(
      model.scores(for: question, repeats: .suppress)
        == (try fitted(1)).scores(for: question, repeats: .suppress))
    #expect(
      model.scores(for: question, repeats: .suppress)
        != (try fitted(2)).scores(for: question, repeats: .suppress))
  }

  @Test("epochs are the candidate with the best figure, the fewest among equals")
  func choosesEpochs() async throws {
    let problem = try Self.problem()
    let chosen = try await CentralizedSASRec.chosenEpochs(
      among: [1, 40, 60], on: problem, seed: 1, options: Self.options)
    #expect(chosen == 40)
  }

  @Test("a fit and a choice of epochs that are cancelled end with the error of cancellation")
  func cancellation() async throws {
    let problem = try Self.problem()
    let fit = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try CentralizedSASRec(
        histories: problem.histories, itemCount: 10, epochs: 1, seed: 1, options: Self.options)
    }
    await #expect(throws: CancellationError.self) { try await fit.value }
    let choice = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await CentralizedSASRec.chosenEpochs(
        among: [1], on: problem, seed: 1, options: Self.options)
    }
    await #expect(throws: CancellationError.self) { try await choice.value }
  }

  @Test("every seed is run with epochs chosen once, and none without a split to choose them on")
  func rows() async throws {
    let cells = ComparisonPlan.standardCells(
      federated: ["sasrec"], epsilons: [nil], seeds: 2, withLocal: false)
    let centralized = cells.filter { $0.model == "sasrec" && $0.setting == .centralized }
    #expect(centralized.map(\.seed) == [1, 2])
    #expect(cells.filter { $0.setting == .federated }.map(\.label) == ["sasrec:inf"])
    let plan = try ComparisonPlan(
      problem: try Self.problem(), cells: centralized, hyperparameters: [:], delta: 1e-5,
      codeVersion: "test")
    let choices = Mutex(0)
    let report = try await Comparison(
      plan: plan, cache: nil, features: nil, trainer: nil,
      tuning: {
        choices.withLock { $0 += 1 }
        return try Self.problem()
      }
    ).run()
    #expect(choices.withLock { $0 } == 1)
    let row = try #require(report.rows.first { $0.metric == .hitRate })
    #expect(row.cell.model == "sasrec" && row.seeds == 2)
    await #expect(throws: EvaluationError.self) {
      _ = try await Comparison(plan: plan, cache: nil, features: nil, trainer: nil).run()
    }
  }
}
