import Federation
import Privacy
import Recommendation
import SecureAggregation
import Simulation
import Testing
import VectorMath
import WireProtocol

/// The ties between a comparison's cells and the rounds that they stand for.
@Suite("Cells without masks, and resampled cohorts")
struct UnmaskedTwinTests {
  private func train(
    _ shop: SmallShop, policy: PrivacyPolicy, seed: UInt64?, factor: Double = 1,
    cohort: ResampledCohort? = nil
  ) throws -> InProcessFederation.Outcome {
    try InProcessFederation(
      policy: policy, model: shop.model, catalogue: shop.catalogue, features: shop.features,
      histories: shop.histories, noise: SimulatedNoise(seed: seed, deviationFactor: factor),
      cohort: cohort
    ).train()
  }

  /// Mean square of what noise does to the popularity, in units of 1 / cohort².
  private func spread(
    _ exact: [Float], _ noised: [[Float]]
  ) -> Double {
    let squares = noised.flatMap { zip($0, exact).map { Double($0 - $1) * Double($0 - $1) } }
    return squares.reduce(0, +) / Double(squares.count)
  }

  @Test("secagg-ddp drawn at once has the noise of the round with its masks")
  func sameNoiseAsMasked() throws {
    let customers = 16
    let masked = try SmallShop(
      model: "popularity", customers: customers, mode: "secagg-ddp", maximumCohort: customers)
    let twin = try UnmaskedTwin(of: masked.policy, cohort: customers, devices: customers)
    // N_h = 15 - 1.
    #expect(abs(twin.deviationFactor - (16.0 / 14).squareRoot()) < 1e-12)
    #expect(twin.policy.plan == masked.policy.plan)
    let exact = try #require(
      try SmallShop(model: "popularity", customers: customers).train(seed: nil)
        .parameters["popularity"]
    ).values
    func popularity(_ outcome: InProcessFederation.Outcome) throws -> [Float] {
      try #require(outcome.parameters["popularity"]).values
    }
    let seeds = 1...16 as ClosedRange<UInt64>
    let real = try seeds.map { try popularity(masked.train(seed: $0)) }
    let drawn = try seeds.map {
      try popularity(
        train(masked, policy: twin.policy, seed: $0, factor: twin.deviationFactor))
    }
    let sealed = try seeds.map { try popularity(train(masked, policy: twin.policy, seed: $0)) }
    // 1,440 squares on both sides: relative standard deviation 0.053. 0.3 is 5.6 of them: fewer
    // than one false alarm in ten million choices of the seeds.
    #expect(abs(spread(exact, drawn) / spread(exact, real) - 1) < 0.3)
    // Every value of the two has the same draws on another grid, so that this ratio is nearly
    // exact.
    #expect(abs(spread(exact, drawn) / spread(exact, sealed) - 16.0 / 14) < 0.12)
  }

  @Test(
    "what the twin shows as spent is what the ledger of the masked rounds holds",
    arguments: [40, 132])
  func sameSpent(customers: Int) throws {
    let shop = try SmallShop(
      model: "popularity", customers: customers, mode: "secagg-ddp", maximumCohort: customers)
    let twin = try UnmaskedTwin(of: shop.policy, cohort: customers, devices: customers)
    #expect(abs(twin.epsilonSpent - (try shop.train(seed: 1).epsilonSpent)) < 1e-6)
  }

  @Test("the twin knows how much noise there is: gram chooses by it as under masks")
  func sameKnowledge() throws {
    let masked = try SmallShop(model: "gram", mode: "secagg-ddp", maximumCohort: 100)
    let twin = try UnmaskedTwin(of: masked.policy, cohort: 40, devices: 40)
    let real = try masked.train(seed: 1).parameters
    let drawn = try train(
      masked, policy: twin.policy, seed: 1, factor: twin.deviationFactor
    ).parameters
    // The weight of the text follows from sigma and n alone; whole grid steps are 1e-5 of it.
    let left = try #require(real["text_weight"]).values[0]
    let right = try #require(drawn["text_weight"]).values[0]
    #expect(abs(left / right - 1) < 1e-4)
  }

  @Test("a cohort larger than the policy's is refused")
  func refused() throws {
    let shop = try SmallShop(model: "popularity", mode: "secagg-ddp", maximumCohort: 100)
    #expect(throws: MaskingParameterError.self) {
      try UnmaskedTwin(of: shop.policy, cohort: 101, devices: 101)
    }
  }

  @Test("copies: drawn with replacement, all there, one seed one cohort")
  func copies() {
    var first = SeededRandom(seed: 1)
    var second = SeededRandom(seed: 1)
    let cohort = ResampledCohort.drawn(size: 400, from: 40, using: &first)
    #expect(cohort == ResampledCohort.drawn(size: 400, from: 40, using: &second))
    #expect(cohort.size == 400 && cohort.copies.count == 40)
    // Not ten each: a Poisson number, between 0 and 30 but with probability 1e-6.
    #expect(Set(cohort.copies).count > 3 && cohort.mostCopies < 30)
  }

  @Test(
    "weights are copies: without noise a resampled cohort gives the model of the cohort with copies"
  )
  func weightsAreCopies() throws {
    let shop = try SmallShop(model: "gram", customers: 12)
    let cohort = ResampledCohort(copies: [3, 0, 1, 2, 3, 1, 1, 2, 3, 1, 2, 1])
    let weighted = try train(shop, policy: shop.policy, seed: nil, cohort: cohort).parameters
    var copied = try SmallShop(model: "gram", customers: cohort.size)
    copied.histories = zip(shop.histories, cohort.copies).flatMap {
      [CustomerHistory](repeating: $0, count: $1)
    }
    let real = try train(copied, policy: copied.policy, seed: nil).parameters
    #expect(weighted.tensors.keys.sorted() == real.tensors.keys.sorted())
    let popularity = zip(
      try #require(weighted["popularity"]).values, try #require(real["popularity"]).values)
    // The updates lie on a grid of 2^-20 or finer and are summed for 20 customers.
    #expect(popularity.allSatisfy { abs($0 - $1) < 1e-4 })
    let scores = try [weighted, real].map {
      try shop.model.scores(history: shop.histories[0], parameters: $0, features: nil).totals
    }
    #expect(zip(scores[0], scores[1]).allSatisfy { abs($0 - $1) < 2e-2 })
  }

  @Test("c copies of everyone have a c-th of the noise on what is divided by the cohort")
  func lessNoise() throws {
    let shop = try SmallShop(model: "popularity")
    let exact = try #require(try shop.train(seed: nil).parameters["popularity"]).values
    let tenfold = ResampledCohort(copies: [Int](repeating: 10, count: 40))
    var single: [[Float]] = []
    var many: [[Float]] = []
    for seed in 1...8 as ClosedRange<UInt64> {
      single.append(try #require(try shop.train(seed: seed).parameters["popularity"]).values)
      let outcome = try train(
        shop, policy: shop.policy, seed: seed, factor: 1.0 / 10, cohort: tenfold)
      many.append(try #require(outcome.parameters["popularity"]).values)
    }
    // The same draws, a tenth as wide: squares a hundredth.
    #expect(abs(spread(exact, single) / spread(exact, many) - 100) < 12)
  }
}
