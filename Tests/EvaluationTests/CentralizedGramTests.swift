import CanonicalJSON
import Datasets
import Evaluation
import Recommendation
import Testing

/// The twin against the federated model on the data that ships: two pieces of code for one formula.
@Suite("CentralizedGram", .enabled(if: Build.isOptimized, "numeric suites run in release"))
struct CentralizedGramTests {
  @Test(
    "retail: every figure of the twin is the federated one to 1e-3, with and without texts",
    arguments: [(true, nil), (false, nil), (true, "2011-07-01")] as [(Bool, String?)])
  func retail(withTexts: Bool, popularSince: String?) async throws {
    let setting = JSONValue.object(popularSince.map { ["popular_since": .string($0)] } ?? [:])
    let problem = try EvaluationProblem.retail(Retail.split.get(), name: "online-retail")
    let descriptions = problem.catalogue.descriptions
    var features: (@Sendable () throws -> ItemFeatures)?
    if withTexts { features = { try TextFeatures.vectors(descriptions: descriptions) } }
    let plan = try ComparisonPlan(
      problem: problem,
      cells: [
        ComparisonCell(model: "gram", setting: .centralized),
        ComparisonCell(model: "gram", setting: .federated, seed: 1),
      ], hyperparameters: ["gram:centralized": setting, "gram:inf": setting], delta: 1e-5,
      codeVersion: "test")
    let trainer = PlainTrainer()
    let report = try await Comparison(
      plan: plan, cache: nil, features: features,
      trainer: { try trainer.train($0) }
    ).run()
    let twin = report.reportedRows.filter { $0.setting == .centralized }
    let federated = report.reportedRows.filter { $0.setting == .federated }
    #expect(twin.map(\.metric) == federated.map(\.metric))
    #expect(twin.count == 8)
    #expect((twin + federated).allSatisfy { $0.hyperparameters == setting })
    for (left, right) in zip(twin, federated) {
      #expect(abs(left.mean - right.mean) < 1e-3, "\(left.task) \(left.metric)")
    }
    // Far above popularity, so that two broken models cannot agree by both ranking by popularity.
    let recalls = twin.filter { $0.task == "new" && $0.metric == .recall }.map(\.mean)
    #expect(recalls.count == 1 && recalls.allSatisfy { $0 > 0.06 })
  }

  @Test("hyper-parameters that are no counts are refused")
  func badHyperparameters() throws {
    for value in [JSONValue.string("3"), .integer(0), .integer(-1)] {
      #expect(throws: EvaluationError.self) {
        try CentralizedGram(
          histories: [history([0])], itemCount: 2,
          hyperparameters: .object(["head": value]), features: nil)
      }
    }
    #expect(throws: EvaluationError.self) {
      try CentralizedGram(
        histories: [history([0])], itemCount: 2,
        hyperparameters: .object(["popular_since": .string("2011-02-30")]), features: nil)
    }
  }
}
