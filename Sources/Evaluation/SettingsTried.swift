internal import Datasets
internal import Recommendation

/// How many settings of a model's hyper-parameters were tried on a data set to choose the ones it runs with.
package enum SettingsTried {
  /// On parts of these the constants of the models were chosen, by trials that nobody counted.
  private static let tuningData: Set<String> = [
    OnlineRetail.name, DatasetSource.movieLens100K.name,
  ]
  /// What has nothing to tune.
  private static let untunedModels: Set<String> = ["popularity", "own-frequency"]
  /// The trials that were counted, by data set and model, or label of a row.
  private static let counted = [
    DatasetSource.movieLens100K.name: [
      // Start, rounds, rate and size of the federated transformer.
      SequenceModel.identifier: 8,
      // Rounds, devices a round, rate, decay, dropout, loss and start.
      twin: 13,
    ]
  ]
  private static let twin =
    ComparisonCell(model: SequenceModel.identifier, setting: .federated, isTwin: true).label

  /// As ``ComparisonPlan/settingsTried``, for models that run with their defaults.
  ///
  /// - Parameter dataset: its name in the library.
  package static func counts(of cells: [ComparisonCell], on dataset: String) -> [String: Int?] {
    var tried: [String: Int?] = [:]
    if tuningData.contains(dataset) {
      for model in Set(cells.map(\.model)).subtracting(untunedModels) {
        tried.updateValue(counted[dataset]?[model], forKey: model)
      }
    }
    // Its hyperparameters are its own, whatever those of the model are.
    tried.updateValue(tuningData.contains(dataset) ? counted[dataset]?[twin] : 0, forKey: twin)
    // Epochs are chosen anew on every data set.
    tried[ComparisonCell(model: CentralizedSASRec.identifier, setting: .centralized).label] =
      CentralizedSASRec.candidateEpochs.count
    return tried
  }
}
