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
  package static let candidateEpochs = Array(stride(from: 10, through: 60, by: 10))

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

  /// The candidate with the highest NDCG of the last task of a problem made of training data only; ties go to
  /// fewer epochs.
  ///
  /// - Throws: what evaluation throws; `CancellationError`.
  package static func chosenEpochs(
    among candidates: [Int] = candidateEpochs, on tuning: EvaluationProblem, seed: UInt64,
    options: SequenceTrainer.Options = CentralizedSASRec.defaultOptions
  ) async throws -> Int {
    var trainer = SequenceTrainer(
      sequences: tuning.histories.map { $0.sequence() }, itemCount: tuning.catalogue.count,
      options: options, seed: seed)
    var best = (epochs: candidates.first ?? 1, ndcg: -1.0)
    for epoch in 1...(candidates.max() ?? 1) {
      try Task.checkCancellation()
      trainer.trainEpoch()
      guard candidates.contains(epoch) else { continue }
      let results = try await tuning.evaluate(Self(network: trainer.network))
      let ndcg = results.last?.value(of: .ndcg) ?? 0
      if ndcg > best.ndcg { best = (epoch, ndcg) }
    }
    return best.epochs
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    network.scores(after: history.sequence())
  }
}
