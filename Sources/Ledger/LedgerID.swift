package import Cryptography

/// Identity of a ledger: 16 random bytes, so that no two ledgers of one coordinator are confused.
package struct LedgerID: Hashable, Sendable, CustomStringConvertible {
  /// Number of bytes of an identity.
  package static let byteCount = 16

  /// The identity, `byteCount` bytes.
  package let bytes: [UInt8]

  /// - Throws: `CryptographyError.invalidLength` unless there are 16 bytes.
  package init(bytes: [UInt8]) throws(CryptographyError) {
    guard bytes.count == Self.byteCount else {
      throw .invalidLength(
        value: "ledger identity", expected: Self.byteCount, actual: bytes.count)
    }
    self.bytes = bytes
  }

  /// - Throws: `CryptographyError` unless `hex` is 32 lower-case hexadecimal digits.
  package init(hex: String) throws(CryptographyError) {
    try self.init(bytes: HexCoding.decode(hex))
  }

  /// The identity as 32 lower-case hexadecimal digits.
  package var hex: String { HexCoding.encode(bytes) }

  /// The same as `hex`.
  package var description: String { hex }
}
