import Cryptography
import Testing
import WireProtocol

@Suite("Enrolment token")
struct EnrolmentTokenTests {
  static let authority = Result { try RoundHarness.identity(5) }
  static let issued = Result {
    try EnrolmentToken(
      for: 0x0102_0304,
      at: CoordinatorAddress(
        host: "coordinator.example", port: 7_443, serverKeyPin: SampleMessages.ramp(32, from: 1),
        coordinatorKey: SampleMessages.ramp(32, from: 2),
        ledgerID: SampleMessages.ramp(16, from: 3)), expiresAtSeconds: 1_800_000_000,
      authority: try authority.get())
  }

  private let token: EnrolmentToken

  init() throws { token = try Self.issued.get() }

  @Test(
    "a token reads as it was written",
    arguments: [
      "", "a", "127.0.0.1", "::1", "zo\u{EB}.example", String(repeating: "h", count: 255),
    ])
  func roundTrip(host: String) throws {
    var token = token
    token.address.host = host
    let read = try EnrolmentToken(text: token.text)
    #expect(read == token)
    #expect(read.text == token.text)
  }

  @Test("the text is the prefix and base64url of the specified structure")
  func structure() throws {
    let text = token.text
    #expect(text.hasPrefix("tacit1."))
    let raw = try Base64URL.decode(String(text.dropFirst(7)))
    let host = Array("coordinator.example".utf8)
    let address: [UInt8] = [0, UInt8(host.count)] + host + [0x1D, 0x13]
    let keys = token.address.serverKeyPin + token.address.coordinatorKey + token.address.ledgerID
    let expiry: [UInt8] = [0, 0, 0, 0, 0x6B, 0x49, 0xD2, 0x00]
    let member = token.enrolmentKey + [1, 2, 3, 4] + expiry
    #expect(raw == address + keys + member + token.secret + token.voucher)
    #expect(token.enrolmentKey == (try Self.authority.get().verifyingKey.bytes))
  }

  @Test("a credential admits one key as one member of one ledger by one authority, and no other")
  func credential() throws {
    let authority = try Self.authority.get().verifyingKey
    let key = try RoundHarness.identity(6).verifyingKey
    let credential = try token.credential(for: key)
    let ledger = token.address.ledgerID
    func admits(
      _ credential: MemberCredential, key: VerifyingKey? = nil, id: ClientID = 0x0102_0304,
      ledger: [UInt8]? = nil, by other: VerifyingKey? = nil
    ) -> Bool {
      credential.admits(
        (key ?? authority).bytes, as: id, in: ledger ?? self.token.address.ledgerID,
        authority: other ?? authority)
    }
    #expect(admits(credential, key: key))
    #expect(!admits(credential, key: authority))
    #expect(!admits(credential, key: key, id: 0x0102_0305))
    #expect(!admits(credential, key: key, ledger: ledger.reversed()))
    #expect(!admits(credential, key: key, by: key))
    let bytes = credential.bytes
    #expect(bytes.count == MemberCredential.byteCount)
    for place in bytes.indices {
      var altered = bytes
      altered[place] ^= 1
      #expect(!admits(try MemberCredential(bytes: altered), key: key), "byte \(place)")
    }
    #expect(throws: WireError.self) { try MemberCredential(bytes: bytes.dropLast()) }
    #expect(throws: WireError.self) { try MemberCredential(bytes: bytes + [0]) }
  }

  @Test("a list of revoked members is that of its ledger, authority and number")
  func revocations() throws {
    let authority = try Self.authority.get()
    let ledger = token.address.ledgerID
    let list = try RevocationList(
      epoch: 3, revoked: [9, 4, 0x0102_0304], ledgerID: ledger, authority: authority)
    #expect(list.revoked == [4, 9, 0x0102_0304])
    let bytes = list.bytes
    #expect(try RevocationList(bytes: bytes) == list)
    #expect(list.isSigned(by: authority.verifyingKey, for: ledger))
    #expect(!list.isSigned(by: authority.verifyingKey, for: ledger.reversed()))
    #expect(!list.isSigned(by: try RoundHarness.identity(6).verifyingKey, for: ledger))
    for place in bytes.indices {
      var altered = bytes
      altered[place] ^= 1
      guard let read = try? RevocationList(bytes: altered) else { continue }
      #expect(!read.isSigned(by: authority.verifyingKey, for: ledger), "byte \(place)")
    }
    let swapped = Array(bytes[..<6] + bytes[10..<14] + bytes[6..<10] + bytes[14...])
    #expect(throws: WireError.self) { try RevocationList(bytes: swapped) }
    #expect(throws: WireError.self) { try RevocationList(bytes: bytes.dropLast()) }
  }

  @Test("a token cut anywhere is refused")
  func cut() {
    let text = token.text
    for count in 0..<text.count {
      #expect(throws: WireError.self, "the first \(count) characters") {
        try EnrolmentToken(text: String(text.prefix(count)))
      }
    }
  }

  @Test("an altered token is refused, or says another thing: no two texts are one token")
  func altered() {
    let text = Array(token.text)
    for place in text.indices {
      for character in "A_-9.= \n" where character != text[place] {
        var other = text
        other[place] = character
        guard let read = try? EnrolmentToken(text: String(other)) else { continue }
        if read == token { Issue.record("character \(place) does not count") }
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
    for text in [" " + token.text, token.text + "\n", token.text + "AAAA"] {
      #expect(throws: WireError.self) { try EnrolmentToken(text: text) }
    }
  }
}
