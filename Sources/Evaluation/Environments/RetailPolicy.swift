package import Recommendation
internal import VectorMath

/// A policy compared in the retail environment.
///
/// All share one device, the product's own (`DeviceExploration`): the shared model's scores and a Bayesian
/// last layer over public text vectors that learns from every outcome. They differ in what they show.
package struct RetailPolicy: Equatable, Sendable {
  /// In reports; no two alike in one comparison.
  package let name: String
  package let plan: ExplorationPlan

  /// Any item, all alike.
  package static let random = RetailPolicy(
    name: "random", plan: plan(.epsilonGreedy(EpsilonDecay.always)))
  /// The best by what was learned; learns as the others do.
  package static let greedy = RetailPolicy(name: Greedy.identifier, plan: plan(.greedy))

  /// Random, greedy, greedy with the explorers' diversity (what of their gain is not exploration), and every
  /// other rule with its defaults.
  package static var standard: [RetailPolicy] {
    get throws(RecommendationError) {
      var policies = [random, greedy, try RetailPolicy(parsing: "greedy,mmr=0.7")]
      for identifier in ExplorationPlan.identifiers where identifier != Greedy.identifier {
        policies.append(try RetailPolicy(parsing: identifier))
      }
      return policies
    }
  }

  /// Whether it chooses by what it learned of the customer and explores.
  package var isContextualExplorer: Bool { self != .random && plan.rule != .greedy }

  private init(name: String, plan: ExplorationPlan) {
    self.name = name
    self.plan = plan
  }

  /// - Parameter text: as `ExplorationPlan` reads it; it is the policy's name too.
  /// - Throws: as `ExplorationPlan.init(parsing:)`.
  package init(parsing text: String) throws(RecommendationError) {
    let asked = try ExplorationPlan(parsing: text)
    // The environment logs no propensities: one draw is the least there is.
    self.init(
      name: text,
      plan: ExplorationPlan(
        rule: asked.rule, diversity: asked.diversity, vectors: .text, propensityDraws: 1))
  }

  private static func plan(_ rule: ExplorationPlan.Rule) -> ExplorationPlan {
    ExplorationPlan(rule: rule, diversity: .none, vectors: .text, propensityDraws: 1)
  }
}

/// What one simulated customer's device holds and does.
struct RetailDevice {
  private let scores: [Float]
  private var exploration: DeviceExploration
  private var random: SeededRandom
  private var decisions = 0

  init(
    _ policy: RetailPolicy, environment: RetailEnvironment, customer: RetailEnvironment.Customer,
    seed: UInt64
  ) throws {
    scores = customer.scores
    exploration = try DeviceExploration(
      policy.plan,
      knowledge: .init(
        scores: customer.scores, features: environment.features, vectors: environment.features,
        categories: environment.categories, categoryCount: environment.settings.categories,
        history: CustomerHistory(
          rows: customer.known.map { .init(item: $0, occasions: 1, lastSeconds: 0) }),
        baseRate: environment.settings.clickRate))
    random = SeededRandom(seed: seed)
  }

  /// Scores of every item with what was learned.
  func learnedScores() -> [Float] { zip(scores, exploration.feedback()).map { $0 + $1 } }

  mutating func slate(
    candidates: [Int], count: Int
  ) throws(RecommendationError) -> [Int] {
    defer { decisions += 1 }
    return try exploration.slate(
      candidates: candidates, count: count, exploredSlots: count, decisions: decisions,
      using: &random
    ).map(\.drawn.item)
  }

  mutating func learn(item: Int, isClicked: Bool) {
    exploration.learn(Exposure(item: item, isAccepted: isClicked))
  }
}
