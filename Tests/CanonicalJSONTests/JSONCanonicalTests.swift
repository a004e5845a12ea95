import Testing

@testable import CanonicalJSON

@Suite struct JSONCanonicalTests {
  private func canonical(_ text: String) throws -> String {
    String(decoding: try JSONValue.parse(Array(text.utf8)).canonicalBytes, as: UTF8.self)
  }

  @Test("the sample of RFC 8785 §3.2.2 and §3.2.4 comes out as printed there")
  func rfcSample() throws {
    let input = #"""
      {
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
      }
      """#
    let expectedBytes = """
      7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72 75 65 2c 66 61 6c 73 65 5d 2c 22
      6e 75 6d 62 65 72 73 22 3a 5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31 65 2b
      33 30 2c 34 2e 35 2c 30 2e 30 30 32 2c 31 65 2d 32 37 5d 2c 22 73 74 72 69 6e 67 22 3a 22 e2
      82 ac 24 5c 75 30 30 30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22 7d
      """.split(whereSeparator: \.isWhitespace).compactMap { UInt8($0, radix: 16) }
    #expect(try JSONValue.parse(Array(input.utf8)).canonicalBytes == expectedBytes)
  }

  @Test("keys of RFC 8785 §3.2.3 sort by UTF-16 code units, not by scalars or UTF-8")
  func rfcKeyOrder() throws {
    let input = #"""
      {"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
       "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
       "\u00f6": "Latin Small Letter O With Diaeresis"}
      """#
    let text = try canonical(input)
    let order = [
      "Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew Letter",
    ]
    let positions = try order.map { name in
      try #require(text.range(ofASCII: name), "\(name) is in the output")
    }
    #expect(positions == positions.sorted())
  }

  @Test(
    "doubles print as in RFC 8785 appendix B",
    arguments: [
      (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"),
      (0x0000_0000_0000_0001, "5e-324"), (0x8000_0000_0000_0001, "-5e-324"),
      (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
      (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
      (0x4340_0000_0000_0000, "9007199254740992"), (0xc340_0000_0000_0000, "-9007199254740992"),
      (0x4430_0000_0000_0000, "295147905179352830000"),
      (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
      (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
      (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
      (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
      (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
      (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
      (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
      (0x41b3_de43_5555_5557, "333333333.33333343"),
      (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
      (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] as [(UInt64, String)])
  func rfcNumbers(bits: UInt64, expected: String) {
    #expect(ECMAScriptNumber.text(Double(bitPattern: bits)) == expected)
  }

  @Test("the printed form of a double reads back as the same double")
  func numbersRoundTrip() throws {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    for _ in 0..<20_000 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      let value = Double(bitPattern: state)
      guard value.isFinite else { continue }
      let bytes = JSONValue.number(value).canonicalBytes
      let parsed = try JSONValue.parse(bytes)
      #expect(parsed.numberValue == value)
      #expect(parsed.canonicalBytes == bytes)
    }
  }

  @Test("control characters use the short escapes where there is one, then lower-case hex")
  func escapes() {
    let text = JSONValue.string("\u{8}\t\n\u{C}\r\u{0}\u{1f}\u{7f}/é\u{1F600}\"\\").canonicalBytes
    #expect(
      String(decoding: text, as: UTF8.self)
        == #""\b\t\n\f\r\u0000\u001f"# + "\u{7f}/é\u{1F600}" + #"\"\\""#)
  }

  @Test("a document in the parser's form equals the parse of its canonical bytes")
  func valuesRoundTrip() throws {
    let value = JSONValue.object([
      "a": .array([.null, .bool(true), .bool(false), .array([]), .object([:])]),
      "ключ": .string("значение \u{1F511} \u{0}"),
      "count": .integer(-9_007_199_254_740_991),
      "rate": .number(0.1),
      "": .string(""),
    ])
    #expect(try JSONValue.parse(value.canonicalBytes) == value)
    #expect(try JSONValue.parse(Array(value.prettyText.utf8)) == value)
  }

  @Test("pretty text puts one member a line and keeps empty lists closed")
  func prettyText() {
    let value = JSONValue.object([
      "b": .array([.integer(1), .object(["x": .null])]), "a": .object([:]), "c": .array([]),
    ])
    #expect(
      value.prettyText == """
        {
          "a": {},
          "b": [
            1,
            {
              "x": null
            }
          ],
          "c": []
        }
        """)
  }

  @Test("a number that JSON cannot hold stops the process instead of writing another one")
  func unrepresentableNumbersTrap() async {
    await #expect(processExitsWith: .failure) { _ = JSONValue.number(.nan).canonicalBytes }
    await #expect(processExitsWith: .failure) { _ = JSONValue.number(-.infinity).canonicalBytes }
    await #expect(processExitsWith: .failure) { _ = JSONValue.integer(1 << 53).canonicalBytes }
  }
}

extension String {
  fileprivate func range(ofASCII needle: String) -> Int? {
    let haystack = Array(utf8)
    let needle = Array(needle.utf8)
    return haystack.indices.dropLast(needle.count - 1).first {
      haystack[$0..<($0 + needle.count)].elementsEqual(needle)
    }
  }
}
