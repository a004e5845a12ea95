import Testing

@testable import CanonicalJSON

@Suite struct JSONParserTests {
  private func parse(_ text: String) throws(JSONError) -> JSONValue {
    try JSONValue.parse(Array(text.utf8))
  }

  @Test("accessors return the value of their own kind and nil for every other")
  func accessors() throws {
    let value = try parse(
      #" { "s": "x", "i": 7, "d": 7.5, "b": false, "n": null, "a": [1], "o": {"k": 1e2} } "#)
    #expect(value["s"]?.stringValue == "x")
    #expect(value["i"]?.integerValue == 7)
    #expect(value["i"]?.numberValue == 7)
    #expect(value["d"]?.numberValue == 7.5)
    #expect(value["d"]?.integerValue == nil)
    #expect(value["b"]?.boolValue == false)
    #expect(value["n"]?.isNull == true)
    #expect(value["a"]?.arrayValue == [.integer(1)])
    #expect(value["o"]?["k"] == .integer(100))
    #expect(value["absent"] == nil)
    #expect(value["s"]?["k"] == nil)
    #expect(value.objectValue?.count == 7)
  }

  @Test("every spelling of an exact small integer is that integer")
  func integerSpellings() throws {
    for text in ["100", "1e2", "100.0", "1000E-1", "1.0e+2"] {
      #expect(try parse(text) == .integer(100), "\(text)")
    }
    #expect(try parse("-0") == .integer(0))
    #expect(try parse("-0.0") == .integer(0))
    #expect(try parse("9007199254740991") == .integer(9_007_199_254_740_991))
  }

  @Test("an integer that a double would round is refused, an exact one is kept")
  func largeIntegers() throws {
    #expect(try parse("9007199254740992") == .number(9_007_199_254_740_992))
    #expect(try parse("100000000000000000000") == .number(1e20))
    #expect(throws: JSONError.numberOutOfRange(offset: 0)) { try parse("9007199254740993") }
    #expect(throws: JSONError.numberOutOfRange(offset: 1)) { try parse("[18446744073709551615]") }
    #expect(throws: JSONError.numberOutOfRange(offset: 0)) { try parse("1e400") }
  }

  @Test(
    "malformed input is refused with the offset of the first offending byte",
    arguments: [
      ("", .unexpectedEnd(offset: 0)),
      (" ", .unexpectedEnd(offset: 1)),
      ("[", .unexpectedEnd(offset: 1)),
      ("[1", .unexpectedEnd(offset: 2)),
      ("{\"a\":1", .unexpectedEnd(offset: 6)),
      ("\"abc", .unexpectedEnd(offset: 4)),
      ("tru", .unexpectedEnd(offset: 3)),
      ("\"\\u12", .unexpectedEnd(offset: 5)),
      ("trux", .unexpectedByte(offset: 3, byte: 0x78, expected: "true")),
      ("[1,]", .unexpectedByte(offset: 3, byte: 0x5d, expected: "a value")),
      ("[1 2]", .unexpectedByte(offset: 3, byte: 0x32, expected: "',' or ']'")),
      ("{\"a\" 1}", .unexpectedByte(offset: 5, byte: 0x31, expected: "':'")),
      ("{a:1}", .unexpectedByte(offset: 1, byte: 0x61, expected: "a key in quotes")),
      ("{\"a\":1,}", .unexpectedByte(offset: 7, byte: 0x7d, expected: "a key in quotes")),
      ("{\"a\":1]", .unexpectedByte(offset: 6, byte: 0x5d, expected: "',' or '}'")),
      ("'a'", .unexpectedByte(offset: 0, byte: 0x27, expected: "a value")),
      ("NaN", .unexpectedByte(offset: 0, byte: 0x4e, expected: "a value")),
      ("+1", .unexpectedByte(offset: 0, byte: 0x2b, expected: "a value")),
      (".5", .unexpectedByte(offset: 0, byte: 0x2e, expected: "a value")),
      ("/**/1", .unexpectedByte(offset: 0, byte: 0x2f, expected: "a value")),
      ("\u{FEFF}1", .unexpectedByte(offset: 0, byte: 0xef, expected: "a value")),
      ("1 1", .trailingBytes(offset: 2)),
      ("{}\0", .trailingBytes(offset: 2)),
      ("0x10", .trailingBytes(offset: 1)),
      ("01", .invalidNumber(offset: 0)),
      ("[-]", .invalidNumber(offset: 1)),
      ("1.", .invalidNumber(offset: 0)),
      ("1e", .invalidNumber(offset: 0)),
      ("1e+", .invalidNumber(offset: 0)),
      ("{\"a\":1,\"a\":2}", .duplicateKey(offset: 7)),
      ("{\"a\":1,\"\\u0061\":2}", .duplicateKey(offset: 7)),
      ("{\"\u{e9}\":1,\"e\u{301}\":2}", .duplicateKey(offset: 8)),
      ("\"a\nb\"", .controlCharacter(offset: 2, byte: 0x0a)),
      ("\"\\x41\"", .invalidEscape(offset: 1)),
      ("\"\\u00g0\"", .invalidEscape(offset: 1)),
      ("\"\\ud800\"", .loneSurrogate(offset: 1)),
      ("\"\\ud800x\"", .loneSurrogate(offset: 1)),
      ("\"\\ud800\\n\"", .loneSurrogate(offset: 1)),
      ("\"\\ud800\\u0041\"", .loneSurrogate(offset: 1)),
      ("\"\\ud800\\ud800\"", .loneSurrogate(offset: 1)),
      ("\"\\udc00\"", .loneSurrogate(offset: 1)),
    ] as [(String, JSONError)])
  func malformed(text: String, expected: JSONError) {
    #expect(throws: expected) { try parse(text) }
  }

  @Test(
    "bytes that are not UTF-8 are refused where they stand",
    arguments: [
      ([0x22, 0x61, 0xff, 0x22], 2),  // never a UTF-8 byte
      ([0x22, 0xc0, 0x80, 0x22], 1),  // overlong NUL
      ([0x22, 0xed, 0xa0, 0x80, 0x22], 1),  // a surrogate
      ([0x22, 0xc3, 0xa9, 0xe2, 0x82, 0x22], 3),  // cut short
      ([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 1),  // beyond U+10FFFF
    ] as [([UInt8], Int)])
  func invalidUTF8(bytes: [UInt8], offset: Int) {
    #expect(throws: JSONError.invalidUTF8(offset: offset)) { try JSONValue.parse(bytes) }
  }

  @Test("length and depth are bounded, and the bound itself is accepted")
  func bounds() throws {
    #expect(throws: JSONError.tooLong(byteCount: 5, limit: 4)) {
      try JSONValue.parse(Array("[1,2]".utf8), limit: 4)
    }
    #expect(throws: Never.self) { try JSONValue.parse(Array("[1,2]".utf8), limit: 5) }
    let nested = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
    #expect(throws: Never.self) { try parse(nested) }
    #expect(throws: JSONError.tooDeep(offset: 32, limit: 32)) { try parse("[" + nested + "]") }
    // Depth counts what is open, not what was opened.
    #expect(throws: Never.self) {
      try JSONValue.parse(Array("[[],[],{\"a\":[]}]".utf8), depth: 3)
    }
    let hostile = String(repeating: "[", count: 1 << 20)
    #expect(throws: JSONError.tooDeep(offset: 32, limit: 32)) { try parse(hostile) }
  }

  @Test("no prefix of a document is a document, and no changed byte crashes the parser")
  func mutationsFailSafely() throws {
    let document = Array(
      #"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00\n"],"b":{"c":null,"d":[true,false]}}"#.utf8)
    for length in 0..<document.count {
      #expect(throws: JSONError.self) { try JSONValue.parse(Array(document.prefix(length))) }
    }
    for index in document.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = document
        changed[index] = byte
        guard let value = try? JSONValue.parse(changed) else { continue }  // most are malformed
        #expect(try JSONValue.parse(value.canonicalBytes) == value)
      }
    }
  }

  @Test("an error reads as one clause with the place")
  func descriptions() {
    #expect(
      JSONError.unexpectedByte(offset: 3, byte: 0x0a, expected: "a value").description
        == "unexpected byte 0x0a at byte 3, expected a value")
    #expect(
      JSONError.tooLong(byteCount: 9, limit: 8).description
        == "JSON is 9 bytes long, the limit is 8")
  }
}
