internal import CSodium

/// BLAKE2b with 256-bit output (RFC 7693): the protocol's hash, and keyed, its key derivation.
package enum BLAKE2b {
  /// Number of bytes of a hash and of a derived key.
  package static let byteCount = 32

  /// The unkeyed BLAKE2b-256 hash of `message`, 32 bytes.
  package static func hash256(_ message: [UInt8]) -> [UInt8] {
    Sodium.assertReady()
    var hash = [UInt8](repeating: 0, count: byteCount)
    let status = crypto_generichash(&hash, byteCount, message, UInt64(message.count), nil, 0)
    // The only failures of crypto_generichash are lengths outside its range, and 32 is inside.
    precondition(status == 0, "crypto_generichash refused a 32-byte hash")
    return hash
  }

  /// A 32-byte key that is BLAKE2b-256 keyed with `key` over `info`.
  /// - Parameters:
  ///   - key: 16 to 64 secret bytes.
  ///   - info: public; starts with an ASCII label and version and holds all that the key must be
  ///     bound to.
  /// - Throws: `CryptographyError.invalidLength` for a key outside that range, or a failure to
  ///   reserve memory.
  package static func derive(
    key: SecretBytes, info: [UInt8]
  ) throws(CryptographyError) -> SecretBytes {
    guard key.count >= Int(crypto_generichash_KEYBYTES_MIN) else {
      throw .invalidLength(
        value: "derivation key", expected: Int(crypto_generichash_KEYBYTES_MIN), actual: key.count)
    }
    guard key.count <= Int(crypto_generichash_KEYBYTES_MAX) else {
      throw .invalidLength(
        value: "derivation key", expected: Int(crypto_generichash_KEYBYTES_MAX), actual: key.count)
    }
    return try SecretBytes(count: byteCount, orThrow: .operationFailed("crypto_generichash")) {
      derived in
      key.withUnsafePointer {
        crypto_generichash(derived, byteCount, info, UInt64(info.count), $0, key.count)
      }
    }
  }
}
