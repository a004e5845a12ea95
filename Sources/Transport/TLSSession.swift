internal import COpenSSL
internal import NIOCore

/// What two ends of a finished handshake know about it.
package struct TLSHandshake: Equatable, Sendable {
  /// 32 bytes that both ends of this TLS session know, and no other session has: `tls-exporter` of
  /// RFC 9266.
  package let exporter: [UInt8]
  /// Client side: SHA-256 of the server's SubjectPublicKeyInfo, equal to the pin. Server side: nil,
  /// since clients prove themselves inside the session.
  package let peerKeyHash: [UInt8]?
}

/// One TLS connection as OpenSSL sees it: ciphertext in and out of buffers, no socket.
///
/// Confined to the event loop of its channel: the `SSL` object and the thread's error queue are
/// used together.
final class TLSSession {
  enum Step: Equatable {
    case completed
    /// OpenSSL has consumed all ciphertext and cannot go on without more.
    case needsInput
  }

  enum ReadOutcome: Equatable {
    case needsInput
    /// The peer sent close_notify: nothing follows, and nothing was cut off.
    case closeNotify
  }

  let buffers = CiphertextBuffers()
  private let connection: OpaquePointer
  private let verification: PeerVerification?

  /// - Parameter verification: the decision about the server's key; required for a client, nil for
  ///   a server.
  init(context: TLSContext, verification: PeerVerification?) throws(TransportError) {
    precondition((context.role == .client) == (verification != nil), "a client verifies a pin")
    OpenSSLErrorQueue.clear()
    guard let connection = SSL_new(context.pointer) else {
      throw OpenSSLErrorQueue.failure("create a TLS connection")
    }
    guard let bio = CiphertextBuffers.makeBIO(over: buffers) else {
      SSL_free(connection)
      throw OpenSSLErrorQueue.failure("create a BIO")
    }
    SSL_set_bio(connection, bio, bio)
    switch context.role {
    case .client: SSL_set_connect_state(connection)
    case .server: SSL_set_accept_state(connection)
    }
    self.connection = connection
    self.verification = verification
    if let verification, !verification.attach(to: connection) {
      throw OpenSSLErrorQueue.failure("attach the pin")
    }
  }

  deinit {
    SSL_free(connection)
  }

  /// Takes the handshake as far as the received ciphertext allows. What is to be sent, also after a
  /// failure (the alert), is in `buffers`.
  func advanceHandshake() throws(TransportError) -> Step {
    OpenSSLErrorQueue.clear()
    let result = SSL_do_handshake(connection)
    if result == 1 { return .completed }
    if SSL_get_error(connection, result) == SSL_ERROR_WANT_READ { return .needsInput }
    let reason = OpenSSLErrorQueue.takeReason()
    throw verification?.failure ?? .handshakeFailed(reason: reason)
  }

  /// The exporter and the peer's key. Only after `advanceHandshake` returned `.completed`.
  func handshakeResult() throws(TransportError) -> TLSHandshake {
    // RFC 9266 s.4.2: this label, an empty context, 32 bytes.
    let label = "EXPORTER-Channel-Binding"
    var exporter = [UInt8](repeating: 0, count: 32)
    OpenSSLErrorQueue.clear()
    let exported = SSL_export_keying_material(
      connection, &exporter, exporter.count, label, label.utf8.count, nil, 0, 1)
    guard exported == 1 else { throw OpenSSLErrorQueue.failure("export keying material") }
    return TLSHandshake(exporter: exporter, peerKeyHash: verification?.actualPin)
  }

  /// Decrypts all received ciphertext into `plaintext`.
  ///
  /// Bytes decrypted before a failure are in `plaintext`.
  func read(into plaintext: inout ByteBuffer) throws(TransportError) -> ReadOutcome {
    while true {
      OpenSSLErrorQueue.clear()
      var status: Int32 = 0
      plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: TLSSession.smallestRead) {
        space in
        var count = 0
        status = SSL_read_ex(connection, space.baseAddress, space.count, &count)
        return status == 1 ? count : 0
      }
      if status == 1 { continue }
      switch SSL_get_error(connection, status) {
      case SSL_ERROR_WANT_READ: return .needsInput
      case SSL_ERROR_ZERO_RETURN: return .closeNotify
      default: throw .protocolViolation(reason: OpenSSLErrorQueue.takeReason())
      }
    }
  }

  /// Encrypts the readable bytes of `plaintext`, at least one, into `buffers`.
  /// - Returns: `.needsInput` if OpenSSL first has to read the rest of a TLS message of the peer.
  ///   The same bytes have to be written again after it has.
  func write(_ plaintext: ByteBuffer) throws(TransportError) -> Step {
    OpenSSLErrorQueue.clear()
    buffers.reserveOutbound(TLSSession.ciphertextBound(ofPlaintext: plaintext.readableBytes))
    let status = plaintext.withUnsafeReadableBytes { bytes in
      var count = 0
      return SSL_write_ex(connection, bytes.baseAddress, bytes.count, &count)
    }
    if status == 1 { return .completed }
    if SSL_get_error(connection, status) == SSL_ERROR_WANT_READ { return .needsInput }
    throw .protocolViolation(reason: OpenSSLErrorQueue.takeReason())
  }

  /// Puts close_notify into `buffers`. Not after a failed call: the alert of the failure took its
  /// place.
  func sendCloseNotify() {
    OpenSSLErrorQueue.clear()
    // 0 is "sent, not yet received". A failure leaves nothing to send and the socket closes anyway.
    _ = SSL_shutdown(connection)
    OpenSSLErrorQueue.clear()
  }

  /// RFC 8446 s.5.2: 5 bytes of header, 1 of content type and 16 of tag per record of at most 2^14
  /// bytes.
  private static func ciphertextBound(ofPlaintext byteCount: Int) -> Int {
    byteCount + (byteCount / 16_384 + 1) * 22
  }

  /// Space for a read to begin with; `read(into:)` is called with room for all that is expected.
  private static let smallestRead = 512
}
