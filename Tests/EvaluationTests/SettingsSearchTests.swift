import CanonicalJSON
import Evaluation
import Recommendation
import Testing
import VectorMath

@Suite("SettingsSearch") struct SettingsSearchTests {
  private static let itemCount = 12

  /// Forty customers with 4 of 12 items drawn at random, of which one is held out.
  private static func problem() throws -> EvaluationProblem {
    var generator = SeededRandom(seed: 17)
    let all = (0..<40).map { _ in
      var items = Array(0..<itemCount)
      generator.permute(&items)
      return Array(items.prefix(4))
    }
    return EvaluationProblem(
      name: "made", histories: all.map { history(Array($0.dropLast())) },
      catalogue: try catalogue(itemCount),
      tasks: [
        RankingTask(
          name: "p3", cutoff: 3, metrics: [.recall, .ndcg], repeats: .suppress,
          queries: all.enumerated().map {
            RankingQuery(
              customer: $0.offset, targets: [$0.element[3]],
              masked: $0.element.dropLast().sorted())
          })
      ])
  }

  private static func search(
    cache: CellCache? = nil, trainer: @escaping FederatedTrainer = { _ in throw Broken() }
  ) throws -> SettingsSearch {
    try SettingsSearch(
      problem: problem(), delta: 1e-5, codeVersion: "1", runsMasks: false, cache: cache,
      features: nil, featuresName: "", trainer: trainer)
  }

  private struct Broken: Error {}

  private static func settings(_ name: String, _ values: [Int64]) -> [JSONValue] {
    values.map { .object([name: .integer($0)]) }
  }

  private static let itemKNN = ComparisonCell(model: "itemknn", setting: .centralized)

  @Test("the best by NDCG on the last task is kept, the first among equals")
  func best() async throws {
    let problem = try Self.problem()
    let settings = Self.settings("neighbours", [1, 2, 3, 5, 11, 12])
    var values: [Double] = []
    for setting in settings {
      let model = try CentralizedBaseline.itemKNN.fitted(
        histories: problem.histories, itemCount: Self.itemCount, hyperparameters: setting, seed: 0)
      values.append(try #require(try await problem.evaluate(model).last?.value(of: .ndcg)))
    }
    let highest = try #require(values.max())
    // All eleven others, and one more than there are: equals.
    #expect(values[4] == values[5] && Set(values).count > 2)
    var done: [Int] = []
    let choice = try await Self.search().choice(for: Self.itemKNN, among: settings) {
      done.append($0)
    }
    #expect(choice.ndcg == highest && choice.tried == 6 && choice.failures.isEmpty)
    #expect(choice.hyperparameters == settings[values.firstIndex(of: highest) ?? -1])
    #expect(done == [1, 2, 3, 4, 5, 6])
    let equals = try await Self.search().choice(
      for: Self.itemKNN, among: Array(settings.suffix(2).reversed()))
    #expect(equals.hyperparameters == settings[5])
  }

  @Test("a setting that is refused counts as tried and loses; among such alone there is no choice")
  func refused() async throws {
    let settings = Self.settings("neighbours", [0, 3, -1])
    let choice = try await Self.search().choice(for: Self.itemKNN, among: settings)
    #expect(choice.hyperparameters == settings[1])
    #expect(choice.tried == 3 && choice.failures.count == 2)
    await #expect(throws: EvaluationError.self) {
      _ = try await Self.search().choice(
        for: Self.itemKNN, among: Self.settings("neighbours", [0, -1]))
    }
  }

  @Test("private rows are tried at their own epsilon and mode, with the customers there are")
  func privateRows() async throws {
    let directory = try TemporaryDirectory()
    let cache = try CellCache(directory: directory.path)
    let row = ComparisonCell(
      model: "mf", setting: .federated, epsilon: 2, seed: 1, mode: "secagg-ddp", multiple: 10)
    let trial = SettingsSearch.trial(of: row)
    #expect(trial.label == "mf:2:secagg-ddp" && trial.seed == SettingsSearch.trialSeed)
    let settings = try #require(
      SearchSpace.settings(for: trial, count: 4, from: .object(["rounds": .integer(2)])))
    let trainer = PlainTrainer()
    let checked: FederatedTrainer = { request in
      guard request.epsilon == 2, request.mode == "secagg-ddp", request.resampledCustomers == nil
      else { throw CancellationError() }
      return try trainer.train(request)
    }
    let first = try await Self.search(cache: cache, trainer: checked)
      .choice(for: trial, among: settings)
    #expect(trainer.seeds == [UInt64](repeating: SettingsSearch.trialSeed, count: 4))
    // From the cache: the trials are runs like others.
    let second = try await Self.search(cache: cache).choice(for: trial, among: settings)
    #expect(second == first)
  }

  @Test("a search that is cancelled ends with the error of cancellation")
  func cancellation() async throws {
    let trial = ComparisonCell(model: "mf", setting: .federated, epsilon: 2, seed: 1)
    await #expect(throws: CancellationError.self) {
      _ = try await Self.search(trainer: { _ in throw CancellationError() })
        .choice(for: trial, among: [.object([:])])
    }
    await #expect(throws: EvaluationError.noFederatedTrainer) {
      let search = try SettingsSearch(
        problem: Self.problem(), delta: 1e-5, codeVersion: "1", runsMasks: false, cache: nil,
        features: nil, featuresName: "", trainer: nil)
      _ = try await search.choice(for: trial, among: [.object([:])])
    }
  }

  @Test("epochs are points of one training, each the run of a comparison with so many")
  func epochs() async throws {
    let directory = try TemporaryDirectory()
    let cache = try CellCache(directory: directory.path)
    let cell = ComparisonCell(model: "sasrec", setting: .centralized, seed: 1)
    let settings = Self.settings("epochs", [1, 3, 5])
    let choice = try await Self.search(cache: cache).choice(for: cell, among: settings)
    #expect(choice.tried == 3)
    #expect(try directory.files().count == 3)
    for setting in settings {
      let plan = try ComparisonPlan(
        problem: try Self.problem(), cells: [cell],
        hyperparameters: ["sasrec:centralized": setting], delta: 1e-5, codeVersion: "1")
      func run(_ cache: CellCache?) async throws -> (ndcg: Double, isCached: Bool) {
        var isCached = false
        let report = try await Comparison(
          plan: plan, cache: cache, features: nil, trainer: nil
        ).run { isCached = $0.isCached }
        let row = try #require(report.row(cell, task: "p3", metric: .ndcg))
        return (row.mean, isCached)
      }
      let anew = try await run(nil)
      let kept = try await run(cache)
      #expect(kept.isCached && kept.ndcg == anew.ndcg && anew.ndcg <= choice.ndcg)
      if setting == choice.hyperparameters { #expect(anew.ndcg == choice.ndcg) }
    }
    #expect(try await Self.search(cache: cache).choice(for: cell, among: settings) == choice)
  }
}
