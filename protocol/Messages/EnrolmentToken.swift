package import Cryptography

/// Where a federation's coordinator is, and how its clients recognise it. Public.
package struct CoordinatorAddress: Equatable, Sendable {
  package var host: String
  package var port: UInt16
  /// SHA-256 of the TLS server's SubjectPublicKeyInfo.
  package var serverKeyPin: [UInt8]
  /// Ed25519 public key of the coordinator.
  package var coordinatorKey: [UInt8]
  /// 16 bytes.
  package var ledgerID: [UInt8]

  package init(
    host: String, port: UInt16, serverKeyPin: [UInt8], coordinatorKey: [UInt8], ledgerID: [UInt8]
  ) {
    self.host = host
    self.port = port
    self.serverKeyPin = serverKeyPin
    self.coordinatorKey = coordinatorKey
    self.ledgerID = ledgerID
  }
}

/// A one-time enrolment token: where the coordinator is, how to recognise it and the authority that
/// admits members, the token's number, and a secret that makes its holder that member.
///
/// Text form: `tacit1.` and base64url of the fields. The enrolment authority gives it to one
/// customer out of band; whoever has seen it can enrol in that customer's place.
package struct EnrolmentToken: Equatable, Sendable {
  package var address: CoordinatorAddress
  /// Ed25519 public key of the enrolment authority, which the client pins.
  package var enrolmentKey: [UInt8]
  /// The token's number: its holder's in the roster.
  package var clientID: ClientID
  /// Seconds since 1970; the coordinator refuses the token from then on.
  package var expiresAtSeconds: UInt64
  /// 128 random bits.
  package var secret: [UInt8]
  /// By the enrolment key over `LoginTranscript.voucher`.
  package var voucher: [UInt8]

  package static let prefix = "tacit1."
  private static let secretByteCount = 16

  /// Issues a token with a fresh secret.
  ///
  /// - Parameter clientID: given to no other token of this ledger.
  /// - Throws: `CryptographyError` when there is no entropy or memory.
  package init(
    for clientID: ClientID, at address: CoordinatorAddress, expiresAtSeconds: UInt64,
    authority: SigningKey
  ) throws(CryptographyError) {
    let secret = SecureRandom.bytes(Self.secretByteCount)
    self.address = address
    enrolmentKey = authority.verifyingKey.bytes
    self.clientID = clientID
    self.expiresAtSeconds = expiresAtSeconds
    self.secret = secret
    let tokenKey = try Self.signingKey(secret: secret, ledgerID: address.ledgerID).verifyingKey
    voucher = try authority.sign(
      LoginTranscript.voucher(
        clientID: clientID, tokenKey: tokenKey.bytes, expiresAtSeconds: expiresAtSeconds,
        ledgerID: address.ledgerID))
  }

  private static func signingKey(
    secret: [UInt8], ledgerID: [UInt8]
  ) throws(CryptographyError) -> SigningKey {
    var secret = secret
    return try SigningKey(
      seed: BLAKE2b.derive(
        key: SecretBytes(wiping: &secret), info: Array("tacit token/1".utf8) + ledgerID))
  }

  /// What makes `identityKey` that of this token's member.
  ///
  /// - Throws: `CryptographyError` for a secret that is not 16 bytes, or for want of memory.
  package func credential(
    for identityKey: VerifyingKey
  ) throws(CryptographyError) -> MemberCredential {
    let key = try Self.signingKey(secret: secret, ledgerID: address.ledgerID)
    return MemberCredential(
      tokenKey: key.verifyingKey.bytes, expiresAtSeconds: expiresAtSeconds, voucher: voucher,
      binding: try key.sign(
        LoginTranscript.credential(
          clientID: clientID, identityKey: identityKey.bytes, ledgerID: address.ledgerID)))
  }

  package var text: String {
    var writer = ByteWriter()
    writer.opaque(Array(address.host.utf8), limit: 255)
    writer.uint16(address.port)
    writer.digest(address.serverKeyPin)
    writer.fixed(address.coordinatorKey, count: 32)
    writer.fixed(address.ledgerID, count: 16)
    writer.fixed(enrolmentKey, count: 32)
    writer.uint32(clientID)
    writer.uint64(expiresAtSeconds)
    writer.fixed(secret, count: Self.secretByteCount)
    writer.fixed(voucher, count: 64)
    return Self.prefix + Base64URL.encode(writer.bytes)
  }

  /// - Throws: `WireError` when `text` is not a token (cut short, or altered).
  package init(text: String) throws(WireError) {
    guard text.hasPrefix(Self.prefix), text.utf8.count <= 1_024 else {
      throw .unknownValue(field: "token prefix", value: 0)
    }
    let raw: [UInt8]
    do {
      raw = try Base64URL.decode(String(text.dropFirst(Self.prefix.count)))
    } catch {
      throw .unknownValue(field: "token text", value: UInt64(text.utf8.count))
    }
    var reader = ByteReader(raw)
    address = CoordinatorAddress(
      host: try reader.text(limit: 255), port: try reader.uint16(),
      serverKeyPin: try reader.digest(), coordinatorKey: try reader.fixed(32),
      ledgerID: try reader.fixed(16))
    enrolmentKey = try reader.fixed(32)
    clientID = try reader.uint32()
    expiresAtSeconds = try reader.uint64()
    secret = try reader.fixed(Self.secretByteCount)
    voucher = try reader.fixed(64)
    try reader.finish()
  }
}
