internal import Cryptography

/// Base64 with padding (RFC 4648 s.4), as C2SP notes use it, over the strict unpadded coder of Cryptography.
enum Base64 {
  static func encode(_ bytes: [UInt8]) -> String {
    let text = Base64URL.encode(bytes)
    let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    return replace(text, ["-": "+", "_": "/"]) + padding
  }

  /// The bytes of `text`, whose one accepted spelling is that of `encode`.
  /// - Throws: `CryptographyError.invalidEncoding`.
  static func decode(_ text: String) throws(CryptographyError) -> [UInt8] {
    let unpadded = String(text.prefix { $0 != "=" })
    let bytes = try Base64URL.decode(replace(unpadded, ["+": "-", "/": "_"]))
    guard encode(bytes) == text else {
      throw .invalidEncoding(format: "padded base64", offset: nil)
    }
    return bytes
  }

  private static func replace(_ text: String, _ pairs: [Character: Character]) -> String {
    String(text.map { pairs[$0] ?? $0 })
  }
}
