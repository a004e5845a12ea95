/// What went wrong between two peers, with what a person needs to act on it and no payload bytes.
package enum TransportError: Error, Equatable, Sendable {
  /// `host` has no address; `reason` is the resolver's text.
  case nameNotResolved(host: String, reason: String)
  /// Nothing listens at `address` ("host:port").
  case connectionRefused(address: String)
  /// TCP did not connect to `address` ("host:port") within the time.
  case connectTimedOut(address: String, after: Duration)
  /// TCP could not connect to `address` ("host:port") for another reason.
  case connectFailed(address: String, reason: String)

  /// Another process listens on this port.
  case portBusy(Int)
  /// The server could not listen at `address` ("host:port").
  case bindFailed(address: String, reason: String)

  /// The peer did not complete the handshake within the time.
  case handshakeTimedOut(after: Duration)
  /// TLS could not be agreed; `reason` names the alert or the rule that was broken.
  case handshakeFailed(reason: String)
  /// The peer sent more than `limitBytes` before the handshake was complete.
  case handshakeTooLong(limitBytes: Int)
  /// The server's key is not the pinned one. Both values are SHA-256 of a SubjectPublicKeyInfo.
  case pinMismatch(expected: [UInt8], actual: [UInt8])
  /// A pin is 32 bytes; this one is not.
  case pinMalformed(byteCount: Int)
  /// The server's certificate is outside its validity dates.
  case certificateNotValid(reason: String)

  /// The connection ended without a close_notify alert: what was received may be cut short.
  case truncated
  /// The network or the peer's host broke the connection.
  case connectionLost(reason: String)
  /// The peer broke TLS after the handshake; `reason` names the alert or the rule that was broken.
  case protocolViolation(reason: String)
  /// A frame announces more bytes than the limit; nothing of it was stored.
  case frameTooLong(actual: Int, limit: Int)
  /// A frame of length zero, which no message has.
  case emptyFrame
  /// The peer did not read for so long that a frame could not leave.
  case sendTimedOut(after: Duration)
  /// More than `limitBytes` wait for a peer that does not let TLS proceed.
  case sendBufferFull(limitBytes: Int)
  /// The connection or the server is already closed on this side.
  case closed
  /// The task that used the connection was cancelled.
  case cancelled

  /// A certificate or key file cannot be used.
  case identityUnusable(path: String, reason: String)
  /// A certificate or key file is already there and is never overwritten.
  case identityExists(path: String)
  /// An argument of `TLSIdentity.generate` is outside its range.
  case identityMalformed(reason: String)
  /// OpenSSL refused an operation that does not depend on the peer.
  case cryptographicLibrary(operation: String, reason: String)
}

extension TransportError: CustomStringConvertible {
  /// What happened, why, and what to do next, on one line.
  package var description: String {
    switch self {
    case .nameNotResolved(let host, let reason):
      return "cannot find the address of \(host): \(reason). Check the host name."
    case .connectionRefused(let address):
      return "nothing listens at \(address). Check the address and that the coordinator runs."
    case .connectTimedOut(let address, let limit):
      return "no answer from \(address) within \(limit). Check the address and the network."
    case .connectFailed(let address, let reason):
      return "cannot connect to \(address): \(reason)."
    case .portBusy(let port):
      return "port \(port) is in use by another process. Choose another port or stop that process."
    case .bindFailed(let address, let reason):
      return "cannot listen at \(address): \(reason)."
    case .handshakeTimedOut(let limit):
      return "the peer did not complete the TLS handshake within \(limit)."
    case .handshakeFailed(let reason):
      return "the TLS handshake failed: \(reason)."
    case .handshakeTooLong(let limit):
      return "the peer sent more than \(limit) bytes before completing the TLS handshake."
    case .pinMismatch(let expected, let actual):
      return "the server's key is \(hexadecimal(actual)), expected \(hexadecimal(expected)). "
        + "Either this is another server, or its key was replaced: ask its operator for the new pin."
    case .pinMalformed(let count):
      return "a server key pin is 32 bytes, not \(count)."
    case .certificateNotValid(let reason):
      return "the server's certificate is not valid now: \(reason). Check both clocks."
    case .truncated:
      return "the connection ended without TLS close_notify: what was received may be cut short."
    case .connectionLost(let reason):
      return "the connection was lost: \(reason)."
    case .protocolViolation(let reason):
      return "the peer broke the TLS protocol: \(reason)."
    case .frameTooLong(let actual, let limit):
      return "a frame of \(actual) bytes is over the limit of \(limit)."
    case .emptyFrame:
      return "a frame of length zero."
    case .sendTimedOut(let limit):
      return "the peer did not read for \(limit)."
    case .sendBufferFull(let limit):
      return "more than \(limit) bytes wait for a peer that does not let TLS proceed."
    case .closed:
      return "the connection is already closed on this side."
    case .cancelled:
      return "the operation was cancelled."
    case .identityUnusable(let path, let reason):
      return "\(path) cannot be used: \(reason)."
    case .identityExists(let path):
      return "\(path) exists and is not overwritten. Move it away to make a new identity."
    case .identityMalformed(let reason):
      return "cannot make a TLS identity: \(reason)."
    case .cryptographicLibrary(let operation, let reason):
      return "OpenSSL could not \(operation): \(reason)."
    }
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    let characters = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: characters, as: UTF8.self)
  }
}
