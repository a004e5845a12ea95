import Testing

@testable import Cryptography

@Suite("Sealed box")
struct SealedBoxTests {
  private static let context = Array("column item".utf8)

  private static func key(
    _ byte: UInt8, count: Int = SealedBox.keyByteCount
  ) throws -> SecretBytes {
    try SecretBytes([UInt8](repeating: byte, count: count))
  }

  /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
  @Test("the draft's example opens")
  func draftVector() throws {
    let key = try SecretBytes((0x80...0x9F as ClosedRange<UInt8>).map { $0 })
    let context = try HexCoding.decode("50515253c0c1c2c3c4c5c6c7")
    let nonce = (0x40...0x57 as ClosedRange<UInt8>).map { $0 }
    let ciphertext = try HexCoding.decode(
      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39"
        + "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3"
        + "fff921f9664c97637da9768812f615c68b13b52e")
    let tag = try HexCoding.decode("c0875924c1c7987947deafd8780acf49")
    let opened = try SealedBox.open(nonce + ciphertext + tag, key: key, context: context)
    #expect(
      String(decoding: opened, as: UTF8.self)
        == "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        + "future, sunscreen would be it.")
  }

  @Test("a value comes back, also an empty one, and never looks the same twice")
  func roundTrip() throws {
    let key = try Self.key(1)
    for plaintext in [[], [7], [UInt8](repeating: 9, count: 1_000)] {
      let sealed = try SealedBox.seal(plaintext, key: key, context: Self.context)
      #expect(sealed.count == plaintext.count + SealedBox.overheadByteCount)
      #expect(try SealedBox.open(sealed, key: key, context: Self.context) == plaintext)
      #expect(try SealedBox.seal(plaintext, key: key, context: Self.context) != sealed)
    }
  }

  @Test("every changed bit, another key and another context are noticed")
  func tampering() throws {
    let key = try Self.key(1)
    let sealed = try SealedBox.seal(Array("85123A".utf8), key: key, context: Self.context)
    for bit in 0..<(8 * sealed.count) {
      var changed = sealed
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: CryptographyError.authenticationFailed) {
        try SealedBox.open(changed, key: key, context: Self.context)
      }
    }
    #expect(throws: CryptographyError.authenticationFailed) {
      try SealedBox.open(sealed, key: Self.key(2), context: Self.context)
    }
    #expect(throws: CryptographyError.authenticationFailed) {
      try SealedBox.open(sealed, key: key, context: Array("column occasion".utf8))
    }
  }

  @Test("wrong lengths are named")
  func lengths() throws {
    let key = try Self.key(1)
    #expect(
      throws: CryptographyError.invalidLength(value: "sealing key", expected: 32, actual: 31)
    ) { try SealedBox.seal([1], key: Self.key(1, count: 31), context: []) }
    #expect(
      throws: CryptographyError.invalidLength(value: "sealed value", expected: 40, actual: 39)
    ) { try SealedBox.open([UInt8](repeating: 0, count: 39), key: key, context: []) }
    #expect(
      throws: CryptographyError.invalidLength(value: "tag key", expected: 32, actual: 64)
    ) { try BLAKE2b.tag(of: [1], key: Self.key(1, count: 64)) }
  }

  /// Python 3 standard library: `hashlib.blake2b(b"85123A", digest_size=16, key=b"\1" * 32)`.
  @Test("a tag is keyed BLAKE2b-128")
  func tag() throws {
    let tag = try BLAKE2b.tag(of: Array("85123A".utf8), key: Self.key(1))
    #expect(HexCoding.encode(tag) == "1fe23c09e1b36f51973912695ab1270e")
    #expect(try BLAKE2b.tag(of: Array("85123A".utf8), key: Self.key(2)) != tag)
    #expect(try BLAKE2b.tag(of: Array("85123B".utf8), key: Self.key(1)) != tag)
  }
}
