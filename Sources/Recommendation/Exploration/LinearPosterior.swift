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
  /// L' with A = L L': kept beside A^-1, because samples drawn with it cannot fail.
  private var upper: DoubleMatrix
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
    upper = covariance
    for index in 0..<dimension {
      covariance[index, index] = 1 / ridge
      upper[index, index] = ridge.squareRoot()
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
    // The square root goes to both factors, so that both triangles are rounded alike.
    let step = direction.map { $0 / divisor.squareRoot() }
    let dimension = dimension
    covariance.withMutableElements { elements in
      for row in 0..<dimension {
        let factor = step[row]
        let start = row * dimension
        for column in 0..<dimension { elements[start + column] -= factor * step[column] }
      }
    }
    updateFactor(vector)
    observations += 1
  }

  /// L' with L L' + x x'.
  private mutating func updateFactor(_ vector: [Double]) {
    var rest = vector
    let dimension = dimension
    upper.withMutableElements { elements in
      for row in 0..<dimension where rest[row] != 0 {
        let start = row * dimension
        let diagonal = elements[start + row]
        let root = hypot(diagonal, rest[row])
        let cosine = root / diagonal
        let sine = rest[row] / diagonal
        let inverse = 1 / cosine
        elements[start + row] = root
        for column in row + 1..<max(dimension, row + 1) {
          let value = (elements[start + column] + sine * rest[column]) * inverse
          elements[start + column] = value
          rest[column] = cosine * rest[column] - sine * value
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

  /// No vector x has a deviation above this times its norm.
  var largestDeviation: Double { 1 / ridge.squareRoot() }

  /// A draw of the coefficients; see ``samples(_:scale:using:)``.
  package func sample(
    scale: Double, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    samples(1, scale: scale, using: &generator).storage
  }

  /// Draws of the coefficients, each mean + scale L'^-1 z with z standard normal, so that their covariance
  /// is scale² A^-1.
  ///
  /// - Parameters:
  ///   - count: draws, at least 0.
  ///   - scale: at least 0; the noise's standard deviation for a posterior sample, less to explore less.
  /// - Returns: one draw a row, shape `[count, dimension]`.
  /// - Complexity: O(count dimension²).
  package func samples(
    _ count: Int, scale: Double, using generator: inout some RandomNumberGenerator
  ) -> DoubleMatrix {
    precondition(count >= 0, "draws are counted from 0")
    var result = DoubleMatrix(rows: count, columns: dimension)
    let normals = RandomVariates.standardNormals(count * dimension, using: &generator)
    // One draw a column while it is solved for, so that a step serves them all.
    var solutions = DoubleMatrix(rows: dimension, columns: count)
    for draw in 0..<count {
      for row in 0..<dimension {
        solutions.storage[row * count + draw] = normals[draw * dimension + row]
      }
    }
    for row in (0..<dimension).reversed() {
      var solved = Array(solutions.row(row))
      for place in row + 1..<max(dimension, row + 1) where upper[row, place] != 0 {
        var span = solved.mutableSpan
        Kernels.axpy(
          -upper[row, place], solutions.storage.span.extracting(solutions.range(ofRow: place)),
          into: &span)
      }
      let inverse = 1 / upper[row, row]
      for draw in 0..<count { solutions.storage[row * count + draw] = solved[draw] * inverse }
    }
    for draw in 0..<count {
      for row in 0..<dimension {
        result.storage[draw * dimension + row] =
          mean[row] + scale * solutions.storage[row * count + draw]
      }
    }
    return result
  }
}
