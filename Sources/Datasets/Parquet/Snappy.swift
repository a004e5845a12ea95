/// Decompression of raw Snappy blocks, as Parquet pages have them.
///
/// - Source: google/snappy, format_description.txt.
enum Snappy {
  /// No stored byte makes more bytes. The densest element is a copy of kind 2, 64 bytes out of 3,
  /// 21 1/3 for each, and this is the next power of two.
  private static let largestExpansion = 32

  /// - Parameters:
  ///   - cursor: holds exactly one block.
  ///   - count: bytes of the result, as the page's header says.
  /// - Throws: `DatasetError.damaged` for anything but a block of `count` bytes.
  static func decompress(
    _ cursor: inout ParquetCursor, count: Int
  ) throws(DatasetError) -> [UInt8] {
    // A larger count is wrong, and is seen to be before memory is taken for it.
    guard count <= largestExpansion * cursor.remaining else {
      throw cursor.damaged("a block claims too much")
    }
    guard try cursor.varint() == UInt64(count) else {
      throw cursor.damaged("a block has another length than its page")
    }
    var output: [UInt8] = []
    output.reserveCapacity(count)
    while cursor.remaining > 0 {
      let tag = try cursor.byte()
      let high = Int(tag >> 2)
      if tag & 3 == 0 {
        let length = high < 60 ? high + 1 : Int(try cursor.littleEndian(high - 59)) + 1
        guard length <= count - output.count else {
          throw cursor.damaged("a block is longer than it says")
        }
        output.append(contentsOf: cursor.bytes[try cursor.take(length)])
        continue
      }
      let length = tag & 3 == 1 ? high & 7 + 4 : high + 1
      let distance: Int =
        switch tag & 3 {
        case 1: (high >> 3) << 8 | Int(try cursor.byte())
        case 2: Int(try cursor.littleEndian(2))
        default: Int(try cursor.littleEndian(4))
        }
      guard distance > 0, distance <= output.count, length <= count - output.count else {
        throw cursor.damaged("a copy reaches outside its block")
      }
      // A copy may read what it has just written, so byte by byte.
      let start = output.count - distance
      for place in start..<start + length { output.append(output[place]) }
    }
    guard output.count == count else { throw cursor.damaged("a block is shorter than it says") }
    return output
  }
}
