/// One page of a column, decompressed.
struct ParquetPage {
  enum Kind: Equatable {
    /// So many plain values for later pages to point at.
    case dictionary(Int)
    /// So many rows, plain or as places in the dictionary.
    case data(Int, isPlain: Bool)
  }

  private enum Encoding {
    static let plain = 0
    static let plainDictionary = 2
    static let runs = 3
    static let runsOfDictionary = 8
  }

  let kind: Kind
  /// The page's content.
  let body: ParquetCursor

  /// Reads the next page of a chunk.
  init(_ cursor: inout ParquetCursor, codec: Int) throws(DatasetError) {
    let header = try ThriftValue.structure(&cursor)
    guard let type = header[1]?.integer, let size = header[2]?.integer,
      let storedSize = header[3]?.integer, (0...ParquetFile.largestPageBytes).contains(size)
    else { throw cursor.damaged("a page has no sizes") }
    let details = header[type == 2 ? 7 : 5]
    guard let count = details?[1]?.integer, (0...ParquetFile.largestRowCount).contains(count),
      let encoding = details?[2]?.integer
    else { throw cursor.damaged("a page is of a kind that is not read here") }
    switch (type, encoding) {
    case (2, Encoding.plain), (2, Encoding.plainDictionary): kind = .dictionary(count)
    case (0, Encoding.plain): kind = .data(count, isPlain: true)
    case (0, Encoding.plainDictionary), (0, Encoding.runsOfDictionary):
      kind = .data(count, isPlain: false)
    default: throw cursor.damaged("a page is of a kind or encoding that is not read here")
    }
    let stored = try cursor.take(storedSize)
    switch codec {
    case 0:
      guard size == storedSize else { throw cursor.damaged("a page has two sizes") }
      body = ParquetCursor(file: cursor.file, bytes: cursor.bytes, range: stored)
    case 1:
      var block = ParquetCursor(file: cursor.file, bytes: cursor.bytes, range: stored)
      let content = try Snappy.decompress(&block, count: size)
      body = ParquetCursor(file: cursor.file, bytes: content, range: 0..<size)
    default: throw cursor.damaged("the compression \(codec) is not read here")
    }
  }

  /// Which of `count` rows have a value.
  func definitionLevels(
    _ count: Int, _ body: inout ParquetCursor
  ) throws(DatasetError) -> [Bool] {
    let byteCount = Int(try body.littleEndian(4))
    let range = try body.take(byteCount)
    var levels = ParquetCursor(file: body.file, bytes: body.bytes, range: range)
    var runs = ParquetRuns(width: 1)
    try runs.read(count, from: &levels)
    return runs.values.map { $0 == 1 }
  }
}

/// Small numbers in runs of one value and groups of packed bits.
///
/// - Source: apache/parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)".
struct ParquetRuns {
  /// Bits of a value.
  let width: Int
  private(set) var values: [Int] = []

  init(width: Int) { self.width = width }

  /// Reads exactly `count` values; what fills the last group up is dropped.
  mutating func read(_ count: Int, from cursor: inout ParquetCursor) throws(DatasetError) {
    guard (0...32).contains(width) else { throw cursor.damaged("values of \(width) bits") }
    values.reserveCapacity(count)
    while values.count < count {
      let header = try cursor.varint()
      let length = header >> 1
      guard length > 0, length <= UInt64(ParquetFile.largestRowCount) else {
        throw cursor.damaged("a run has an impossible length")
      }
      if header & 1 == 0 {
        let value = Int(try cursor.littleEndian((width + 7) / 8))
        values.append(
          contentsOf: repeatElement(value, count: min(Int(length), count - values.count)))
        continue
      }
      // A group is eight values, `width` bytes.
      for _ in 0..<Int(length) where values.count < count {
        let range = try cursor.take(width)
        var buffer: UInt64 = 0
        var bits = 0
        var next = range.lowerBound
        for _ in 0..<min(8, count - values.count) {
          while bits < width {
            buffer |= UInt64(cursor.bytes[next]) << UInt64(bits)
            next += 1
            bits += 8
          }
          values.append(Int(buffer & (1 << UInt64(width) - 1)))
          buffer >>= UInt64(width)
          bits -= width
        }
      }
    }
  }
}
