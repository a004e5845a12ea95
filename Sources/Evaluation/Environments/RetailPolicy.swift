internal import Recommendation
internal import VectorMath

/// The policies compared in the retail environment.
///
/// All share one device: the shared model's expected clicks and a Bayesian last layer over public text vectors
/// that learns from every outcome. They differ in what they show.
package enum RetailPolicy: String, CaseIterable, Sendable {
  case random
  case greedy
  case epsilonGreedy = "epsilon-greedy"
  case plackettLuce = "plackett-luce"
  case linUCB = "linucb"
  case linearThompson = "linear-thompson"
  case categoryThompson = "category-thompson"

  /// Whether it chooses by what it learned of the customer and explores.
  package var isContextualExplorer: Bool { self != .random && self != .greedy }

  /// Its parameters, for reports.
  package var parameters: String {
    switch self {
    case .random, .greedy: ""
    case .epsilonGreedy: "epsilon \(RetailDevice.epsilon)"
    case .plackettLuce: "temperature \(RetailDevice.temperature)"
    case .linUCB: "alpha \(RetailDevice.alpha)"
    case .linearThompson: "scale \(RetailDevice.thompsonScale)"
    case .categoryThompson:
      "prior strength \(RetailDevice.priorStrength), optimism \(RetailDevice.optimism)"
    }
  }
}

/// What one simulated customer's device holds and does.
struct RetailDevice {
  static let epsilon = 0.2
  static let temperature = 0.01
  static let alpha = 0.1
  static let thompsonScale = 0.1
  static let priorStrength = 20.0
  static let optimism = 0.5
  /// Noise variance of a click over the prior variance of its expectation along a unit vector.
  private static let ridge = 5.0
  /// The environment logs no propensities: one draw is the least there is.
  private static let propensityDraws = 1

  private let policy: RetailPolicy
  private let expected: [Float]
  private let categories: [Int]
  private var layer: BayesianLastLayer
  private var beliefs: CategoryBeliefs
  private var random: SeededRandom

  init(
    _ policy: RetailPolicy, environment: RetailEnvironment, customer: RetailEnvironment.Customer,
    seed: UInt64
  ) throws {
    self.policy = policy
    expected = customer.expected
    categories = environment.categories
    layer = try BayesianLastLayer(vectors: environment.features.vectors, ridge: Self.ridge)
    beliefs = try CategoryBeliefs(
      popularity: environment.popularity, categories: environment.categories,
      categoryCount: environment.settings.categories, history: customer.knownCategories,
      strength: Self.priorStrength, optimism: Self.optimism)
    // What was bought was accepted.
    for item in customer.known {
      beliefs.update(category: environment.categories[item], accepted: true)
    }
    random = SeededRandom(seed: seed)
  }

  /// Expected clicks of every item with what was learned.
  func learnedScores() -> [Float] { zip(expected, layer.means()).map { $0 + $1 } }

  mutating func slate(
    candidates: [Int], count: Int, learned: [Float]
  ) throws(RecommendationError) -> [Int] {
    func draw(_ policy: some ExplorationPolicy, _ scores: [Float]) -> [Int] {
      policy.slate(scores: scores, candidates: candidates, count: count, using: &random)
        .map(\.item)
    }
    switch policy {
    case .random: return draw(try EpsilonGreedy(epsilon: 1), learned)
    case .greedy: return draw(Greedy(), learned)
    case .epsilonGreedy: return draw(try EpsilonGreedy(epsilon: Self.epsilon), learned)
    case .plackettLuce: return draw(try PlackettLuce(temperature: Self.temperature), learned)
    case .linUCB: return draw(try LinUCB(layer, alpha: Self.alpha, epsilon: 0), expected)
    case .linearThompson:
      return draw(
        try LinearThompson(
          layer, scale: Self.thompsonScale, propensityDraws: Self.propensityDraws), expected)
    case .categoryThompson:
      return draw(
        try CategoryThompson(
          beliefs, categories: categories, within: Greedy(),
          propensityDraws: Self.propensityDraws), learned)
    }
  }

  mutating func learn(item: Int, isClicked: Bool) {
    layer.update(item: item, reward: isClicked ? 1 : 0, expected: Double(expected[item]))
    beliefs.update(category: categories[item], accepted: isClicked)
  }
}
