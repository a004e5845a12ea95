/// Writes the fields of one message; the mirror of `ByteReader`.
struct ByteWriter {
  private(set) var bytes: [UInt8]

  init(capacity: Int = 256) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  mutating func uint8(_ value: UInt8) { bytes.append(value) }
  mutating func uint16(_ value: UInt16) { integer(UInt64(value), width: 2) }
  mutating func uint32(_ value: UInt32) { integer(UInt64(value), width: 4) }
  mutating func uint64(_ value: UInt64) { integer(value, width: 8) }

  /// `opaque name[value.count]`; the count is fixed by the message definition.
  mutating func fixed(_ value: [UInt8], count: Int) {
    precondition(value.count == count, "a fixed field of \(count) bytes holds \(value.count)")
    bytes.append(contentsOf: value)
  }

  /// `opaque name<0..limit>`; see `ByteReader.opaque`.
  mutating func opaque(_ value: [UInt8], limit: Int) {
    precondition(value.count <= limit, "a field of at most \(limit) bytes holds \(value.count)")
    if limit <= Int(UInt16.max) {
      uint16(UInt16(value.count))
    } else {
      uint32(UInt32(value.count))
    }
    bytes.append(contentsOf: value)
  }

  /// UTF-8 text, cut to `limit` bytes at a character boundary: texts are for people.
  mutating func text(_ value: String, limit: Int) {
    var kept = value
    while kept.utf8.count > limit { kept.removeLast() }
    opaque(Array(kept.utf8), limit: limit)
  }

  mutating func digest(_ value: [UInt8]) { fixed(value, count: 32) }

  private mutating func integer(_ value: UInt64, width: Int) {
    for shift in stride(from: (width - 1) * 8, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }
}
