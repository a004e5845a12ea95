internal import Evaluation
internal import Federation
internal import Privacy
internal import Recommendation
internal import Simulation

/// Trains the federated cells of a comparison through the in-process link.
enum InProcessTrainer {
  /// The budget whose noise is accounted, but not drawn, in a run without noise.
  private static let nominalEpsilon = "8"

  @Sendable static func train(
    _ request: FederatedTrainingRequest
  ) async throws -> FederatedTrainingResult {
    let customers = request.histories.count
    let policy = try PolicyTemplate(
      federation: "comparison", model: request.model, hyperparameters: request.hyperparameters,
      epsilon: request.epsilon.map { "\($0)" } ?? nominalEpsilon,
      delta: "\(request.delta)", customers: customers,
      // The noise of the masked modes is sized for the fewest that a round accepts.
      minimumCohort: request.mode == ComparisonCell.centralNoise
        ? customers : max(2, customers / 2),
      maximumCohort: customers, roundDeadlineSeconds: 600, mode: request.mode
    ).policy()
    let federation = try InProcessFederation(
      policy: policy,
      model: try ModelRegistry.model(
        identifier: request.model, hyperparameters: request.hyperparameters),
      catalogue: request.catalogue, features: request.features, histories: request.histories,
      noise: SimulatedNoise(seed: request.epsilon == nil ? nil : request.seed))
    let outcome = try federation.train()
    return FederatedTrainingResult(
      parameters: outcome.parameters,
      effort: FederatedTrainingResult.Effort(
        rounds: outcome.roundsReleased, clientsPerRound: customers,
        bytesUpPerClient: outcome.bytesUp / customers,
        bytesDownPerClient: outcome.bytesDown / customers, mode: policy.mode,
        epsilonSpent: request.epsilon == nil ? nil : outcome.epsilonSpent))
  }
}
