internal import CSodium
internal import Glibc
internal import VectorMath

/// Entropy from a seed for whatever one thread does, in place of the system's generator.
///
/// Keys, nonces, masks and noise all come from libsodium's `randombytes`, whose implementation this
/// replaces for the life of the process: with a seeded generator on a thread inside `with`, with
/// the system's everywhere else. For that reason only tests link this module; no executable does.
package enum SimulatedEntropy {
  private final class Generator {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    func fill(_ bytes: UnsafeMutableRawPointer, count: Int) {
      var offset = 0
      while offset < count {
        withUnsafeBytes(of: random.next()) { word in
          let part = min(word.count, count - offset)
          if let source = word.baseAddress {
            (bytes + offset).copyMemory(from: source, byteCount: part)
          }
          offset += part
        }
      }
    }
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "no key for a value of each thread is left")
    return key
  }()

  private static let name: StaticString = "simulated"
  private static var namePointer: UnsafePointer<CChar> {
    UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
  }

  /// Most bytes that the system gives at once.
  private static let entropyLimit = 256

  private static let isInstalled: Bool = {
    let implementation = UnsafeMutablePointer<randombytes_implementation>.allocate(capacity: 1)
    implementation.initialize(
      to: randombytes_implementation(
        implementation_name: { SimulatedEntropy.namePointer },
        random: {
          var word: UInt32 = 0
          SimulatedEntropy.fill(&word, count: 4)
          return word
        }, stir: nil, uniform: nil,
        buf: { bytes, count in
          if let bytes { SimulatedEntropy.fill(bytes, count: count) }
        }, close: nil))
    // libsodium keeps the pointer, so it is never freed. Its own start draws entropy: not from a seed.
    return randombytes_set_implementation(implementation) == 0 && sodium_init() >= 0
  }()

  private static func fill(_ bytes: UnsafeMutableRawPointer, count: Int) {
    if let current = pthread_getspecific(key) {
      return Unmanaged<Generator>.fromOpaque(current).takeUnretainedValue().fill(
        bytes, count: count)
    }
    var done = 0
    while done < count {
      let part = min(entropyLimit, count - done)
      precondition(getentropy(bytes + done, part) == 0, "the system has no entropy")
      done += part
    }
  }

  /// Runs `body`, which must stay on this thread, with all entropy from `seed`.
  package static func with<Result>(seed: UInt64, _ body: () throws -> Result) rethrows -> Result {
    precondition(isInstalled, "libsodium refused another generator")
    let generator = Generator(seed: seed)
    let outer = pthread_getspecific(key)
    pthread_setspecific(key, Unmanaged.passUnretained(generator).toOpaque())
    defer {
      pthread_setspecific(key, outer)
      withExtendedLifetime(generator) {}
    }
    return try body()
  }
}
