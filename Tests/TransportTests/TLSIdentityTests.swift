import COpenSSL
import Glibc
import Testing

@testable import Transport

@Suite struct TLSIdentityTests {
  let directory: TemporaryDirectory
  var certificate: String { directory.file("certificate.pem") }
  var key: String { directory.file("key.pem") }

  init() throws {
    directory = try TemporaryDirectory()
  }

  func generate(
    commonName: String = "shop", alternativeNames: [String] = ["localhost", "127.0.0.1", "::1"],
    validityDays: Int = 3_650
  ) throws {
    try TLSIdentity.generate(
      certificatePath: certificate, keyPath: key, commonName: commonName,
      alternativeNames: alternativeNames, validityDays: validityDays,
      nowSeconds: TestIdentity.nowSeconds)
  }

  func load(afterSeconds: Int64 = 0) throws -> TLSIdentity {
    try TLSIdentity.load(
      certificatePath: certificate, keyPath: key,
      nowSeconds: TestIdentity.nowSeconds + afterSeconds)
  }

  func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  func contents(_ path: String) throws -> [UInt8] { try IdentityFile.readPublic(path) }

  func replace(_ path: String, _ bytes: [UInt8]) throws {
    unlink(path)
    try bytes.withUnsafeBytes { try IdentityFile.create(path, bytes: $0, mode: 0o600) }
  }

  @Test("a new key is private to its owner, whatever the umask, and its certificate is not")
  func modes() throws {
    try generate()
    #expect(mode(key) == 0o600)
    #expect(mode(certificate) == 0o644)
  }

  @Test("the pin is SHA-256 of the key's SubjectPublicKeyInfo as OpenSSL encodes it")
  func pin() throws {
    try generate()
    let pem = try contents(key)
    let bio = try #require(BIO_new_mem_buf(pem, Int32(pem.count)))
    defer { BIO_free(bio) }
    let parsed = try #require(PEM_read_bio_PrivateKey(bio, nil, nil, nil))
    defer { EVP_PKEY_free(parsed) }
    var encoded: UnsafeMutablePointer<UInt8>?
    let count = i2d_PUBKEY(parsed, &encoded)
    let start = try #require(encoded)
    defer { COpenSSL_OPENSSL_free(start) }
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256(start, Int(count), &digest)
    #expect(try load().spkiHash == digest)
    // RFC 5480: a P-256 SubjectPublicKeyInfo has 91 bytes.
    #expect(count == 91)
  }

  @Test("the certificate is valid for the days asked for and an hour before")
  func dates() throws {
    try generate(validityDays: 30)
    let identity = try load()
    #expect(identity.notBeforeSeconds == TestIdentity.nowSeconds - 3_600)
    #expect(identity.notAfterSeconds == TestIdentity.nowSeconds + 30 * 86_400)
  }

  @Test("nothing existing is overwritten")
  func neverOverwritten() throws {
    try generate()
    let before = try (contents(certificate), contents(key))
    #expect(throws: TransportError.identityExists(path: key)) { try generate() }
    #expect(try (contents(certificate), contents(key)) == before)
  }

  @Test("if the certificate cannot be written, no key is left")
  func noKeyAlone() throws {
    try generate()
    unlink(key)
    #expect(throws: TransportError.identityExists(path: certificate)) { try generate() }
    #expect(access(key, F_OK) != 0)
  }

