import Cryptography
import Testing
import WireProtocol

@Suite("Enrolment token")
struct EnrolmentTokenTests {
  static let token = EnrolmentToken(
    host: "coordinator.example", port: 7_443, serverKeyPin: SampleMessages.ramp(32, from: 1),
    coordinatorKey: SampleMessages.ramp(32, from: 2), ledgerID: SampleMessages.ramp(16, from: 3),
    expiresAtSeconds: 1_800_000_000, secret: SampleMessages.ramp(16, from: 4))

  @Test(
    "a token reads as it was written",
    arguments: [
      "", "a", "127.0.0.1", "::1", "zo\u{EB}.example", String(repeating: "h", count: 255),
    ])
  func roundTrip(host: String) throws {
    var token = Self.token
    token.host = host
    let read = try EnrolmentToken(text: token.text)
    #expect(read == token)
    #expect(read.text == token.text)
  }

  @Test("the text is the prefix and base64url of the specified structure")
  func structure() throws {
    let text = Self.token.text
    #expect(text.hasPrefix("tacit1."))
    let raw = try Base64URL.decode(String(text.dropFirst(7)))
    let host = Array("coordinator.example".utf8)
    let address: [UInt8] = [0, UInt8(host.count)] + host + [0x1D, 0x13]
    let keys = Self.token.serverKeyPin + Self.token.coordinatorKey + Self.token.ledgerID
    let expiry: [UInt8] = [0, 0, 0, 0, 0x6B, 0x49, 0xD2, 0x00]
    #expect(raw == address + keys + expiry + Self.token.secret)
  }

  @Test("a token cut anywhere is refused")
  func cut() {
    let text = Self.token.text
    for count in 0..<text.count {
      #expect(throws: WireError.self, "the first \(count) characters") {
        try EnrolmentToken(text: String(text.prefix(count)))
      }
    }
  }

  @Test("an altered token is refused, or says another thing: no two texts are one token")
  func altered() {
    let text = Array(Self.token.text)
    for place in text.indices {
      for character in "A_-9.= \n" where character != text[place] {
        var other = text
        other[place] = character
        guard let read = try? EnrolmentToken(text: String(other)) else { continue }
        if read == Self.token { Issue.record("character \(place) does not count") }
      }
    }
  }

  @Test(
    "what is not a token is refused",
    arguments: [
      "", "tacit1.", "tacit2.AAAA", "TACIT1.AAAA", "tacit1.not base64", "tacit1.AAAA=",
      "tacit1." + String(repeating: "A", count: 2_000),
    ])
  func notAToken(text: String) {
    #expect(throws: WireError.self) { try EnrolmentToken(text: text) }
  }

  @Test("white space around a token is refused, as is text after it")
  func surroundings() {
    for text in [" " + Self.token.text, Self.token.text + "\n", Self.token.text + "AAAA"] {
      #expect(throws: WireError.self) { try EnrolmentToken(text: text) }
    }
  }
}
