internal import VectorMath

extension ResponseModel {
  /// The directions of the inputs' moments, with their sizes.
  struct Basis {
    private let inputs: Int
    /// One direction a row.
    private let directions: [Float]
    private let scales: [Float]

    /// - Throws: `.missingTensor`, `.shapeMismatch`; `.numericalFailure` if a size is not positive.
    init(_ parameters: ModelParameters, inputs: Int) throws(RecommendationError) {
      self.inputs = inputs
      directions = try parameters.values(ResponseModel.directionsTensor, shape: [inputs, inputs])
      scales = try parameters.values(ResponseModel.scalesTensor, shape: [inputs])
      guard scales.allSatisfy({ $0 > 0 }) else {
        throw .numericalFailure(step: "bringing inputs to one size")
      }
    }

    private func direction(_ place: Int) -> ArraySlice<Float> {
      directions[place * inputs..<(place + 1) * inputs]
    }

    /// A gradient for the weights of inputs, as one for those of inputs along the directions at unit moments.
    func standardized(_ gradient: [Double]) -> [Double] {
      (0..<inputs).map { place in
        zip(direction(place), gradient).reduce(0) { $0 + Double($1.0) * $1.1 }
          / Double(scales[place])
      }
    }

    /// The other way round.
    func restored(_ gradient: [Double]) -> [Double] {
      var result = [Double](repeating: 0, count: inputs)
      for place in 0..<inputs {
        let length = gradient[place] * Double(scales[place])
        for (index, element) in direction(place).enumerated() {
          result[index] += length * Double(element)
        }
      }
      return result
    }

    /// The moments a customer, times `factor`.
    func moments(scaledBy factor: Double) -> DoubleMatrix {
      var matrix = DoubleMatrix(rows: inputs, columns: inputs)
      for place in 0..<inputs {
        let row = Array(direction(place))
        let size = factor * Double(scales[place]) * Double(scales[place])
        for first in 0..<inputs {
          for second in 0..<inputs {
            matrix[first, second] += size * Double(row[first]) * Double(row[second])
          }
        }
      }
      return matrix
    }
  }
}
