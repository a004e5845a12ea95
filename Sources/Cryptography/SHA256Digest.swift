internal import COpenSSL

/// A SHA-256 digest (FIPS 180-4): names models, policies, ledger lines and public keys. Not for
/// secrets.
package struct SHA256Digest: Hashable, Sendable {
  /// The digest, 32 bytes.
  package let bytes: [UInt8]

  /// Number of bytes of a digest.
  package static let byteCount = 32

  /// OpenSSL's SHA-256, looked up once: `EVP_sha256()` has it looked up by each use, which takes
  /// twice as long as hashing a ledger line.
  // Safe: never freed or changed, and OpenSSL lets all threads use one algorithm (`HashTests` does).
  nonisolated(unsafe) static let algorithm: OpaquePointer = {
    guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil) else {
      preconditionFailure("OpenSSL offers no SHA-256")
    }
    return algorithm
  }()

  /// The digest of `message`, through EVP, which uses the processor's SHA instructions.
  package init(hashing message: [UInt8]) {
    var digest = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
    let status = EVP_Digest(message, message.count, &digest, nil, Self.algorithm, nil)
    // EVP fails only without memory or without its default provider: the process could not
    // continue.
    precondition(status == 1, "OpenSSL offers no SHA-256")
    bytes = digest
  }

  /// For `SHA256`, whose output has the right length by construction.
  init(uncheckedBytes bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// - Throws: `CryptographyError.invalidLength` unless there are 32 bytes.
  package init(bytes: [UInt8]) throws(CryptographyError) {
    guard bytes.count == SHA256Digest.byteCount else {
      throw .invalidLength(
        value: "SHA-256 digest", expected: SHA256Digest.byteCount, actual: bytes.count)
    }
    self.bytes = bytes
  }

  /// - Throws: `CryptographyError.invalidEncoding` for text that is not lower-case hexadecimal,
  ///   `.invalidLength` unless it has 64 digits.
  package init(hex: String) throws(CryptographyError) {
    try self.init(bytes: HexCoding.decode(hex))
  }

  /// The digest as 64 lower-case hexadecimal digits.
  package var hex: String { HexCoding.encode(bytes) }
}

extension SHA256Digest: CustomStringConvertible {
  /// The same as `hex`.
  package var description: String { hex }
}
