internal import COpenSSL

/// The calling thread's OpenSSL error queue, read once after the call that failed.
enum OpenSSLErrorQueue {
  /// Empties the queue. Required before each call whose result `SSL_get_error` explains.
  static func clear() {
    ERR_clear_error()
  }

  /// Empties the queue and returns its oldest entry in words.
  static func takeReason() -> String {
    let code = ERR_get_error()
    defer { clear() }
    guard code != 0 else { return "no reason given" }
    let reason = COpenSSL_ERR_GET_REASON(code)
    // ssl.h: an alert received from the peer is reported as SSL_AD_REASON_OFFSET plus its number.
    if COpenSSL_ERR_GET_LIB(code) == ERR_LIB_SSL, reason >= SSL_AD_REASON_OFFSET {
      let alert = reason - SSL_AD_REASON_OFFSET
      let name = SSL_alert_desc_string_long(alert).map { String(cString: $0) } ?? "unknown"
      return "the peer sent alert \(alert), \(name)" + hint(forAlert: alert)
    }
    return ERR_reason_error_string(code).map { String(cString: $0) } ?? "error code \(code)"
  }

  private static func hint(forAlert alert: Int32) -> String {
    switch alert {
    case SSL_AD_UNKNOWN_CA: " (it does not trust this key)"
    case SSL_AD_CERTIFICATE_EXPIRED: " (by its clock the certificate is outside its dates)"
    case SSL_AD_PROTOCOL_VERSION: " (it does not speak TLS 1.3)"
    case SSL_AD_HANDSHAKE_FAILURE: " (no common parameters)"
    default: ""
    }
  }

  /// The error for a failure that does not depend on the peer.
  static func failure(_ operation: String) -> TransportError {
    .cryptographicLibrary(operation: operation, reason: takeReason())
  }
}
