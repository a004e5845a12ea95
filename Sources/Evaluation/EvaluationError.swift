/// What can go wrong while models are compared.
package enum EvaluationError: Error, Equatable, Sendable {
  /// The data set has no customer whom a protocol can evaluate; `need` says what it asks for.
  case nothingToEvaluate(protocolName: String, need: String)
  /// A model gave another number of scores than there are items.
  case wrongScoreCount(model: String, expected: Int, actual: Int)
  /// A model gave a score that is not finite.
  case scoreNotFinite(model: String)
  /// The plan has a federated cell and no trainer was given.
  case noFederatedTrainer
  /// The plan makes no sense.
  case invalidPlan(reason: String)
  /// The cache directory cannot be used.
  case cacheUnusable(path: String, reason: String)
}

extension EvaluationError: CustomStringConvertible {
  /// One sentence for a person.
  package var description: String {
    switch self {
    case .nothingToEvaluate(let protocolName, let need):
      "protocol \(protocolName) needs \(need), and no customer of this data set has that"
    case .wrongScoreCount(let model, let expected, let actual):
      "\(model) gave \(actual) scores for \(expected) items"
    case .scoreNotFinite(let model):
      "\(model) gave a score that is not finite"
    case .noFederatedTrainer:
      "a federated model is in the plan and nothing can train it"
    case .invalidPlan(let reason):
      reason
    case .cacheUnusable(let path, let reason):
      "the cache \(path) cannot be used: \(reason); name another or remove it"
    }
  }
}
