import CanonicalJSON
import Evaluation
import Foundation
import Recommendation
import Testing
import VectorMath

@Suite("Comparison")
struct ComparisonTests {
  private static let itemCount = 12

  /// Forty customers with 4 of 12 items, of which one is held out.
  private static func problem() throws -> EvaluationProblem {
    try problem(
      of: (0..<40).map { customer in
        Array(Set((0..<4).map { (customer * 5 + $0 * (1 + customer % 3)) % itemCount })).sorted()
      })
  }

  /// Forty customers with 4 of 12 items drawn at random, so that scores lie close together and one
  /// customer can change their order.
  private static func drawnProblem() throws -> EvaluationProblem {
    var generator = SeededRandom(seed: 11)
    return try problem(
      of: (0..<40).map { _ in
        Array((0..<itemCount).shuffled(using: &generator).prefix(4))
      })
  }

  private static func problem(of all: [[Int]]) throws -> EvaluationProblem {
    EvaluationProblem(
      name: "made", histories: all.map { history($0.dropLast().sorted()) },
      catalogue: try catalogue(itemCount),
      tasks: [
        RankingTask(
          name: "p3", cutoff: 3, metrics: [.recall, .ndcg, .coverage], repeats: .suppress,
          queries: all.enumerated().map {
            RankingQuery(
              customer: $0.offset, targets: $0.element.suffix(1),
              masked: $0.element.dropLast().sorted())
          })
      ])
  }

  private static func plan(
    _ cells: [ComparisonCell], problem: EvaluationProblem? = nil, codeVersion: String = "1",
    lambda: String = "1", delta: Double = 1e-5
  ) throws -> ComparisonPlan {
    try ComparisonPlan(
      problem: try problem ?? Self.problem(), cells: cells,
      hyperparameters: ["ease:centralized": .object(["lambda": .string(lambda)])], delta: delta,
      codeVersion: codeVersion)
  }

  private static let features: @Sendable () throws -> ItemFeatures = {
    try ItemFeatures(
      vectors: Matrix(
        rows: itemCount, columns: 1, storage: [Float](repeating: 1, count: itemCount)))
  }

  private static func run(
    _ plan: ComparisonPlan, cache: CellCache?, trainer: PlainTrainer = PlainTrainer()
  ) async throws -> (report: ComparisonReport, cached: [Bool]) {
    var cached: [Bool] = []
    let report = try await Comparison(
      plan: plan, cache: cache, features: features, trainer: { try trainer.train($0) }
    ).run { cached.append($0.isCached) }
    return (report, cached)
  }

  private static let cells = ComparisonPlan.standardCells(
    federated: ["popularity"], epsilons: [nil, 8], seeds: 3, withLocal: true)

