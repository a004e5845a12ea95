internal import CSodium

/// The cryptographically secure generator: AES-256-CTR, keyed for each instance from the system's
/// generator.
///
/// The exact noise sampler draws millions of words a round, and one system call each would cost 519
/// ns; this costs a few nanoseconds. Output comes in tiles of 16 KiB. The first 32 bytes of a tile
/// replace the key, and each word is zeroed when it is handed out, so that a later look at the
/// memory cannot reproduce noise that was already added (fast key erasure; D. J. Bernstein,
/// "Fast-key-erasure random-number generators", 2017).
///
/// No stream repeats: a copy of this value shares the one generator behind it, so that two copies
/// interleave one stream; and after `fork` the child takes a new key before its first word. It is
/// not `Sendable`: each task makes its own.
package struct SecureRandom: RandomNumberGenerator {
  private let generator: Generator

  /// Takes a 32-byte key from the system's generator.
  /// - Throws: `CryptographyError` if there is no source of entropy, no guarded memory, or no AES
  ///   in OpenSSL.
  package init() throws(CryptographyError) {
    generator = try Generator()
  }

  /// Uniform over all 64-bit words.
  package mutating func next() -> UInt64 {
    generator.next()
  }

  /// `count` bytes straight from the system's generator, for nonces and tokens.
  ///
  /// libsodium ends the process rather than return bytes it could not draw.
  package static func bytes(_ count: Int) -> [UInt8] {
    Sodium.assertReady()
    var bytes = [UInt8](repeating: 0, count: count)
    randombytes_buf(&bytes, count)
    return bytes
  }
}

@available(*, unavailable, message: "each task makes its own SecureRandom")
extension SecureRandom: Sendable {}

extension SecureRandom {
  static let tileByteCount = 16 * 1024

  private final class Generator {
    private let keystream: CounterKeystream
    // Locked, not dumped, zeroed when freed: it holds noise that is still to be drawn.
    private let tile: UnsafeMutableRawPointer
    private var offset = SecureRandom.tileByteCount
    private var forkGeneration: Int

    init() throws(CryptographyError) {
      try Sodium.requireReady()
      try ForkGeneration.start()
      keystream = try CounterKeystream()
      guard let tile = sodium_malloc(SecureRandom.tileByteCount) else {
        throw .secretMemoryUnavailable(byteCount: SecureRandom.tileByteCount)
      }
      self.tile = tile
      forkGeneration = ForkGeneration.current
      // A class that throws after its last stored property is set runs deinit, which frees the
      // tile.
      guard restartFromSystem() else { throw .missingLibrary("OpenSSL AES-256-CTR") }
    }

    deinit { sodium_free(tile) }

    func next() -> UInt64 {
      if forkGeneration != ForkGeneration.current {
        forkGeneration = ForkGeneration.current
        precondition(restartFromSystem(), "OpenSSL refused a new AES key after fork")
      }
      if offset == SecureRandom.tileByteCount {
        refill()
      }
      let word = tile.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      tile.storeBytes(of: 0, toByteOffset: offset, as: UInt64.self)
      offset += MemoryLayout<UInt64>.size
      return word
    }

    private func restartFromSystem() -> Bool {
      let key = tile.assumingMemoryBound(to: UInt8.self)
      randombytes_buf(key, CounterKeystream.keyByteCount)
      let isStarted = keystream.start(key: key)
      sodium_memzero(tile, SecureRandom.tileByteCount)
      offset = SecureRandom.tileByteCount
      return isStarted
    }

    private func refill() {
      let bytes = tile.assumingMemoryBound(to: UInt8.self)
      let isFilled =
        keystream.fill(bytes, byteCount: Int32(SecureRandom.tileByteCount))
        && keystream.start(key: bytes)
      // To go on would hand out words that are not random.
      precondition(isFilled, "OpenSSL refused to continue AES-256-CTR")
      sodium_memzero(bytes, CounterKeystream.keyByteCount)
      offset = CounterKeystream.keyByteCount
    }
  }
}
