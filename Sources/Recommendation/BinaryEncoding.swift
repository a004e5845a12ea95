internal import VectorMath

/// Writes the binary forms of this target: a magic line, then integers big-endian, text and vectors
/// behind their length, floats as little-endian binary32.
struct BinaryWriter {
  private(set) var bytes: [UInt8]

  /// - Parameter format: identifier and version, such as `tacit catalogue/1`; written with a newline.
  init(format: String, capacity: Int) {
    bytes = []
    bytes.reserveCapacity(format.utf8.count + 1 + capacity)
    bytes.append(contentsOf: format.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  mutating func write<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
    var shift = Value.bitWidth
    while shift > 0 {
      shift -= 8
      bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }

  /// Text behind its length in bytes as two bytes; the caller has checked the length.
  mutating func write(text: String) {
    write(UInt16(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func write(values: [Float]) {
    for value in values {
      let pattern = value.bitPattern
      bytes.append(UInt8(truncatingIfNeeded: pattern))
      bytes.append(UInt8(truncatingIfNeeded: pattern >> 8))
      bytes.append(UInt8(truncatingIfNeeded: pattern >> 16))
      bytes.append(UInt8(truncatingIfNeeded: pattern >> 24))
    }
  }
}

/// Reads what ``BinaryWriter`` writes from untrusted bytes. Nothing is allocated before the bytes that
/// fill it are known to be there.
struct BinaryReader {
  private let bytes: [UInt8]
  private(set) var offset = 0

  /// - Throws: `.tooLarge` above `limit` bytes, `.wrongFormat` without the magic line.
  init(_ bytes: [UInt8], format: String, limit: Int) throws(RecommendationError) {
    guard bytes.count <= limit else {
      throw .tooLarge(what: format, actual: bytes.count, limit: limit)
    }
    let magic = Array(format.utf8) + [UInt8(ascii: "\n")]
    guard bytes.starts(with: magic) else { throw .wrongFormat(expected: format) }
    self.bytes = bytes
    offset = magic.count
  }

  var remaining: Int { bytes.count - offset }

  private func need(_ count: Int) throws(RecommendationError) {
    guard count <= remaining else {
      throw .truncated(byteOffset: offset, needed: count, available: remaining)
    }
  }

  mutating func read<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type
  ) throws(RecommendationError) -> Value {
    let count = Value.bitWidth / 8
    try need(count)
    var value: Value = 0
    for index in offset..<offset + count { value = value << 8 | Value(bytes[index]) }
    offset += count
    return value
  }

  mutating func readText() throws(RecommendationError) -> String {
    let count = Int(try read(UInt16.self))
    try need(count)
    guard let text = String(validating: bytes[offset..<offset + count], as: UTF8.self) else {
      throw .notCanonical(byteOffset: offset)
    }
    offset += count
    return text
  }

  /// - Parameter count: at least 0; checked against the bytes left before anything is allocated.
  mutating func readValues(
    _ count: Int, name: String
  ) throws(RecommendationError) -> [Float] {
    guard count <= remaining / 4 else {
      throw .truncated(
        byteOffset: offset, needed: count.multipliedReportingOverflow(by: 4).partialValue,
        available: remaining)
    }
    let values = [Float](littleEndian: bytes[offset..<offset + 4 * count])
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(name: name, index: index)
    }
    offset += 4 * count
    return values
  }

  func end() throws(RecommendationError) {
    guard remaining == 0 else { throw .trailingBytes(count: remaining) }
  }
}
