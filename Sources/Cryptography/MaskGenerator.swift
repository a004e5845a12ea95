/// Expands 32-byte keys to masks and adds them to vectors in Z_2^32.
///
/// PRG(key) is the AES-256-CTR keystream of the key from counter 0, read as little-endian 32-bit
/// words; it is seekable in blocks of four words (secure aggregation §3.5). Keys are used for one
/// vector only, so that the fixed start repeats no keystream.
package enum MaskGenerator {
  /// One mask and its direction.
  package struct Mask: Equatable, Sendable {
    /// The row of the key in its table.
    package let row: Int
    /// Whether the mask is subtracted instead of added.
    package let isSubtracted: Bool

    package init(row: Int, isSubtracted: Bool) {
      self.row = row
      self.isSubtracted = isSubtracted
    }
  }

  /// Number of words of a cipher block: where a range of coordinates may start.
  package static let blockWordCount = 4
  // A tile of the vector and one of keystream stay in the first-level cache (§3.8).
  static let tileWordCount = 4096
  // One key schedule each: what fits the second-level cache.
  static let keysPerPass = 64

  /// Adds all `masks` to a stretch of a vector.
  ///
  /// Tiles are the outer loop and keys the inner one: memory sees the vector once for each
  /// `keysPerPass` keys.
  /// - Parameters:
  ///   - masks: rows of `keys`, with their directions.
  ///   - keys: one key a row.
  ///   - words: shape `[count]`, wrapping modulo 2^32.
  ///   - offset: index of `words[0]` in the whole vector, a multiple of `blockWordCount`.
  /// - Throws: `CryptographyError` if OpenSSL or guarded memory fails; `words` is of no use then.
  package static func add(
    _ masks: [Mask], keys: borrowing SecretTable, to words: inout MutableSpan<UInt32>,
    at offset: Int = 0
  ) throws(CryptographyError) {
    precondition(
      offset >= 0 && offset % blockWordCount == 0, "a stretch starts at a block of the keystream")
    guard !words.isEmpty, !masks.isEmpty else { return }
    let counter = counterBlock(UInt64(offset / blockWordCount))
    var streams: [CounterKeystream] = []
    let tile = try KeystreamTile(wordCount: min(tileWordCount, words.count))
    for start in stride(from: 0, to: masks.count, by: keysPerPass) {
      let group = masks[start..<min(start + keysPerPass, masks.count)]
      while streams.count < group.count { streams.append(try CounterKeystream()) }
      for (stream, mask) in zip(streams, group) {
        let isStarted = keys.withUnsafeRow(mask.row) { stream.start(key: $0, counter: counter) }
        guard isStarted else { throw .operationFailed("EVP_EncryptInit_ex") }
      }
      for tileStart in stride(from: 0, to: words.count, by: tileWordCount) {
        let range = tileStart..<min(tileStart + tileWordCount, words.count)
        for (stream, mask) in zip(streams, group) {
          guard tile.add(stream, isSubtracted: mask.isSubtracted, to: &words, at: range) else {
            throw .operationFailed("EVP_EncryptUpdate")
          }
        }
      }
    }
  }

  /// The 128-bit big-endian counter of SP 800-38A at block `index`.
  static func counterBlock(_ index: UInt64) -> [UInt8] {
    [UInt8](repeating: 0, count: 8)
      + stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: index >> UInt64($0)) }
  }
}
