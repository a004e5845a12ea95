/// Lower-case hexadecimal, the one textual form of keys and digests. Not constant-time: for public
/// values.
package enum HexCoding {
  private static let digits = Array("0123456789abcdef".utf8)

  /// Two lower-case digits a byte.
  package static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of an even number of lower-case digits.
  ///
  /// Upper case is refused: a value that is hashed or compared as text has one spelling.
  /// - Throws: `CryptographyError.invalidEncoding` with the offset of the first bad byte, or of the
  ///   end when a digit is missing.
  package static func decode(_ text: String) throws(CryptographyError) -> [UInt8] {
    let format = "lower-case hexadecimal with two digits a byte"
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 2)
    var high: UInt8?
    for (offset, character) in text.utf8.enumerated() {
      guard let digit = value(of: character) else {
        throw .invalidEncoding(format: format, offset: offset)
      }
      if let first = high {
        bytes.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    guard high == nil else { throw .invalidEncoding(format: format, offset: text.utf8.count) }
    return bytes
  }

  private static func value(of character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
