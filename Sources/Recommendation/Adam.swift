internal import Glibc

/// Steps scaled by running estimates of the gradient's mean and square.
///
/// - Source: Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
package struct Adam: Sendable, Equatable {
  static let meanDecay = 0.9
  static let squareDecay = 0.98
  static let floor: Float = 1e-8

  /// Running mean of the gradient, one a weight.
  private(set) var mean: [Float]
  /// Running mean of its square, at least 0.
  private(set) var square: [Float]
  /// Steps made.
  private var steps: Int

  /// Before the first step.
  package init(count: Int) {
    mean = [Float](repeating: 0, count: count)
    square = mean
    steps = 0
  }

  /// After `steps` steps that left these estimates.
  ///
  /// - Precondition: as many squares as means, none below 0; `steps` at least 0.
  init(mean: [Float], square: [Float], steps: Int) {
    precondition(mean.count == square.count && steps >= 0, "two estimates a weight")
    self.mean = mean
    self.square = square
    self.steps = steps
  }

  /// After `steps` steps, as published: the tensors `mean` and `square`.
  ///
  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.negative` for a square.
  init(
    _ parameters: ModelParameters, mean: String, square: String, shape: [Int], steps: Int
  ) throws(RecommendationError) {
    let squares = try parameters.values(square, shape: shape)
    if let index = squares.firstIndex(where: { $0 < 0 }) {
      throw .negative(name: square, index: index)
    }
    self.init(mean: try parameters.values(mean, shape: shape), square: squares, steps: steps)
  }

  /// Moves `weights` against `gradient`.
  ///
  /// - Parameter learningRate: the largest change of a weight, about.
  package mutating func step(
    _ weights: inout [Float], gradient: [Float], learningRate: Double
  ) {
    precondition(
      weights.count == mean.count && gradient.count == mean.count, "a gradient a weight")
    steps += 1
    let meanDecay = Float(Self.meanDecay)
    let squareDecay = Float(Self.squareDecay)
    let rate = Float(learningRate / (1 - pow(Self.meanDecay, Double(steps))))
    let correction = Float(1 / (1 - pow(Self.squareDecay, Double(steps))))
    for index in weights.indices {
      let value = gradient[index]
      mean[index] = meanDecay * mean[index] + (1 - meanDecay) * value
      square[index] = squareDecay * square[index] + (1 - squareDecay) * value * value
      let size = (square[index] * correction).squareRoot() + Self.floor
      weights[index] -= rate * mean[index] / size
    }
  }
}
