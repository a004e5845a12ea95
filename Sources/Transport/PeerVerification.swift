internal import COpenSSL

/// Decides whether the server of one connection is the one the client was told about.
///
/// The pin is SHA-256 over the DER SubjectPublicKeyInfo (RFC 7469 s.2.4), so a server may renew its
/// certificate and keep its key. No certificate authority is asked: a pin names one key, an
/// authority could name any.
final class PeerVerification {
  /// SHA-256.
  static let pinByteCount = 32

  let expectedPin: [UInt8]
  let nowSeconds: Int64
  private(set) var actualPin: [UInt8]?
  private(set) var failure: TransportError?

  /// - Parameters:
  ///   - expectedPin: SHA-256 of the server's SubjectPublicKeyInfo, 32 bytes.
  ///   - nowSeconds: the time at which the certificate has to be valid, in Unix seconds.
  init(expectedPin: [UInt8], nowSeconds: Int64) throws(TransportError) {
    guard expectedPin.count == PeerVerification.pinByteCount else {
      throw .pinMalformed(byteCount: expectedPin.count)
    }
    self.expectedPin = expectedPin
    self.nowSeconds = nowSeconds
  }

  /// Replaces OpenSSL's chain verification for all connections of `context`.
  static func install(in context: OpaquePointer) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    SSL_CTX_set_cert_verify_callback(
      context,
      { store, _ in
        guard let verification = PeerVerification.behind(store) else { return 0 }
        let code = verification.check(X509_STORE_CTX_get0_cert(store))
        X509_STORE_CTX_set_error(store, code)
        return code == X509_V_OK ? 1 : 0
      }, nil)
  }

  /// Attaches this decision to `connection`, which it must outlive.
  func attach(to connection: OpaquePointer) -> Bool {
    SSL_set_ex_data(connection, PeerVerification.slot, Unmanaged.passUnretained(self).toOpaque())
      == 1
  }

  /// The `X509_V_` code, from which OpenSSL chooses the alert that the server will see.
  private func check(_ certificate: OpaquePointer?) -> Int32 {
    guard let certificate, let actual = PeerVerification.keyHash(of: certificate) else {
      failure = .handshakeFailed(reason: "the server sent no usable certificate")
      return X509_V_ERR_UNSPECIFIED
    }
    actualPin = actual
    guard CRYPTO_memcmp(actual, expectedPin, expectedPin.count) == 0 else {
      failure = .pinMismatch(expected: expectedPin, actual: actual)
      return X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
    }
    if let reason = CertificateDates(of: certificate)?.problem(atSeconds: nowSeconds) {
      failure = .certificateNotValid(reason: reason)
      return X509_V_ERR_CERT_HAS_EXPIRED
    }
    return X509_V_OK
  }

  /// SHA-256 of the certificate's DER SubjectPublicKeyInfo, or nil if it cannot be encoded.
  static func keyHash(of certificate: OpaquePointer) -> [UInt8]? {
    guard let key = X509_get_X509_PUBKEY(certificate) else { return nil }
    var encoded: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509_PUBKEY(key, &encoded)
    guard count > 0, let encoded else { return nil }
    defer { COpenSSL_OPENSSL_free(encoded) }
    return [UInt8](unsafeUninitializedCapacity: pinByteCount) { digest, initialized in
      SHA256(encoded, Int(count), digest.baseAddress)
      initialized = pinByteCount
    }
  }

  private static func behind(_ store: OpaquePointer?) -> PeerVerification? {
    guard
      let connection = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
      let data = SSL_get_ex_data(OpaquePointer(connection), slot)
    else { return nil }
    return Unmanaged<PeerVerification>.fromOpaque(data).takeUnretainedValue()
  }

  /// ssl.h: `SSL_set_app_data` is slot 0.
  private static let slot: Int32 = 0
}

/// The validity period of a certificate in Unix seconds.
struct CertificateDates: Equatable {
  let notBeforeSeconds: Int64
  let notAfterSeconds: Int64

  init?(of certificate: OpaquePointer) {
    guard let notBefore = CertificateDates.seconds(X509_get0_notBefore(certificate)),
      let notAfter = CertificateDates.seconds(X509_get0_notAfter(certificate))
    else { return nil }
    notBeforeSeconds = notBefore
    notAfterSeconds = notAfter
  }

  /// Why the certificate is not valid at this time, or nil if it is.
  func problem(atSeconds now: Int64) -> String? {
    if now < notBeforeSeconds { return "it begins in \(notBeforeSeconds - now) s" }
    if now > notAfterSeconds { return "it ended \(now - notAfterSeconds) s ago" }
    return nil
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    guard let epoch = ASN1_TIME_set(nil, 0) else { return nil }
    defer { ASN1_TIME_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard let time, ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
    return Int64(days) * 86_400 + Int64(seconds)
  }
}
