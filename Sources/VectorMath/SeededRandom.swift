/// SplitMix64: a small, fast, repeatable generator for simulations, data splits and tests.
///
/// Not for noise, keys or anything that must be unpredictable: one output reveals the whole stream.
/// The secure generator lives in Cryptography, and nothing here is chosen by default.
/// - Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
package struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A generator whose whole stream is fixed by `seed`.
  package init(seed: UInt64) {
    state = seed
  }

  /// The next 64 bits; the period is 2^64.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// Puts `values` in an order drawn from the stream, all of them as likely up to count / 2^64.
  ///
  /// Not `shuffle`, whose draws may change with the standard library.
  /// - Source: Durstenfeld, "Algorithm 235: Random permutation", CACM 7(7), 1964.
  package mutating func permute<Value>(_ values: inout [Value]) {
    for place in stride(from: values.count - 1, to: 0, by: -1) {
      values.swapAt(place, Int(next() % UInt64(place + 1)))
    }
  }
}
