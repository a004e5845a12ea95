/// How the values of a masked update lie in its chunks: little-endian words, every chunk but the
/// last full.
enum MaskedUpdateCoding {
  /// Number of chunks for `dimension` values, at least 1.
  static func chunkCount(dimension: Int) -> Int {
    (dimension + MaskedLimits.chunkValueCount - 1) / MaskedLimits.chunkValueCount
  }

  /// Chunk `index` of `values`.
  static func chunk(_ index: Int, of values: [UInt32]) -> [UInt8] {
    let start = index * MaskedLimits.chunkValueCount
    let end = min(values.count, start + MaskedLimits.chunkValueCount)
    var bytes = [UInt8](repeating: 0, count: 4 * (end - start))
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    for (offset, value) in values[start..<end].enumerated() {
      raw.storeBytes(of: value.littleEndian, toByteOffset: 4 * offset, as: UInt32.self)
    }
    return bytes
  }

  /// The values of whole chunks, or nil unless they are `dimension` values in full chunks.
  static func values(of chunks: [[UInt8]], dimension: Int) -> [UInt32]? {
    guard chunks.count == chunkCount(dimension: dimension) else { return nil }
    var values: [UInt32] = []
    values.reserveCapacity(dimension)
    for (index, chunk) in chunks.enumerated() {
      let start = index * MaskedLimits.chunkValueCount
      let count = min(dimension - start, MaskedLimits.chunkValueCount)
      guard chunk.count == 4 * count else { return nil }
      let bytes = chunk.span.bytes
      for offset in 0..<count {
        let word = bytes.unsafeLoadUnaligned(fromByteOffset: 4 * offset, as: UInt32.self)
        values.append(UInt32(littleEndian: word))
      }
    }
    return values
  }
}
