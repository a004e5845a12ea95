internal import CSodium

/// An Ed25519 key that signs (RFC 8032).
package struct SigningKey: Sendable {
  /// The public half.
  package let verifyingKey: VerifyingKey
  // libsodium's form: 32-byte seed followed by the 32-byte public key.
  private let secretKey: SecretBytes

  /// Number of bytes of a seed.
  package static let seedByteCount = Int(crypto_sign_SEEDBYTES)
  /// Number of bytes of a signature.
  package static let signatureByteCount = Int(crypto_sign_BYTES)

  /// Makes a new key from the system's generator.
  /// - Throws: `CryptographyError` if guarded memory is not to be had.
  package init() throws(CryptographyError) {
    try self.init(seed: SecretBytes.random(count: SigningKey.seedByteCount))
  }

  /// Derives the key from its 32-byte seed (RFC 8032 s.5.1.5).
  /// - Throws: `CryptographyError.invalidLength` if `seed` is not 32 bytes long.
  package init(seed: SecretBytes) throws(CryptographyError) {
    guard seed.count == SigningKey.seedByteCount else {
      throw .invalidLength(
        value: "Ed25519 seed", expected: SigningKey.seedByteCount, actual: seed.count)
    }
    var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
    secretKey = try SecretBytes(
      count: Int(crypto_sign_SECRETKEYBYTES), orThrow: .operationFailed("crypto_sign_seed_keypair")
    ) { destination in
      seed.withUnsafePointer { crypto_sign_seed_keypair(&publicKey, destination, $0) }
    }
    verifyingKey = try VerifyingKey(bytes: publicKey)
  }

  /// The 32-byte seed, in its own guarded memory.
  /// - Throws: `CryptographyError` if guarded memory is not to be had.
  package var seed: SecretBytes {
    get throws(CryptographyError) {
      try secretKey.withBytes { (bytes) throws(CryptographyError) in
        try SecretBytes(copying: bytes.extracting(first: SigningKey.seedByteCount))
      }
    }
  }

  /// The deterministic Ed25519 signature of `message`, 64 bytes.
  ///
  /// Callers start every message with an ASCII label and version, so that no signature serves two
  /// purposes.
  /// - Throws: `CryptographyError.operationFailed` if libsodium refuses, which valid keys never
  ///   cause.
  package func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
    var signature = [UInt8](repeating: 0, count: SigningKey.signatureByteCount)
    let status = secretKey.withUnsafePointer {
      crypto_sign_detached(&signature, nil, message, UInt64(message.count), $0)
    }
    guard status == 0 else { throw .operationFailed("crypto_sign_detached") }
    return signature
  }
}
