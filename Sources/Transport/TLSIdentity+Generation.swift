internal import COpenSSL
internal import Glibc

extension TLSIdentity {
  /// Ten years. Clients pin the key, so a shorter life would only add renewals.
  package static let defaultValidityDays = 3_650

  /// Makes a P-256 key and a self-signed certificate and writes both; nothing existing is
  /// overwritten.
  ///
  /// The key file gets mode 0600, the certificate 0644. Both are durable when this returns; on
  /// error neither is left.
  /// - Parameters:
  ///   - certificatePath: new PEM file.
  ///   - keyPath: new PEM file (PKCS #8, not encrypted).
  ///   - commonName: subject and issuer, 1 ... 64 bytes of UTF-8.
  ///   - alternativeNames: DNS names and IP addresses of the server for tools that check them;
  ///     pinning does not.
  ///   - validityDays: 1 ... 36,500, counted from `nowSeconds`.
  ///   - nowSeconds: current Unix time.
  /// - Throws: `identityExists`, `identityUnusable`, `identityMalformed` or `cryptographicLibrary`.
  package static func generate(
    certificatePath: String, keyPath: String, commonName: String,
    alternativeNames: [String] = ["localhost", "127.0.0.1", "::1"],
    validityDays: Int = defaultValidityDays, nowSeconds: Int64
  ) throws(TransportError) {
    guard (1...64).contains(commonName.utf8.count) else {
      throw .identityMalformed(reason: "the common name has to have 1 to 64 bytes")
    }
    guard (1...36_500).contains(validityDays) else {
      throw .identityMalformed(reason: "the validity has to be 1 to 36,500 days")
    }
    OpenSSLErrorQueue.clear()
    guard let key = COpenSSL_EVP_EC_gen("P-256") else {
      throw OpenSSLErrorQueue.failure("generate a P-256 key")
    }
    defer { EVP_PKEY_free(key) }
    let certificate = try selfSigned(
      key, commonName: commonName, alternativeNames: alternativeNames,
      validityDays: validityDays, nowSeconds: nowSeconds)
    defer { X509_free(certificate) }
    try writePEM(to: keyPath, mode: S_IRUSR | S_IWUSR) { bio in
      PEM_write_bio_PKCS8PrivateKey(bio, key, nil, nil, 0, nil, nil)
    }
    do throws(TransportError) {
      try writePEM(to: certificatePath, mode: S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH) { bio in
        PEM_write_bio_X509(bio, certificate)
      }
    } catch {
      unlink(keyPath)
      throw error
    }
  }

  private static func selfSigned(
    _ key: OpaquePointer, commonName: String, alternativeNames: [String], validityDays: Int,
    nowSeconds: Int64
  ) throws(TransportError) -> OpaquePointer {
    guard let certificate = X509_new() else {
      throw OpenSSLErrorQueue.failure("create a certificate")
    }
    do throws(TransportError) {
      let name = X509_get_subject_name(certificate)
      let isFilled =
        X509_set_version(certificate, 2) == 1  // X.509 version 3
        && setRandomSerialNumber(of: certificate)
        && ASN1_TIME_set(X509_getm_notBefore(certificate), Int(nowSeconds - clockSkewSeconds))
          != nil
        && ASN1_TIME_set(
          X509_getm_notAfter(certificate), Int(nowSeconds) + validityDays * 86_400) != nil
        && X509_NAME_add_entry_by_txt(
          name, "CN", MBSTRING_UTF8, commonName, Int32(commonName.utf8.count), -1, 0) == 1
        && X509_set_issuer_name(certificate, name) == 1
        && X509_set_pubkey(certificate, key) == 1
      guard isFilled else { throw OpenSSLErrorQueue.failure("fill in the certificate") }
      try addExtensions(to: certificate, alternativeNames: alternativeNames)
      guard X509_sign(certificate, key, EVP_sha256()) > 0 else {
        throw OpenSSLErrorQueue.failure("sign the certificate")
      }
    } catch {
      X509_free(certificate)
      throw error
    }
    return certificate
  }

  private static func addExtensions(
    to certificate: OpaquePointer, alternativeNames: [String]
  ) throws(TransportError) {
    var extensions: [(identifier: Int32, value: String)] = [
      (NID_basic_constraints, "critical,CA:FALSE"),
      (NID_key_usage, "critical,digitalSignature"),
      (NID_ext_key_usage, "serverAuth"),
    ]
    if !alternativeNames.isEmpty {
      let names = try alternativeNames.map { name throws(TransportError) in
        try subjectAlternativeName(name)
      }
      extensions.append((NID_subject_alt_name, names.joined(separator: ",")))
    }
    for item in extensions {
      guard let value = X509V3_EXT_conf_nid(nil, nil, item.identifier, item.value) else {
        throw OpenSSLErrorQueue.failure("encode \(item.value)")
      }
      defer { X509_EXTENSION_free(value) }
      guard X509_add_ext(certificate, value, -1) == 1 else {
        throw OpenSSLErrorQueue.failure("add \(item.value)")
      }
    }
  }

  /// One entry in OpenSSL's text form, in which a comma or colon of an unchecked name would begin
  /// another entry.
  private static func subjectAlternativeName(_ name: String) throws(TransportError) -> String {
    var address = in6_addr()
    if inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1 {
      return "IP:\(name)"
    }
    let isName = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }
    guard isName, (1...253).contains(name.utf8.count) else {
      throw .identityMalformed(reason: "\"\(name)\" is neither a DNS name nor an IP address")
    }
    return "DNS:\(name)"
  }

  /// RFC 5280 s.4.1.2.2: positive, at most 20 octets, unique; 127 random bits.
  private static func setRandomSerialNumber(of certificate: OpaquePointer) -> Bool {
    guard let number = BN_new() else { return false }
    defer { BN_free(number) }
    return BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1
      && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil
  }

  private static func writePEM(
    to path: String, mode: mode_t, _ encode: (OpaquePointer) -> Int32
  ) throws(TransportError) {
    OpenSSLErrorQueue.clear()
    // Secure memory where OpenSSL has it, and zeroed when freed in any case: one of the two is a
    // private key.
    guard let bio = BIO_new(BIO_s_secmem()) else {
      throw OpenSSLErrorQueue.failure("create a buffer")
    }
    defer { BIO_free(bio) }
    guard encode(bio) == 1 else { throw OpenSSLErrorQueue.failure("encode as PEM") }
    var start: UnsafeMutablePointer<CChar>?
    let count = COpenSSL_BIO_get_mem_data(bio, &start)
    try IdentityFile.create(
      path, bytes: UnsafeRawBufferPointer(start: start, count: count), mode: mode)
  }

  /// Clients whose clock is behind by less than this accept a new certificate.
  private static let clockSkewSeconds: Int64 = 3_600
}
