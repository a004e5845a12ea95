internal import COpenSSL
internal import CSodium

/// The AES-256-CTR keystream (NIST SP 800-38A s.6.5) through EVP, which uses the processor's AES
/// instructions.
///
/// A class because it owns an OpenSSL context, which holds the key schedule and is zeroed when
/// freed. Not `Sendable`.
final class CounterKeystream {
  static let keyByteCount = 32
  static let counterByteCount = 16

  private let context: OpaquePointer

  /// - Throws: `CryptographyError.missingLibrary` if OpenSSL cannot set up AES-256-CTR.
  init() throws(CryptographyError) {
    guard let context = EVP_CIPHER_CTX_new() else { throw .missingLibrary("OpenSSL EVP") }
    guard EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), nil, nil, nil) == 1 else {
      EVP_CIPHER_CTX_free(context)
      throw .missingLibrary("OpenSSL AES-256-CTR")
    }
    self.context = context
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  /// Starts the stream of `key` at the 16-byte block `counter`.
  /// - Returns: whether OpenSSL accepted the key.
  func start(
    key: UnsafePointer<UInt8>,
    counter: [UInt8] = [UInt8](repeating: 0, count: CounterKeystream.counterByteCount)
  ) -> Bool {
    precondition(counter.count == CounterKeystream.counterByteCount, "a counter block is 16 bytes")
    return EVP_EncryptInit_ex(context, nil, nil, key, counter) == 1
  }

  /// Overwrites `byteCount` bytes at `destination` with the next bytes of the stream.
  /// - Returns: whether OpenSSL produced all of them.
  func fill(_ destination: UnsafeMutablePointer<UInt8>, byteCount: Int32) -> Bool {
    // The keystream is the encryption of zeros.
    sodium_memzero(destination, Int(byteCount))
    var written: Int32 = 0
    let status = EVP_EncryptUpdate(context, destination, &written, destination, byteCount)
    return status == 1 && written == byteCount
  }
}
