internal import Glibc

/// Draws from continuous distributions, for choosing what to show.
///
/// Not for privacy noise: floating-point draws leak, and the integer samplers of Privacy serve there.
/// The same generator gives the same draws again on one kind of machine.
package enum RandomVariates {
  /// Uniform in (0, 1): never 0, so that its logarithm is finite.
  package static func uniform(using generator: inout some RandomNumberGenerator) -> Double {
    (Double(generator.next() >> 11) + 0.5) * 0x1p-53
  }

  /// Mean 0, variance 1.
  ///
  /// - Source: Box and Muller, Annals of Mathematical Statistics 29 (1958); the second value of each pair
  ///   is dropped, so that the number of bits taken does not depend on earlier calls.
  package static func standardNormal(using generator: inout some RandomNumberGenerator) -> Double {
    let radius = (-2 * log(uniform(using: &generator))).squareRoot()
    return radius * cos(2 * Double.pi * uniform(using: &generator))
  }

  /// `count` independent draws of mean 0 and variance 1, by pairs: half the logarithms of single draws.
  static func standardNormals(
    _ count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    var normals: [Double] = []
    normals.reserveCapacity(count + 1)
    while normals.count < count {
      let radius = (-2 * log(uniform(using: &generator))).squareRoot()
      let angle = 2 * Double.pi * uniform(using: &generator)
      normals.append(radius * cos(angle))
      normals.append(radius * sin(angle))
    }
    if normals.count > count { normals.removeLast() }
    return normals
  }

  /// Gamma of this shape, scale 1.
  ///
  /// - Precondition: `shape > 0`.
  /// - Source: Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS 26 (2000);
  ///   below shape 1 by their section 6.
  package static func gamma(
    shape: Double, using generator: inout some RandomNumberGenerator
  ) -> Double {
    precondition(shape > 0, "a gamma distribution has a positive shape")
    guard shape >= 1 else {
      let boosted = gamma(shape: shape + 1, using: &generator)
      return boosted * pow(uniform(using: &generator), 1 / shape)
    }
    let offset = shape - 1.0 / 3
    let scale = 1 / (9 * offset).squareRoot()
    while true {
      let normal = standardNormal(using: &generator)
      let root = 1 + scale * normal
      guard root > 0 else { continue }
      let cube = root * root * root
      let bound = 0.5 * normal * normal + offset * (1 - cube + log(cube))
      if log(uniform(using: &generator)) < bound { return offset * cube }
    }
  }

  /// Beta(alpha, beta), in [0, 1].
  ///
  /// - Precondition: both above 0.
  package static func beta(
    _ alpha: Double, _ beta: Double, using generator: inout some RandomNumberGenerator
  ) -> Double {
    let first = gamma(shape: alpha, using: &generator)
    let second = gamma(shape: beta, using: &generator)
    // Both underflow only for shapes far below those of counts; then the mean is as good as any.
    return first + second > 0 ? first / (first + second) : alpha / (alpha + beta)
  }
}
