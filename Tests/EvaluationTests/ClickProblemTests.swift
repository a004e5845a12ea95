import CanonicalJSON
import Datasets
import Recommendation
import Testing

@testable import Evaluation

@Suite("clicks to come", .enabled(if: Build.isOptimized, "numeric suites run in release"))
struct ClickProblemTests {
  private static let customers = 100
  private static let environment = Result {
    var settings = RetailEnvironment.Settings()
    settings.customers = customers
    settings.seed = 5
    return try RetailEnvironment(OnlineRetail.load(from: .current()), settings: settings)
  }

  private static func problem(tuning: Bool = false) async throws -> ResponseProblem {
    try await ResponseProblem.clicks(
      in: environment.get(), data: OnlineRetail.name, tuning: tuning)
  }

  private static func values(
    _ input: ClickFeatures.Feature, of examples: some Sequence<ResponseExample>
  ) throws -> [Float] {
    let place = try #require(ResponseSchema.click.inputs.firstIndex(of: input.rawValue))
    return examples.map { $0.inputs[place] }
  }

  @Test("twenty sessions train and ten are judged, with tuning ten and ten of those twenty")
  func parts() async throws {
    let problem = try await Self.problem()
    let tuning = try await Self.problem(tuning: true)
    #expect(problem.customers.count == Self.customers && problem.environment != nil)
    for (whole, inner) in zip(problem.customers, tuning.customers) {
      #expect(whole.training.count == 200 && whole.test.count == 100)
      // The same showings, whatever is judged; that they come out alike twice is the test of determinism.
      #expect(inner.training + inner.test == whole.training)
      #expect(inner.training.count == 100)
    }
  }

  @Test("a slate's inputs know the slates before it, and nothing of itself")
  func onlyBefore() async throws {
    for customer in try await Self.problem().customers.prefix(10) {
      let first = customer.training.prefix(10)
      let second = customer.training[10..<20]
      #expect(try Self.values(.shown, of: first).allSatisfy { $0 == 0 })
      #expect(try Self.values(.clicks, of: first).allSatisfy { $0 == 0 })
      #expect(try Set(Self.values(.shown, of: second)).count == 1)
      #expect(try Set(Self.values(.clicks, of: second)).count == 1)
      let hasClicked = first.contains(where: \.isResponse)
      #expect(try Self.values(.clicks, of: second).allSatisfy { ($0 > 0) == hasClicked })
      #expect(try Self.values(.position, of: first) == (0..<10).map { Float(Double($0) / 9) })
    }
  }

  @Test("clicks are as many as the truth says, and no model is far above it")
  func truth() async throws {
    let problem = try await Self.problem()
    let truth = try #require(problem.truth)
    let expected = truth.test.reduce(0, +)
    let variance = truth.test.reduce(0) { $0 + $1 * (1 - $1) }
    let clicks = Double(problem.test.count(where: \.isResponse))
    // Five standard deviations: a false alarm in 1.7 million seeds.
    #expect(abs(clicks - expected) < 5 * variance.squareRoot())

    let rows = try ResponseComparison(problem).baselines()
    #expect(rows.map(\.label) == ["base-rate", "centralized", "truth"])
    let (centralized, bound) = (rows[1].figures[0], rows[2].figures[0])
    // 10,000 showings, some 300 clicks: a standard error of the area is below 0.02.
    #expect(centralized.area > 0.55 && bound.area > centralized.area - 0.02)
    #expect(bound.logLoss < rows[0].figures[0].logLoss)
  }

  @Test("federated without noise is the centralized model, with the clip norm of clicks")
  func twin() async throws {
    let problem = try await Self.problem()
    let hyperparameters = problem.target.hyperparameters(
      inputs: problem.schema.inputs.count, rounds: nil, momentClip: nil)
    #expect(hyperparameters["moment_clip"] == .string("100"))
    let trained = try PlainTrainer().train(
      FederatedTrainingRequest(
        histories: problem.histories, catalogue: problem.catalogue, features: nil,
        model: "response", hyperparameters: hyperparameters, epsilon: nil, delta: 1e-5, seed: 1))
    let comparison = try ResponseComparison(problem)
    let row = try comparison.federated(
      [trained], hyperparameters: hyperparameters, epsilon: nil, mode: "sealed")
    let centralized = try comparison.baselines()[1].figures[0]
    #expect(abs(row.figures[0].area - centralized.area) < 0.005)
  }
}
