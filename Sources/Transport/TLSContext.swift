internal import COpenSSL

/// The TLS settings that all connections of one role share: TLS 1.3 only, X25519, no tickets, no
/// early data.
///
/// `@unchecked Sendable`: an `SSL_CTX` is internally locked and reference counted, and nothing
/// changes it after `init`, so `SSL_new` may run on any thread. The tests with many connections have
/// not been run under the thread sanitizer yet.
package final class TLSContext: @unchecked Sendable {
  /// Which side of the handshake connections of this context take.
  enum Role: Equatable {
    case client
    case server
  }

  let role: Role
  let pointer: OpaquePointer

  /// A server that proves `identity`.
  package static func server(identity: TLSIdentity) throws(TransportError) -> TLSContext {
    let context = try TLSContext(role: .server)
    try identity.install(in: context.pointer)
    return context
  }

  /// A client that accepts only a pinned key.
  package static func client() throws(TransportError) -> TLSContext {
    let context = try TLSContext(role: .client)
    PeerVerification.install(in: context.pointer)
    return context
  }

  private init(role: Role) throws(TransportError) {
    OpenSSLErrorQueue.clear()
    let method = role == .server ? TLS_server_method() : TLS_client_method()
    guard let pointer = SSL_CTX_new(method) else {
      throw OpenSSLErrorQueue.failure("create a TLS context")
    }
    self.role = role
    self.pointer = pointer
    try configure()
  }

  private func configure() throws(TransportError) {
    try require("allow TLS 1.3 only") {
      COpenSSL_SSL_CTX_set_min_proto_version(pointer, TLS1_3_VERSION) == 1
        && COpenSSL_SSL_CTX_set_max_proto_version(pointer, TLS1_3_VERSION) == 1
    }
    try require("select X25519") { COpenSSL_SSL_CTX_set1_groups_list(pointer, "X25519") == 1 }
    try require("select the signature algorithms") {
      COpenSSL_SSL_CTX_set1_sigalgs_list(pointer, "ECDSA+SHA256:ed25519") == 1
    }
    try require("refuse tickets and early data") {
      SSL_CTX_set_num_tickets(pointer, 0) == 1 && SSL_CTX_set_max_early_data(pointer, 0) == 1
        && SSL_CTX_set_recv_max_early_data(pointer, 0) == 1
    }
    SSL_CTX_set_options(pointer, TLSContext.noTicket | TLSContext.noRenegotiation)
    _ = COpenSSL_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
    // Buffers go while idle. The moving buffer flag is for a write retried from a ByteBuffer that
    // was moved.
    _ = COpenSSL_SSL_CTX_set_mode(
      pointer, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    _ = COpenSSL_SSL_CTX_set_max_cert_list(pointer, TLSContext.maximumCertificateBytes)
  }

  private func require(_ operation: String, _ succeeds: () -> Bool) throws(TransportError) {
    guard succeeds() else { throw OpenSSLErrorQueue.failure(operation) }
  }

  deinit {
    SSL_CTX_free(pointer)
  }

  /// One self-signed certificate of this protocol takes under 700 bytes.
  private static let maximumCertificateBytes = 16_384

  // ssl.h: SSL_OP_BIT(14) and SSL_OP_BIT(30), function-like macros that Swift cannot import.
  private static let noTicket: UInt64 = 1 << 14
  private static let noRenegotiation: UInt64 = 1 << 30
}
