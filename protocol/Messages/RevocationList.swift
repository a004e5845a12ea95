package import Cryptography

/// The members whose admission the enrolment authority took back, signed by it.
///
/// Lists are numbered; a device keeps the newest and refuses an older one, so that a coordinator
/// cannot bring a revoked member back to a device that has seen it revoked.
package struct RevocationList: Equatable, Sendable {
  /// Most members of one list; it fits one `Welcome`.
  package static let maximumCount = 16_000
  static let maximumByteCount = 70 + 4 * maximumCount

  /// Ascending from 1; the list before any revocation is none.
  package let epoch: UInt32
  /// Ascending.
  package let revoked: [ClientID]
  private let signature: [UInt8]

  /// Signs a list.
  ///
  /// - Parameter revoked: at most `maximumCount`, in any order.
  /// - Throws: `CryptographyError` when the key cannot sign.
  package init(
    epoch: UInt32, revoked: Set<ClientID>, ledgerID: [UInt8], authority: SigningKey
  ) throws(CryptographyError) {
    precondition(revoked.count <= Self.maximumCount, "a revocation list has a largest size")
    self.epoch = epoch
    self.revoked = revoked.sorted()
    signature = try authority.sign(
      LoginTranscript.revocations(epoch: epoch, revoked: self.revoked, ledgerID: ledgerID))
  }

  /// - Throws: `WireError` when `bytes` are no canonical list.
  package init(bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    epoch = try reader.uint32()
    let count = Int(try reader.uint16())
    guard epoch > 0, count <= Self.maximumCount else {
      throw .fieldTooLong(actual: count, limit: Self.maximumCount)
    }
    var revoked: [ClientID] = []
    for _ in 0..<count {
      let id = try reader.uint32()
      guard revoked.last.map({ $0 < id }) ?? true else {
        throw .unknownValue(field: "order of revoked members", value: UInt64(id))
      }
      revoked.append(id)
    }
    self.revoked = revoked
    signature = try reader.fixed(64)
    try reader.finish()
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter(capacity: 70 + 4 * revoked.count)
    writer.uint32(epoch)
    writer.uint16(UInt16(revoked.count))
    for id in revoked { writer.uint32(id) }
    writer.fixed(signature, count: 64)
    return writer.bytes
  }

  package func isSigned(by authority: VerifyingKey, for ledgerID: [UInt8]) -> Bool {
    authority.isValidSignature(
      signature,
      for: LoginTranscript.revocations(epoch: epoch, revoked: revoked, ledgerID: ledgerID))
  }
}
