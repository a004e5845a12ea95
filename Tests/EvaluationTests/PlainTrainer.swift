import Evaluation
import Recommendation
import Synchronization

/// Trains any federated model by adding up what devices would send, without wire, clipping or ledger.
///
/// With an epsilon it adds a pattern that depends on the seed alone: enough for tests of what a
/// comparison does with noised figures, and no privacy.
final class PlainTrainer: Sendable {
  private let calls = Mutex<[UInt64]>([])

  /// The seed of each training so far.
  var seeds: [UInt64] { calls.withLock { $0 } }

  func train(_ request: FederatedTrainingRequest) throws -> FederatedTrainingResult {
    calls.withLock { $0.append(request.seed) }
    let model = try ModelRegistry.model(
      identifier: request.model, hyperparameters: request.hyperparameters)
    let itemCount = request.catalogue.count
    var parameters = try model.initialParameters(catalogue: request.catalogue)
    for stage in model.stages.indices {
      let dimension = try model.updateDimension(
        stage: stage, parameters: parameters, itemCount: itemCount)
      var sum = [Double](repeating: 0, count: dimension)
      for history in request.histories {
        let update = try model.update(
          stage: stage, history: history, parameters: parameters, itemCount: itemCount)
        for index in sum.indices { sum[index] += Double(update[index]) }
      }
      if request.epsilon != nil {
        for index in sum.indices { sum[index] += Double((index * 7 + Int(request.seed) * 5) % 11) }
      }
      parameters = try model.advance(
        stage: stage, noisedSum: sum,
        context: StageContext(
          noiseStandardDeviation: request.epsilon == nil ? 0 : 1,
          targetCohort: request.histories.count, contributorCount: request.histories.count,
          features: request.features),
        parameters: parameters, itemCount: itemCount)
    }
    return FederatedTrainingResult(
      parameters: parameters,
      effort: .init(
        rounds: model.stages.count, clientsPerRound: request.histories.count,
        bytesUpPerClient: 48, bytesDownPerClient: 100, mode: "sealed",
        epsilonSpent: request.epsilon))
  }
}
