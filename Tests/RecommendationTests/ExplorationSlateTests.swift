import Glibc
import Testing
import VectorMath

@testable import Recommendation

@Suite struct ExplorationSlateTests {
  @Test("gamma and beta draws have their distribution's mean and variance")
  func moments() {
    var random = SeededRandom(seed: 21)
    let draws = 60_000
    func check(mean: Double, variance: Double, kurtosis: Double, _ draw: () -> Double) {
      let values = (0..<draws).map { _ in draw() }
      let found = values.reduce(0, +) / Double(draws)
      let spread = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws)
      // Six standard errors: false alarm below 1e-8 each.
      #expect(abs(found - mean) < 6 * (variance / Double(draws)).squareRoot())
      #expect(
        abs(spread - variance) < 6 * variance * ((kurtosis - 1) / Double(draws)).squareRoot())
    }
    for shape in [0.3, 1.0, 4.5] {
      check(mean: shape, variance: shape, kurtosis: 3 + 6 / shape) {
        RandomVariates.gamma(shape: shape, using: &random)
      }
    }
    // Beta(2, 3): variance 1/25, excess kurtosis -9/14.
    check(mean: 0.4, variance: 0.04, kurtosis: 3 - 9.0 / 14) {
      RandomVariates.beta(2, 3, using: &random)
    }
  }

  @Test("Thompson by category: propensity and frequency are the chance that one beta beats another")
  func categoryThompson() throws {
    // P(Beta(2, 1) > Beta(1, 1)) = E[Beta(2, 1)] = 2/3.
    let beliefs = try CategoryBeliefs(accepted: [2, 1], passedOver: [1, 1])
    let policy = try CategoryThompson(
      beliefs, categories: [0, 0, 1], within: EpsilonGreedy(epsilon: 0.5),
      propensityDraws: 20_000)
    var random = SeededRandom(seed: 22)
    var counts = [0, 0, 0]
    let quick = try CategoryThompson(
      beliefs, categories: [0, 0, 1], within: EpsilonGreedy(epsilon: 0.5), propensityDraws: 1)
    for _ in 0..<20_000 {
      let slate = quick.slate(
        scores: [1, 2, 0], candidates: [0, 1, 2], count: 1, using: &random)
      counts[slate[0].item] += 1
    }
    let expected = [2.0 / 3 * 0.25, 2.0 / 3 * 0.75, 1.0 / 3]
    let tolerance = 6 * (0.25 / 20_000).squareRoot()
    for (count, expected) in zip(counts, expected) {
      #expect(abs(Double(count) / 20_000 - expected) < tolerance)
    }
    let slate = policy.slate(scores: [1, 2, 0], candidates: [0, 1, 2], count: 3, using: &random)
    #expect(abs(slate[0].propensity - expected[slate[0].item]) < tolerance + 1.0 / 20_000)
    #expect(slate.allSatisfy { $0.monteCarloDraws == 20_000 })
    #expect(Set(slate.map(\.item)) == [0, 1, 2])
    #expect(slate[2].propensity == 1)
    // Both categories come before either comes again.
    #expect(slate[0].item / 2 != slate[1].item / 2)
    #expect(!policy.hasFullSupport)
  }

  @Test(
    "cold start: the prior follows the chances, and a category never bought from is tried sooner")
  func coldStart() throws {
    let beliefs = try CategoryBeliefs(
      chances: [0.2, 0.05, 0.9, -0.01], categories: [0, 0, 1, 2], categoryCount: 4,
      history: [0], strength: 10, optimism: 1)
    // Means 0.2, 0.5 (the ceiling), 0.001 (the floor) and 0.001 (no item), each of weight 10.
    let expected = [2.0, 6, 1.01, 1.01]
    #expect(zip(beliefs.accepted, expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(abs(beliefs.mean(of: 0) - 0.2) < 1e-6)
    var updated = beliefs
    updated.update(category: 3, accepted: true)
    updated.update(category: 3, accepted: false)
    #expect(updated.accepted[3] == beliefs.accepted[3] + 1)
    #expect(updated.passedOver[3] == beliefs.passedOver[3] + 1)
    #expect(throws: RecommendationError.self) {
      try CategoryBeliefs(
        chances: [0.1], categories: [1], categoryCount: 1, history: [], strength: 1,
        optimism: 0)
    }
  }

  @Test("a budget: zero explores nothing, slots run out, a new day renews them, the past does not")
  func budget() throws {
    var none = try ExplorationBudget(slotsPerDay: 0)
    #expect(none.take(10, day: 5) == 0)
    var budget = try ExplorationBudget(slotsPerDay: 3, day: 7)
    #expect(budget.take(2, day: 7) == 2)
    #expect(budget.take(2, day: 7) == 1)
    #expect(budget.take(2, day: 7) == 0)
    #expect(budget.take(2, day: 6) == 0)
    #expect(budget.take(2, day: 8) == 2)
    #expect(throws: RecommendationError.self) { try ExplorationBudget(slotsPerDay: -1) }
  }

  @Test("a budgeted slate is greedy first and drawn last; with no slots it is greedy")
  func budgetedSlate() throws {
    let scores: [Float] = [1, 4, 3, 2]
    var random = SeededRandom(seed: 23)
    let none = BudgetedExploration(try EpsilonGreedy(epsilon: 1), exploredSlots: 0)
    let greedy = Greedy().slate(scores: scores, candidates: [0, 1, 2, 3], count: 3, using: &random)
    #expect(greedy.map(\.item) == [1, 2, 3])
    #expect(greedy.allSatisfy { $0.propensity == 1 && $0.monteCarloDraws == nil })
    #expect(
      none.slate(scores: scores, candidates: [0, 1, 2, 3], count: 3, using: &random) == greedy)
    let some = BudgetedExploration(try EpsilonGreedy(epsilon: 1), exploredSlots: 1)
    var last: Set<Int> = []
    for _ in 0..<100 {
      let slate = some.slate(scores: scores, candidates: [3, 2, 1, 0], count: 3, using: &random)
      #expect(slate.prefix(2).map(\.item) == [1, 2])
      #expect(slate.map(\.propensity) == [1, 1, 0.5])
      last.insert(slate[2].item)
    }
    #expect(last == [0, 3])
  }

  @Test("epsilon halves after its half-life and stops at its floor")
  func decay() throws {
    let decay = try EpsilonDecay(initial: 0.4, floor: 0.05, halfLife: 100)
    #expect(decay.epsilon(after: 0) == 0.4)
    #expect(decay.epsilon(after: 100) == 0.2)
    #expect(decay.epsilon(after: 1_000_000) == 0.05)
    #expect(try EpsilonGreedy(decay, decisions: 100).epsilon - 0.2 < 1e-9)
    let ending = try EpsilonDecay(initial: 0, floor: 0, halfLife: 1)
    #expect(throws: RecommendationError.self) { try EpsilonGreedy(ending, decisions: 3) }
    #expect(throws: RecommendationError.self) {
      try EpsilonDecay(initial: 0.1, floor: 0.2, halfLife: 1)
    }
  }

  @Test("MMR passes over a near copy of what is shown; lambda 1 changes nothing")
  func marginalRelevance() throws {
    let features = try ItemFeatures(
      vectors: Matrix(rows: 3, columns: 2, storage: [1, 0, 1, 0, 0, 1]))
    var random = SeededRandom(seed: 24)
    func items(_ lambda: Float) throws -> [Int] {
      AdjustedSlates(
        Greedy(), adjustment: try MaximalMarginalRelevance(features: features, lambda: lambda)
      ).slate(scores: [10, 9, 1], candidates: [0, 1, 2], count: 3, using: &random).map(\.item)
    }
    #expect(try items(1) == [0, 1, 2])
    #expect(try items(0.5) == [0, 2, 1])
    // By hand, position 2: 0.5 * 8/9 - 0.5 for the copy, 0 for the other.
    let half = try MaximalMarginalRelevance(features: features, lambda: 0.5)
    var memory: [Float] = []
    let adjusted = half.adjusted([1, 8.0 / 9, 0], chosen: [0], memory: &memory)
    #expect(zip(adjusted, [0, 4.0 / 9 - 0.5, 0]).allSatisfy { abs($0 - Float($1)) < 1e-6 })
    // Position 3 remembers the first item too.
    let third = half.adjusted([1, 8.0 / 9, 0], chosen: [0, 2], memory: &memory)
    #expect(zip(third, [0, 4.0 / 9 - 0.5, -0.5]).allSatisfy { abs($0 - Float($1)) < 1e-6 })
  }

  @Test("a calibrated slate has the customer's shares of categories")
  func calibration() throws {
    let categories = [0, 0, 0, 0, 1, 1, 1, 1]
    let calibration = try SlateCalibration(
      categories: categories, history: [3, 3], lambda: 0.9)
    let policy = AdjustedSlates(Greedy(), adjustment: calibration)
    var random = SeededRandom(seed: 25)
    let slate = policy.slate(
      scores: [8, 7, 6, 5, 4, 3, 2, 1], candidates: Array(0..<8), count: 4, using: &random)
    #expect(slate.map { categories[$0.item] }.reduce(0, +) == 2)
    // Half against all of one: 0.5 ln(0.5 / (0.99 + 0.005)) + 0.5 ln(0.5 / 0.005).
    let expected = 0.5 * log(0.5 / 0.995) + 0.5 * log(0.5 / 0.005)
    #expect(abs(calibration.divergence([4, 0], total: 4) - expected) < 1e-12)
    #expect(abs(calibration.divergence([2, 2], total: 4)) < 1e-12)
    #expect(throws: RecommendationError.self) {
      try SlateCalibration(categories: [0], history: [0], lambda: 0.5)
    }
  }

  @Test("after an adjustment the propensities are the base policy's")
  func adjustedPropensities() throws {
    let calibration = try SlateCalibration(categories: [0, 1, 1], history: [1, 1], lambda: 0.5)
    let policy = AdjustedSlates(try EpsilonGreedy(epsilon: 0.5), adjustment: calibration)
    var random = SeededRandom(seed: 26)
    var sums: [Int: Double] = [:]
    for _ in 0..<300 {
      let slate = policy.slate(
        scores: [1, 2, 3], candidates: [0, 1, 2], count: 1, using: &random)
      sums[slate[0].item] = slate[0].propensity
    }
    #expect(sums.count == 3)
    #expect(abs(sums.values.reduce(0, +) - 1) < 1e-12)
  }

  @Test("the best of what remains is the first of a full ranking, ties included")
  func bestOfRemaining() {
    var random = SeededRandom(seed: 26)
    for _ in 0..<200 {
      let scores = (0..<50).map { _ in Float(Int.random(in: 0..<8, using: &random)) }
      let candidates = Array((0..<50).shuffled(using: &random).prefix(30))
      for ties in [TieOrder.lowestPlaceFirst, .highestPlaceFirst] {
        let sign = ties == .lowestPlaceFirst ? 1 : -1
        var expected = candidates.sorted { (-scores[$0], sign * $0) < (-scores[$1], sign * $1) }
        var remaining = RemainingCandidates(candidates, of: 50)
        while let best = remaining.best(by: scores, ties: ties) {
          #expect(remaining.remove(at: best) == expected.removeFirst())
        }
        #expect(expected.isEmpty)
      }
    }
  }

  @Test("every policy draws the same slate again from the same seed, and answers short requests")
  func replayAndSizes() throws {
    let layer = try BayesianLastLayer(
      vectors: Matrix(rows: 4, columns: 2, storage: [1, 0, 0, 1, 1, 1, 0.5, 0]), ridge: 1)
    let beliefs = try CategoryBeliefs(accepted: [1, 1], passedOver: [1, 1])
    let policies: [any ExplorationPolicy] = [
      Greedy(), try EpsilonGreedy(epsilon: 0.5), try PlackettLuce(temperature: 1),
      try LinUCB(layer, alpha: 1, epsilon: 0.5),
      try LinearThompson(layer, scale: 1, propensityDraws: 50),
      try CategoryThompson(
        beliefs, categories: [0, 0, 1, 1], within: Greedy(), propensityDraws: 50),
      BudgetedExploration(try PlackettLuce(temperature: 1), exploredSlots: 2),
      AdjustedSlates(
        try PlackettLuce(temperature: 1),
        adjustment: try SlateCalibration(
          categories: [0, 0, 1, 1], history: [1, 1], lambda: 0.2)),
    ]
    let identifiers = policies.map { type(of: $0).identifier }
    #expect(Set(identifiers).count == policies.count)
    for policy in policies {
      func slate(_ candidates: [Int], _ count: Int, seed: UInt64) -> [DrawnItem] {
        var random = SeededRandom(seed: seed)
        return policy.slate(
          scores: [0.1, 0.4, 0.2, 0.3], candidates: candidates, count: count, using: &random)
      }
      let full = slate([0, 1, 2, 3], 4, seed: 3)
      #expect(full == slate([0, 1, 2, 3], 4, seed: 3))
      #expect(Set(full.map(\.item)) == [0, 1, 2, 3])
      #expect(full.allSatisfy { $0.propensity > 0 && $0.propensity <= 1 })
      #expect(full.last?.propensity == 1)
      #expect(slate([], 3, seed: 4).isEmpty)
      #expect(slate([0, 1], 0, seed: 4).isEmpty)
      #expect(slate([2], 3, seed: 4).map(\.item) == [2])
      #expect(Set(slate([3, 1], 9, seed: 5).map(\.item)) == [1, 3])
    }
  }
}