  @Test("a missing directory is named")
  func missingDirectory() throws {
    let path = directory.file("missing/key.pem")
    let error = #expect(throws: TransportError.self) {
      try TLSIdentity.generate(
        certificatePath: certificate, keyPath: path, commonName: "shop",
        nowSeconds: TestIdentity.nowSeconds)
    }
    #expect(error == .identityUnusable(path: path, reason: "No such file or directory"))
  }

  @Test(
    "a key that group or others may access is refused", arguments: [0o640, 0o604, 0o660, 0o602])
  func openKey(mode: mode_t) throws {
    try generate()
    chmod(key, mode)
    let error = #expect(throws: TransportError.self) { try load() }
    guard case .identityUnusable(key, let reason) = error else {
      Issue.record("unexpected \(String(describing: error))")
      return
    }
    #expect(reason.contains("chmod 600"))
  }

  @Test("a key of another certificate is refused")
  func otherKey() throws {
    try generate()
    let other = try contents(key)
    unlink(key)
    unlink(certificate)
    try generate()
    try replace(key, other)
    let error = #expect(throws: TransportError.self) { try load() }
    guard case .identityUnusable(key, let reason) = error else {
      Issue.record("unexpected \(String(describing: error))")
      return
    }
    #expect(reason.contains("does not belong"))
  }

  @Test("an expired certificate is refused when the server starts")
  func expired() throws {
    try generate(validityDays: 1)
    let error = #expect(throws: TransportError.self) { try load(afterSeconds: 86_401) }
    #expect(
      error
        == .identityUnusable(
          path: certificate, reason: "clients would refuse it now: it ended 1 s ago"))
  }

  @Test("files cut short at any line are refused, not misread")
  func cutShort() throws {
    try generate()
    for path in [certificate, key] {
      let whole = try contents(path)
      for end in whole.indices where whole[end] == UInt8(ascii: "\n") && end + 1 < whole.count {
        try replace(path, Array(whole[..<end]))
        #expect(throws: TransportError.self) { try load() }
      }
      try replace(path, whole)
    }
    _ = try load()
  }

  @Test("a key that is not P-256 or Ed25519 is refused and Ed25519 is accepted")
  func keyTypes() throws {
    let cases: [(type: Int32, isAccepted: Bool)] = [
      (EVP_PKEY_ED25519, true), (EVP_PKEY_ED448, false),
    ]
    for (type, isAccepted) in cases {
      try writeSelfSigned(keyType: type)
      if isAccepted {
        #expect(try load().spkiHash.count == 32)
      } else {
        let error = #expect(throws: TransportError.self) { try load() }
        #expect(
          error
            == .identityUnusable(path: key, reason: "its key is neither P-256 nor Ed25519"))
      }
    }
  }

  @Test(
    "a name that is neither a host name nor an address is refused",
    arguments: ["a,DNS:evil", "a b", "x:y", ""])
  func malformedName(name: String) {
    #expect(
      throws: TransportError.identityMalformed(
        reason: "\"\(name)\" is neither a DNS name nor an IP address")
    ) {
      try generate(alternativeNames: [name])
    }
    #expect(access(key, F_OK) != 0)
  }

  @Test("a common name or validity outside its range is refused")
  func outOfRange() {
    #expect(throws: TransportError.self) { try generate(commonName: "") }
    #expect(throws: TransportError.self) {
      try generate(commonName: String(repeating: "x", count: 65))
    }
    #expect(throws: TransportError.self) { try generate(validityDays: 0) }
    #expect(throws: TransportError.self) { try generate(validityDays: 36_501) }
  }

  /// Writes a certificate and key as another tool might.
  private func writeSelfSigned(keyType: Int32) throws {
    let generator = try #require(EVP_PKEY_CTX_new_id(keyType, nil))
    defer { EVP_PKEY_CTX_free(generator) }
    var made: OpaquePointer?
    try #require(EVP_PKEY_keygen_init(generator) == 1 && EVP_PKEY_keygen(generator, &made) == 1)
    let pair = try #require(made)
    defer { EVP_PKEY_free(pair) }
    let x509 = try #require(X509_new())
    defer { X509_free(x509) }
    ASN1_TIME_set(X509_getm_notBefore(x509), Int(TestIdentity.nowSeconds))
    ASN1_TIME_set(X509_getm_notAfter(x509), Int(TestIdentity.nowSeconds + 1_000))
    X509_set_pubkey(x509, pair)
    try #require(X509_sign(x509, pair, nil) > 0)
    try replace(certificate, encoded { PEM_write_bio_X509($0, x509) })
    try replace(key, encoded { PEM_write_bio_PKCS8PrivateKey($0, pair, nil, nil, 0, nil, nil) })
  }

  private func encoded(_ write: (OpaquePointer?) -> Int32) throws -> [UInt8] {
    let bio = try #require(BIO_new(BIO_s_mem()))
    defer { BIO_free(bio) }
    try #require(write(bio) == 1)
    var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
    BIO_read(bio, &bytes, Int32(bytes.count))
    return bytes
  }
}
