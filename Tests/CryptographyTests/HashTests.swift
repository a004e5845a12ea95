import Testing

@testable import Cryptography

@Suite("Hashes")
struct HashTests {
  // FIPS 180-4 examples, as published with the standard.
  @Test(
    "SHA-256 gives the published digests",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        String(repeating: "a", count: 1_000_000),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ])
  func sha256KnownAnswers(message: String, hex: String) throws {
    let digest = SHA256Digest(hashing: Array(message.utf8))
    #expect(digest.hex == hex)
    #expect(try SHA256Digest(hex: hex) == digest)
    #expect(try SHA256Digest(bytes: digest.bytes) == digest)
  }

  @Test("SHA-256 in pieces equals SHA-256 at once, wherever the message is cut")
  func sha256Incremental() {
    let message = (0..<200).map { UInt8($0) }
    let whole = SHA256Digest(hashing: message)
    for cut in 0...message.count {
      var hash = SHA256()
      hash.update(Array(message[..<cut]))
      hash.update([])
      hash.update(Array(message[cut...]))
      #expect(hash.finalize() == whole)
    }
  }

  @Test("one context gives one message's digest after the other, on every thread")
  func sha256Restarted() async {
    let messages = (0..<100).map { count in (0..<count).map { UInt8($0) } }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var hash = SHA256()
          for message in messages {
            hash.update(message[...])
            #expect(hash.finalizeAndRestart() == SHA256Digest(hashing: message))
          }
        }
      }
    }
  }

  @Test("a digest of another length is refused")
  func digestLength() {
    #expect(
      throws: CryptographyError.invalidLength(value: "SHA-256 digest", expected: 32, actual: 31)
    ) {
      try SHA256Digest(bytes: [UInt8](repeating: 0, count: 31))
    }
    #expect(
      throws: CryptographyError.invalidLength(value: "SHA-256 digest", expected: 32, actual: 33)
    ) {
      try SHA256Digest(hex: String(repeating: "00", count: 33))
    }
  }

  // Made with Python's hashlib.blake2b(message, digest_size=32), the reference C code of RFC 7693.
  @Test(
    "BLAKE2b-256 gives the reference hashes",
    arguments: [
      ([], "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
      (
        Array("abc".utf8), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
      ),
      (
        (0..<200).map { UInt8($0) },
        "63c3d97a9f8894d5e043a707b0fee7f7ec4c049a23bbf1079df20b4165f9e22d"
      ),
    ] as [([UInt8], String)])
  func blake2bKnownAnswers(message: [UInt8], hex: String) {
    #expect(HexCoding.encode(BLAKE2b.hash256(message)) == hex)
  }

  // Made with Python's hashlib.blake2b(message, digest_size=32, key=...).
  @Test(
    "a derived key is keyed BLAKE2b-256",
    arguments: [
      (
        32, "tacit test/1",
        "febd94f4492934eccd746dc304b6166ffe042b6678c3b2c1e37667abadb5c4bc"
      ),
      (64, "", "2fa9fbd9be36437de204e139e97d402bce68c828f43391608c891b5faed8a98a"),
    ])
  func derivationKnownAnswers(keyByteCount: Int, info: String, hex: String) throws {
    var bytes = (0..<keyByteCount).map { UInt8($0) }
    let key = try SecretBytes(wiping: &bytes)
    let derived = try BLAKE2b.derive(key: key, info: Array(info.utf8))
    #expect(try derived == SecretBytes(HexCoding.decode(hex)))
  }

  @Test("a derivation key outside 16 to 64 bytes is refused", arguments: [1, 15, 65])
  func derivationKeyLength(count: Int) throws {
    let key = try SecretBytes.random(count: count)
    #expect(
      throws: CryptographyError.invalidLength(
        value: "derivation key", expected: count < 16 ? 16 : 64, actual: count)
    ) {
      try BLAKE2b.derive(key: key, info: [])
    }
  }
}
