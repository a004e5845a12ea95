internal import VectorMath

/// How well public item vectors foretell which items the same customers buy.
///
/// The correlation, over pairs of different items of the core, between the noised Gram matrix of residual
/// rows and the inner products of the items' vectors without their part along the direction of
/// popularity: <G, K> / (|G| |K|). Noise moves <G, K> to no side, and what it adds to |G|² is known and taken
/// off. Made of released and public values only, so that it costs no budget.
/// - Source: Cristianini, Shawe-Taylor, Elisseeff and Kandola, "On Kernel-Target Alignment", NIPS 2001;
///   Cortes, Mohri and Rostamizadeh, "Algorithms for Learning Kernels Based on Centered Alignment", JMLR
///   13 (2012), for why both sides are centred. The correction for noise is ours.
enum KernelAlignment {
  /// Bounds of what is returned: vectors that foretell nothing still order the items nobody bought.
  static let range = 0.1...1.0
  /// What is assumed where nothing can be measured.
  static let unknown = 0.35
  /// Signal in |G|² below this many standard deviations of the noise's share of it is no signal.
  private static let smallestSignal = 3.0

  /// - Parameters:
  ///   - triangle: the noised upper triangle over the core, off-diagonal entries times sqrt 2, finite.
  ///   - noiseStandardDeviation: of each entry of `triangle`.
  ///   - direction: of popularity over the core, unit norm.
  ///   - items: the core, places among the rows of `features`.
  /// - Returns: within ``range``; ``unknown`` where noise hides it or the vectors are all alike.
  static func value(
    triangle: [Double], noiseStandardDeviation: Double, direction: [Double],
    features: ItemFeatures, items: [Int]
  ) -> Double {
    let layout = UpperTriangle(size: items.count)
    precondition(
      triangle.count == layout.count && direction.count == items.count,
      "a triangle and a direction over the core")
    let kernel = residualKernel(features, items: items, direction: direction)
    var product = 0.0
    var kernelSquare = 0.0
    var gramSquare = 0.0
    for row in items.indices {
      for column in items.indices.dropFirst(row + 1) {
        let gram = triangle[layout.index(row, column)] * 0.5.squareRoot()
        product += gram * kernel[row, column]
        kernelSquare += kernel[row, column] * kernel[row, column]
        gramSquare += gram * gram
      }
    }
    let pairs = Double(layout.count - items.count)
    let noiseSquare = noiseStandardDeviation * noiseStandardDeviation / 2
    let signal = gramSquare - pairs * noiseSquare
    guard signal > smallestSignal * (2 * pairs).squareRoot() * noiseSquare, kernelSquare > 0 else {
      return unknown
    }
    let alignment = product / (signal * kernelSquare).squareRoot()
    return min(max(alignment, range.lowerBound), range.upperBound)
  }

  /// Inner products of the items' vectors with what all have along `direction` taken off:
  /// (I - q q') F F' (I - q q').
  private static func residualKernel(
    _ features: ItemFeatures, items: [Int], direction: [Double]
  ) -> DoubleMatrix {
    var rows = DoubleMatrix(rows: items.count, columns: features.dimension)
    for (row, item) in items.enumerated() {
      for column in 0..<features.dimension {
        rows[row, column] = Double(features.vectors[item, column])
      }
    }
    let along = Kernels.transposedProduct(rows, direction)
    for row in items.indices {
      for column in along.indices { rows[row, column] -= direction[row] * along[column] }
    }
    return Kernels.product(rows, rows.transposed())
  }
}
