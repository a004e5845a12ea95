internal import VectorMath

/// Sets values to zero at random while a network is trained, and scales the others up to the same mean.
///
/// - Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR
///   15, 2014, in the form that scales while training.
package struct Dropout: Sendable {
  /// The chance that a value is dropped, in [0, 1), in steps of 2^-16.
  private let threshold: UInt64
  private let scale: Double
  private var generator: SeededRandom

  /// - Precondition: `rate` in [0, 1).
  package init(rate: Double, seed: UInt64) {
    precondition(rate >= 0 && rate < 1, "a dropout rate is in [0, 1)")
    threshold = UInt64((rate * 65_536).rounded())
    scale = 65_536 / Double(65_536 - threshold)
    generator = SeededRandom(seed: seed)
  }

  /// A factor for each of `count` values: zero or 1 / (1 - rate).
  mutating func factors<Scalar: TransformerScalar>(count: Int) -> [Scalar] {
    var factors = [Scalar](repeating: 0, count: count)
    let kept = Scalar(scale)
    var bits: UInt64 = 0
    for index in 0..<count {
      if index % 4 == 0 { bits = generator.next() }
      if bits & 0xFFFF >= threshold { factors[index] = kept }
      bits >>= 16
    }
    return factors
  }
}
