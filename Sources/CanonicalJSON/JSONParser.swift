extension JSONValue {
  /// Reads exactly one JSON document.
  ///
  /// Stricter than RFC 8259: duplicate keys, invalid UTF-8, lone surrogates, a byte order mark,
  /// and integers that a double would round are errors. White space around tokens is accepted, so
  /// that people can write policy files; a caller that needs the canonical spelling compares
  /// ``canonicalBytes`` with the input.
  /// - Parameters:
  ///   - bytes: UTF-8 text from outside, untrusted.
  ///   - limit: largest accepted length in bytes, checked before anything is read.
  ///   - depth: largest accepted nesting of arrays and objects; it bounds recursion.
  /// - Throws: ``JSONError`` naming the first offending byte offset.
  /// - Complexity: O(`bytes.count`) time and memory.
  package static func parse(
    _ bytes: [UInt8], limit: Int = 1 << 20, depth: Int = 32
  ) throws(JSONError) -> JSONValue {
    guard bytes.count <= limit else { throw .tooLong(byteCount: bytes.count, limit: limit) }
    var parser = JSONParser(bytes: bytes, depthLimit: depth)
    return try parser.document()
  }
}

struct JSONParser {
  let bytes: [UInt8]
  private let depthLimit: Int
  private var depth = 0
  var offset = 0

  init(bytes: [UInt8], depthLimit: Int) {
    self.bytes = bytes
    self.depthLimit = depthLimit
  }

  mutating func document() throws(JSONError) -> JSONValue {
    let value = try value()
    skipWhiteSpace()
    guard offset == bytes.count else { throw .trailingBytes(offset: offset) }
    return value
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    skipWhiteSpace()
    switch try peek() {
    case UInt8(ascii: "{"): return .object(try object())
    case UInt8(ascii: "["): return .array(try array())
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", is: .bool(true))
    case UInt8(ascii: "f"): return try literal("false", is: .bool(false))
    case UInt8(ascii: "n"): return try literal("null", is: .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case let byte: throw .unexpectedByte(offset: offset, byte: byte, expected: "a value")
    }
  }

  private mutating func object() throws(JSONError) -> [String: JSONValue] {
    try enter()
    var members: [String: JSONValue] = [:]
    skipWhiteSpace()
    if try peek() != UInt8(ascii: "}") {
      repeat {
        skipWhiteSpace()
        let keyOffset = offset
        guard try peek() == UInt8(ascii: "\"") else {
          throw .unexpectedByte(offset: offset, byte: try peek(), expected: "a key in quotes")
        }
        let key = try string()
        guard members[key] == nil else { throw .duplicateKey(offset: keyOffset) }
        skipWhiteSpace()
        try expect(":", orSay: "':'")
        members[key] = try value()
        skipWhiteSpace()
      } while try consumeComma()
    }
    try expect("}", orSay: "',' or '}'")
    depth -= 1
    return members
  }

  private mutating func array() throws(JSONError) -> [JSONValue] {
    try enter()
    var elements: [JSONValue] = []
    skipWhiteSpace()
    if try peek() != UInt8(ascii: "]") {
      repeat {
        elements.append(try value())
        skipWhiteSpace()
      } while try consumeComma()
    }
    try expect("]", orSay: "',' or ']'")
    depth -= 1
    return elements
  }

  private mutating func literal(
    _ text: StaticString, is value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for expected in text.description.utf8 {
      let byte = try peek()
      guard byte == expected else {
        throw .unexpectedByte(offset: offset, byte: byte, expected: text.description)
      }
      offset += 1
    }
    return value
  }

  private mutating func enter() throws(JSONError) {
    guard depth < depthLimit else { throw .tooDeep(offset: offset, limit: depthLimit) }
    depth += 1
    offset += 1
  }

  private mutating func consumeComma() throws(JSONError) -> Bool {
    guard try peek() == UInt8(ascii: ",") else { return false }
    offset += 1
    return true
  }

  private mutating func expect(
    _ character: Unicode.Scalar, orSay expected: String
  ) throws(JSONError) {
    let byte = try peek()
    guard byte == UInt8(ascii: character) else {
      throw .unexpectedByte(offset: offset, byte: byte, expected: expected)
    }
    offset += 1
  }

  private mutating func skipWhiteSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  func peek() throws(JSONError) -> UInt8 {
    guard offset < bytes.count else { throw .unexpectedEnd(offset: offset) }
    return bytes[offset]
  }
}
