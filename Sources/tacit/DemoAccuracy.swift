internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Federation
internal import Operations
internal import Privacy
internal import Recommendation
internal import Simulation

/// The demo's accuracy: recall@20 on items that a customer had not bought before.
struct DemoAccuracy: Sendable {
  let popularity: Double
  let federatedPrivate: Double
  let federatedNoNoise: Double
  let centralized: Double

  private static let easeHyperparameters = JSONValue.object(["lambda": .string("200")])

  /// Measures the model that the coordinator released, and two others beside it.
  ///
  /// - Parameter users: as the demo's; nil for all.
  static func measure(
    split: RetailSplit, policy: PrivacyPolicy, parameters: ModelParameters, users: Int?,
    popularity: Double
  ) async throws -> DemoAccuracy {
    let problem = try EvaluationProblem.retail(split, name: OnlineRetail.name)
    let features = try TextFeatures.vectors(descriptions: split.catalogue.descriptions)
    let histories = chosenHistories(split, users: users)
    let itemCount = split.catalogue.count
    func recall(_ model: some RankingModel) async throws -> Double {
      try await Self.recall(of: model, in: problem)
    }
    func federated(_ parameters: ModelParameters) throws -> FederatedRankingModel {
      try FederatedRankingModel(
        identifier: policy.model, hyperparameters: policy.hyperparameters,
        parameters: parameters, catalogue: split.catalogue, features: features)
    }
    let progress = ProgressReporter.onStandardError(title: "measuring", unit: "models", total: 3)
    let federatedPrivate = try await recall(try federated(parameters))
    progress.update(done: 1)
    let unnoised = try await InProcessTrainer.train(
      FederatedTrainingRequest(
        histories: histories.filter { !$0.isEmpty }, catalogue: split.catalogue,
        features: features, model: policy.model, hyperparameters: policy.hyperparameters,
        epsilon: nil,
        delta: policy.delta.doubleValue, seed: 1))
    let federatedNoNoise = try await recall(try federated(unnoised.parameters))
    progress.update(done: 2)
    let centralized = try await recall(
      EASE(
        histories: histories, itemCount: itemCount,
        regularization: try EASE.regularization(in: easeHyperparameters)))
    progress.finish()
    return DemoAccuracy(
      popularity: popularity, federatedPrivate: federatedPrivate,
      federatedNoNoise: federatedNoNoise, centralized: centralized)
  }

  /// What everyone's best sellers reach: the first figure, before any training.
  static func popularity(of split: RetailSplit, users: Int?) async throws -> Double {
    try await recall(
      of: PopularityBaseline(
        histories: chosenHistories(split, users: users), itemCount: split.catalogue.count),
      in: try EvaluationProblem.retail(split, name: OnlineRetail.name))
  }

  private static func recall(
    of model: some RankingModel, in problem: EvaluationProblem
  ) async throws -> Double {
    let results = try await problem.evaluate(model)
    return results.first { $0.task == "new" }?.value(of: .recall) ?? .nan
  }

  /// The histories of the customers that take part; the others' are empty.
  private static func chosenHistories(_ split: RetailSplit, users: Int?) -> [CustomerHistory] {
    guard let users else { return split.histories }
    let present = split.histories.indices.filter { !split.histories[$0].isEmpty }
      .map { (index: $0, id: split.customers[$0]) }
    let chosen = Set(CustomerSplit.chosen(users, of: present))
    return split.histories.indices.map {
      chosen.contains($0) ? split.histories[$0] : CustomerHistory(rows: [])
    }
  }

  var lines: [String] {
    [
      "recall@20 on items new to the customer, ranking the whole catalogue:",
      "  popularity (everyone's purchases in one place)   \(figure(popularity))",
      "  federated, private: the model just trained       \(figure(federatedPrivate))",
      "  federated, no noise (simulation)                 \(figure(federatedNoNoise))",
      "  centralized EASE (everyone's purchases)          \(figure(centralized))",
    ]
  }

  private func figure(_ value: Double) -> String { Format.decimal(value, places: 4) }

  var json: JSONValue {
    .object([
      "popularity": .number(popularity), "federated_private": .number(federatedPrivate),
      "federated_no_noise": .number(federatedNoNoise), "centralized": .number(centralized),
    ])
  }
}
