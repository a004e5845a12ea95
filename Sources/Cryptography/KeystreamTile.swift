internal import CSodium

/// Guarded memory for one tile of keystream. A class because it owns the memory; not `Sendable`.
final class KeystreamTile {
  private let words: UnsafeMutablePointer<UInt32>
  private let wordCount: Int

  /// - Throws: `CryptographyError.secretMemoryUnavailable`.
  init(wordCount: Int) throws(CryptographyError) {
    try Sodium.requireReady()
    // Room to start at a cache line: sodium_malloc aligns the end to a page, not the start.
    let byteCount = (wordCount * 4 + 63) / 64 * 64
    guard let base = sodium_malloc(byteCount) else {
      throw .secretMemoryUnavailable(byteCount: byteCount)
    }
    words = base.bindMemory(to: UInt32.self, capacity: byteCount / 4)
    self.wordCount = wordCount
  }

  deinit { sodium_free(words) }

  /// Adds the next words of `stream` to the words of `target` in `range`, or subtracts them.
  /// - Returns: whether OpenSSL produced all of them.
  func add(
    _ stream: CounterKeystream, isSubtracted: Bool, to target: inout MutableSpan<UInt32>,
    at range: Range<Int>
  ) -> Bool {
    let count = range.count
    precondition(count <= wordCount, "a stretch fits the tile")
    precondition(
      range.lowerBound >= 0 && range.upperBound <= target.count, "a stretch lies in the vector")
    let isFilled = UnsafeMutableRawPointer(words).withMemoryRebound(
      to: UInt8.self, capacity: count * 4
    ) { stream.fill($0, byteCount: Int32(count * 4)) }
    guard isFilled else { return false }
    target.withUnsafeMutableBufferPointer { target in
      guard let start = target.baseAddress else { return }
      let destination = start + range.lowerBound
      if isSubtracted {
        for index in 0..<count { destination[index] &-= UInt32(littleEndian: words[index]) }
      } else {
        for index in 0..<count { destination[index] &+= UInt32(littleEndian: words[index]) }
      }
    }
    return true
  }
}
