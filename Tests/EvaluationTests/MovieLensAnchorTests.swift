import Datasets
import Evaluation
import Foundation
import Recommendation
import Testing

/// MovieLens 100K may not be redistributed, so it is not here: a release pass that sets
/// `TACIT_TEST_FETCH` to a directory fetches it there.
enum MovieLens {
  static let fetchedLibrary = ProcessInfo.processInfo.environment["TACIT_TEST_FETCH"].map {
    DatasetLibrary(root: $0)
  }
  static let isAskedFor = Build.isOptimized && fetchedLibrary != nil
}

/// The figures of recommendation-and-evaluation, section 4.
@Suite("ml-100k anchors", .enabled(if: MovieLens.isAskedFor, "asked for by TACIT_TEST_FETCH"))
struct MovieLensAnchorTests {
  private static let dataset = Result {
    guard let library = MovieLens.fetchedLibrary else { throw CancellationError() }
    _ = try library.fetch(.movieLens100K, report: { _ in })
    return try library.load("ml-100k", shipped: .current())
  }

  private func value(
    _ metric: RankingMetric, _ model: some RankingModel, on problem: EvaluationProblem
  ) async throws -> Double {
    try #require(try await problem.evaluate(model).first?.value(of: metric))
  }

  @Test("943 users, 1,682 items, 100,000 ratings, in ascending numeric id")
  func counts() throws {
    let dataset = try Self.dataset.get()
    #expect(dataset.events.count == 100_000)
    #expect(dataset.customers == (1...943).map(String.init))
    #expect(dataset.catalogue.codes.map { Int($0) } == (1...1_682).map { $0 })
    #expect(dataset.catalogue.descriptions[0] == "Toy Story 1995 Animation Children's Comedy")
  }

  // Tolerances: half a unit of the last digit of the published figure.
  @Test("P3: popularity and EASE, lambda 400")
  func randomSplit() async throws {
    let problem = try BenchmarkProtocol.p3.problem(Self.dataset.get())
    let popularity = PopularityBaseline(
      histories: problem.histories, itemCount: problem.catalogue.count)
    let ease = try EASE(
      histories: problem.histories, itemCount: problem.catalogue.count, regularization: 400)
    for (metric, expectedPopularity, expectedEASE) in [
      (RankingMetric.precision, 0.1899, 0.3750), (.recall, 0.1149, 0.2417),
      (.ndcg, 0.2153, 0.4495), (.map, 0.1107, 0.3065),
    ] {
      #expect(
        abs(try await value(metric, popularity, on: problem) - expectedPopularity) < 0.000_05)
      #expect(abs(try await value(metric, ease, on: problem) - expectedEASE) < 0.000_05)
    }
    #expect(abs(try await value(.coverage, popularity, on: problem) - 0.029) < 0.000_5)
    #expect(abs(try await value(.coverage, ease, on: problem) - 0.196) < 0.000_5)
  }

  @Test("P1 and P2: popularity, and EASE with lambda chosen on validation")
  func leaveOneOut() async throws {
    let dataset = try Self.dataset.get()
    let lambda = try await EASE.chosenRegularization(
      among: [100, 200, 300, 400, 500, 700, 1000],
      on: BenchmarkProtocol.p1.tuningProblem(dataset))
    for (protocolName, expectedPopularity, expectedEASE) in [
      (BenchmarkProtocol.p1, (0.0859, 0.0449), (0.1485, 0.0723)),
      (.p2, (0.4125, 0.2314), (0.6341, 0.3772)),
    ] {
      let problem = try protocolName.problem(dataset)
      let popularity = PopularityBaseline(
        histories: problem.histories, itemCount: problem.catalogue.count)
      let ease = try EASE(
        histories: problem.histories, itemCount: problem.catalogue.count, regularization: lambda)
      #expect(
        abs(try await value(.hitRate, popularity, on: problem) - expectedPopularity.0) < 0.000_05)
      #expect(
        abs(try await value(.ndcg, popularity, on: problem) - expectedPopularity.1) < 0.000_05)
      #expect(abs(try await value(.hitRate, ease, on: problem) - expectedEASE.0) < 0.000_05)
      #expect(abs(try await value(.ndcg, ease, on: problem) - expectedEASE.1) < 0.000_05)
    }
  }

  @Test("P3: the federated Gram model without noise is its twin to 1e-3")
  func gramTwin() async throws {
    let problem = try BenchmarkProtocol.p3.problem(Self.dataset.get())
    let trainer = PlainTrainer()
    let report = try await Comparison(
      plan: ComparisonPlan(
        problem: problem,
        cells: [
          ComparisonCell(model: "gram", setting: .centralized),
          ComparisonCell(model: "gram", setting: .federated, seed: 1),
        ], hyperparameters: [:], delta: 1e-5, codeVersion: "test"), cache: nil, features: nil,
      trainer: { try trainer.train($0) }
    ).run()
    let twin = report.reportedRows.filter { $0.setting == .centralized }
    let federated = report.reportedRows.filter { $0.setting == .federated }
    #expect(twin.count == 5)
    for (left, right) in zip(twin, federated) {
      #expect(abs(left.mean - right.mean) < 1e-3, "\(left.metric)")
    }
    // Popularity has 0.1149.
    #expect(twin.filter { $0.metric == .recall }.allSatisfy { $0.mean > 0.2 })
  }
}
