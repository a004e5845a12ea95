internal import Cryptography

/// The byte strings that login signatures cover. Wire specification section 4.
///
/// Each starts with a label and holds the TLS exporter of RFC 9266, so a signature made on one
/// TLS session is worthless on any other: a relayed login is refused.
package enum LoginTranscript {
  /// Signed by the coordinator key in `ServerHello`.
  package static func hello(exporter: [UInt8], nonce: [UInt8], ledgerID: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.fixed(exporter, count: 32)
    writer.fixed(nonce, count: 32)
    writer.fixed(ledgerID, count: 16)
    return Array("tacit hello/1".utf8) + writer.bytes
  }

  /// Signed by a client's identity key in `ClientAuth`.
  package static func auth(
    exporter: [UInt8], nonce: [UInt8], clientID: ClientID, coordinatorKey: [UInt8],
    ledgerID: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter()
    writer.fixed(exporter, count: 32)
    writer.fixed(nonce, count: 32)
    writer.uint32(clientID)
    writer.fixed(coordinatorKey, count: 32)
    writer.fixed(ledgerID, count: 16)
    return Array("tacit auth/1".utf8) + writer.bytes
  }

  /// Signed by a new identity key in `ClientEnrol`.
  package static func enrol(
    exporter: [UInt8], nonce: [UInt8], clientID: ClientID, credential: [UInt8],
    identityKey: [UInt8], coordinatorKey: [UInt8], ledgerID: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter()
    writer.fixed(exporter, count: 32)
    writer.fixed(nonce, count: 32)
    writer.uint32(clientID)
    writer.fixed(credential, count: MemberCredential.byteCount)
    writer.fixed(identityKey, count: 32)
    writer.fixed(coordinatorKey, count: 32)
    writer.fixed(ledgerID, count: 16)
    return Array("tacit enrol/1".utf8) + writer.bytes
  }

  /// Signed by the enrolment key: whoever holds this token is member `clientID` of `ledgerID`.
  package static func voucher(
    clientID: ClientID, tokenKey: [UInt8], expiresAtSeconds: UInt64, ledgerID: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint32(clientID)
    writer.fixed(tokenKey, count: 32)
    writer.uint64(expiresAtSeconds)
    writer.fixed(ledgerID, count: 16)
    return Array("tacit voucher/1".utf8) + writer.bytes
  }

  /// Signed by the enrolment key: these members of `ledgerID` are revoked.
  package static func revocations(
    epoch: UInt32, revoked: [ClientID], ledgerID: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter(capacity: 64 + 4 * revoked.count)
    writer.fixed(ledgerID, count: 16)
    writer.uint32(epoch)
    writer.uint16(UInt16(revoked.count))
    for id in revoked { writer.uint32(id) }
    return Array("tacit revocations/1".utf8) + writer.bytes
  }

  /// Signed by the token key: its holder, member `clientID` of `ledgerID`, uses this identity key.
  package static func credential(
    clientID: ClientID, identityKey: [UInt8], ledgerID: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint32(clientID)
    writer.fixed(identityKey, count: 32)
    writer.fixed(ledgerID, count: 16)
    return Array("tacit credential/1".utf8) + writer.bytes
  }

  /// Signed by the coordinator key: this policy governs `ledgerID`.
  package static func policy(policyHash: [UInt8], ledgerID: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.digest(policyHash)
    writer.fixed(ledgerID, count: 16)
    return Array("tacit policy/1".utf8) + writer.bytes
  }
}

/// The context of one round: binds every key and signature in it to the model, the catalogue,
/// the policy, the noise and the coordinator (secure aggregation specification section 3.5, ctx0).
package enum RoundContext {
  /// - Returns: 32 bytes, BLAKE2b-256 of a label, the ledger, the coordinator key and the offer.
  package static func digest(
    offer: Offer, coordinatorKey: [UInt8], ledgerID: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter()
    writer.fixed(ledgerID, count: 16)
    writer.fixed(coordinatorKey, count: 32)
    return BLAKE2b.hash256(Array("tacit round/1".utf8) + writer.bytes + offer.signedBytes)
  }
}
