internal import VectorMath

/// Trains a ``Transformer`` on sequences that one party holds: mini-batches of windows, Adam, dropout.
///
/// The same seed gives the same bits on one kind of processor.
package struct SequenceTrainer: Sendable {
  /// How a network is trained.
  package struct Options: Sendable, Equatable {
    /// The network's sizes.
    package var shape: TransformerShape
    /// Chance that a value is dropped, in [0, 1).
    package var dropoutRate: Double
    /// Of Adam, above 0.
    package var learningRate: Double
    /// Windows a step.
    package var batchSize: Int
    /// Standard deviation of the weights and item vectors before the first step.
    package var startDeviation: Double

    package init(
      shape: TransformerShape, dropoutRate: Double, learningRate: Double, batchSize: Int,
      startDeviation: Double
    ) {
      precondition(batchSize >= 1, "a batch has a window")
      self.shape = shape
      self.dropoutRate = dropoutRate
      self.learningRate = learningRate
      self.batchSize = batchSize
      self.startDeviation = startDeviation
    }
  }

  /// The network after the epochs so far.
  package private(set) var network: Transformer<Float>
  private let options: Options
  private var windows: [SequenceWindow]
  private var weightSteps: Adam
  private var itemSteps: Adam
  private var dropout: Dropout?
  private var order: SeededRandom

  /// - Parameters:
  ///   - sequences: places of items, oldest first, one sequence a customer.
  ///   - itemCount: at least 1; every place is below it.
  ///   - seed: fixes the start, the order of the windows and the dropout.
  package init(sequences: [[Int]], itemCount: Int, options: Options, seed: UInt64) {
    var seeds = SeededRandom(seed: seed)
    let shape = options.shape
    network = Transformer(
      shape: shape,
      weights: shape.initialWeights(deviation: options.startDeviation, seed: seeds.next()),
      items: shape.initialItems(
        count: itemCount, deviation: options.startDeviation, seed: seeds.next()),
      bias: [Float](repeating: 0, count: itemCount), learnsItems: true)
    self.options = options
    windows = sequences.flatMap { SequenceWindow.windows(of: $0, length: shape.length) }
    weightSteps = Adam(count: network.weights.count)
    itemSteps = Adam(count: network.items.count)
    dropout = options.dropoutRate > 0 ? Dropout(rate: options.dropoutRate, seed: seeds.next()) : nil
    order = SeededRandom(seed: seeds.next())
  }

  /// Goes once through all windows in a new order.
  ///
  /// - Returns: the mean of -ln p(next item) over all places, with dropout; 0 without windows.
  @discardableResult
  package mutating func trainEpoch() -> Double {
    order.permute(&windows)
    var loss = 0.0
    var places = 0
    for start in stride(from: 0, to: windows.count, by: options.batchSize) {
      let batch = windows[start..<min(start + options.batchSize, windows.count)]
      let count = batch.reduce(0) { $0 + $1.inputs.count }
      var gradient = network.zeroGradient
      var sum: Float = 0
      for window in batch {
        sum += network.addGradient(
          of: window, scale: 1 / Float(count), dropout: &dropout, to: &gradient)
      }
      loss += Double(sum) * Double(count)
      places += count
      weightSteps.step(
        &network.weights, gradient: gradient.weights, learningRate: options.learningRate)
      itemSteps.step(
        &network.items, gradient: gradient.items, learningRate: options.learningRate)
    }
    return places > 0 ? loss / Double(places) : 0
  }
}
