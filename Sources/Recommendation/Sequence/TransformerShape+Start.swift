internal import VectorMath

extension TransformerShape {
  /// Weights before the first step: gains 1, but for that of the last layer, offsets 0, all others uniform with
  /// mean 0 and this deviation.
  package func initialWeights(
    deviation: Double, lastGain: Float = 1, seed: UInt64
  ) -> [Float] {
    var uniform = UniformStart(seed: seed)
    var weights = [Float](repeating: 0, count: weightCount)
    for group in groups {
      let isGain = group.name.contains("gain")
      guard isGain || !group.name.contains("offset") else { continue }
      for index in group.range { weights[index] = isGain ? 1 : uniform.next(deviation: deviation) }
    }
    for index in self.lastGain..<lastOffset { weights[index] = lastGain }
    return weights
  }

  /// Item vectors before the first step, row-major [items, d], likewise.
  package func initialItems(count: Int, deviation: Double, seed: UInt64) -> [Float] {
    var uniform = UniformStart(seed: ~seed)
    return (0..<count * dimension).map { _ in uniform.next(deviation: deviation) }
  }
}

/// Uniform values as whole multiples of 2^-53, so that they do not depend on a library's distribution.
struct UniformStart {
  private var generator: SeededRandom

  init(seed: UInt64) { generator = SeededRandom(seed: seed) }

  mutating func next(deviation: Double) -> Float {
    let unit = Double(generator.next() >> 11) * 0x1p-53
    return Float((2 * unit - 1) * deviation * 3.0.squareRoot())
  }
}
