internal import COpenSSL

/// SHA-256 over a message that arrives in pieces.
///
/// Not copyable, because it owns an OpenSSL context.
package struct SHA256: ~Copyable {
  private let context: OpaquePointer

  /// An empty message.
  package init() {
    // EVP fails only without memory or without its default provider: the process could not
    // continue.
    guard let context = EVP_MD_CTX_new(),
      EVP_DigestInit_ex(context, SHA256Digest.algorithm, nil) == 1
    else { preconditionFailure("OpenSSL offers no SHA-256") }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Appends `bytes` to the message.
  package mutating func update(_ bytes: [UInt8]) {
    let status = EVP_DigestUpdate(context, bytes, bytes.count)
    precondition(status == 1, "OpenSSL refused to continue a SHA-256")
  }

  /// Appends `bytes` to the message.
  package mutating func update(_ bytes: ArraySlice<UInt8>) {
    let status = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    precondition(status == 1, "OpenSSL refused to continue a SHA-256")
  }

  /// Appends `words` in little-endian order to the message.
  package mutating func update(_ words: Span<UInt32>) {
    #if _endian(big)
      #error("words are hashed from memory, which is little-endian on every supported machine")
    #endif
    let status = words.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    precondition(status == 1, "OpenSSL refused to continue a SHA-256")
  }

  /// The digest of all bytes so far; ends the use of this value.
  package consuming func finalize() -> SHA256Digest { digest() }

  /// The digest of all bytes so far; what comes next is another message. For many short messages,
  /// of which each would take longer to set up a context for than to hash.
  package mutating func finalizeAndRestart() -> SHA256Digest {
    let digest = digest()
    let status = EVP_DigestInit_ex(context, nil, nil)
    precondition(status == 1, "OpenSSL refused to begin a SHA-256")
    return digest
  }

  private func digest() -> SHA256Digest {
    var digest = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
    let status = EVP_DigestFinal_ex(context, &digest, nil)
    precondition(status == 1, "OpenSSL refused to finish a SHA-256")
    return SHA256Digest(uncheckedBytes: digest)
  }
}
