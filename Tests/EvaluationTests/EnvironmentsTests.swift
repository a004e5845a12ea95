import Datasets
import Recommendation
import Testing
import VectorMath

@testable import Evaluation

@Suite("environments")
struct EnvironmentsTests {
  @Test("items of like texts share a category, and items without a text the last one")
  func categories() throws {
    let features = try ItemFeatures(
      vectors: Matrix(
        rows: 6, columns: 2,
        storage: [1, 0, 0.6, 0.8, 0.98, 0.199, 0, 1, 0, 0, 0.5, 0.866_025_4]))
    let categories = ItemCategories.cluster(features, count: 3)
    #expect(categories == [0, 1, 0, 1, 2, 1])
    #expect(ItemCategories.cluster(features, count: 40)[4] == 39)
  }

  @Test("the response finds the weights by which purchases were drawn")
  func responseFit() throws {
    let count = 60
    let features = try ItemFeatures(vectors: Matrix(rows: count, columns: 1))
    let categories = (0..<count).map { $0 % 3 }
    let items = PurchaseResponse.Items(
      features: features, categories: categories, categoryCount: 3,
      popularity: (0..<count).map { Float($0) }.standardized(),
      categoryShares: [1.0 / 3, 1.0 / 3, 1.0 / 3])
    var random = SeededRandom(seed: 5)
    let examples = (0..<600).map { customer in
      let known = [customer % 3, customer % 3 + 3, customer % 3 + 6, 9 + customer % 3]
      let signals = PurchaseResponse.signals(known, items)
      let later = (0..<count).filter { item in
        let score = -2 + 1.5 * signals[3 * item] + 0.5 * signals[3 * item + 1]
        return RandomVariates.uniform(using: &random) < PurchaseResponse.sigmoid(score)
      }
      return PurchaseResponse.Example(known: known, later: Set(later))
    }
    let fitted = try PurchaseResponse(fitting: examples, items: items)
    // About 33,600 pairs at a rate near 0.15: standard errors below 0.06.
    #expect(abs(fitted.coefficients[0] - 1.5) < 0.3)
    #expect(abs(fitted.coefficients[1] - 0.5) < 0.15)
    #expect(fitted.coefficients[2] == 0)
    #expect(throws: EvaluationError.self) { try PurchaseResponse(fitting: [], items: items) }
  }

  @Test("a customer's share of a category lifts its items, within two")
  func signals() throws {
    let features = try ItemFeatures(vectors: Matrix(rows: 2, columns: 1, storage: [1, 0]))
    let items = PurchaseResponse.Items(
      features: features, categories: [0, 1], categoryCount: 2, popularity: [1, -1],
      categoryShares: [0.5, 0.5])
    let signals = PurchaseResponse.signals([0], items)
    // (1 + 5) / 11 over 1/2, and 5 / 11 over 1/2.
    #expect(abs(signals[0] - 0.087_011_376_989_629_7) < 1e-12)
    #expect(abs(signals[3] + 0.095_310_179_804_324_87) < 1e-12)
    #expect(signals[1] == 1 && signals[4] == -1)
    #expect(signals[2] == 1 && signals[5] == 0)
    #expect(PurchaseResponse.signals([], items) == [0, 1, 0, 0, -1, 0])
  }

  @Test("regret is reproducible and grows; contexts help")
  func smallRegret() throws {
    let curve = try RegretCurve.measure(.linUCB05, seeds: [1, 2], horizon: 400, points: 4)
    #expect(try curve == RegretCurve.measure(.linUCB05, seeds: [1, 2], horizon: 400, points: 4))
    #expect(curve.steps == [100, 200, 300, 400])
    #expect(zip(curve.means, curve.means.dropFirst()).allSatisfy { $0 <= $1 })
    let random = try RegretCurve.measure(.random, seeds: [1, 2], horizon: 400, points: 4)
    #expect(curve.means[3] < 0.7 * random.means[3])
  }
}

/// Figures that others measured, and the bar of the retail environment.
@Suite("environment anchors", .enabled(if: Build.isOptimized, "numeric suites run in release"))
struct EnvironmentsAnchorTests {
  @Test(
    "regret after 500, 1,000 and 2,000 steps is within three published standard deviations",
    arguments: LinearLogisticPolicy.allCases)
  func regret(policy: LinearLogisticPolicy) throws {
    let rows = try ExplorationVectors.rows("regret_linear_logistic_env.csv")
    let row = try #require(rows.first { $0["policy"] == policy.rawValue })
    let curve = try RegretCurve.measure(
      policy, seeds: Array(1...5), horizon: 2_000, points: 4)
    for steps in [500, 1_000, 2_000] {
      let place = try #require(curve.steps.firstIndex(of: steps))
      let mean = try ExplorationVectors.number(row, "regret_\(steps)_mean")
      let deviation = try ExplorationVectors.number(row, "regret_\(steps)_sd")
      #expect(
        abs(curve.means[place] - mean) < 3 * deviation,
        "\(policy.rawValue) at \(steps): \(curve.means[place]), published \(mean) sd \(deviation)")
    }
  }

  private static func environment(customers: Int, seed: UInt64 = 1) throws -> RetailEnvironment {
    var settings = RetailEnvironment.Settings()
    settings.customers = customers
    settings.seed = seed
    return try RetailEnvironment(OnlineRetail.load(from: .current()), settings: settings)
  }

  @Test("the retail environment has the click rate of a slot, and truths that vary by customer")
  func clickRate() throws {
    let environment = try Self.environment(customers: 50)
    let all = environment.customers.flatMap(\.clickProbabilities)
    #expect(abs(all.reduce(0, +) / Double(all.count) - environment.settings.clickRate) < 1e-9)
    #expect(environment.coefficients.dropFirst().allSatisfy { $0 > 0 })
    #expect(
      environment.customers[0].clickProbabilities != environment.customers[1].clickProbabilities)
    // P(buy | view) by both ways.
    let rate =
      RetailEnvironment.cartRate * RetailEnvironment.purchaseRateAfterCart
      + (1 - RetailEnvironment.cartRate) * RetailEnvironment.purchaseRateWithoutCart
    #expect(abs(rate - 0.060) < 1e-12)
    #expect(throws: EvaluationError.self) { try Self.environment(customers: 100_000) }
  }

  // The policies' defaults were chosen with seed 1; these are other customers and other luck.
  @Test("after 50 sessions every contextual policy beats greedy in discovery and in coverage")
  func explorersBeatGreedy() async throws {
    let environment = try Self.environment(customers: 200, seed: 2)
    let greedy = try await RetailSimulation.run(.greedy, in: environment, sessions: 50)
    #expect(greedy.count == 200)
    let first = try await RetailSimulation.run(.greedy, in: environment, sessions: 2)
    let second = try await RetailSimulation.run(.greedy, in: environment, sessions: 2)
    #expect(first == second)
    for policy in try RetailPolicy.standard where policy.isContextualExplorer {
      let summary = PolicySummary(
        policy, outcomes: try await RetailSimulation.run(policy, in: environment, sessions: 50),
        greedy: greedy, categoryCount: environment.settings.categories)
      #expect(summary.beatsGreedy, "\(policy.name)")
    }
  }
}
