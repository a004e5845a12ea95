import CSodium
import Cryptography
import Ledger
import Testing

extension Checkpoint {
  /// The same statement under another valid signature, as whoever holds the key can make any number of: the nonce of
  /// Ed25519 is the signer's choice.
  /// - Source: RFC 8032 section 5.1.6, with `nonce` in the place of r.
  func signedAgain(seed: [UInt8], nonce: UInt8) throws -> Checkpoint {
    let text = self.text
    // An empty line ends what is signed; it is not signed itself.
    let end = text.indices.first { text[$0] == 0x0A && text[$0 + 1] == 0x0A } ?? 0
    let body = Array(text[...end])
    var secret = Self.hash(seed)
    secret[0] &= 248
    secret[31] = secret[31] & 63 | 64
    let scalar = Array(secret[..<32])
    var wide = [UInt8](repeating: 0, count: 64)
    wide[0] = nonce
    let r = Self.reduced(wide)
    var (point, key) = ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32))
    #expect(crypto_scalarmult_ed25519_base_noclamp(&point, r) == 0)
    #expect(crypto_scalarmult_ed25519_base_noclamp(&key, scalar) == 0)
    let challenge = Self.reduced(Self.hash(point + key + body))
    var (product, response) = (key, key)
    crypto_core_ed25519_scalar_mul(&product, challenge, Self.reduced(scalar + wide[32...]))
    crypto_core_ed25519_scalar_add(&response, r, product)
    let line = "\n\u{2014} \(origin) \(Base64.encode(signatures[0].keyHash + point + response))\n"
    return try Checkpoint(parsing: body + Array(line.utf8))
  }

  private static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 64)
    crypto_hash_sha512(&digest, bytes, UInt64(bytes.count))
    return digest
  }

  private static func reduced(_ wide: [UInt8]) -> [UInt8] {
    var scalar = [UInt8](repeating: 0, count: 32)
    crypto_core_ed25519_scalar_reduce(&scalar, wide)
    return scalar
  }
}
