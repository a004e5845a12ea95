internal import VectorMath

/// Brings each row of a matrix to mean 0 and variance 1, then scales and moves each column.
///
/// - Source: Ba, Kiros, Hinton, "Layer Normalization", 2016.
struct LayerNorm<Scalar: TransformerScalar> {
  /// Added to a variance: a row that is constant becomes the offset.
  static var floor: Scalar { 1e-5 }

  /// Shape [rows, d]: the rows before gain and offset.
  private(set) var normalized: [Scalar]
  /// One a row: 1 over its deviation.
  private var inverseDeviations: [Scalar]
  private let dimension: Int
  private let gain: Int
  private let offset: Int

  /// - Parameters:
  ///   - rows: shape [rows, d].
  ///   - gain: where the weights hold the gain, d values.
  ///   - offset: where they hold the offset.
  init(_ rows: [Scalar], dimension: Int, gain: Int, offset: Int) {
    self.dimension = dimension
    self.gain = gain
    self.offset = offset
    let count = rows.count / dimension
    normalized = rows
    inverseDeviations = [Scalar](repeating: 0, count: count)
    for row in 0..<count {
      let range = row * dimension..<(row + 1) * dimension
      var sum: Scalar = 0
      for index in range { sum += rows[index] }
      let mean = sum / Scalar(dimension)
      var squares: Scalar = 0
      for index in range {
        normalized[index] = rows[index] - mean
        squares += normalized[index] * normalized[index]
      }
      let inverse = 1 / (squares / Scalar(dimension) + Self.floor).squareRoot()
      for index in range { normalized[index] *= inverse }
      inverseDeviations[row] = inverse
    }
  }

  /// The result, shape [rows, d].
  func output(weights: [Scalar]) -> [Scalar] {
    var output = normalized
    for row in inverseDeviations.indices {
      for column in 0..<dimension {
        let index = row * dimension + column
        output[index] = normalized[index] * weights[gain + column] + weights[offset + column]
      }
    }
    return output
  }

  /// Adds the derivative for the input to `input`, those for gain and offset to `gradient`.
  func backward(
    _ derivative: [Scalar], weights: [Scalar], gradient: inout [Scalar], into input: inout [Scalar]
  ) {
    for row in inverseDeviations.indices {
      let start = row * dimension
      var sum: Scalar = 0
      var product: Scalar = 0
      for column in 0..<dimension {
        let value = derivative[start + column]
        gradient[gain + column] += value * normalized[start + column]
        gradient[offset + column] += value
        let scaled = value * weights[gain + column]
        sum += scaled
        product += scaled * normalized[start + column]
      }
      let mean = sum / Scalar(dimension)
      let slope = product / Scalar(dimension)
      for column in 0..<dimension {
        let index = start + column
        input[index] +=
          inverseDeviations[row]
          * (derivative[index] * weights[gain + column] - mean - normalized[index] * slope)
      }
    }
  }
}
