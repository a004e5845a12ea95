import Glibc
import VectorMath

@testable import Recommendation

/// A triangle of a symmetric matrix with deviation `sigma` on the diagonal, sigma / sqrt 2 off it.
func noiseTriangle(size: Int, sigma: Double, seed: UInt64) -> [Double] {
  var random = SeededRandom(seed: seed)
  return (0..<UpperTriangle(size: size).count).map { _ in
    let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &random))).squareRoot()
    return sigma * radius * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
  }
}
