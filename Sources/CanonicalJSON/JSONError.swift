/// Why bytes are not one acceptable JSON document.
///
/// Offsets count bytes from the start of the input. No case carries content of the document, which
/// may be private.
package enum JSONError: Error, Equatable, Sendable {
  /// The input has `byteCount` bytes, more than `limit`.
  case tooLong(byteCount: Int, limit: Int)
  /// An array or object opens at `offset` inside `limit` others.
  case tooDeep(offset: Int, limit: Int)
  /// The input ends where more is needed; `offset` is its length.
  case unexpectedEnd(offset: Int)
  case unexpectedByte(offset: Int, byte: UInt8, expected: String)
  /// A complete document ends before `offset`, and something other than white space follows.
  case trailingBytes(offset: Int)
  /// The key that begins at `offset` was seen before in the same object. Keys that are canonically
  /// equivalent in Unicode count as equal.
  case duplicateKey(offset: Int)
  case invalidUTF8(offset: Int)
  /// A byte below 0x20 inside a string.
  case controlCharacter(offset: Int, byte: UInt8)
  case invalidEscape(offset: Int)
  /// A `\u` escape names half a surrogate pair.
  case loneSurrogate(offset: Int)
  /// Not a number by the grammar of RFC 8259 §6: leading zero, `+`, no digit after `.` or `e`.
  case invalidNumber(offset: Int)
  /// The number overflows a double, or is an integer that a double would silently round.
  case numberOutOfRange(offset: Int)
}

extension JSONError: CustomStringConvertible {
  /// One clause saying what is wrong and where.
  package var description: String {
    switch self {
    case .tooLong(let byteCount, let limit):
      "JSON is \(byteCount) bytes long, the limit is \(limit)"
    case .tooDeep(let offset, let limit):
      "JSON is nested more than \(limit) deep at byte \(offset)"
    case .unexpectedEnd(let offset):
      "JSON ends too early, at byte \(offset)"
    case .unexpectedByte(let offset, let byte, let expected):
      "unexpected byte 0x\(Self.hex(byte)) at byte \(offset), expected \(expected)"
    case .trailingBytes(let offset):
      "something follows the JSON document at byte \(offset)"
    case .duplicateKey(let offset):
      "the key at byte \(offset) appears twice in its object"
    case .invalidUTF8(let offset):
      "bytes are not UTF-8 at byte \(offset)"
    case .controlCharacter(let offset, let byte):
      "unescaped control character 0x\(Self.hex(byte)) in a string at byte \(offset)"
    case .invalidEscape(let offset):
      "unknown escape in a string at byte \(offset)"
    case .loneSurrogate(let offset):
      "half a surrogate pair at byte \(offset)"
    case .invalidNumber(let offset):
      "malformed number at byte \(offset)"
    case .numberOutOfRange(let offset):
      "the number at byte \(offset) does not fit a double exactly enough"
    }
  }

  private static func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
  }
}
