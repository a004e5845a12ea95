import CanonicalJSON
import VectorMath

@testable import Recommendation

/// A small shop with two kinds of customers, each with its own half of the items. Its first items are offers
/// too, of which each customer received one to three.
struct SyntheticShop {
  let catalogue: Catalogue
  let histories: [CustomerHistory]
  let features: ItemFeatures

  /// Items below `itemCount / 2` belong to customers of even index, the rest to the others.
  init(itemCount: Int, customers: Int, itemsEach: Int, seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let half = itemCount / 2
    catalogue = try Catalogue(
      codes: (0..<itemCount).map { String(100_000 + $0) },
      descriptions: (0..<itemCount).map { $0 < half ? "RED TIN \($0)" : "BLUE JAR \($0)" })
    histories = (0..<customers).map { customer in
      let start = customer.isMultiple(of: 2) ? 0 : half
      let items = Set((0..<itemsEach).map { _ in start + Int.random(in: 0..<half, using: &random) })
      var history = CustomerHistory(
        rows: items.sorted().map {
          .init(item: $0, occasions: Int.random(in: 1...3, using: &random), lastSeconds: 0)
        })
      history.responses = (0...customer % 3).map { offer in
        ResponseExample(
          offer: offer, inputs: [Float(customer % 5) / 4, Float(offer) / 2, 1],
          isResponse: (customer + offer).isMultiple(of: 3))
      }
      return history
    }
    features = try TextFeatures.lsa(descriptions: catalogue.descriptions, dimension: 2)
  }

  /// Runs all stages of a model on the sum of all updates, without noise.
  ///
  /// - Parameter features: as the coordinator has them, who is given none by most tests.
  func train(
    _ model: some FederatedModel, features: ItemFeatures? = nil,
    afterStage: (Int, ModelParameters) throws -> Void = { _, _ in }
  ) throws -> ModelParameters {
    var parameters = try model.initialParameters(catalogue: catalogue)
    for stage in model.stages.indices {
      let dimension = try model.updateDimension(
        stage: stage, parameters: parameters, itemCount: catalogue.count)
      var sum = [Double](repeating: 0, count: dimension)
      for history in histories {
        let update = try model.update(
          stage: stage, history: history, parameters: parameters, itemCount: catalogue.count)
        for index in sum.indices { sum[index] += Double(update[index]) }
      }
      parameters = try model.advance(
        stage: stage, noisedSum: sum,
        context: StageContext(
          noiseStandardDeviation: 0, targetCohort: histories.count,
          contributorCount: histories.count, features: features),
        parameters: parameters, itemCount: catalogue.count)
      try afterStage(stage, parameters)
    }
    return parameters
  }
}

/// Every model with hyperparameters that suit a small shop.
enum SmallModels {
  /// Those that learn from purchases.
  static let identifiers = ModelRegistry.identifiers
  /// With the one that learns from offers.
  static let all = identifiers + [ResponseModel.identifier]

  static func make(_ identifier: String) throws -> any FederatedModel {
    let hyperparameters: [String: JSONValue] =
      switch identifier {
      case GramModel.identifier: ["head": .integer(20), "rank": .integer(4)]
      case FactorizationModel.identifier:
        ["head": .integer(20), "dimension": .integer(3), "rounds": .integer(4)]
      case SequenceModel.identifier:
        [
          "dimension": .integer(4), "length": .integer(6), "rounds": .integer(80),
          "learning_rate": .string("0.05"), "learned_items": .integer(1),
        ]
      case ResponseModel.identifier: ["inputs": .integer(3), "rounds": .integer(4)]
      default: [:]
      }
    return try ModelRegistry.model(
      identifier: identifier, hyperparameters: .object(hyperparameters))
  }
}
