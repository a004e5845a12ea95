package import CanonicalJSON
package import Recommendation

/// A sequence transformer fitted by one party that holds every log: 2 blocks, 1 head, d 48, the latest 50
/// items, softmax over the catalogue.
///
/// The number of epochs is chosen on the protocol's own validation part; the other settings are fixed.
/// - Source: Kang, McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018; see `Transformer`.
package struct CentralizedSASRec: RankingModel {
  package static let identifier = "sasrec"
  /// Items beyond which a softmax over the catalogue takes hours.
  package static let largestCatalogue = 20_000
  /// Epochs tried on the validation part.
  package static let candidateEpochs = epochs(tried: 6)
  /// The most epochs that are tried.
  private static let mostEpochs = 60
  /// Name of the one hyper-parameter that is tuned.
  package static let epochsName = "epochs"

  /// Sizes near the published ones (d 50, 2 blocks, 50 to 200 items); rates as they are common for them.
  package static let defaultOptions = SequenceTrainer.Options(
    shape: TransformerShape(dimension: 48, blocks: 2, length: 50), dropoutRate: 0.2,
    learningRate: 0.001, batchSize: 128, startDeviation: 0.02)

  /// Hyper-parameters of the federated model with which a federation without noise learns this network by steps like
  /// these: 50 passes over all customers in ``twinDevices(of:)`` parts each.
  package static let twinHyperparameters: JSONValue = .object([
    "blocks": .integer(2), "decay": .integer(0), "dimension": .integer(48),
    "dropout": .string("0.2"), "learned_items": .integer(1), "learning_rate": .string("0.003"),
    "loss": .string("sum"), "rounds": .integer(400),
  ])
  /// Devices in a round of that training, of so many: an eighth. On ml-100k that is about 300 windows a step, where
  /// ``defaultOptions`` have 128: larger steps, at a higher rate, need fewer rounds.
  package static func twinDevices(of devices: Int) -> Int { max(1, (devices + 7) / 8) }

  package let name = identifier
  private let network: Transformer<Float>

  /// - Parameters:
  ///   - histories: what is learned from, in the order of the purchases' times.
  ///   - itemCount: number of items.
  ///   - epochs: passes over all histories, at least 1.
  ///   - seed: the same gives the same bits.
  /// - Throws: `CancellationError`.
  package init(
    histories: [CustomerHistory], itemCount: Int, epochs: Int, seed: UInt64,
    options: SequenceTrainer.Options = CentralizedSASRec.defaultOptions
  ) throws {
    var trainer = SequenceTrainer(
      sequences: histories.map { $0.sequence() }, itemCount: itemCount, options: options,
      seed: seed)
    for _ in 0..<epochs {
      try Task.checkCancellation()
      trainer.trainEpoch()
    }
    self.init(network: trainer.network)
  }

  private init(network: Transformer<Float>) { self.network = network }

  /// So many numbers of epochs, evenly spaced and rounded, up to 60; up to their number, if that is more.
  package static func epochs(tried count: Int) -> [Int] {
    let most = max(mostEpochs, count)
    // A quotient of integers plus one half, rounded down.
    return (1...count).map { (2 * $0 * most + count) / (2 * count) }
  }

  /// `epochs` out of `{"epochs": 40}`; nil for an empty object, where they are chosen.
  ///
  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
  static func epochs(in hyperparameters: JSONValue) throws(RecommendationError) -> Int? {
    try Hyperparameters(hyperparameters, known: [epochsName]).integer(epochsName, in: 1...1_000)
  }

  /// The figures of one training after each of some numbers of epochs.
  ///
  /// - Parameters:
  ///   - candidates: at least 1 each.
  ///   - features: as for `EvaluationProblem.evaluate`.
  ///   - progress: told how many are done.
  /// - Throws: what evaluation throws; `CancellationError`.
  static func results(
    after candidates: [Int], on problem: EvaluationProblem, features: ItemFeatures? = nil,
    seed: UInt64, options: SequenceTrainer.Options = CentralizedSASRec.defaultOptions,
    progress: (Int) -> Void = { _ in }
  ) async throws -> [Int: [TaskResult]] {
    var trainer = SequenceTrainer(
      sequences: problem.histories.map { $0.sequence() }, itemCount: problem.catalogue.count,
      options: options, seed: seed)
    var results: [Int: [TaskResult]] = [:]
    for epoch in 1...(candidates.max() ?? 1) {
      try Task.checkCancellation()
      trainer.trainEpoch()
      guard candidates.contains(epoch) else { continue }
      results[epoch] = try await problem.evaluate(
        Self(network: trainer.network), features: features)
      progress(results.count)
    }
    return results
  }

  /// The candidate with the highest NDCG of the last task of a problem made of training data only; ties go to
  /// fewer epochs.
  ///
  /// - Throws: what evaluation throws; `CancellationError`.
  package static func chosenEpochs(
    among candidates: [Int] = candidateEpochs, on tuning: EvaluationProblem, seed: UInt64,
    options: SequenceTrainer.Options = CentralizedSASRec.defaultOptions
  ) async throws -> Int {
    let results = try await results(after: candidates, on: tuning, seed: seed, options: options)
    var best = (epochs: candidates.first ?? 1, ndcg: -1.0)
    for (epochs, tasks) in results.sorted(by: { $0.key < $1.key }) {
      let ndcg = tasks.last?.value(of: .ndcg) ?? 0
      if ndcg > best.ndcg { best = (epochs, ndcg) }
    }
    return best.epochs
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    network.scores(after: history.sequence())
  }
}
