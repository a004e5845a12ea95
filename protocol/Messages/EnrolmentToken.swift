internal import Cryptography

/// A one-time enrolment token: where the coordinator is, how to recognise it, and a secret.
///
/// Text form: `tacit1.` and base64url of the fields. It is given to one customer out of band.
package struct EnrolmentToken: Equatable, Sendable {
  package var host: String
  package var port: UInt16
  /// SHA-256 of the TLS server's SubjectPublicKeyInfo.
  package var serverKeyPin: [UInt8]
  /// Ed25519 public key of the coordinator.
  package var coordinatorKey: [UInt8]
  package var ledgerID: [UInt8]
  /// Seconds since 1970; the coordinator refuses the token from then on.
  package var expiresAtSeconds: UInt64
  /// 128 random bits.
  package var secret: [UInt8]

  package static let prefix = "tacit1."

  package init(
    host: String, port: UInt16, serverKeyPin: [UInt8], coordinatorKey: [UInt8], ledgerID: [UInt8],
    expiresAtSeconds: UInt64, secret: [UInt8]
  ) {
    self.host = host
    self.port = port
    self.serverKeyPin = serverKeyPin
    self.coordinatorKey = coordinatorKey
    self.ledgerID = ledgerID
    self.expiresAtSeconds = expiresAtSeconds
    self.secret = secret
  }

  package var text: String {
    var writer = ByteWriter()
    writer.opaque(Array(host.utf8), limit: 255)
    writer.uint16(port)
    writer.digest(serverKeyPin)
    writer.fixed(coordinatorKey, count: 32)
    writer.fixed(ledgerID, count: 16)
    writer.uint64(expiresAtSeconds)
    writer.fixed(secret, count: 16)
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
    host = try reader.text(limit: 255)
    port = try reader.uint16()
    serverKeyPin = try reader.digest()
    coordinatorKey = try reader.fixed(32)
    ledgerID = try reader.fixed(16)
    expiresAtSeconds = try reader.uint64()
    secret = try reader.fixed(16)
    try reader.finish()
  }
}
