import Testing

@testable import Recommendation

@Suite struct ExplorationPlanTests {
  @Test("every policy has a default plan, and a plan reads back from its own text")
  func defaults() throws {
    for identifier in ExplorationPlan.identifiers {
      let plan = try ExplorationPlan(parsing: identifier)
      #expect(plan.identifier == identifier)
      #expect(try ExplorationPlan(parsing: plan.text).text == plan.text)
    }
    for text in DeviceExplorationTests.plans {
      let plan = try ExplorationPlan(parsing: text)
      #expect(try ExplorationPlan(parsing: plan.text).text == plan.text)
    }
  }

  @Test("values and keys arrive where they belong")
  func values() throws {
    let decayed = try ExplorationPlan(parsing: "epsilon-greedy:0.4,floor=0.05,half-life=20")
    #expect(
      decayed.rule
        == .epsilonGreedy(try EpsilonDecay(initial: 0.4, floor: 0.05, halfLife: 20)))
    #expect(decayed.diversity == .marginalRelevance(lambda: 0.7))
    #expect(try ExplorationPlan(parsing: "plackett-luce,mmr=1").diversity == .none)
    #expect(try ExplorationPlan(parsing: "greedy").diversity == .none)
    let linear = try ExplorationPlan(parsing: "linucb:2,epsilon=0.1,mmr=0.7,vectors=model,draws=9")
    #expect(linear.rule == .linUCB(alpha: 2, epsilon: 0.1))
    #expect(linear.diversity == .marginalRelevance(lambda: 0.7))
    #expect(linear.vectors == .model && linear.propensityDraws == 9)
  }

  @Test(
    "what no policy understands is refused",
    arguments: [
      "", "softmax:1", "greedy:1", "epsilon-greedy:2", "epsilon-greedy:x", "epsilon-greedy:nan",
      "plackett-luce:0", "plackett-luce:-1", "linucb:-1", "linucb:1,epsilon=1.5",
      "linucb:1,alpha=2", "linear-thompson:-0.1", "category-thompson:0", "greedy,mmr=0",
      "greedy,mmr=0.5,calibrated=0.5", "greedy,calibrated=1", "greedy,draws=0", "greedy,draws=1.5",
      "greedy,vectors=both", "greedy,mmr=0.5,mmr=0.6", "greedy,", "linucb:1e999",
    ])
  func refused(text: String) {
    #expect(throws: RecommendationError.self) { try ExplorationPlan(parsing: text) }
  }
}
