internal import Cryptography
internal import Synchronization

/// A vector in Z_2^32 that is zeroed when it ends: once its masks are removed, it is a sum without
/// noise.
final class RunningSum: Sendable {
  // There is one owner, so the lock is never contended; it lets the deinitialiser wipe in place.
  private let words: Mutex<[UInt32]>

  init(dimension: Int) {
    words = Mutex([UInt32](repeating: 0, count: dimension))
  }

  deinit {
    words.withLock { wipe(&$0) }
  }

  /// Adds `addends` to the coordinates in `range`.
  func add(_ addends: [UInt32], to range: Range<Int>) {
    precondition(addends.count == range.count, "one addend a coordinate")
    words.withLock { words in
      for (index, addend) in zip(range, addends) { words[index] &+= addend }
    }
  }

  /// Moves the vector out.
  func take() -> [UInt32] {
    words.withLock { words in
      defer { words = [] }
      return words
    }
  }

  /// A copy, for tests.
  var values: [UInt32] { words.withLock { $0 } }
}
