internal import VectorMath

/// The seed of a model's first parameters: public, a function of the catalogue, so that everyone can
/// check them. It protects nothing.
struct PublicSeed: Equatable {
  /// Name of the tensor [4]: the seed in pieces of 16 bits, the highest first, which Float holds exactly.
  static let tensor = "seed"
  /// Standard deviation of an item vector's values: small, so that the first step comes from the data.
  private static let deviation = 0.05

  let value: UInt64

  /// FNV-1a of the bytes.
  ///
  /// - Source: Fowler, Noll, Vo, 64-bit variant 1a.
  init(hashing bytes: [UInt8]) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes {
      hash ^= UInt64(byte)
      hash &*= 0x100_0000_01b3
    }
    value = hash
  }

  /// - Throws: `.missingTensor`, `.shapeMismatch`; a value that is no piece of 16 bits is a
  ///   `.shapeMismatch` too.
  init(_ parameters: ModelParameters) throws(RecommendationError) {
    var value: UInt64 = 0
    for piece in try parameters.values(Self.tensor, shape: [4]) {
      guard let bits = UInt16(exactly: piece) else {
        throw .shapeMismatch(name: Self.tensor, expected: [4], actual: [])
      }
      value = value << 16 | UInt64(bits)
    }
    self.value = value
  }

  /// The form in ``ModelParameters``.
  var parameters: ModelParameters.Tensor {
    .init([48, 32, 16, 0].map { Float(UInt16(truncatingIfNeeded: value >> UInt64($0))) })
  }

  /// Values for the first item vectors: uniform, mean 0.
  func factors(count: Int) -> [Float] {
    var generator = SeededRandom(seed: value)
    let bound = Self.deviation * 3.0.squareRoot()
    return (0..<count).map { _ in
      // 53 bits, as whole multiples, so that the result does not depend on a library's distribution.
      let unit = Double(generator.next() >> 11) * 0x1p-53
      return Float((2 * unit - 1) * bound)
    }
  }
}
