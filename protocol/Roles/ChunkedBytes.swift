/// Bytes that come in chunks of `FrameLimits.maximumChunkBytes`, in order, of which only the last may be
/// shorter.
struct ChunkedBytes: Sendable {
  let byteCount: Int
  private(set) var chunks: [[UInt8]] = []

  init(byteCount: Int) {
    self.byteCount = byteCount
  }

  /// Number of chunks that `byteCount` bytes come in.
  static func count(byteCount: Int) -> Int {
    (byteCount + FrameLimits.maximumChunkBytes - 1) / FrameLimits.maximumChunkBytes
  }

  var isComplete: Bool { chunks.count == Self.count(byteCount: byteCount) }

  /// - Parameter share: gives `chunk` itself, or an equal one that is in memory already.
  /// - Returns: false for a chunk out of its turn or of another size; nothing changes then.
  mutating func append(
    _ chunk: [UInt8], index: UInt32, sharing share: ([UInt8], Int) -> [UInt8]
  ) -> Bool {
    let place = chunks.count
    let rest = byteCount - place * FrameLimits.maximumChunkBytes
    guard !isComplete, Int(index) == place,
      chunk.count == min(rest, FrameLimits.maximumChunkBytes)
    else { return false }
    chunks.append(share(chunk, place))
    return true
  }
}

extension RoundChunk {
  /// `bytes` in such chunks.
  static func chunks(of bytes: [UInt8], round: UInt64) -> [RoundChunk] {
    stride(from: 0, to: bytes.count, by: FrameLimits.maximumChunkBytes).enumerated().map {
      index, start in
      RoundChunk(
        round: round, index: UInt32(index),
        data: Array(bytes[start..<min(bytes.count, start + FrameLimits.maximumChunkBytes)]))
    }
  }
}
