import Evaluation
import Foundation
import Recommendation
import VectorMath

/// The federated transformer's algorithm run by one party that holds every log, in Double: whole-batch steps
/// of Adam on the mean of the customers' clipped gradients.
///
/// Written from the model's description; it shares the network, whose gradients are held against finite
/// differences, and the start with the federated path, and neither updates, parameters nor optimizer.
struct SequenceTwin: RankingModel {
  let name = "sasrec"
  private let network: Transformer<Double>

  /// - Parameters:
  ///   - seed: of the start, which is a hash of the catalogue.
  ///   - features: of `shape.dimension` values at least.
  init(
    histories: [CustomerHistory], features: ItemFeatures, shape: TransformerShape, rounds: Int,
    learningRate: Double, seed: UInt64
  ) throws {
    let itemCount = features.itemCount
    var network = Transformer<Double>(
      shape: shape,
      weights: shape.initialWeights(deviation: 0.02, lastGain: 0.3, seed: seed).map(Double.init),
      items: try Self.directions(features, count: shape.dimension),
      bias: Self.logPopularity(histories, itemCount: itemCount), learnsItems: false)
    var mean = network.weights.map { _ in 0.0 }
    var square = mean
    for round in 1...rounds {
      var sum = mean.map { _ in 0.0 }
      for history in histories {
        for (index, value) in Self.gradient(network, history).enumerated() { sum[index] += value }
      }
      let rate = learningRate * Double(rounds - round + 1) / Double(rounds)
      for index in sum.indices {
        let value = sum[index] / Double(histories.count)
        mean[index] = 0.9 * mean[index] + 0.1 * value
        square[index] = 0.98 * square[index] + 0.02 * value * value
        let direction =
          mean[index] / (1 - pow(0.9, Double(round)))
          / ((square[index] / (1 - pow(0.98, Double(round)))).squareRoot() + 1e-8)
        network.weights[index] -= rate * direction
      }
    }
    self.network = network
  }

  /// Ten times the gradient of the mean loss, at most at norm 1.
  private static func gradient(
    _ network: Transformer<Double>, _ history: CustomerHistory
  ) -> [Double] {
    let windows = SequenceWindow.windows(
      of: history.sequence(), length: network.shape.length)
    let count = windows.reduce(0) { $0 + $1.inputs.count }
    var gradient = network.zeroGradient
    var dropout: Dropout?
    for window in windows {
      network.addGradient(
        of: window, scale: 10 / Double(count), dropout: &dropout, to: &gradient)
    }
    let norm = gradient.weights.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return gradient.weights.map { $0 / max(norm, 1) }
  }

  /// ln of the customers of an item over half a customer; no history has more than 64 items.
  private static func logPopularity(_ histories: [CustomerHistory], itemCount: Int) -> [Double] {
    PopularityBaseline(histories: histories, itemCount: itemCount).counts.map {
      log(max(Double($0) / 0.5, 1))
    }
  }

  /// The features along their leading principal directions, at norm 1, row by row.
  private static func directions(_ features: ItemFeatures, count: Int) throws -> [Double] {
    let all = try DoubleMatrix(
      rows: features.itemCount, columns: features.dimension,
      storage: features.values.map(Double.init))
    let vectors = try SymmetricEigen.decompose(
      Kernels.product(all.transposed(), all)
    ).vectors
    return (0..<features.itemCount).flatMap { item in
      let row = (0..<count).map { direction in
        zip(vectors.row(direction), all.row(item)).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return row.map { $0 / norm }
    }
  }

  func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    zip(network.scores(after: history.sequence()), network.bias).map { Float($0 + $1) }
  }
}
