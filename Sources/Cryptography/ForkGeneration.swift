internal import Glibc
internal import Synchronization

/// Counts how many `fork` calls lie between the first process and this one.
///
/// A generator that sees the count change knows that its parent holds the same state.
enum ForkGeneration {
  private static let count = Atomic<Int>(0)

  private static let isRegistered: Bool = {
    // Touched here, so that the handler never runs a lazy initialiser in a forked child.
    count.store(0, ordering: .relaxed)
    return pthread_atfork(nil, nil, { ForkGeneration.count.add(1, ordering: .relaxed) }) == 0
  }()

  /// Begins to count; every generator calls this before it reads `current`.
  /// - Throws: `CryptographyError.operationFailed` without memory for the handler.
  static func start() throws(CryptographyError) {
    guard isRegistered else { throw .operationFailed("pthread_atfork") }
  }

  /// Kept apart from `start`, whose once-check would be half the cost of a random word.
  static var current: Int { count.load(ordering: .relaxed) }
}
