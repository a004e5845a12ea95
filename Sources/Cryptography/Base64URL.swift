internal import CSodium

/// Base64 with the URL-safe alphabet and no padding (RFC 4648 s.5), for tokens that a person
/// copies.
///
/// libsodium's coder is constant-time, so it may carry one-time secrets.
package enum Base64URL {
  private static let coder = SodiumBase64(
    variant: Int32(sodium_base64_VARIANT_URLSAFE_NO_PADDING), name: "unpadded URL-safe base64")

  /// Four characters for three bytes, without padding.
  package static func encode(_ bytes: [UInt8]) -> String { coder.encode(bytes) }

  /// The bytes of `text`, which must be canonical: no padding, no white space, unused bits zero.
  /// - Throws: `CryptographyError.invalidEncoding`.
  package static func decode(_ text: String) throws(CryptographyError) -> [UInt8] {
    try coder.decode(text)
  }
}

/// Base64 with the common alphabet and padding (RFC 4648 s.4), as C2SP notes use it.
package enum Base64 {
  private static let coder = SodiumBase64(
    variant: Int32(sodium_base64_VARIANT_ORIGINAL), name: "padded base64")

  /// Four characters for three bytes, padded to a multiple of four.
  package static func encode(_ bytes: [UInt8]) -> String { coder.encode(bytes) }

  /// The bytes of `text`, whose one accepted spelling is that of `encode`.
  /// - Throws: `CryptographyError.invalidEncoding`.
  package static func decode(_ text: String) throws(CryptographyError) -> [UInt8] {
    try coder.decode(text)
  }
}

/// One of libsodium's variants.
private struct SodiumBase64 {
  let variant: Int32
  let name: String

  func encode(_ bytes: [UInt8]) -> String {
    let capacity = sodium_base64_encoded_len(bytes.count, variant)
    var text = [CChar](repeating: 0, count: capacity)
    sodium_bin2base64(&text, capacity, bytes, bytes.count, variant)
    // The capacity counts the terminating zero.
    return String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func decode(_ text: String) throws(CryptographyError) -> [UInt8] {
    let characters = text.utf8.map { CChar(bitPattern: $0) }
    var bytes = [UInt8](repeating: 0, count: characters.count / 4 * 3 + 3)
    var byteCount = 0
    // A null end pointer makes libsodium refuse anything that follows the last valid character.
    let status = sodium_base642bin(
      &bytes, bytes.count, characters, characters.count, nil, &byteCount, nil, variant)
    guard status == 0 else { throw .invalidEncoding(format: name, offset: nil) }
    bytes.removeLast(bytes.count - byteCount)
    return bytes
  }
}
