import CanonicalJSON
import Testing
import VectorMath

@testable import Recommendation

@Suite struct FactorizationModelTests {
  private let loss = FactorizationLoss(ridge: 0.7, unobservedWeight: 0.3)

  private func factors(_ values: [Double], dimension: Int) -> ItemFactors {
    let count = values.count / dimension
    return ItemFactors(
      head: Head(popularity: [Float](repeating: 0, count: count), count: count),
      dimension: dimension, values: values)
  }

  private func randomValues(_ count: Int, seed: UInt64) -> [Double] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
  }

  @Test(
    "the gradient is that of the loss with the customer's vector solved anew (finite differences)")
  func gradientByFiniteDifferences() throws {
    let dimension = 3
    let values = randomValues(7 * dimension, seed: 9)
    let places = [0, 2, 5]
    let gradient = try loss.gradient(
      factors: factors(values, dimension: dimension), places: places)
    let step = 1e-5
    for index in values.indices {
      var above = values
      var below = values
      above[index] += step
      below[index] -= step
      let slope =
        (try loss.value(factors: factors(above, dimension: dimension), places: places)
          - loss.value(factors: factors(below, dimension: dimension), places: places)) / (2 * step)
      // Central differences: error of order step² plus rounding of order 1e-16 / step.
      #expect(abs(slope - gradient[index]) < 1e-8)
    }
    #expect(gradient.contains { abs($0) > 0.01 })
  }

  @Test("the customer's vector is where the weighted ridge loss has slope zero")
  func customerVectorIsMinimum() throws {
    let dimension = 4
    let values = randomValues(6 * dimension, seed: 21)
    let vector = try loss.customerVector(
      factors: factors(values, dimension: dimension), places: [1, 4])
    for index in 0..<dimension {
      var slope = loss.ridge * vector[index]
      for item in 0..<6 {
        let row = values[item * dimension..<(item + 1) * dimension]
        let score = zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 }
        let bought = item == 1 || item == 4
        slope +=
          (bought ? 1 : loss.unobservedWeight) * (score - (bought ? 1 : 0))
          * values[item * dimension + index]
      }
      #expect(abs(slope) < 1e-12)
    }
  }

  @Test(
    "rounds without noise lower the loss of all customers, whatever bounds gradients and steps",
    arguments: [
      [:], ["clipping": "adaptive"], ["server_optimizer": "adam"],
      ["clipping": "adaptive", "server_optimizer": "adam"],
    ])
  func roundsLowerTheLoss(variant: [String: String]) throws {
    let shop = try SyntheticShop(itemCount: 30, customers: 60, itemsEach: 6, seed: 8)
    let usual: [String: JSONValue] = [
      "head": .integer(30), "dimension": .integer(3), "rounds": .integer(12),
    ]
    let model = try FactorizationModel(
      hyperparameters: .object(usual.merging(variant.mapValues { .string($0) }) { $1 }))
    let loss = FactorizationLoss(ridge: 1, unobservedWeight: 0.5)
    var losses: [Double] = []
    _ = try shop.train(model) { _, parameters in
      let factors = try ItemFactors(parameters, itemCount: 30, dimension: 3)
      losses.append(
        try shop.histories.reduce(0) {
          $0 + (try loss.value(factors: factors, places: $1.rows.map(\.item)))
        })
    }
    #expect(losses.count == 13)
    #expect(losses[12] < (variant.isEmpty ? 0.75 : 0.85) * losses[0], "\(losses)")
  }

  @Test("a step is momentum on the sum over the cohort")
  func optimizerStep() throws {
    let model = try FactorizationModel(
      hyperparameters: .object([
        "head": .integer(1), "dimension": .integer(2), "rounds": .integer(2),
        "learning_rate": .string("4"), "momentum": .string("0.5"),
      ]))
    let before = try ModelParameters(tensors: [
      "popularity": .init([0, 0]), "head": .init([1]), "seed": .init([0, 0, 0, 0]),
      "factors": .init(shape: [1, 2], values: [1, -1]),
      "velocity": .init(shape: [1, 2], values: [0.5, 0]),
    ])
    let after = try model.advance(
      stage: 1, noisedSum: [2, -8],
      context: StageContext(
        noiseStandardDeviation: 1, targetCohort: 8, contributorCount: 5, features: nil),
      parameters: before, itemCount: 2)
    #expect(after["velocity"]?.values == [0.5, -1])
    #expect(after["factors"]?.values == [-1, 3])
    #expect(after["head"] == before["head"] && after["seed"] == before["seed"])
  }

  /// Two items in the head, one factor each, as the coordinator published them.
  private func published(
    _ changes: [String: ModelParameters.Tensor]
  ) throws -> ModelParameters {
    let tensors: [String: ModelParameters.Tensor] = [
      "popularity": .init([0, 0]), "head": .init([0, 1]), "seed": .init([0, 0, 0, 0]),
      "factors": .init(shape: [2, 1], values: [1, -1]),
      "velocity": .init(shape: [2, 1], values: [0, 0]),
    ]
    return try ModelParameters(tensors: tensors.merging(changes) { $1 })
  }

  private func small(_ changes: [String: JSONValue]) throws -> FactorizationModel {
    let usual: [String: JSONValue] = [
      "head": .integer(2), "dimension": .integer(1), "rounds": .integer(2),
      "learning_rate": .string("0.25"),
    ]
    return try FactorizationModel(hyperparameters: .object(usual.merging(changes) { $1 }))
  }

  private let context = StageContext(
    noiseStandardDeviation: 1, targetCohort: 8, contributorCount: 5, features: nil)

  @Test("the first step of adam has the learning rate's length, whatever the gradient's")
  func adamStep() throws {
    let model = try small(["server_optimizer": .string("adam")])
    let before = try published(["gradient_square": .init(shape: [2, 1], values: [0, 0])])
    let after = try model.advance(
      stage: 1, noisedSum: [0.08, -800], context: context, parameters: before, itemCount: 2)
    let factors = try #require(after["factors"]).values
    #expect(abs(factors[0] - 0.75) < 1e-4 && abs(factors[1] + 0.75) < 1e-4)
    // Means of gradient and square, 0.1 and 0.02 of the first ones.
    let mean = try #require(after["velocity"]).values
    let square = try #require(after["gradient_square"]).values
    #expect(abs(mean[0] - 0.001) < 1e-7 && abs(mean[1] + 10) < 1e-4)
    #expect(abs(square[0] - 2e-6) < 1e-9 && abs(square[1] - 200) < 1e-3)
    let broken = try published(["gradient_square": .init(shape: [2, 1], values: [0, -1])])
    #expect(throws: RecommendationError.negative(name: "gradient_square", index: 1)) {
      try model.advance(
        stage: 1, noisedSum: [1, 1], context: context, parameters: broken, itemCount: 2)
    }
  }

  @Test("adaptive clipping asks for one value more, and sends none of it for an empty head")
  func adaptiveUpdate() throws {
    let model = try small(["clipping": .string("adaptive")])
    let parameters = try published(["clip_norm": .init([0.05])])
    #expect(try model.updateDimension(stage: 1, parameters: parameters, itemCount: 2) == 3)
    let bought = CustomerHistory(rows: [.init(item: 1, occasions: 1, lastSeconds: 0)])
    let update = try model.update(
      stage: 1, history: bought, parameters: parameters, itemCount: 2)
    let gradient = try FactorizationLoss(ridge: 1, unobservedWeight: 0.5).gradient(
      factors: factors([1, -1], dimension: 1), places: [1])
    let expected = AdaptiveClipNorm(Double(Float(0.05))).update(of: gradient)
    for (value, expected) in zip(update, expected) { #expect(abs(Double(value) - expected) < 1e-7) }
    #expect(update.count == 3 && update[2] < 0)
    let empty = try model.update(
      stage: 1, history: .empty, parameters: parameters, itemCount: 2)
    #expect(empty == [0, 0, 0])
  }

  @Test("hostile parameters meet the same error, or the same zeros, whoever bought what")
  func hostileParameters() throws {
    let model = try small(["clipping": .string("adaptive"), "dimension": .integer(2)])
    // Of rank one and so long that the ridge is lost beside them.
    let factors = ModelParameters.Tensor(shape: [2, 2], values: [1e38, 1e38, 1e38, 1e38])
    let bought = CustomerHistory(rows: [.init(item: 1, occasions: 1, lastSeconds: 0)])
    let zeros = ModelParameters.Tensor(shape: [2, 2], values: [0, 0, 0, 0])
    for history in [bought, .empty] {
      #expect(throws: RecommendationError.clipNormOutOfRange(value: 0)) {
        try model.contribution(
          stage: 1, history: history,
          parameters: published(["factors": factors, "velocity": zeros, "clip_norm": .init([0])]),
          itemCount: 2)
      }
      let sent = try model.contribution(
        stage: 1, history: history,
        parameters: published(["factors": factors, "velocity": zeros, "clip_norm": .init([1])]),
        itemCount: 2)
      #expect(sent == [0, 0, 0, 0, 0])
    }
    #expect(throws: RecommendationError.numericalFailure(step: "rebuilding a customer's vector")) {
      try model.update(
        stage: 1, history: bought,
        parameters: published(["factors": factors, "velocity": zeros, "clip_norm": .init([1])]),
        itemCount: 2)
    }
  }

  @Test("a step with adaptive clipping is that of the clipped gradients, and moves the norm")
  func adaptiveStep() throws {
    let model = try small(["clipping": .string("adaptive"), "momentum": .string("0")])
    let before = try published(["clip_norm": .init([0.5])])
    let clipNorm = AdaptiveClipNorm(0.5)
    // Eight customers alike, longer than the norm.
    let sum = clipNorm.update(of: [3, 4]).map { 8 * $0 }
    let after = try model.advance(
      stage: 1, noisedSum: sum, context: context, parameters: before, itemCount: 2)
    let factors = try #require(after["factors"]).values
    // 0.25 times ten clipped gradients of [0.3, 0.4].
    #expect(abs(factors[0] - 0.25) < 1e-6 && abs(factors[1] + 2) < 1e-6)
    // None within, half of them wanted: exp(0.2 / 2).
    #expect(abs(try #require(after["clip_norm"]).values[0] - 0.552_585_5) < 1e-6)
  }

  @Test("an optimizer or clipping that nobody knows is refused, and momentum beside adam")
  func unknownChoices() {
    let refused: [([String: JSONValue], String, String)] = [
      (["clipping": .string("none")], "clipping", "\"fixed\" or \"adaptive\""),
      (
        ["server_optimizer": .string("sgd")], "server_optimizer", "\"momentum\" or \"adam\""
      ),
      (
        ["server_optimizer": .string("adam"), "momentum": .string("0.5")], "momentum",
        "nothing beside adam"
      ),
    ]
    for (values, name, accepted) in refused {
      #expect(throws: RecommendationError.invalidHyperparameter(name: name, accepted: accepted)) {
        try small(values)
      }
    }
  }

  @Test("the seed is FNV-1a of the catalogue: the published test values")
  func publicSeed() throws {
    // isthe.com test vectors of FNV-1a 64.
    #expect(PublicSeed(hashing: []).value == 0xcbf2_9ce4_8422_2325)
    #expect(PublicSeed(hashing: Array("a".utf8)).value == 0xaf63_dc4c_8601_ec8c)
    #expect(PublicSeed(hashing: Array("foobar".utf8)).value == 0x8594_4171_f739_67e8)
    let seed = PublicSeed(hashing: Array("foobar".utf8))
    let parameters = try ModelParameters(tensors: [PublicSeed.tensor: seed.parameters])
    #expect(try PublicSeed(parameters) == seed)
    let broken = try ModelParameters(tensors: [PublicSeed.tensor: .init([0, 0.5, 0, 0])])
    #expect(throws: RecommendationError.self) { try PublicSeed(broken) }
  }

  @Test("first factors follow from the catalogue, and another catalogue has others")
  func initialFactors() throws {
    let shop = try SyntheticShop(itemCount: 20, customers: 6, itemsEach: 4, seed: 1)
    let model = try SmallModels.make("mf")
    func first(_ catalogue: Catalogue) throws -> ModelParameters {
      try model.advance(
        stage: 0, noisedSum: [Double](repeating: 0, count: 20),
        context: StageContext(
          noiseStandardDeviation: 0, targetCohort: 6, contributorCount: 6, features: nil),
        parameters: model.initialParameters(catalogue: catalogue), itemCount: 20)
    }
    let other = try Catalogue(
      codes: shop.catalogue.codes, descriptions: [String](repeating: "", count: 20))
    #expect(try first(shop.catalogue) == first(shop.catalogue))
    #expect(try first(shop.catalogue)["factors"] != first(other)["factors"])
    let values = try #require(try first(shop.catalogue)["factors"]).values
    #expect(values.allSatisfy { abs($0) <= 0.0867 } && Set(values).count == values.count)
  }

  @Test("stages are the popularity and as many rounds as asked for")
  func stages() throws {
    let model = try FactorizationModel(hyperparameters: .object(["rounds": .integer(3)]))
    #expect(model.stages == ["popularity", "factors-1", "factors-2", "factors-3"])
    #expect(try FactorizationModel(hyperparameters: .object([:])).stages.count == 11)
  }
}
