@testable import Cryptography

extension SecretBytes {
  /// A secret with known bytes. Expectation macros cannot hold a span, so tests pass arrays.
  convenience init(_ bytes: [UInt8]) throws(CryptographyError) {
    try self.init(copying: bytes.span)
  }
}
