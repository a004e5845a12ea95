extension JSONValue {
  /// The one canonical encoding of this value: no white space, keys in the order of their UTF-16
  /// code units, numbers in ECMAScript form, shortest escapes, UTF-8.
  ///
  /// - Precondition: every `.number` is finite and every `.integer` lies in ``safeIntegers``; a
  ///   caller with such a value in hand holds it as a string instead.
  /// - Source: RFC 8785.
  package var canonicalBytes: [UInt8] {
    var writer = JSONWriter(isPretty: false)
    writer.write(self)
    return writer.bytes
  }

  /// The same document for people: two-space indentation, one member a line, the same key order
  /// and spellings, no newline at the end. Same precondition as ``canonicalBytes``.
  package var prettyText: String {
    var writer = JSONWriter(isPretty: true)
    writer.write(self)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

struct JSONWriter {
  private(set) var bytes: [UInt8] = []
  private let isPretty: Bool
  private var depth = 0

  init(isPretty: Bool) { self.isPretty = isPretty }

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let flag): bytes += (flag ? "true" : "false").utf8
    case .integer(let integer):
      precondition(
        JSONValue.safeIntegers.contains(integer), "an integer beyond 2^53 - 1 is not interoperable")
      bytes += String(integer).utf8
    case .number(let number): bytes += ECMAScriptNumber.text(number).utf8
    case .string(let string): write(string)
    case .array(let elements):
      writeList(elements, open: "[", close: "]") { writer, element in writer.write(element) }
    case .object(let members):
      // RFC 8785 §3.2.3: neither UTF-8 nor scalar order; U+E000 sorts after a surrogate pair.
      let sorted = members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
      writeList(sorted, open: "{", close: "}") { writer, member in
        writer.write(member.key)
        writer.bytes += (writer.isPretty ? ": " : ":").utf8
        writer.write(member.value)
      }
    }
  }

  private mutating func writeList<Element>(
    _ elements: [Element], open: Character, close: Character,
    writeElement: (inout JSONWriter, Element) -> Void
  ) {
    bytes += open.utf8
    depth += 1
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      breakLine()
      writeElement(&self, element)
    }
    depth -= 1
    if !elements.isEmpty { breakLine() }
    bytes += close.utf8
  }

  private mutating func breakLine() {
    guard isPretty else { return }
    bytes.append(UInt8(ascii: "\n"))
    for _ in 0..<depth { bytes += "  ".utf8 }
  }

  private mutating func write(_ string: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case 0x08: bytes += "\\b".utf8
      case 0x09: bytes += "\\t".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0x0C: bytes += "\\f".utf8
      case 0x0D: bytes += "\\r".utf8
      case ..<0x20:
        bytes += (byte < 0x10 ? "\\u000" : "\\u00").utf8
        bytes += String(byte, radix: 16).utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
