internal import CSodium

/// An Ed25519 public key that has been checked to be a point of the prime-order group.
package struct VerifyingKey: Hashable, Sendable {
  /// The canonical encoding, 32 bytes.
  package let bytes: [UInt8]

  /// Number of bytes of a key.
  package static let byteCount = Int(crypto_sign_PUBLICKEYBYTES)

  /// - Throws: `CryptographyError.invalidLength` unless there are 32 bytes; `.invalidVerifyingKey`
  ///   for a point that is off the curve, not canonical, or of small order (under which anyone
  ///   could forge).
  package init(bytes: [UInt8]) throws(CryptographyError) {
    guard bytes.count == VerifyingKey.byteCount else {
      throw .invalidLength(
        value: "Ed25519 public key", expected: VerifyingKey.byteCount, actual: bytes.count)
    }
    try Sodium.requireReady()
    guard crypto_core_ed25519_is_valid_point(bytes) == 1 else { throw .invalidVerifyingKey }
    self.bytes = bytes
  }

  /// - Throws: `CryptographyError.invalidEncoding` for text that is not lower-case hexadecimal,
  ///   else as `init(bytes:)`.
  package init(hex: String) throws(CryptographyError) {
    try self.init(bytes: HexCoding.decode(hex))
  }

  /// Whether `signature` is this key's signature of `message`.
  ///
  /// Only libsodium verifies: it refuses small-order points and a non-canonical S, so that every
  /// party accepts exactly the same signatures.
  /// - Parameter signature: 64 bytes; any other length is simply not valid.
  package func isValidSignature(_ signature: [UInt8], for message: [UInt8]) -> Bool {
    signature.count == SigningKey.signatureByteCount
      && crypto_sign_verify_detached(signature, message, UInt64(message.count), bytes) == 0
  }
}

extension VerifyingKey: CustomStringConvertible {
  /// The key as 64 lower-case hexadecimal digits.
  package var description: String { HexCoding.encode(bytes) }
}
