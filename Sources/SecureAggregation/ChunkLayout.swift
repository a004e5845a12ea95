internal import Cryptography

/// How the values of an update lie in its chunks: every chunk but the last is full.
struct ChunkLayout {
  let dimension: Int
  let chunkCount: Int

  init(dimension: Int) {
    self.dimension = dimension
    chunkCount = UpdateSeal.chunkCount(dimension: dimension)
  }

  /// Indices of the values in chunk `index`.
  func values(ofChunk index: Int) -> Range<Int> {
    let start = index * UpdateSeal.chunkValueCount
    return start..<min(start + UpdateSeal.chunkValueCount, dimension)
  }

  /// Number of plaintext bytes of chunk `index`; chunk 0 is the largest.
  func byteCount(ofChunk index: Int) -> Int {
    UpdateSeal.valueByteCount * values(ofChunk: index).count
  }

  /// Whether `chunks` are as many and as long as sealed chunks of this layout.
  func describes(_ chunks: [[UInt8]]) -> Bool {
    chunks.count == chunkCount
      && chunks.indices.allSatisfy {
        chunks[$0].count == byteCount(ofChunk: $0) + SealedStream.overheadByteCount
      }
  }
}
