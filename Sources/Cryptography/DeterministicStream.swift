internal import CSodium

/// The public pseudo-random words that all parties of a round derive from one seed
/// (`randombytes_buf_deterministic`: ChaCha20 under the seed).
///
/// For choices that must be the same everywhere and that nobody may steer. Nothing in it is secret.
package struct DeterministicStream: Sendable {
  /// Number of bytes of a seed.
  package static let seedByteCount = Int(randombytes_seedbytes())

  private let seed: [UInt8]
  private var bytes: [UInt8] = []
  private var offset = 0

  /// - Parameter seed: 32 bytes, a hash of all that the choices must depend on.
  package init(seed: [UInt8]) {
    precondition(seed.count == Self.seedByteCount, "a seed has 32 bytes")
    self.seed = seed
  }

  /// The next four bytes of the stream as a little-endian word.
  package mutating func next() -> UInt32 {
    if offset == bytes.count {
      // The stream of a seed is one: a longer request starts with the same bytes.
      bytes = [UInt8](repeating: 0, count: max(4096, 2 * bytes.count))
      randombytes_buf_deterministic(&bytes, bytes.count, seed)
    }
    defer { offset += 4 }
    return (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
  }

  /// Uniform on `0..<bound`: words at or above the largest multiple of `bound` are skipped.
  /// - Parameter bound: at least 1.
  package mutating func uniform(below bound: UInt32) -> UInt32 {
    precondition(bound >= 1, "a range has at least one element")
    // 2^32 mod bound.
    let remainder = (UInt32.max % bound &+ 1) % bound
    let limit = UInt32.max - remainder
    while true {
      let word = next()
      if word <= limit { return word % bound }
    }
  }

  /// A uniformly random order of `0..<count` (Fisher and Yates, from the last place down).
  package mutating func permutation(count: Int) -> [Int] {
    var order = Array(0..<count)
    for place in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(place, Int(uniform(below: UInt32(place + 1))))
    }
    return order
  }
}
