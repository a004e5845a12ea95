/// A place in the bytes of a Parquet file, and reads that never pass their end.
struct ParquetCursor {
  let file: String
  let bytes: [UInt8]
  private(set) var offset: Int
  private let end: Int

  /// - Parameter range: what may be read; inside `bytes`.
  init(file: String, bytes: [UInt8], range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= bytes.count, "a range lies inside its bytes")
    self.file = file
    self.bytes = bytes
    offset = range.lowerBound
    end = range.upperBound
  }

  var remaining: Int { end - offset }

  func damaged(_ reason: String) -> DatasetError {
    .damaged(file: file, offset: offset, reason: reason)
  }

  mutating func byte() throws(DatasetError) -> UInt8 {
    guard offset < end else { throw damaged("the data end too early") }
    defer { offset += 1 }
    return bytes[offset]
  }

  /// The range of the next `count` bytes, which are passed.
  mutating func take(_ count: Int) throws(DatasetError) -> Range<Int> {
    guard count >= 0, count <= remaining else { throw damaged("the data end too early") }
    defer { offset += count }
    return offset..<offset + count
  }

  /// A little-endian number of 0 to 8 bytes.
  mutating func littleEndian(_ byteCount: Int) throws(DatasetError) -> UInt64 {
    let range = try take(byteCount)
    var value: UInt64 = 0
    for (place, index) in range.enumerated() { value |= UInt64(bytes[index]) << UInt64(8 * place) }
    return value
  }

  /// An unsigned LEB128 number of up to 64 bits.
  mutating func varint() throws(DatasetError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      let next = try byte()
      guard shift < 63 || next <= 1 else { break }
      value |= UInt64(next & 0x7F) << shift
      if next & 0x80 == 0 { return value }
    }
    throw damaged("a number has more than 64 bits")
  }

  mutating func zigzag() throws(DatasetError) -> Int64 {
    let code = try varint()
    return Int64(bitPattern: code >> 1) ^ -Int64(bitPattern: code & 1)
  }

  /// A count or size, at most `limit`.
  mutating func count(_ what: StaticString, limit: Int) throws(DatasetError) -> Int {
    let value = try varint()
    guard limit >= 0, value <= UInt64(limit) else { throw damaged("\(what) is over \(limit)") }
    return Int(value)
  }
}
