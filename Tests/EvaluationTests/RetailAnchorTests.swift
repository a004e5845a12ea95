import Datasets
import Evaluation
import Recommendation
import Testing

/// The figures of recommendation-and-evaluation, section 4, on the data that ships.
@Suite("retail anchors", .enabled(if: Build.isOptimized, "numeric suites run in release"))
struct RetailAnchorTests {
  private func results(
    _ model: some RankingModel, on problem: EvaluationProblem
  ) async throws -> [String: TaskResult] {
    let results = try await problem.evaluate(model)
    return Dictionary(uniqueKeysWithValues: results.map { ($0.task, $0) })
  }

  private func problem() throws -> EvaluationProblem {
    try .retail(Retail.split.get(), name: "online-retail")
  }

  @Test("the tasks are means over 1,838 and 1,768 customers")
  func counts() throws {
    let tasks = try problem().tasks
    #expect(tasks.map(\.name) == ["all", "new"])
    #expect(tasks.map(\.queries.count) == [1_838, 1_768])
  }

  // Tolerances are half a unit of the last digit of the published figure.
  @Test("popularity: recall@20 0.0301 new, 0.049 all; NDCG@20 0.0447 new")
  func popularity() async throws {
    let problem = try problem()
    let found = try await results(
      PopularityBaseline(histories: problem.histories, itemCount: problem.catalogue.count),
      on: problem)
    let new = try #require(found["new"])
    #expect(abs(try #require(new.value(of: .recall)) - 0.0301) < 0.000_05)
    #expect(abs(try #require(new.value(of: .ndcg)) - 0.0447) < 0.000_05)
    #expect(abs(try #require(found["all"]?.value(of: .recall)) - 0.049) < 0.000_5)
  }

  @Test("own frequency: recall@20 0.207 all, and no better than popularity on new")
  func ownFrequency() async throws {
    let problem = try problem()
    let found = try await results(
      OwnFrequencyBaseline(histories: problem.histories, itemCount: problem.catalogue.count),
      on: problem)
    #expect(abs(try #require(found["all"]?.value(of: .recall)) - 0.207) < 0.000_5)
    #expect(abs(try #require(found["new"]?.value(of: .recall)) - 0.0301) < 0.000_05)
  }

  @Test("EASE, lambda 200: recall@20 0.0855 new, 0.168 all; NDCG@20 0.1067 new")
  func ease() async throws {
    let problem = try problem()
    let found = try await results(
      EASE(
        histories: problem.histories, itemCount: problem.catalogue.count, regularization: 200),
      on: problem)
    let new = try #require(found["new"])
    #expect(abs(try #require(new.value(of: .recall)) - 0.0855) < 0.000_05)
    #expect(abs(try #require(new.value(of: .ndcg)) - 0.1067) < 0.000_05)
    #expect(abs(try #require(found["all"]?.value(of: .recall)) - 0.168) < 0.000_5)
  }

  // Equal similarities are in no order that was published: a tolerance of two units for ItemKNN.
  @Test(
    "ItemKNN, cosine, 50 neighbours, and PureSVD of rank 64, on 0/1 data",
    arguments: [
      (CentralizedBaseline.itemKNN, 0.0750, 0.0953, 0.127, 0.000_2),
      (.pureSVD, 0.0788, 0.1012, 0.165, 0.000_05),
    ])
  func neighboursAndSingularVectors(
    baseline: CentralizedBaseline, newRecall: Double, newNDCG: Double, allRecall: Double,
    tolerance: Double
  ) async throws {
    let problem = try problem()
    let setting = try #require(baseline.anchored(on: "online-retail", nil))
    let found = try await results(
      baseline.fitted(
        histories: problem.histories, itemCount: problem.catalogue.count,
        hyperparameters: setting, seed: 1),
      on: problem)
    let new = try #require(found["new"])
    #expect(abs(try #require(new.value(of: .recall)) - newRecall) < tolerance)
    #expect(abs(try #require(new.value(of: .ndcg)) - newNDCG) < tolerance)
    #expect(abs(try #require(found["all"]?.value(of: .recall)) - allRecall) < 0.000_5)
  }
}
