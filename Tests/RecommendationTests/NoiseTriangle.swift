import VectorMath

@testable import Recommendation

/// A triangle of a symmetric matrix with deviation `sigma` on the diagonal, sigma / sqrt 2 off it.
func noiseTriangle(size: Int, sigma: Double, seed: UInt64) -> [Double] {
  var random = SeededRandom(seed: seed)
  return (0..<UpperTriangle(size: size).count).map { _ in
    sigma * RandomVariates.standardNormal(using: &random)
  }
}
