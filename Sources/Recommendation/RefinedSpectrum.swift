internal import VectorMath

/// The image of learned directions under the Gram matrix of many items, from two noised releases.
///
/// With A the Gram matrix of residual rows over a wide head and V the directions learned over its core,
/// A V is known twice. For the core the first release says V Lambda. For all rows the second says
/// g A V, where g is above 1 because a device may fill its whole norm with the few numbers it sends. Both
/// carry noise of known variance, so that their mean weighted by the inverse of the variances is the
/// best of both.
struct RefinedSpectrum {
  /// Orthonormal columns, shape [wide, rank].
  let vectors: DoubleMatrix
  /// What each column deserves in x V W V', in [0, 1], descending.
  let weights: [Double]

  /// - Parameters:
  ///   - directions: V, orthonormal columns, shape [core, rank].
  ///   - eigenvalues: Lambda, one a column.
  ///   - gramShare: what the Gram stage had of the budget.
  ///   - image: the noised sum of the second release, shape [wide, rank].
  ///   - imageShare: what that stage had.
  ///   - corePlaces: for each core item its place in the wide head.
  ///   - noiseStandardDeviation: sigma that the whole budget would buy as one sum; 0 without noise.
  ///   - ridge: c of the ridge regression.
  /// - Throws: `.numericalFailure`.
  init(
    directions: DoubleMatrix, eigenvalues: [Double], gramShare: Double, image: DoubleMatrix,
    imageShare: Double, corePlaces: [Int], noiseStandardDeviation: Double, ridge: Double
  ) throws(RecommendationError) {
    let gain = Self.gain(
      directions: directions, eigenvalues: eigenvalues, image: image, corePlaces: corePlaces,
      edge: NoisedSpectrum.edge(
        size: directions.rows,
        noiseStandardDeviation: noiseStandardDeviation / gramShare.squareRoot()))
    // Precisions in units of 1 / sigma^2. Off the diagonal a Gram entry has half the variance.
    let imagePrecision = imageShare * gain * gain
    let gramPrecision = 2 * gramShare
    var mean = image
    for index in mean.storage.indices { mean.storage[index] /= gain }
    for (core, place) in corePlaces.enumerated() {
      for column in 0..<mean.columns {
        let fromGram = directions[core, column] * eigenvalues[column]
        mean[place, column] =
          (imagePrecision * mean[place, column] + gramPrecision * fromGram)
          / (imagePrecision + gramPrecision)
      }
    }
    let core = Double(corePlaces.count)
    let inverses =
      core / (imagePrecision + gramPrecision)
      + (Double(image.rows) - core) / imagePrecision
    try self.init(
      image: mean,
      columnNoise: noiseStandardDeviation * noiseStandardDeviation * inverses, ridge: ridge)
  }

  /// How much larger the second release is than the image under the first one's matrix: the trace of
  /// V' (g A V) over that of V' A V, where of each eigenvalue only the part counts that V still points to.
  private static func gain(
    directions: DoubleMatrix, eigenvalues: [Double], image: DoubleMatrix, corePlaces: [Int],
    edge: Double
  ) -> Double {
    var trace = 0.0
    for (core, place) in corePlaces.enumerated() {
      for column in 0..<image.columns { trace += directions[core, column] * image[place, column] }
    }
    let expected = eigenvalues.reduce(0) {
      $0 + $1 * NoisedSpectrum.trust(eigenvalue: $1, edge: edge)
    }
    guard expected > 0 else { return 1 }
    return max(trace / expected, 1)
  }

  /// The left singular vectors of a noised image. Noise adds `columnNoise` to the square of each singular
  /// value s: what is left of s^2 is the weight of the vector, times s / (s + c), ridge regression of a
  /// row on itself.
  private init(
    image: DoubleMatrix, columnNoise: Double, ridge: Double
  ) throws(RecommendationError) {
    let eigen: EigenDecomposition
    do {
      eigen = try SymmetricEigen.decompose(Kernels.gram(of: image))
    } catch {
      throw .numericalFailure(step: "singular vectors of the refined image")
    }
    // Squares lose half the digits: below 1e-6 of the largest a singular value is rounding.
    let floor = max((eigen.values.first ?? 0) * 1e-12, columnNoise, .leastNormalMagnitude)
    let squares = Array(eigen.values.prefix { $0 > floor })
    weights = squares.map { square in
      let value = square.squareRoot()
      return (1 - columnNoise / square) * value / (value + ridge)
    }
    let rotated = Kernels.product(image, eigen.vectors.transposed())
    var vectors = DoubleMatrix(rows: image.rows, columns: squares.count)
    for row in 0..<image.rows {
      for column in squares.indices {
        vectors[row, column] = rotated[row, column] / squares[column].squareRoot()
      }
    }
    self.vectors = vectors
  }
}
