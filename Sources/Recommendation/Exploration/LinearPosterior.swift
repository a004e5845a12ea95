internal import Glibc
package import VectorMath

/// Ridge regression of rewards on vectors, kept up to date reward by reward.
///
/// With A = ridge I + sum x x' and b = sum r x, the coefficients have mean A^-1 b and covariance
/// (noise variance) A^-1; a few kilobytes that stay on the device. The same pair (A, b) is what a shared
/// prior would sum over customers.
package struct LinearPosterior: Sendable, Equatable {
  /// Length of a vector, at least 1.
  package let dimension: Int
  /// A^-1 b, shape `[dimension]`.
  package private(set) var mean: [Double]
  /// A^-1, shape `[dimension, dimension]`, exactly symmetric.
  package private(set) var covariance: DoubleMatrix
  /// Rewards seen.
  package private(set) var observations = 0
  /// A before the first reward is this times the identity, so that no variance passes 1 / ridge.
  private let ridge: Double

  /// - Parameters:
  ///   - dimension: 1 ... 1024.
  ///   - ridge: A before the first reward is this times the identity; finite, above 0.
  /// - Throws: `.tooLarge`, `.invalidHyperparameter`.
  package init(dimension: Int, ridge: Double = 1) throws(RecommendationError) {
    guard (1...ItemFeatures.Limits.dimension).contains(dimension) else {
      throw .tooLarge(
        what: "posterior dimension", actual: dimension, limit: ItemFeatures.Limits.dimension)
    }
    guard ridge > 0, ridge.isFinite else {
      throw .invalidHyperparameter(name: "ridge", accepted: "a finite number above 0")
    }
    self.dimension = dimension
    self.ridge = ridge
    mean = [Double](repeating: 0, count: dimension)
    covariance = DoubleMatrix(rows: dimension, columns: dimension)
    for index in 0..<dimension { covariance[index, index] = 1 / ridge }
  }

  /// Learns from one reward.
  ///
  /// - Parameters:
  ///   - vector: x, shape `[dimension]`, finite.
  ///   - reward: r, finite.
  /// - Complexity: O(dimension²).
  /// - Source: Sherman and Morrison (1950).
  package mutating func update(_ vector: [Double], reward: Double) {
    precondition(
      vector.count == dimension && vector.allSatisfy(\.isFinite) && reward.isFinite,
      "a posterior learns from finite vectors of its dimension")
    let direction = Kernels.product(covariance, vector)
    // Below zero only by rounding.
    let divisor = 1 + max(0, Kernels.dot(vector.span, direction.span))
    let error = reward - Kernels.dot(vector.span, mean.span)
    for row in 0..<dimension { mean[row] += direction[row] * (error / divisor) }
    // The square root goes to both factors, so that both triangles are rounded alike.
    let step = direction.map { $0 / divisor.squareRoot() }
    let shape = ProductShape(
      rows: dimension, columns: dimension, inner: 1, a: .rowMajor(stride: 1),
      b: .rowMajor(stride: dimension), c: .rowMajor(stride: dimension))
    covariance.withMutableElements {
      Kernels.gemm(shape, alpha: -1, step.span, step.span, into: &$0)
    }
    observations += 1
  }

  /// x'A^-1 b.
  package func mean(of vector: [Double]) -> Double { Kernels.dot(vector.span, mean.span) }

  /// sqrt(x'A^-1 x).
  package func deviation(of vector: [Double]) -> Double {
    max(0, Kernels.dot(vector.span, Kernels.product(covariance, vector).span)).squareRoot()
  }

  /// No vector x has a deviation above this times its norm.
  var largestDeviation: Double { 1 / ridge.squareRoot() }

  /// A draw of the coefficients; see ``samples(_:scale:using:)``.
  package func sample(
    scale: Double, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    samples(1, scale: scale, using: &generator).storage
  }

  /// Draws of the coefficients, each mean + scale C z with A^-1 = C C' and z standard normal.
  ///
  /// - Parameters:
  ///   - count: draws, at least 0.
  ///   - scale: at least 0; the noise's standard deviation for a posterior sample, less to explore less.
  /// - Returns: one draw a row, shape `[count, dimension]`.
  /// - Complexity: O(dimension³ + count dimension²).
  package func samples(
    _ count: Int, scale: Double, using generator: inout some RandomNumberGenerator
  ) -> DoubleMatrix {
    precondition(count >= 0, "draws are counted from 0")
    let normals = RandomVariates.standardNormals(count * dimension, using: &generator)
    var result = DoubleMatrix(rows: count, columns: dimension)
    for index in result.storage.indices { result.storage[index] = mean[index % dimension] }
    let root = Self.root(of: covariance)
    let shape = ProductShape(
      rows: count, columns: dimension, inner: dimension, a: .rowMajor(stride: dimension),
      b: .transposed(stride: dimension), c: .rowMajor(stride: dimension))
    result.withMutableElements {
      Kernels.gemm(shape, alpha: scale, normals.span, root.storage.span, into: &$0)
    }
    return result
  }

  /// C with A^-1 = C C'.
  ///
  /// Rounding may leave a covariance that is positive definite in exact arithmetic without a factor; then
  /// the least power of ten (times the rounding error of its largest variance) is added to the variances
  /// that gives it one. No draw fails.
  static func root(of covariance: DoubleMatrix) -> DoubleMatrix {
    let dimension = covariance.rows
    let largest = (0..<dimension).reduce(0) { max($0, covariance[$1, $1]) }
    var added = 0.0
    for power in 0..<mostRootAttempts {
      var matrix = covariance
      for index in 0..<dimension { matrix[index, index] += added }
      // Why it has none does not matter: more is added.
      if let factor = try? Cholesky.factor(of: matrix) { return factor.lower }
      added = largest * 0x1p-52 * pow(10, Double(power))
    }
    // Unreachable for finite variances: with more than their size added, rows are diagonally dominant.
    var diagonal = DoubleMatrix(rows: dimension, columns: dimension)
    for index in 0..<dimension {
      diagonal[index, index] = max(0, covariance[index, index]).squareRoot()
    }
    return diagonal
  }

  private static let mostRootAttempts = 24
}
