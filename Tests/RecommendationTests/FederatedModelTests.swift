import CanonicalJSON
import Testing
import VectorMath

@testable import Recommendation

/// What every model promises to the parts that do not know which model it is.
@Suite struct FederatedModelTests {
  private let shop: SyntheticShop

  init() throws {
    shop = try SyntheticShop(itemCount: 30, customers: 40, itemsEach: 6, seed: 11)
  }

  @Test("an empty history sends exactly zero in every stage", arguments: SmallModels.all)
  func emptyHistorySendsZero(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    var before = try model.initialParameters(catalogue: shop.catalogue)
    _ = try shop.train(model) { stage, after in
      let update = try model.update(
        stage: stage, history: .empty, parameters: before, itemCount: shop.catalogue.count)
      #expect(!update.isEmpty && update.allSatisfy { $0 == 0 })
      before = after
    }
  }

  @Test(
    "no history sends more than norm 1, and one of some items and offers sends something",
    arguments: SmallModels.all)
  func normIsBounded(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    var everything = CustomerHistory(
      rows: (0..<30).map { .init(item: $0, occasions: 1000, lastSeconds: 0) })
    everything.responses = (0..<3000).map {
      ResponseExample(offer: $0 % 30, inputs: [1, 1, 1], isResponse: true)
    }
    var before = try model.initialParameters(catalogue: shop.catalogue)
    _ = try shop.train(model) { stage, after in
      for history in shop.histories + [everything] {
        let update = try model.update(
          stage: stage, history: history, parameters: before, itemCount: shop.catalogue.count)
        #expect(
          try update.count
            == model.updateDimension(
              stage: stage, parameters: before, itemCount: shop.catalogue.count))
        let norm = try Clipping.norm(update)
        #expect(norm > 0 && norm <= 1)
      }
      before = after
    }
  }

  @Test("a history that overflows under the parameters that it was given contributes zeros")
  func overflow() throws {
    let model = try SmallModels.make("sasrec")
    let name = LearnedSequence.weightsTensor
    let trained = try shop.train(model)
    var tensors = trained.tensors
    let learned = try #require(tensors[name])
    let largest = learned.values.map(abs).max() ?? 1
    let values = learned.values.map { $0 / largest * Float.greatestFiniteMagnitude }
    tensors[name] = .init(shape: learned.shape, values: values)
    let hostile = try ModelParameters(tensors: tensors)
    let (stage, count) = (model.stages.count - 1, shop.catalogue.count)
    let history = try #require(shop.histories.first)
    #expect(throws: RecommendationError.numericalFailure(step: "clipping an update")) {
      try model.update(stage: stage, history: history, parameters: hostile, itemCount: count)
    }
    let contribution = try model.contribution(
      stage: stage, history: history, parameters: hostile, itemCount: count)
    let empty = try model.contribution(
      stage: stage, history: .empty, parameters: hostile, itemCount: count)
    #expect(!contribution.isEmpty && contribution.allSatisfy { $0 == 0 })
    #expect(contribution == empty)
    // Where nothing overflows it is the update.
    #expect(
      try model.contribution(stage: stage, history: history, parameters: trained, itemCount: count)
        == model.update(stage: stage, history: history, parameters: trained, itemCount: count))
  }

  @Test(
    "scores are the sum of their components after every stage, with texts and without",
    arguments: SmallModels.all)
  func scoresAreAdditive(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    _ = try shop.train(model) { _, parameters in
      for features in [shop.features, nil] {
        for history in shop.histories.prefix(4) + [.empty] {
          let scores = try model.scores(
            history: history, parameters: parameters, features: features)
          #expect(scores.totals.count == shop.catalogue.count)
          for item in scores.totals.indices {
            var sum: Float = 0
            for part in scores.components { sum += part.values[item] }
            #expect(sum == scores.totals[item] && sum.isFinite)
          }
        }
      }
    }
  }

  @Test(
    "the shares of the history add up to the learned component",
    arguments: SmallModels.identifiers)
  func historySharesAddUp(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    let parameters = try shop.train(model)
    for history in shop.histories.prefix(6) {
      let scores = try model.scores(
        history: history, parameters: parameters, features: shop.features)
      let all = try model.historyShares(
        of: Array(0..<shop.catalogue.count), history: history, parameters: parameters)
      #expect(all.count == shop.catalogue.count)
      for (item, shares) in all.enumerated() {
        let learned = scores[.learned]?[item] ?? 0
        // A few hundred roundings of values below 10.
        #expect(abs(shares.reduce(0) { $0 + $1.value } - learned) < 1e-4)
        #expect(Set(shares.map(\.item)).isSubset(of: Set(history.rows.map(\.item))))
      }
    }
  }

  @Test(
    "models that learn more than popularity rank a customer's own half above the other",
    arguments: SmallModels.identifiers.filter { $0 != PopularityModel.identifier })
  func learnsWhoBuysWhat(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    let parameters = try shop.train(model)
    for (customer, history) in shop.histories.enumerated() {
      let scores = try model.scores(history: history, parameters: parameters, features: nil)
      let learned = try #require(scores[.learned] ?? scores[.sequence])
      let first = learned[..<15].reduce(0, +)
      let second = learned[15...].reduce(0, +)
      #expect(customer.isMultiple(of: 2) ? first > second : second > first)
    }
  }

  @Test("budget shares are positive, one a stage, together 1", arguments: SmallModels.all)
  func budgetSharesAddUp(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    #expect(model.budgetShares.count == model.stages.count)
    #expect(Set(model.stages).count == model.stages.count)
    #expect(model.budgetShares.allSatisfy { $0 > 0 })
    #expect(abs(model.budgetShares.reduce(0, +) - 1) < 1e-12)
  }

  @Test("parameters of every stage survive their encoding", arguments: SmallModels.all)
  func parametersEncode(identifier: String) throws {
    _ = try shop.train(try SmallModels.make(identifier)) { _, parameters in
      let decoded = try ModelParameters(decoding: parameters.encoded())
      #expect(decoded == parameters)
    }
  }

  @Test(
    "a stage that is not there, an item that is not there and a sum of another size are refused",
    arguments: SmallModels.identifiers)
  func refusesWhatDoesNotFit(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    let initial = try model.initialParameters(catalogue: shop.catalogue)
    let count = shop.catalogue.count
    for stage in [-1, model.stages.count] {
      #expect(
        throws: RecommendationError.stageOutOfRange(stage: stage, stages: model.stages.count)
      ) {
        try model.update(stage: stage, history: .empty, parameters: initial, itemCount: count)
      }
    }
    let outside = CustomerHistory(rows: [.init(item: count, occasions: 1, lastSeconds: 0)])
    for stage in model.stages.indices {
      #expect(throws: RecommendationError.itemOutOfRange(item: count, itemCount: count)) {
        try model.update(stage: stage, history: outside, parameters: initial, itemCount: count)
      }
    }
    let context = StageContext(
      noiseStandardDeviation: 0, targetCohort: 1, contributorCount: 1, features: nil)
    #expect(
      throws: RecommendationError.shapeMismatch(
        name: "noised sum", expected: [count], actual: [count - 1])
    ) {
      try model.advance(
        stage: 0, noisedSum: [Double](repeating: 0, count: count - 1), context: context,
        parameters: initial, itemCount: count)
    }
    var sum = [Double](repeating: 0, count: count)
    sum[3] = .nan
    #expect(throws: RecommendationError.notFinite(name: "noised sum", index: 3)) {
      try model.advance(
        stage: 0, noisedSum: sum, context: context, parameters: initial, itemCount: count)
    }
    #expect(throws: RecommendationError.missingTensor(name: "popularity")) {
      try model.scores(
        history: .empty, parameters: ModelParameters(tensors: [:]), features: nil)
    }
  }

  @Test(
    "features of another catalogue are refused",
    arguments: SmallModels.identifiers.filter { $0 != PopularityModel.identifier })
  func featuresMustFit(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    let initial = try model.initialParameters(catalogue: shop.catalogue)
    let other = try TextFeatures.lsa(descriptions: ["a b", "b c"], dimension: 2)
    #expect(
      throws: RecommendationError.shapeMismatch(
        name: "features", expected: [30, 2], actual: [2, 2])
    ) { try model.scores(history: .empty, parameters: initial, features: other) }
  }

  @Test("a federation is set up with the models that devices can feed, and with no other")
  func federatedModels() {
    for identifier in ModelRegistry.identifiers {
      #expect(throws: Never.self) { try ModelRegistry.requireFederated(identifier) }
    }
    for identifier in [ResponseModel.identifier, "deep"] {
      #expect(
        throws: RecommendationError.unknownModel(
          identifier: identifier, known: ModelRegistry.identifiers)
      ) { try ModelRegistry.requireFederated(identifier) }
    }
  }

  @Test("unknown models and hyperparameters are named in the error")
  func registryErrors() {
    #expect(
      throws: RecommendationError.unknownModel(
        identifier: "deep", known: ["popularity", "gram", "mf", "sasrec"])
    ) { try ModelRegistry.model(identifier: "deep", hyperparameters: .object([:])) }
    #expect(throws: RecommendationError.hyperparametersNotObject(actual: "array")) {
      try ModelRegistry.model(identifier: "gram", hyperparameters: .array([]))
    }
    #expect(
      throws: RecommendationError.unknownHyperparameter(
        name: "heads", known: ["head", "rank", "popular_since"])
    ) { try ModelRegistry.model(identifier: "gram", hyperparameters: .object(["heads": .null])) }
    for bad: JSONValue in [.integer(0), .integer(2000), .string("5"), .number(1.5)] {
      #expect(
        throws: RecommendationError.invalidHyperparameter(
          name: "head", accepted: "an integer from 1 to 1024")
      ) { try ModelRegistry.model(identifier: "gram", hyperparameters: .object(["head": bad])) }
    }
    for bad: JSONValue in [.integer(1), .string("-1"), .string("1e1"), .string("0"), .string("")] {
      #expect(throws: RecommendationError.self) {
        try ModelRegistry.model(identifier: "mf", hyperparameters: .object(["ridge": bad]))
      }
    }
    #expect(throws: Never.self) {
      try ModelRegistry.model(identifier: "mf", hyperparameters: .object(["ridge": .string("0.5")]))
    }
  }
}
