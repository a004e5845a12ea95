/// Reads the numbers and texts of a binary data file, and never past its end.
struct ByteReader {
  private let file: String
  private let bytes: [UInt8]
  private let end: Int
  private(set) var offset: Int

  /// - Parameters:
  ///   - file: name for errors.
  ///   - end: bytes at and after this offset are not read.
  init(file: String, bytes: [UInt8], end: Int) {
    precondition(end <= bytes.count, "the end is inside the file")
    self.file = file
    self.bytes = bytes
    self.end = end
    self.offset = 0
  }

  var remaining: Int { end - offset }

  func damaged(_ reason: String) -> DatasetError {
    .damaged(file: file, offset: offset, reason: reason)
  }

  mutating func expect(_ magic: [UInt8]) throws(DatasetError) {
    guard remaining >= magic.count, Array(bytes[offset..<offset + magic.count]) == magic else {
      throw damaged("not a file of this format")
    }
    offset += magic.count
  }

  /// An unsigned LEB128 number in its shortest form, at most `limit`.
  mutating func unsigned(_ what: StaticString, limit: Int) throws(DatasetError) -> Int {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    let start = offset
    while true {
      guard offset < end else { throw damaged("the file ends inside \(what)") }
      let byte = bytes[offset]
      offset += 1
      // Nine groups of seven bits fill 63; nothing here needs the 64th.
      guard shift < 63 else { throw damaged("\(what) is too large") }
      value |= UInt64(byte & 0x7F) << shift
      shift += 7
      if byte & 0x80 == 0 {
        guard byte != 0 || offset == start + 1 else {
          throw damaged("\(what) is not in its shortest form")
        }
        break
      }
    }
    // A table without entries gives the limit -1 for an index into it.
    guard limit >= 0, value <= UInt64(limit) else { throw damaged("\(what) is over \(limit)") }
    return Int(value)
  }

  /// A zigzag signed number with an absolute value of at most `limit`.
  mutating func signed(_ what: StaticString, limit: Int) throws(DatasetError) -> Int {
    let code = try unsigned(what, limit: 2 * limit)
    return code & 1 == 0 ? code / 2 : -(code / 2) - 1
  }

  /// UTF-8 text of at most `limit` bytes.
  mutating func text(_ what: StaticString, limit: Int) throws(DatasetError) -> String {
    let count = try unsigned(what, limit: limit)
    guard count <= remaining else { throw damaged("the file ends inside \(what)") }
    guard let text = String(validating: bytes[offset..<offset + count], as: UTF8.self) else {
      throw damaged("\(what) is not UTF-8")
    }
    offset += count
    return text
  }
}
