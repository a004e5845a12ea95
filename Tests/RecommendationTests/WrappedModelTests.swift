import Testing

@testable import Recommendation

/// Adds nothing to what it wraps.
private struct PlainWrapper: WrappedModel {
  static let identifier = "wrapper"
  let base: any FederatedModel
}

@Suite("Wrapped models") struct WrappedModelTests {
  /// Every model, and matrix factorisation with an experiment: the one that leaves no requirement of
  /// ``FederatedModel`` at its default.
  private static func models() throws -> [any FederatedModel] {
    try SmallModels.identifiers.map(SmallModels.make) + [
      ModelRegistry.model(
        identifier: FactorizationModel.identifier,
        hyperparameters: Experiment.hyperparameters(
          name: "test", arms: ["control 1 greedy", "explore 1 linucb:1"], budgetShare: "0.2"))
    ]
  }

  @Test("a wrapper that adds nothing has the plan of its model, repeated stages and experiment too")
  func plan() throws {
    for model in try Self.models() {
      let wrapper: any FederatedModel = PlainWrapper(base: model)
      #expect(wrapper.stages == model.stages)
      #expect(wrapper.budgetShares == model.budgetShares)
      #expect(wrapper.repeatedStages == model.repeatedStages)
      #expect(wrapper.experiment == model.experiment)
    }
    let last = try #require(try Self.models().last)
    #expect(!last.repeatedStages.isEmpty && last.experiment != nil)
  }

  @Test("it is trained to the same parameters, and scores and explains with them alike")
  func training() throws {
    let shop = try SyntheticShop(itemCount: 30, customers: 40, itemsEach: 6, seed: 23)
    for model in try Self.models() {
      let wrapper = PlainWrapper(base: model)
      let parameters = try shop.train(wrapper)
      #expect(try parameters == shop.train(model))
      let history = shop.histories[3]
      let ours = try wrapper.scores(
        history: history, parameters: parameters, features: shop.features)
      let theirs = try model.scores(
        history: history, parameters: parameters, features: shop.features)
      #expect(ours.totals == theirs.totals)
      #expect(
        try wrapper.historyShares(of: [1, 20], history: history, parameters: parameters)
          == model.historyShares(of: [1, 20], history: history, parameters: parameters))
      let read = try wrapper.readSequence(of: history, parameters: parameters)
      #expect(try read == model.readSequence(of: history, parameters: parameters))
      #expect(read.isEmpty == (ours[.sequence] == nil))
    }
  }
}
