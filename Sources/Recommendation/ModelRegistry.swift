package import CanonicalJSON

/// The models that a policy can name.
package enum ModelRegistry {
  /// Identifiers of the models that a federation of devices can learn, in the order in which they are shown.
  ///
  /// ``ResponseModel`` can be made and is not among them: what devices store holds no offers.
  package static let identifiers = [
    PopularityModel.identifier, GramModel.identifier, FactorizationModel.identifier,
    SequenceModel.identifier,
  ]

  /// Checks what a federation of devices is set up with: a model that devices cannot feed would spend its
  /// budget on sums of zeros.
  ///
  /// - Throws: `.unknownModel` for what is not one of ``identifiers``.
  package static func requireFederated(_ identifier: String) throws(RecommendationError) {
    guard identifiers.contains(identifier) else {
      throw .unknownModel(identifier: identifier, known: identifiers)
    }
  }

  /// - Parameters:
  ///   - identifier: one of ``identifiers``, or that of ``ResponseModel``.
  ///   - hyperparameters: an object; which members a model accepts is documented with the model. The
  ///     empty object takes every default. Those of an ``Experiment`` go with every model.
  /// - Throws: `.unknownModel`, `.hyperparametersNotObject`, `.unknownHyperparameter`,
  ///   `.invalidHyperparameter`.
  package static func model(
    identifier: String, hyperparameters: JSONValue
  ) throws(RecommendationError) -> any FederatedModel {
    if let experiment = try Experiment(hyperparameters: hyperparameters) {
      let rest = (hyperparameters.objectValue ?? [:]).filter { !Experiment.keys.contains($0.key) }
      return ExperimentModel(
        base: try model(identifier: identifier, hyperparameters: .object(rest)),
        experiment: experiment)
    }
    return switch identifier {
    case PopularityModel.identifier: try PopularityModel(hyperparameters: hyperparameters)
    case GramModel.identifier: try GramModel(hyperparameters: hyperparameters)
    case FactorizationModel.identifier:
      try FactorizationModel(hyperparameters: hyperparameters)
    case SequenceModel.identifier: try SequenceModel(hyperparameters: hyperparameters)
    case ResponseModel.identifier: try ResponseModel(hyperparameters: hyperparameters)
    default: throw .unknownModel(identifier: identifier, known: identifiers)
    }
  }
}
