internal import Glibc
internal import Recommendation
internal import VectorMath

/// A defined environment: each arm has its own logistic click probability of the context.
///
/// theta_a uniform on the unit sphere, b_a ~ N(0, variance 0.25), contexts x ~ N(0, I), and
/// P(click) = sigmoid(2 theta_a.x + b_a - 2).
package struct LinearLogisticEnvironment: Sendable {
  package static let armCount = 10
  package static let dimension = 8
  private static let biasDeviation = 0.5

  private let directions: [[Double]]
  private let biases: [Double]

  init(using generator: inout some RandomNumberGenerator) {
    directions = (0..<Self.armCount).map { _ in
      let draw = Self.normals(using: &generator)
      let norm = draw.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return draw.map { $0 / norm }
    }
    biases = (0..<Self.armCount).map { _ in
      Self.biasDeviation * RandomVariates.standardNormal(using: &generator)
    }
  }

  static func normals(using generator: inout some RandomNumberGenerator) -> [Double] {
    (0..<dimension).map { _ in RandomVariates.standardNormal(using: &generator) }
  }

  func clickProbabilities(_ context: [Double]) -> [Double] {
    zip(directions, biases).map { direction, bias in
      1 / (1 + exp(-(2 * Kernels.dot(direction.span, context.span) + bias - 2)))
    }
  }
}

/// The policies whose regret is compared there, with the names of the published table.
package enum LinearLogisticPolicy: String, CaseIterable, Sendable {
  case random
  case epsilonGreedy = "eps_greedy_0_1"
  case bernoulliThompson = "bernoulli_ts"
  case linearEpsilonGreedy = "lin_eps_greedy_0_1"
  case linUCB01 = "lin_ucb_0_1"
  case linUCB05 = "lin_ucb_0_5"
  case linearThompson = "lin_ts"
}

/// Cumulative pseudo-regret: the best arm's click probability less that of the arm shown, summed.
package struct RegretCurve: Equatable, Sendable {
  package let policy: LinearLogisticPolicy
  /// Steps after which the regret is taken, ascending.
  package let steps: [Int]
  /// Mean over seeds, one a step count.
  package let means: [Double]
  /// Standard deviation (n - 1) over seeds, one a step count; 0 for one seed.
  package let deviations: [Double]

  /// Plays `horizon` steps for each seed, learning after every step.
  ///
  /// - Parameters:
  ///   - seeds: at least one; the environment and the draws follow from each.
  ///   - horizon: steps, at least 1.
  ///   - points: how many step counts are reported, evenly spread, the horizon among them.
  /// - Throws: `CancellationError`; what a policy throws.
  package static func measure(
    _ policy: LinearLogisticPolicy, seeds: [UInt64], horizon: Int, points: Int = 20
  ) throws -> RegretCurve {
    precondition(!seeds.isEmpty && horizon >= 1 && points >= 1, "something is played")
    let steps = Set((1...points).map { max(1, horizon * $0 / points) }).sorted()
    let curves = try seeds.map { seed in
      try Task.checkCancellation()
      var player = try LinearLogisticPlayer(policy, seed: seed)
      var regret = 0.0
      var taken: [Double] = []
      for step in 1...horizon {
        regret += try player.play()
        if steps.contains(step) { taken.append(regret) }
      }
      return taken
    }
    let count = Double(curves.count)
    let means = steps.indices.map { point in curves.reduce(0) { $0 + $1[point] } / count }
    let deviations = steps.indices.map { point in
      let squares = curves.reduce(0) {
        $0 + ($1[point] - means[point]) * ($1[point] - means[point])
      }
      return count > 1 ? (squares / (count - 1)).squareRoot() : 0
    }
    return RegretCurve(policy: policy, steps: steps, means: means, deviations: deviations)
  }
}

/// One policy in one environment.
private struct LinearLogisticPlayer {
  private static let scores = [Float](repeating: 0, count: LinearLogisticEnvironment.armCount)
  private static let candidates = Array(0..<LinearLogisticEnvironment.armCount)

  private let policy: LinearLogisticPolicy
  private let environment: LinearLogisticEnvironment
  /// Contexts and outcomes.
  private var world: SeededRandom
  /// The policy's draws, apart from the world's, so that every policy meets the same contexts.
  private var choices: SeededRandom
  private var arms: DisjointArms
  private var beliefs: CategoryBeliefs
  private var shown: [Double]
  private var clicked: [Double]

  init(_ policy: LinearLogisticPolicy, seed: UInt64) throws {
    let count = LinearLogisticEnvironment.armCount
    var world = SeededRandom(seed: seed)
    environment = LinearLogisticEnvironment(using: &world)
    self.policy = policy
    self.world = world
    choices = SeededRandom(seed: ~seed)
    arms = try DisjointArms(count: count, dimension: LinearLogisticEnvironment.dimension)
    beliefs = try CategoryBeliefs(
      accepted: [Double](repeating: 1, count: count),
      passedOver: [Double](repeating: 1, count: count))
    shown = [Double](repeating: 0, count: count)
    clicked = shown
  }

  /// One step; returns its regret.
  mutating func play() throws -> Double {
    let context = LinearLogisticEnvironment.normals(using: &world)
    let probabilities = environment.clickProbabilities(context)
    let arm = try choose(context)
    let isClick = RandomVariates.uniform(using: &world) < probabilities[arm]
    arms.update(arm: arm, context: context, reward: isClick ? 1 : 0)
    beliefs.update(category: arm, accepted: isClick)
    shown[arm] += 1
    clicked[arm] += isClick ? 1 : 0
    return (probabilities.max() ?? 0) - probabilities[arm]
  }

  private mutating func choose(_ context: [Double]) throws -> Int {
    switch policy {
    case .random: return draw(try EpsilonGreedy(epsilon: 1))
    case .epsilonGreedy:
      // As the published baseline: at random until every arm was shown.
      let hasShownAll = shown.allSatisfy { $0 > 0 }
      let rates = zip(clicked, shown).map { Float($0 / max(1, $1)) }
      return draw(try EpsilonGreedy(epsilon: hasShownAll ? 0.1 : 1), scores: rates)
    case .bernoulliThompson:
      return draw(
        try CategoryThompson(
          beliefs, categories: Self.candidates, within: Greedy(), propensityDraws: 1))
    case .linearEpsilonGreedy:
      return draw(
        try EpsilonGreedy(epsilon: 0.1), scores: arms.means(context: context).map { Float($0) })
    case .linUCB01: return draw(try optimistic(context, alpha: 0.1))
    case .linUCB05: return draw(try optimistic(context, alpha: 0.5))
    case .linearThompson:
      return draw(
        try LinearThompson(
          ArmsInContext(arms, context: context), scale: 1, propensityDraws: 1))
    }
  }

  private func optimistic(_ context: [Double], alpha: Double) throws -> LinUCB<ArmsInContext> {
    try LinUCB(ArmsInContext(arms, context: context), alpha: alpha, epsilon: 0)
  }

  private mutating func draw(
    _ policy: some ExplorationPolicy, scores: [Float] = LinearLogisticPlayer.scores
  ) -> Int {
    let slate = policy.slate(
      scores: scores, candidates: Self.candidates, count: 1, using: &choices)
    // One of ten candidates is always drawn.
    return slate.first?.item ?? 0
  }
}
