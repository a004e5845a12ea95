import COpenSSL
import Testing

@testable import Cryptography

@Suite("Ed25519")
struct SigningKeyTests {
  struct Vector: Sendable {
    let seed: String
    let publicKey: String
    let message: String
    let signature: String
  }

  // RFC 8032 s.7.1, TEST 1 to 3.
  static let vectors = [
    Vector(
      seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      message: "",
      signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    Vector(
      seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      message: "72",
      signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    Vector(
      seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      message: "af82",
      signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
  ]

  @Test("keys, signatures and verification agree with RFC 8032", arguments: vectors)
  func knownAnswers(vector: Vector) throws {
    var seed = try HexCoding.decode(vector.seed)
    let key = try SigningKey(seed: SecretBytes(wiping: &seed))
    let message = try HexCoding.decode(vector.message)
    #expect(key.verifyingKey.description == vector.publicKey)
    let signature = try key.sign(message)
    #expect(HexCoding.encode(signature) == vector.signature)
    #expect(try VerifyingKey(hex: vector.publicKey).isValidSignature(signature, for: message))
  }

  @Test("OpenSSL accepts our signatures, and signs as we do")
  func agreesWithOpenSSL() throws {
    let key = try SigningKey()
    let message = Array("tacit cross-check/1".utf8)
    let signature = try key.sign(message)
    let publicKey = try #require(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, key.verifyingKey.bytes, 32))
    defer { EVP_PKEY_free(publicKey) }
    let verification = try #require(EVP_MD_CTX_new())
    defer { EVP_MD_CTX_free(verification) }
    #expect(EVP_DigestVerifyInit(verification, nil, nil, nil, publicKey) == 1)
    #expect(EVP_DigestVerify(verification, signature, 64, message, message.count) == 1)

    let seed = try key.seed
    let privateKey = try #require(
      seed.withUnsafePointer { EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, $0, 32) })
    defer { EVP_PKEY_free(privateKey) }
    let signing = try #require(EVP_MD_CTX_new())
    defer { EVP_MD_CTX_free(signing) }
    var other = [UInt8](repeating: 0, count: 64)
    var count = other.count
    #expect(EVP_DigestSignInit(signing, nil, nil, nil, privateKey) == 1)
    #expect(EVP_DigestSign(signing, &other, &count, message, message.count) == 1)
    #expect(other == signature)
  }

  @Test("any changed bit of message or signature, or another key, fails")
  func tampering() throws {
    let key = try SigningKey()
    let message = Array("round 7".utf8)
    let signature = try key.sign(message)
    for bit in 0..<(8 * signature.count) {
      var changed = signature
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!key.verifyingKey.isValidSignature(changed, for: message))
    }
    for bit in 0..<(8 * message.count) {
      var changed = message
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!key.verifyingKey.isValidSignature(signature, for: changed))
    }
    #expect(try !SigningKey().verifyingKey.isValidSignature(signature, for: message))
    #expect(!key.verifyingKey.isValidSignature(signature, for: message + [0]))
    #expect(!key.verifyingKey.isValidSignature(Array(signature.dropLast()), for: message))
    #expect(!key.verifyingKey.isValidSignature(signature + [0], for: message))
    #expect(!key.verifyingKey.isValidSignature([], for: message))
  }

  @Test("a signature whose S has the group order added is refused")
  func nonCanonicalScalar() throws {
    // L = 2^252 + 27742317777372353535851937790883648493, little-endian. Adding it keeps S equal
    // modulo L.
    let order: [UInt8] = [
      0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
      0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ]
    let key = try SigningKey()
    var signature = try key.sign([1])
    var carry = 0
    for index in 0..<32 {
      let sum = Int(signature[32 + index]) + Int(order[index]) + carry
      signature[32 + index] = UInt8(sum & 255)
      carry = sum >> 8
    }
    #expect(carry == 0)
    #expect(!key.verifyingKey.isValidSignature(signature, for: [1]))
  }

  @Test("bytes that are not a point of the prime-order group are no key")
  func invalidKeys() throws {
    let identity: [UInt8] = [1] + [UInt8](repeating: 0, count: 31)
    let zero = [UInt8](repeating: 0, count: 32)
    let notCanonical = [UInt8](repeating: 255, count: 32)
    for bytes in [identity, zero, notCanonical] {
      #expect(throws: CryptographyError.invalidVerifyingKey) { try VerifyingKey(bytes: bytes) }
    }
    #expect(
      throws: CryptographyError.invalidLength(
        value: "Ed25519 public key", expected: 32, actual: 31)
    ) { try VerifyingKey(bytes: Array(zero.dropLast())) }
  }

  @Test("a key comes back from its seed; new keys differ; a short seed is refused")
  func seeds() throws {
    let key = try SigningKey()
    #expect(try SigningKey(seed: key.seed).verifyingKey == key.verifyingKey)
    #expect(try SigningKey().verifyingKey != key.verifyingKey)
    #expect(
      throws: CryptographyError.invalidLength(value: "Ed25519 seed", expected: 32, actual: 31)
    ) { try SigningKey(seed: SecretBytes.random(count: 31)) }
  }
}
