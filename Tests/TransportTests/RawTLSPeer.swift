import COpenSSL

/// A TLS peer that is OpenSSL alone, for behaviour that no well-made peer of ours has.
final class RawTLSPeer {
  private let context: OpaquePointer
  private let connection: OpaquePointer
  private let received: OpaquePointer
  private let sent: OpaquePointer

  struct SetUpFailure: Error {}

  /// A client that accepts any certificate and speaks at most this version of TLS.
  init(maximumVersion: Int32 = TLS1_3_VERSION) throws {
    guard let context = SSL_CTX_new(TLS_client_method()), let connection = SSL_new(context),
      let received = BIO_new(BIO_s_mem()), let sent = BIO_new(BIO_s_mem())
    else { throw SetUpFailure() }
    guard SSL_ctrl(connection, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(maximumVersion), nil) == 1 else {
      throw SetUpFailure()
    }
    _ = BIO_ctrl(received, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nil)
    SSL_set_bio(connection, received, sent)
    SSL_set_connect_state(connection)
    self.context = context
    self.connection = connection
    self.received = received
    self.sent = sent
  }

  deinit {
    SSL_free(connection)
    SSL_CTX_free(context)
  }

  /// Takes bytes from the other end and advances; returns what to send.
  func exchange(_ bytes: [UInt8]) -> [UInt8] {
    if !bytes.isEmpty { BIO_write(received, bytes, Int32(bytes.count)) }
    if SSL_in_init(connection) == 1 { SSL_do_handshake(connection) }
    return takeSent()
  }

  var isConnected: Bool { SSL_in_init(connection) == 0 }

  func write(_ bytes: [UInt8]) -> [UInt8] {
    SSL_write(connection, bytes, Int32(bytes.count))
    return takeSent()
  }

  /// A key update that demands one in return.
  func requestKeyUpdate() -> [UInt8] {
    SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED)
    SSL_do_handshake(connection)
    return takeSent()
  }

  private func takeSent() -> [UInt8] {
    let count = BIO_ctrl_pending(sent)
    var bytes = [UInt8](repeating: 0, count: count)
    if count > 0 { BIO_read(sent, &bytes, Int32(count)) }
    return bytes
  }
}
