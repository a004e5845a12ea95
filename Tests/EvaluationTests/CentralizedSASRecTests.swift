import CanonicalJSON
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

  @Test("numbers of epochs are spaced evenly up to 60, or up to their number")
  func spacing() {
    #expect(CentralizedSASRec.candidateEpochs == [10, 20, 30, 40, 50, 60])
    #expect(CentralizedSASRec.epochs(tried: 4) == [15, 30, 45, 60])
    #expect(CentralizedSASRec.epochs(tried: 64) == Array(1...64))
    for count in 1...64 {
      #expect(Set(CentralizedSASRec.epochs(tried: count)).count == count)
    }
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

  @Test("the twin asks for the same network and an eighth of the devices a round, without noise")
  func twin() async throws {
    let model = try SequenceModel(hyperparameters: CentralizedSASRec.twinHyperparameters)
    let shape = CentralizedSASRec.defaultOptions.shape
    let problem = try Self.problem()
    let parameters = try model.advance(
      stage: 0, noisedSum: [Double](repeating: 1, count: 10),
      context: StageContext(
        noiseStandardDeviation: 0, targetCohort: 20, contributorCount: 20, features: nil),
      parameters: try model.initialParameters(catalogue: problem.catalogue), itemCount: 10)
    #expect(
      try model.updateDimension(stage: 1, parameters: parameters, itemCount: 10)
        == shape.weightCount + 10 * shape.dimension)
    let requests = Requests()
    func run(_ cells: [ComparisonCell]) async throws -> ComparisonReport {
      try await Comparison(
        plan: ComparisonPlan(
          problem: problem, cells: cells, hyperparameters: [:], delta: 1e-5, codeVersion: "test"),
        cache: nil, features: nil,
        trainer: { request in
          requests.add(request)
          return FederatedTrainingResult(
            parameters: parameters,
            effort: .init(
              rounds: 1, clientsPerRound: 1, bytesUpPerClient: 0, bytesDownPerClient: 0,
              mode: request.mode, epsilonSpent: nil))
        }
      ).run()
    }
    let twin = ComparisonCell(model: "sasrec", setting: .federated, seed: 2, isTwin: true)
    let report = try await run([twin])
    #expect(!report.rows.isEmpty)
    #expect(report.rows.allSatisfy { $0.cell.isTwin && $0.cell.label == "sasrec:inf:twin" })
    let asked = try #require(requests.first)
    #expect(asked.hyperparameters == CentralizedSASRec.twinHyperparameters)
    #expect(asked.devicesPerRound == 3 && asked.seed == 2 && asked.epsilon == nil)
    for cell in [
      ComparisonCell(model: "sasrec", setting: .federated, epsilon: 8, isTwin: true),
      ComparisonCell(model: "gram", setting: .federated, isTwin: true),
    ] {
      await #expect(throws: EvaluationError.self) { _ = try await run([cell]) }
    }
  }

  @Test("every seed is run with epochs chosen once, and none without a split to choose them on")
  func rows() async throws {
    let cells = ComparisonPlan.standardCells(
      federated: ["sasrec"], epsilons: [nil], seeds: 2, withLocal: false)
    let centralized = cells.filter { $0.model == "sasrec" && $0.setting == .centralized }
    #expect(centralized.map(\.seed) == [1, 2])
    let federated = cells.filter { $0.setting == .federated }
    #expect(federated.map(\.label) == ["sasrec:inf", "sasrec:inf:twin", "sasrec:inf:twin"])
    #expect(federated.map(\.seed) == [1, 1, 2])
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

private final class Requests: Sendable {
  private let requests = Mutex<[FederatedTrainingRequest]>([])
  var first: FederatedTrainingRequest? { requests.withLock { $0.first } }
  func add(_ request: FederatedTrainingRequest) { requests.withLock { $0.append(request) } }
}
