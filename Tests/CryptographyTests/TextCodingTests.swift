import Testing

@testable import Cryptography

@Suite("Text coding")
struct TextCodingTests {
  @Test("every byte survives hexadecimal, in lower case")
  func hexRoundTrip() throws {
    let bytes = (0...255).map { UInt8($0) }
    let text = HexCoding.encode(bytes)
    #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff"))
    #expect(try HexCoding.decode(text) == bytes)
    #expect(HexCoding.encode([]) == "")
    #expect(try HexCoding.decode("") == [])
  }

  @Test(
    "hexadecimal with a second spelling is refused at its first bad byte",
    arguments: [("0", 1), ("abc", 3), ("AB", 0), ("0g", 1), ("00 11", 2), ("é0", 0)])
  func hexRefusals(text: String, offset: Int) {
    #expect(
      throws: CryptographyError.invalidEncoding(
        format: "lower-case hexadecimal with two digits a byte", offset: offset)
    ) { try HexCoding.decode(text) }
  }

  // RFC 4648 s.10, without padding, and its s.5 alphabet.
  @Test(
    "base64 gives the RFC's texts and reads them back",
    arguments: [
      ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
      ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
    ])
  func base64KnownAnswers(plain: String, text: String) throws {
    #expect(Base64URL.encode(Array(plain.utf8)) == text)
    #expect(try Base64URL.decode(text) == Array(plain.utf8))
  }

  @Test("base64 uses the URL-safe alphabet, for any length")
  func base64RoundTrip() throws {
    #expect(Base64URL.encode([0xfb, 0xff]) == "-_8")
    for count in 0..<100 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 251 &* $0) }
      #expect(try Base64URL.decode(Base64URL.encode(bytes)) == bytes)
    }
  }

  @Test(
    "base64 that is padded, cut, spaced, of another alphabet or not canonical is refused",
    arguments: ["Zg==", "Z", "Zm9vY", "Zm 9v", "+/8", "Zh", "Zm9v\n", "Zm9vé"])
  func base64Refusals(text: String) {
    #expect(
      throws: CryptographyError.invalidEncoding(format: "unpadded URL-safe base64", offset: nil)
    ) { try Base64URL.decode(text) }
  }
}
