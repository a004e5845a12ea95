import COpenSSL
import Testing

@testable import Cryptography

@Suite("X25519")
struct AgreementKeyTests {
  static func secret(_ hex: String) throws -> SecretBytes {
    try SecretBytes(HexCoding.decode(hex))
  }

  // RFC 7748 s.5.2.
  @Test("scalar multiplication agrees with RFC 7748")
  func knownAnswer() throws {
    let key = try AgreementKey(
      secret: Self.secret("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"))
    let shared = try key.sharedSecret(
      with: HexCoding.decode("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
    #expect(
      try shared
        == Self.secret("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"))
  }

  // RFC 7748 s.6.1.
  @Test("both sides of RFC 7748's exchange reach its secret")
  func knownExchange() throws {
    let alice = try AgreementKey(
      secret: Self.secret("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    let bob = try AgreementKey(
      secret: Self.secret("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    let shared = try Self.secret(
      "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    #expect(
      HexCoding.encode(alice.publicKey)
        == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    #expect(
      HexCoding.encode(bob.publicKey)
        == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    #expect(try alice.sharedSecret(with: bob.publicKey) == shared)
    #expect(try bob.sharedSecret(with: alice.publicKey) == shared)
  }

  @Test("OpenSSL reaches the same secret")
  func agreesWithOpenSSL() throws {
    let secret = try SecretBytes.random(count: 32)
    let key = try AgreementKey(secret: secret)
    let peer = try AgreementKey()
    let expected = try key.sharedSecret(with: peer.publicKey)
    let own = try #require(
      secret.withUnsafePointer { EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, $0, 32) })
    defer { EVP_PKEY_free(own) }
    let other = try #require(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nil, peer.publicKey, 32))
    defer { EVP_PKEY_free(other) }
    let context = try #require(EVP_PKEY_CTX_new(own, nil))
    defer { EVP_PKEY_CTX_free(context) }
    var derived = [UInt8](repeating: 0, count: 32)
    var count = derived.count
    #expect(EVP_PKEY_derive_init(context) == 1)
    #expect(EVP_PKEY_derive_set_peer(context, other) == 1)
    #expect(EVP_PKEY_derive(context, &derived, &count) == 1)
    #expect(try SecretBytes(wiping: &derived) == expected)
  }

  // The points of order 1, 2, 4 and 8 with their non-canonical forms, as listed in
  // cr.yp.to each forces the all-zero secret.
  @Test(
    "a small-order public key is refused",
    arguments: [
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ])
  func smallOrder(hex: String) throws {
    let key = try AgreementKey()
    #expect(throws: CryptographyError.weakAgreementKey) {
      try key.sharedSecret(with: HexCoding.decode(hex))
    }
  }

  @Test("a public key of another length is refused", arguments: [0, 31, 33])
  func wrongLength(count: Int) throws {
    let key = try AgreementKey()
    #expect(
      throws: CryptographyError.invalidLength(
        value: "X25519 public key", expected: 32, actual: count)
    ) { try key.sharedSecret(with: [UInt8](repeating: 9, count: count)) }
  }
}
