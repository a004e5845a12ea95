/// Reads fixed and length-prefixed fields from one message, bounds first.
///
/// Every length is compared with what is left before anything is copied, so a hostile length
/// cannot make the reader allocate. Integers are big-endian (RFC 8446 section 3.3).
struct ByteReader {
  private let bytes: [UInt8]
  private var position: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    self.position = 0
  }

  var remaining: Int { bytes.count - position }

  mutating func uint8() throws(WireError) -> UInt8 {
    try require(1)
    defer { position += 1 }
    return bytes[position]
  }

  mutating func uint16() throws(WireError) -> UInt16 {
    UInt16(truncatingIfNeeded: try integer(width: 2))
  }

  mutating func uint32() throws(WireError) -> UInt32 {
    UInt32(truncatingIfNeeded: try integer(width: 4))
  }

  mutating func uint64() throws(WireError) -> UInt64 {
    try integer(width: 8)
  }

  /// `opaque name[count]`.
  mutating func fixed(_ count: Int) throws(WireError) -> [UInt8] {
    try require(count)
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  /// `opaque name<0..limit>` with a two-byte length where `limit` fits one, else four bytes.
  mutating func opaque(limit: Int) throws(WireError) -> [UInt8] {
    let count = limit <= Int(UInt16.max) ? Int(try uint16()) : Int(try uint32())
    guard count <= limit else { throw .fieldTooLong(actual: count, limit: limit) }
    return try fixed(count)
  }

  /// `opaque name<0..limit>` that must be UTF-8.
  mutating func text(limit: Int) throws(WireError) -> String {
    let raw = try opaque(limit: limit)
    guard let text = String(validating: raw, as: UTF8.self) else { throw .notUTF8 }
    return text
  }

  /// A digest of 32 bytes.
  mutating func digest() throws(WireError) -> [UInt8] {
    try fixed(32)
  }

  /// Fails unless the whole message was consumed: encodings are canonical.
  func finish() throws(WireError) {
    guard remaining == 0 else { throw .trailingBytes(count: remaining) }
  }

  private func require(_ count: Int) throws(WireError) {
    guard count >= 0, count <= remaining else {
      throw .truncated(needed: count, available: remaining)
    }
  }

  private mutating func integer(width: Int) throws(WireError) -> UInt64 {
    try require(width)
    var value: UInt64 = 0
    for offset in 0..<width { value = value << 8 | UInt64(bytes[position + offset]) }
    position += width
    return value
  }
}
