internal import CSodium

/// An X25519 key (RFC 7748), made for one round or one message and dropped with it.
package struct AgreementKey: Sendable {
  /// The public half, 32 bytes.
  package let publicKey: [UInt8]
  private let secret: SecretBytes

  /// Number of bytes of a public key, a secret key and a shared secret.
  package static let byteCount = Int(crypto_scalarmult_BYTES)

  /// Makes a new key from the system's generator.
  /// - Throws: `CryptographyError` if guarded memory is not to be had.
  package init() throws(CryptographyError) {
    try self.init(secret: SecretBytes.random(count: AgreementKey.byteCount))
  }

  /// - Parameter secret: 32 bytes, clamped by libsodium as RFC 7748 s.5 says.
  /// - Throws: `CryptographyError.invalidLength` if `secret` is not 32 bytes long.
  init(secret: SecretBytes) throws(CryptographyError) {
    guard secret.count == AgreementKey.byteCount else {
      throw .invalidLength(
        value: "X25519 secret key", expected: AgreementKey.byteCount, actual: secret.count)
    }
    var publicKey = [UInt8](repeating: 0, count: AgreementKey.byteCount)
    guard secret.withUnsafePointer({ crypto_scalarmult_base(&publicKey, $0) }) == 0 else {
      throw .operationFailed("crypto_scalarmult_base")
    }
    self.publicKey = publicKey
    self.secret = secret
  }

  /// The raw shared secret, 32 bytes. It is not uniform: pass it through `BLAKE2b.derive` before
  /// use.
  /// - Parameter peer: the other side's public key, 32 bytes.
  /// - Throws: `CryptographyError.invalidLength`; `.weakAgreementKey` if the result would be all
  ///   zero.
  package func sharedSecret(with peer: [UInt8]) throws(CryptographyError) -> SecretBytes {
    guard peer.count == AgreementKey.byteCount else {
      throw .invalidLength(
        value: "X25519 public key", expected: AgreementKey.byteCount, actual: peer.count)
    }
    // crypto_scalarmult reports the all-zero output that a small-order peer key forces (RFC 7748
    // s.6.1).
    return try SecretBytes(count: AgreementKey.byteCount, orThrow: .weakAgreementKey) { result in
      secret.withUnsafePointer { crypto_scalarmult(result, $0, peer) }
    }
  }
}