  @Test("the standard cells: baselines once, federated once without noise and a seed each with")
  func standardCells() {
    #expect(
      Self.cells.map { "\($0.model) \($0.setting) \($0.epsilon ?? 0) \($0.seed)" } == [
        "popularity centralized 0.0 0", "own-frequency local 0.0 0", "local local 0.0 0",
        "ease centralized 0.0 0", "popularity federated 0.0 1", "popularity federated 8.0 1",
        "popularity federated 8.0 2", "popularity federated 8.0 3",
      ])
    let gram = ComparisonPlan.standardCells(
      federated: ["gram"], epsilons: [2], seeds: 1, withLocal: false)
    #expect(gram.map(\.setting) == [.centralized, .centralized, .centralized, .federated])
  }

  @Test("rows hold mean and sd over the seeds, and federated equals centralized without noise")
  func rows() async throws {
    let (report, _) = try await Self.run(Self.plan(Self.cells), cache: nil)
    func row(_ setting: ComparisonSetting, _ epsilon: Double?) throws -> ComparisonRow {
      try #require(
        report.rows.first {
          $0.model == "popularity" && $0.setting == setting && $0.epsilon == epsilon
            && $0.metric == .recall
        })
    }
    let central = try row(.centralized, nil)
    let federated = try row(.federated, nil)
    let noised = try row(.federated, 8)
    // Every customer has at most 64 items, so the federated weights are all equal: same ranking.
    #expect(federated.mean == central.mean)
    #expect(federated.seeds == 1)
    #expect(federated.standardDeviation == 0)
    let values = report.outcomes.filter { $0.cell.epsilon == 8 }
      .compactMap { $0.outcome.tasks[0].value(of: .recall) }
    #expect(values.count == 3)
    let mean = values.reduce(0, +) / 3
    let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 2
    #expect(noised.seeds == 3)
    #expect(abs(noised.mean - mean) < 1e-12)
    #expect(abs(noised.standardDeviation - variance.squareRoot()) < 1e-12)
    #expect(
      noised.json.prettyText.contains("\"epsilon\": 8")
        && federated.json.prettyText.contains("\"epsilon\": null"))
  }

  @Test("a row says how many settings were tried, and that it does not know")
  func settingsTried() async throws {
    let plan = try ComparisonPlan(
      problem: try Self.problem(), cells: Self.cells,
      hyperparameters: ["ease:centralized": .object(["lambda": .string("1")])], delta: 1e-5,
      codeVersion: "1", settingsTried: ["ease": nil, "local": 3])
    let (report, _) = try await Self.run(plan, cache: nil)
    func tried(_ label: String) throws -> JSONValue? {
      try #require(report.rows.first { $0.cell.label == label }).json["settings_tried"]
    }
    #expect(try tried("ease:centralized") == .null)
    #expect(try tried("local:local") == .integer(3))
    #expect(try tried("own-frequency:local") == .integer(0))
    func hyperparameters(_ label: String) throws -> JSONValue? {
      try #require(report.rows.first { $0.cell.label == label }).json["hyperparameters"]
    }
    #expect(try hyperparameters("ease:centralized") == .object(["lambda": .string("1")]))
    #expect(try hyperparameters("popularity:8:sealed") == .object([:]))
  }

  @Test("federated Gram equals its twin without noise, and one client who sends other data shows")
  func twin() async throws {
    let problem = try Self.drawnProblem()
    let plan = try Self.plan(
      [
        ComparisonCell(model: "gram", setting: .centralized),
        ComparisonCell(model: "gram", setting: .federated, seed: 1),
      ], problem: problem)
    /// The difference of mean NDCG between twin and federated when `changed` sends the items that
    /// the customer does not have.
    func difference(changed: Int?) async throws -> Double {
      let trainer = PlainTrainer()
      let report = try await Comparison(
        plan: plan, cache: nil, features: Self.features,
        trainer: { request in
          var histories = request.histories
          if let changed {
            let items = Set(histories[changed].rows.map(\.item))
            histories[changed] = history((0..<Self.itemCount).filter { !items.contains($0) })
          }
          return try trainer.train(
            FederatedTrainingRequest(
              histories: histories, catalogue: request.catalogue, features: request.features,
              model: request.model, hyperparameters: request.hyperparameters,
              epsilon: request.epsilon, delta: request.delta, seed: request.seed))
        }
      ).run()
      let means = report.reportedRows.filter { $0.metric == .ndcg }.map(\.mean)
      return means.count == 2 ? means[0] - means[1] : .nan
    }
    #expect(try await difference(changed: nil) == 0)
    var shown = 0
    for customer in problem.histories.indices
    where abs(try await difference(changed: customer)) > 1e-3 { shown += 1 }
    // A mean of 40 whose lists change at all changes by more than the 1e-3 that is promised; one
    // client in forty moves the lists of some of them nearly always.
    #expect(shown >= 10)
  }

  @Test("federated SASRec equals its twin without noise, and one client's other data shows")
  func sequenceTwin() async throws {
    let shape = TransformerShape(dimension: 4, blocks: 1, length: 5)
    let rounds = 12
    let drawn = try Self.drawnProblem()
    // In an order that is not that of the items, so that there is one to learn.
    let histories = drawn.histories.map { history in
      CustomerHistory(
        rows: history.rows.map {
          .init(item: $0.item, occasions: 1, lastSeconds: Int64($0.item * 5 % Self.itemCount))
        })
    }
    let problem = EvaluationProblem(
      name: drawn.name, histories: histories, catalogue: drawn.catalogue, tasks: drawn.tasks)
    var generator = SeededRandom(seed: 4)
    var vectors = Matrix(rows: Self.itemCount, columns: 8)
    for item in 0..<Self.itemCount {
      let row = (0..<8).map { _ in Float.random(in: -1...1, using: &generator) }
      let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for (column, value) in row.enumerated() { vectors[item, column] = value / norm }
    }
    let features = try ItemFeatures(vectors: vectors)
    let plan = try ComparisonPlan(
      problem: problem, cells: [ComparisonCell(model: "sasrec", setting: .federated, seed: 1)],
      hyperparameters: [
        "sasrec:inf": .object([
          "dimension": .integer(4), "length": .integer(5), "rounds": .integer(Int64(rounds)),
          "learning_rate": .string("0.02"),
        ])
      ], delta: 1e-5, codeVersion: "1")
    let pieces = try #require(
      try ModelRegistry.model(identifier: "sasrec", hyperparameters: .object([:]))
        .initialParameters(catalogue: problem.catalogue)["seed"]
    ).values
    let twin = try SequenceTwin(
      histories: histories, features: features, shape: shape, rounds: rounds, learningRate: 0.02,
      seed: pieces.reduce(0) { $0 << 16 | UInt64($1) })
    func ndcg(_ task: TaskResult) throws -> Double { try #require(task.value(of: .ndcg)) }
    let expected = try ndcg(try #require(try await problem.evaluate(twin).first))
    func federated(changed: Int?) async throws -> Double {
      let trainer = PlainTrainer()
      let report = try await Comparison(
        plan: plan, cache: nil, features: { features },
        trainer: { request in
          var histories = request.histories
          if let changed {
            let items = Set(histories[changed].rows.map(\.item))
            histories[changed] = history((0..<Self.itemCount).filter { !items.contains($0) })
          }
          return try trainer.train(
            FederatedTrainingRequest(
              histories: histories, catalogue: request.catalogue, features: request.features,
              model: request.model, hyperparameters: request.hyperparameters,
              epsilon: request.epsilon, delta: request.delta, seed: request.seed))
        }
      ).run()
      return try ndcg(try #require(report.outcomes.first?.outcome.tasks.first))
    }
    #expect(abs(try await federated(changed: nil) - expected) < 1e-3)
    var shown = 0
    for customer in histories.indices
    where abs(try await federated(changed: customer) - expected) > 1e-3 { shown += 1 }
    #expect(shown >= 10)
  }

  @Test("a second run takes every cell from the cache, bit for bit")
  func cache() async throws {
    let directory = try TemporaryDirectory()
    let trainer = PlainTrainer()
    let first = try await Self.run(
      Self.plan(Self.cells), cache: CellCache(directory: directory.path), trainer: trainer)
    #expect(first.cached == [Bool](repeating: false, count: 8))
    #expect(trainer.seeds == [1, 1, 2, 3])
    let second = try await Self.run(
      Self.plan(Self.cells), cache: CellCache(directory: directory.path), trainer: trainer)
    #expect(second.cached == [Bool](repeating: true, count: 8))
    #expect(trainer.seeds == [1, 1, 2, 3])
    #expect(second.report.rows == first.report.rows)
    #expect(second.report.outcomes.map(\.outcome) == first.report.outcomes.map(\.outcome))
  }

  @Test("data, code version, hyper-parameters and delta are part of the key; the rest is reused")
  func keys() async throws {
    let directory = try TemporaryDirectory()
    let cache = try CellCache(directory: directory.path)
    let cells = [
      ComparisonCell(model: "ease", setting: .centralized),
      ComparisonCell(model: "popularity", setting: .federated, epsilon: 8, seed: 1),
    ]
    func cached(_ plan: ComparisonPlan) async throws -> [Bool] {
      try await Self.run(plan, cache: cache).cached
    }
    #expect(try await cached(Self.plan(cells)) == [false, false])
    #expect(try await cached(Self.plan(cells, lambda: "2")) == [false, true])
    #expect(try await cached(Self.plan(cells, delta: 1e-6)) == [true, false])
    #expect(try await cached(Self.plan(cells, codeVersion: "2")) == [false, false])
    let base = try Self.problem()
    let other = EvaluationProblem(
      name: base.name, histories: base.histories.dropLast() + [history([3])],
      catalogue: base.catalogue, tasks: base.tasks)
    #expect(try await cached(Self.plan(cells, problem: other)) == [false, false])
    #expect(try await cached(Self.plan(cells)) == [true, true])
  }

  @Test("a damaged or foreign file in the cache is computed again and replaced")
  func damagedCache() async throws {
    let directory = try TemporaryDirectory()
    let cache = try CellCache(directory: directory.path)
    let cells = [ComparisonCell(model: "popularity", setting: .centralized)]
    _ = try await Self.run(Self.plan(cells), cache: cache)
    let name = try #require(try directory.files().first)
    let url = URL(fileURLWithPath: "\(directory.path)/\(name)")
    let good = try Data(contentsOf: url)
    var foreign = String(decoding: good, as: UTF8.self)
    foreign = foreign.replacingOccurrences(of: "\"seed\":\"0\"", with: "\"seed\":\"7\"")
    for bad in [Data(), good.dropLast(), Data("{}".utf8), Data(foreign.utf8)] {
      try bad.write(to: url)
      #expect(try await Self.run(Self.plan(cells), cache: cache).cached == [false])
      #expect(try Data(contentsOf: url) == good)
    }
    #expect(try directory.files() == [name])
  }

  @Test("a run that fails keeps the cells before it")
  func resume() async throws {
    struct Broken: Error, Equatable {}
    let directory = try TemporaryDirectory()
    let cache = try CellCache(directory: directory.path)
    let plan = try Self.plan(Self.cells)
    await #expect(throws: Broken()) {
      try await Comparison(
        plan: plan, cache: cache, features: Self.features, trainer: { _ in throw Broken() }
      ).run()
    }
    #expect(
      try await Self.run(plan, cache: cache).cached
        == [true, true, true, true, false, false, false, false])
  }

  @Test(
    "customers' differences: seeds averaged, paired, the same to the bit; rows are named by their labels"
  )
  func differences() async throws {
    let (report, _) = try await Self.run(Self.plan(Self.cells), cache: nil)
    let labels = report.groups.map(\.cell.label)
    #expect(
      labels == [
        "popularity:centralized", "own-frequency:local", "local:local", "ease:centralized",
        "popularity:inf", "popularity:8:sealed",
      ])
    // What a row may be called is known before any is run.
    #expect(ComparisonCell.rowLabels(of: Self.cells) == labels)
    #expect(try report.group(named: "ease").cell.label == "ease:centralized")
    for name in ["popularity", "eas", "gram:8:sealed"] {
      #expect(throws: EvaluationError.self) { try report.group(named: name) }
    }
    let reference = try report.group(named: "popularity:centralized")
    let bootstrap = PairedBootstrap(resamples: 99, seed: 2)
    let differences = report.differences(
      to: reference, metrics: { _ in [.recall, .coverage] }, bootstrap: bootstrap)
    // Coverage belongs to no customer.
    #expect(differences.map(\.cell.label) == Array(labels.dropFirst()))
    #expect(
      differences
        == report.differences(to: reference, metrics: { _ in [.recall] }, bootstrap: bootstrap))
    func mean(_ label: String) throws -> Double {
      try #require(
        report.rows.first { $0.cell.label == label && $0.metric == .recall }?.mean)
    }
    for entry in differences {
      let expected = try mean(entry.cell.label) - mean("popularity:centralized")
      #expect(abs(entry.interval.mean - expected) < 1e-12)
      #expect(entry.customers == 40 && entry.better + entry.worse <= 40)
    }
    // Federated popularity without noise is the centralized one, customer by customer.
    let same = try #require(differences.first { $0.cell.label == "popularity:inf" })
    #expect(same.interval.lower == 0 && same.interval.upper == 0 && same.better + same.worse == 0)
  }

  @Test(
    "the customers' table has a row for each run, task and customer, and survives names with commas"
  )
  func customerTable() async throws {
    let (report, _) = try await Self.run(Self.plan(Self.cells), cache: nil)
    let lines = report.customerTable(names: (0..<40).map { "c, \($0)" }).split(separator: "\n")
    #expect(lines.count == 1 + 8 * 40)
    let recall = report.outcomes[0].outcome.tasks[0].perCustomer[.recall] ?? []
    #expect(
      lines[1].hasPrefix("popularity:centralized,0,p3,3,\"c, 0\",\(recall[0]),"))
  }

  @Test("a plan that makes no sense is refused")
  func badPlans() async throws {
    let popularity = ComparisonCell(model: "popularity", setting: .centralized)
    for cells in [
      [popularity, popularity],
      [ComparisonCell(model: "ease", setting: .centralized, epsilon: 8)],
      [ComparisonCell(model: "popularity", setting: .federated, epsilon: 0)],
      [ComparisonCell(model: "popularity", setting: .federated, epsilon: .infinity)],
      // Without noise more copies are the same model; a cohort of nobody is none.
      [ComparisonCell(model: "popularity", setting: .federated, multiple: 10)],
      [ComparisonCell(model: "popularity", setting: .federated, epsilon: 8, multiple: 0)],
    ] {
      #expect(throws: EvaluationError.self) { try Self.plan(cells) }
    }
    #expect(throws: EvaluationError.self) { try Self.plan([popularity], delta: 0) }
    await #expect(throws: EvaluationError.self) {
      try await Self.run(
        Self.plan([ComparisonCell(model: "ease", setting: .centralized)], lambda: "-1"), cache: nil)
    }
    await #expect(throws: EvaluationError.self) {
      try await Self.run(
        Self.plan([ComparisonCell(model: "nothing", setting: .local)]), cache: nil)
    }
    await #expect(throws: EvaluationError.noFederatedTrainer) {
      try await Comparison(
        plan: Self.plan([ComparisonCell(model: "popularity", setting: .federated)]), cache: nil,
        features: Self.features, trainer: nil
      ).run()
    }
  }
}
