internal import CSodium

/// Seals one value at a time, for a column of a database or a small file: XChaCha20-Poly1305 with a
/// random nonce (draft-irtf-cfrg-xchacha-03), which is safe for any number of values under one key.
///
/// A sealed value is the nonce, the ciphertext and the tag, one after the other. Sealing the same
/// value twice gives different bytes; `BLAKE2b.tag` finds equal ones.
package enum SealedBox {
  /// Number of bytes of the key.
  package static let keyByteCount = Int(crypto_aead_xchacha20poly1305_ietf_keybytes())
  /// Number of bytes by which a sealed value is longer than its plaintext.
  package static let overheadByteCount = nonceByteCount + tagByteCount

  private static let nonceByteCount = Int(crypto_aead_xchacha20poly1305_ietf_npubbytes())
  private static let tagByteCount = Int(crypto_aead_xchacha20poly1305_ietf_abytes())

  /// The sealed form of `plaintext`, `overheadByteCount` bytes longer.
  /// - Parameters:
  ///   - key: `keyByteCount` bytes.
  ///   - context: public; says what the value is and where it belongs. It is authenticated, not
  ///     stored: a value moved to another place does not open there.
  /// - Throws: `CryptographyError.invalidLength` for another length of the key.
  package static func seal(
    _ plaintext: [UInt8], key: SecretBytes, context: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    try require(key)
    let nonce = SecureRandom.bytes(nonceByteCount)
    var ciphertext = [UInt8](repeating: 0, count: plaintext.count + tagByteCount)
    let status = key.withUnsafePointer {
      crypto_aead_xchacha20poly1305_ietf_encrypt(
        &ciphertext, nil, plaintext, UInt64(plaintext.count), context, UInt64(context.count), nil,
        nonce, $0)
    }
    guard status == 0 else {
      throw .operationFailed("crypto_aead_xchacha20poly1305_ietf_encrypt")
    }
    return nonce + ciphertext
  }

  /// The plaintext of a value that `seal` made with the same key and context.
  /// - Throws: `CryptographyError.authenticationFailed` if a byte was changed, or key or context is
  ///   another one; `.invalidLength`.
  package static func open(
    _ sealed: [UInt8], key: SecretBytes, context: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    try require(key)
    guard sealed.count >= overheadByteCount else {
      throw .invalidLength(
        value: "sealed value", expected: overheadByteCount, actual: sealed.count)
    }
    var plaintext = [UInt8](repeating: 0, count: sealed.count - overheadByteCount)
    let nonce = Array(sealed[..<nonceByteCount])
    let ciphertext = Array(sealed[nonceByteCount...])
    let status = key.withUnsafePointer {
      crypto_aead_xchacha20poly1305_ietf_decrypt(
        &plaintext, nil, nil, ciphertext, UInt64(ciphertext.count), context,
        UInt64(context.count), nonce, $0)
    }
    guard status == 0 else { throw .authenticationFailed }
    return plaintext
  }

  private static func require(_ key: SecretBytes) throws(CryptographyError) {
    try Sodium.requireReady()
    guard key.count == keyByteCount else {
      throw .invalidLength(value: "sealing key", expected: keyByteCount, actual: key.count)
    }
  }
}

extension BLAKE2b {
  /// Number of bytes of a tag: two of 2^40 messages share one with probability below 2^-48.
  package static let tagByteCount = 16

  /// A pseudorandom name of `message` under `key` (BLAKE2b-128, keyed): equal messages have equal
  /// tags, and without the key a tag tells nothing else about its message.
  /// - Parameter key: `byteCount` bytes, used for tags only.
  /// - Throws: `CryptographyError.invalidLength` for another length of the key.
  package static func tag(
    of message: [UInt8], key: SecretBytes
  ) throws(CryptographyError) -> [UInt8] {
    try Sodium.requireReady()
    guard key.count == byteCount else {
      throw .invalidLength(value: "tag key", expected: byteCount, actual: key.count)
    }
    var tag = [UInt8](repeating: 0, count: tagByteCount)
    let status = key.withUnsafePointer {
      crypto_generichash(&tag, tagByteCount, message, UInt64(message.count), $0, key.count)
    }
    guard status == 0 else { throw .operationFailed("crypto_generichash") }
    return tag
  }
}
