extension JSONParser {
  /// Reads a string; `offset` stands on its opening quote.
  mutating func string() throws(JSONError) -> String {
    offset += 1
    var text: [UInt8] = []
    var runStart = offset
    while true {
      let byte = try peek()
      switch byte {
      case UInt8(ascii: "\""):
        let run = try validated(runStart..<offset)
        offset += 1
        return text.isEmpty ? run : String(decoding: text + run.utf8, as: UTF8.self)
      case UInt8(ascii: "\\"):
        text += try validated(runStart..<offset).utf8
        text += try escape().utf8
        runStart = offset
      case ..<0x20: throw .controlCharacter(offset: offset, byte: byte)
      default: offset += 1
      }
    }
  }

  /// The bytes of `range` as text; the error names the first byte that is not UTF-8.
  private func validated(_ range: Range<Int>) throws(JSONError) -> String {
    if let text = String(validating: bytes[range], as: UTF8.self) { return text }
    var parser = Unicode.UTF8.ForwardParser()
    var iterator = bytes[range].makeIterator()
    var position = range.lowerBound
    while case .valid(let scalar) = parser.parseScalar(from: &iterator) { position += scalar.count }
    throw .invalidUTF8(offset: position)
  }

  private mutating func escape() throws(JSONError) -> String {
    let start = offset
    offset += 1
    let byte = try peek()
    offset += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "u"): return String(try escapedScalar(start: start))
    default: throw .invalidEscape(offset: start)
    }
  }

  /// Reads the four digits after `\u`, and the second escape where they are a leading surrogate.
  private mutating func escapedScalar(start: Int) throws(JSONError) -> Unicode.Scalar {
    let first = try fourHexDigits(start: start)
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard UTF16.isLeadSurrogate(first), offset + 1 < bytes.count,
      bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u")
    else { throw .loneSurrogate(offset: start) }
    let secondStart = offset
    offset += 2
    let second = try fourHexDigits(start: secondStart)
    guard UTF16.isTrailSurrogate(second),
      let scalar = Unicode.Scalar(
        0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
    else { throw .loneSurrogate(offset: start) }
    return scalar
  }

  private mutating func fourHexDigits(start: Int) throws(JSONError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      let byte = try peek()
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw .invalidEscape(offset: start)
      }
      value = value << 4 | UInt16(digit)
      offset += 1
    }
    return value
  }

  /// Reads a number by the grammar of RFC 8259 §6; `offset` stands on its first byte.
  mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
    let integerDigits = skipDigits()
    let leadingZero = integerDigits > 1 && bytes[offset - integerDigits] == UInt8(ascii: "0")
    guard integerDigits > 0, !leadingZero else { throw .invalidNumber(offset: start) }
    var hasPointOrExponent = false
    if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
      hasPointOrExponent = true
      offset += 1
      guard skipDigits() > 0 else { throw .invalidNumber(offset: start) }
    }
    if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      hasPointOrExponent = true
      offset += 1
      if offset < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[offset]) {
        offset += 1
      }
      guard skipDigits() > 0 else { throw .invalidNumber(offset: start) }
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if !hasPointOrExponent, let integer = Int64(text), JSONValue.safeIntegers.contains(integer) {
      return .integer(integer)
    }
    guard let value = Double(text), value.isFinite else { throw .numberOutOfRange(offset: start) }
    if let integer = Int64(exactly: value), JSONValue.safeIntegers.contains(integer) {
      return .integer(integer)
    }
    // A plain integer beyond 2^53 is accepted only if it is the canonical form of a double;
    // any other would lose digits without a word.
    guard hasPointOrExponent || ECMAScriptNumber.text(value) == text else {
      throw .numberOutOfRange(offset: start)
    }
    return .number(value)
  }

  private mutating func skipDigits() -> Int {
    let start = offset
    while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) {
      offset += 1
    }
    return offset - start
  }
}
