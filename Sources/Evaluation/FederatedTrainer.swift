package import CanonicalJSON
package import Recommendation

/// What a federated cell of a comparison asks to have trained.
package struct FederatedTrainingRequest: Sendable {
  /// One history a device; an empty one sends zero.
  package let histories: [CustomerHistory]
  /// The public list of items.
  package let catalogue: Catalogue
  /// Public vectors of the items, as the coordinator has them; nil where there are none.
  package let features: ItemFeatures?
  /// Identifier for `ModelRegistry`.
  package let model: String
  /// Its hyper-parameters.
  package let hyperparameters: JSONValue
  /// Total budget of the training under zero-out; nil for no noise at all.
  package let epsilon: Double?
  /// The delta that goes with `epsilon`.
  package let delta: Double
  /// Seeds the simulated noise and any random start of the model.
  package let seed: UInt64
  /// Aggregation mode.
  package let mode: String
  /// Whether a masked mode runs its masks, or has its noise drawn at once.
  package let runsMasks: Bool
  /// Customers to draw from `histories` with replacement, by `seed`; nil for those there are, once each.
  package let resampledCustomers: Int?
  /// Devices that take part in each round but the first, drawn by `seed` so that each has its turn; nil for all.
  package let devicesPerRound: Int?

  package init(
    histories: [CustomerHistory], catalogue: Catalogue, features: ItemFeatures?, model: String,
    hyperparameters: JSONValue, epsilon: Double?, delta: Double, seed: UInt64,
    mode: String = ComparisonCell.centralNoise, runsMasks: Bool = false,
    resampledCustomers: Int? = nil, devicesPerRound: Int? = nil
  ) {
    self.devicesPerRound = devicesPerRound
    self.runsMasks = runsMasks
    self.resampledCustomers = resampledCustomers
    self.histories = histories
    self.catalogue = catalogue
    self.features = features
    self.model = model
    self.hyperparameters = hyperparameters
    self.epsilon = epsilon
    self.delta = delta
    self.seed = seed
    self.mode = mode
  }
}

/// What came out of a federated training.
package struct FederatedTrainingResult: Sendable {
  /// What the rounds took, for the report.
  package struct Effort: Equatable, Sendable {
    /// Rounds released.
    package let rounds: Int
    /// Customers in each round.
    package let clientsPerRound: Int
    /// Bytes that one device sent, over all rounds, as the wire codec counts them.
    package let bytesUpPerClient: Int
    /// Bytes that one device received, likewise.
    package let bytesDownPerClient: Int
    /// Aggregation mode, as in the policy.
    package let mode: String
    /// The budget charged, by the ledger's accountant; nil without noise.
    package let epsilonSpent: Double?

    package init(
      rounds: Int, clientsPerRound: Int, bytesUpPerClient: Int, bytesDownPerClient: Int,
      mode: String, epsilonSpent: Double?
    ) {
      self.rounds = rounds
      self.clientsPerRound = clientsPerRound
      self.bytesUpPerClient = bytesUpPerClient
      self.bytesDownPerClient = bytesDownPerClient
      self.mode = mode
      self.epsilonSpent = epsilonSpent
    }
  }

  /// The public parameters after the last round.
  package let parameters: ModelParameters
  /// What it took.
  package let effort: Effort

  package init(parameters: ModelParameters, effort: Effort) {
    self.parameters = parameters
    self.effort = effort
  }
}

/// Trains a model by real rounds: every message encoded, bounded and decoded by the wire codec.
///
/// Given by the caller (`Simulation` has one), so that a comparison does not know how rounds are run.
package typealias FederatedTrainer =
  @Sendable (FederatedTrainingRequest) async throws -> FederatedTrainingResult

/// The federated parameters scored as a device scores them.
package struct FederatedRankingModel: RankingModel {
  package let name: String
  private let recommender: Recommender

  package init(
    identifier: String, hyperparameters: JSONValue, parameters: ModelParameters,
    catalogue: Catalogue, features: ItemFeatures?
  ) throws {
    name = identifier
    recommender = Recommender(
      model: try ModelRegistry.model(identifier: identifier, hyperparameters: hyperparameters),
      parameters: parameters, catalogue: catalogue, features: features)
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) throws -> [Float] {
    try recommender.scores(history: history, repeats: repeats).totals
  }
}
