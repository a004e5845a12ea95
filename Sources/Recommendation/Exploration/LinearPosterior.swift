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
  /// L with A = L L': kept beside A^-1, because samples drawn with it cannot fail.
  private var lower: DoubleMatrix

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
    mean = [Double](repeating: 0, count: dimension)
    covariance = DoubleMatrix(rows: dimension, columns: dimension)
    lower = covariance
    for index in 0..<dimension {
      covariance[index, index] = 1 / ridge
      lower[index, index] = ridge.squareRoot()
    }
  }

  /// Learns from one reward.
  ///
  /// - Parameters:
  ///   - vector: x, shape `[dimension]`, finite.
  ///   - reward: r, finite.
  /// - Complexity: O(dimension²).
  /// - Source: Sherman and Morrison (1950) for A^-1; Gill et al., "Methods for Modifying Matrix
  ///   Factorizations", Math. Comp. 28 (1974), method C1, for L.
  package mutating func update(_ vector: [Double], reward: Double) {
    precondition(
      vector.count == dimension && vector.allSatisfy(\.isFinite) && reward.isFinite,
      "a posterior learns from finite vectors of its dimension")
    let direction = Kernels.product(covariance, vector)
    let divisor = 1 + Kernels.dot(vector.span, direction.span)
    let error = reward - Kernels.dot(vector.span, mean.span)
    for row in 0..<dimension { mean[row] += direction[row] * (error / divisor) }
    let dimension = dimension
    covariance.withMutableElements { elements in
      for row in 0..<dimension {
        for column in 0...row {
          let value =
            elements[row * dimension + column] - direction[row] * direction[column] / divisor
          elements[row * dimension + column] = value
          elements[column * dimension + row] = value
        }
      }
    }
    updateFactor(vector)
    observations += 1
  }

  /// L with L L' + x x'.
  private mutating func updateFactor(_ vector: [Double]) {
    var rest = vector
    let dimension = dimension
    lower.withMutableElements { elements in
      for column in 0..<dimension where rest[column] != 0 {
        let diagonal = elements[column * dimension + column]
        let root = hypot(diagonal, rest[column])
        let cosine = root / diagonal
        let sine = rest[column] / diagonal
        elements[column * dimension + column] = root
        for row in column + 1..<max(dimension, column + 1) {
          let value = (elements[row * dimension + column] + sine * rest[row]) / cosine
          elements[row * dimension + column] = value
          rest[row] = cosine * rest[row] - sine * value
        }
      }
    }
  }

  /// x'A^-1 b.
  package func mean(of vector: [Double]) -> Double { Kernels.dot(vector.span, mean.span) }

  /// sqrt(x'A^-1 x).
  package func deviation(of vector: [Double]) -> Double {
    max(0, Kernels.dot(vector.span, Kernels.product(covariance, vector).span)).squareRoot()
  }

  /// A draw of the coefficients: mean + scale L'^-1 z with z standard normal, so that their covariance is
  /// scale² A^-1.
  ///
  /// - Parameter scale: at least 0; the noise's standard deviation for a posterior sample, less to explore
  ///   less.
  package func sample(
    scale: Double, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    var solution = (0..<dimension).map { _ in RandomVariates.standardNormal(using: &generator) }
    for row in (0..<dimension).reversed() {
      solution[row] /= lower[row, row]
      for column in 0..<row { solution[column] -= solution[row] * lower[row, column] }
    }
    return zip(mean, solution).map { $0 + scale * $1 }
  }
}
