import CanonicalJSON
import Testing
import VectorMath

@testable import Recommendation

@Suite("Experiments: definition, assignment and what a device sends") struct ExperimentTests {
  private static func hyperparameters(_ arms: String, _ more: [String: JSONValue] = [:])
    -> JSONValue
  {
    .object(
      ["experiment": .string("button"), "experiment_arms": .string(arms)]
        .merging(more) { $1 })
  }

  private static func model(
    _ arms: String = "control 1 greedy; explore 1 linucb:1"
  ) throws -> ExperimentModel {
    try #require(
      try ModelRegistry.model(
        identifier: "popularity", hyperparameters: hyperparameters(arms)) as? ExperimentModel)
  }

  @Test("a definition is read with its defaults; the model gets the other hyperparameters")
  func reads() throws {
    let model = try ModelRegistry.model(
      identifier: "gram",
      hyperparameters: Self.hyperparameters(
        "control 30 greedy; explore 70 linucb:1,mmr=0.8",
        [
          "experiment_accepted_cap": .integer(3), "experiment_budget_share": .string("0.25"),
          "head": .integer(12),
        ]))
    let experiment = try #require(model.experiment)
    #expect(experiment.name == "button" && experiment.caps == [200, 3, 5])
    #expect(experiment.arms.map(\.name) == ["control", "explore"])
    #expect(experiment.arms[1].plan == (try ExplorationPlan(parsing: "linucb:1,mmr=0.8")))
    #expect(experiment.fraction(of: 0) == 0.3)
    #expect(model.stages.last == "experiment")
    #expect(model.budgetShares.last == 0.25 && abs(model.budgetShares.reduce(0, +) - 1) < 1e-12)
    let written = Experiment.hyperparameters(
      name: "a", arms: ["c 1 greedy", "t 2 linucb:1"], budgetShare: Experiment.defaultBudgetShare)
    #expect(try Experiment(hyperparameters: written)?.arms.map(\.share) == [1, 2])
    #expect(try Experiment(hyperparameters: written)?.budgetShare == 0.1)
    #expect(try Experiment(hyperparameters: .object([:])) == nil)
  }

  @Test(
    "a definition that cannot be meant is refused",
    arguments: [
      "control 1 greedy", "a 1 greedy; a 1 linucb:1", "a 0 greedy; b 1 greedy",
      "a 1 greedy; b 1", "A 1 greedy; b 1 greedy", "a 1 nothing; b 1 greedy", "",
      "a 1 greedy; b 1 greedy;", "a -1 greedy; b 1 greedy",
      // What a device could not follow, or not in time.
      "a 1 greedy; b 1 linucb:1e300", "a 1 greedy; b 1 linear-thompson:1e300",
      "a 1 greedy; b 1 plackett-luce:1e-300", "a 1 greedy; b 1 category-thompson:1e300",
      "a 1 greedy; b 1 linucb:1,vectors=model", "a 1 greedy; b 1 linear-thompson:1,draws=100000",
    ])
  func refuses(arms: String) {
    #expect(throws: RecommendationError.self) {
      try ModelRegistry.model(
        identifier: "popularity", hyperparameters: Self.hyperparameters(arms))
    }
  }

  @Test("an arm's members without an experiment, and unknown ones, are refused")
  func refusesStrays() {
    for stray in ["experiment_arms", "experiment_share"] {
      #expect(throws: RecommendationError.self) {
        try ModelRegistry.model(
          identifier: "popularity", hyperparameters: .object([stray: .string("1")]))
      }
    }
    #expect(throws: RecommendationError.self) {
      try ModelRegistry.model(
        identifier: "popularity",
        hyperparameters: Self.hyperparameters(
          "a 1 greedy; b 1 greedy", ["experiment_share": .string("1")]))
    }
  }

  // Five standard deviations: a false alarm in 1.8 million runs of a true generator, were the seed not fixed.
  @Test("uniform draws fill the arms by their shares; the ends belong to the first and last arm")
  func shares() throws {
    let experiment = try #require(
      try Self.model("a 50 greedy; b 30 greedy; c 20 linucb:1").experiment)
    var random = SeededRandom(seed: 5)
    var counts = [0, 0, 0]
    let draws = 100_000
    for _ in 0..<draws { counts[experiment.arm(forDraw: random.next())] += 1 }
    for (arm, count) in counts.enumerated() {
      let share = experiment.fraction(of: arm)
      let deviation = (Double(draws) * share * (1 - share)).squareRoot()
      #expect(abs(Double(count) - Double(draws) * share) < 5 * deviation)
    }
    #expect(experiment.arm(forDraw: 0) == 0 && experiment.arm(forDraw: .max) == 2)
  }

  @Test("a device sends its arm's coordinates alone, capped, of norm at most 1")
  func update() throws {
    let model = try Self.model()
    let parameters = try ModelParameters(tensors: [:])
    func update(_ outcomes: ExperimentOutcomes?) throws -> [Float] {
      var history = CustomerHistory(rows: [.init(item: 0, occasions: 1, lastSeconds: 0)])
      history.experiment = outcomes
      return try model.update(
        stage: 1, history: history, parameters: parameters, itemCount: 4)
    }
    let half = try update(ExperimentOutcomes(arm: 1, counts: [100, 5, 0]))
    let weight = Float(1 / 7.0.squareRoot())
    #expect(half.prefix(7).allSatisfy { $0 == 0 })
    let expected: [Float] = [1, 0.5, 0.25, 0.5, 0.25, 0, 0]
    #expect(zip(half.dropFirst(7), expected).allSatisfy { abs($0 - weight * $1) < 1e-7 })
    let most = try update(ExperimentOutcomes(arm: 0, counts: [999, 999, 999]))
    let norm = try Clipping.norm(most)
    #expect(norm <= 1 && norm > 1 - 1e-6)
    #expect(most.prefix(7).allSatisfy { abs($0 - weight) < 1e-6 })
    #expect(try update(nil).allSatisfy { $0 == 0 })
    #expect(try update(ExperimentOutcomes(arm: 0, counts: [0, 0, 0])).allSatisfy { $0 == 0 })
    #expect(
      try model.updateDimension(stage: 1, parameters: parameters, itemCount: 4) == half.count)
  }

  @Test("the other stages, the scores and the shares are those of the base")
  func base() throws {
    let shop = try SyntheticShop(itemCount: 12, customers: 8, itemsEach: 3, seed: 2)
    let model = try Self.model()
    let alone = try shop.train(PopularityModel())
    let both = try shop.train(model)
    #expect(both["popularity"] == alone["popularity"])
    let experiment = try #require(model.experiment)
    #expect(ExperimentSums.areReleased(in: both, of: experiment))
    #expect(!ExperimentSums.areReleased(in: alone, of: experiment))
    for history in shop.histories {
      let ours = try model.scores(history: history, parameters: both, features: nil)
      let theirs = try PopularityModel().scores(
        history: history, parameters: alone, features: nil)
      #expect(ours.totals == theirs.totals)
    }
  }

  @Test("released sums read back in customers, with the noise in the same unit")
  func released() throws {
    let model = try Self.model()
    let experiment = try #require(model.experiment)
    let weight = 1 / 7.0.squareRoot()
    let after = try model.advance(
      stage: 1, noisedSum: (0..<14).map { weight * Double($0) },
      context: StageContext(
        noiseStandardDeviation: 2 * weight, targetCohort: 10, contributorCount: 9,
        features: nil),
      parameters: try ModelParameters(tensors: ["popularity": .init([1])]), itemCount: 1)
    let sums = try ExperimentSums(
      try ModelParameters(decoding: after.encoded()), of: experiment)
    #expect(sums.arms.map { $0.customers.rounded() } == [0, 7])
    #expect(sums.arms[1].sums.map { $0.rounded() } == [8, 10, 12])
    #expect(sums.arms[1].squares.map { $0.rounded() } == [9, 11, 13])
    #expect(abs(sums.noiseStandardDeviation - 2) < 1e-6)
    #expect(after["popularity"]?.values == [1])
    let three = try #require(try Self.model("a 1 greedy; b 1 greedy; c 1 greedy").experiment)
    #expect(throws: RecommendationError.self) { try ExperimentSums(after, of: three) }
    #expect(throws: RecommendationError.self) {
      try ExperimentSums(try ModelParameters(tensors: [:]), of: experiment)
    }
  }

  @Test(
    "what was released is neither sent nor lost when the model is trained again; another experiment is new"
  )
  func releasedOnce() throws {
    let shop = try SyntheticShop(itemCount: 12, customers: 8, itemsEach: 3, seed: 2)
    func model(_ name: String) throws -> ExperimentModel {
      try #require(
        try ModelRegistry.model(
          identifier: "gram",
          hyperparameters: Experiment.hyperparameters(
            name: name, arms: ["a 1 greedy", "b 1 linucb:1"], budgetShare: "0.1"))
          as? ExperimentModel)
    }
    let (first, second) = (try model("first"), try model("second"))
    let experiments = (try #require(first.experiment), try #require(second.experiment))
    let released = try shop.train(first)
    let last = first.stages.count - 1
    var history = shop.histories[0]
    history.experiment = ExperimentOutcomes(arm: 1, counts: [10, 1, 1])
    func update(_ model: ExperimentModel, _ parameters: ModelParameters) throws -> [Float] {
      try model.update(stage: last, history: history, parameters: parameters, itemCount: 12)
    }
    let before = try first.initialParameters(catalogue: shop.catalogue)
    #expect(try update(first, before).contains { $0 != 0 })
    #expect(try update(first, released).allSatisfy { $0 == 0 })
    #expect(try update(second, released).contains { $0 != 0 })
    // The first stage makes the parameters anew.
    let again = try first.advance(
      stage: 0, noisedSum: [Double](repeating: 1, count: 12),
      context: StageContext(
        noiseStandardDeviation: 0, targetCohort: 8, contributorCount: 8, features: nil),
      parameters: released, itemCount: 12)
    #expect(again["experiment"] == released["experiment"])
    #expect(ExperimentSums.areReleased(in: again, of: experiments.0))
    #expect(!ExperimentSums.areReleased(in: again, of: experiments.1))
  }
}
