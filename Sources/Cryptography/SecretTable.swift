internal import CSodium

/// A fixed number of 32-byte secrets in one guarded allocation.
///
/// A client of a masked round holds hundreds of keys and shares. One `SecretBytes` each would take
/// four memory mappings each, and a process that simulates thousands of clients would run out of
/// them; a table takes four for all of its rows. Rows are written in place, so that no secret lies
/// elsewhere, and the memory is zeroed when the table ends.
///
/// `@unchecked Sendable` is sound: the value cannot be copied, so that it has one owner; only
/// `mutating` functions write, and those need exclusive access; the pointer never leaves.
package struct SecretTable: ~Copyable, @unchecked Sendable {
  /// Number of bytes of a row.
  package static let rowByteCount = 32
  /// Most bytes that `seal`, `open` and `hash256` take at a time.
  package static let largestPlaintext = 192

  /// Number of rows, at least 1.
  package let rowCount: Int
  // Behind the rows lie `largestPlaintext` bytes of scratch, zero between calls.
  private let base: UnsafeMutablePointer<UInt8>

  /// A table of zeros.
  /// - Parameter rowCount: at least 1.
  /// - Throws: `CryptographyError` if guarded memory is not to be had.
  package init(rowCount: Int) throws(CryptographyError) {
    precondition(rowCount >= 1, "a table has at least one row")
    try Sodium.requireReady()
    let byteCount = rowCount * Self.rowByteCount + Self.largestPlaintext
    guard let base = sodium_malloc(byteCount) else {
      throw .secretMemoryUnavailable(byteCount: byteCount)
    }
    sodium_memzero(base, byteCount)
    self.rowCount = rowCount
    self.base = base.assumingMemoryBound(to: UInt8.self)
  }

  // sodium_free checks the canary, zeroes the bytes and unmaps the pages.
  deinit { sodium_free(base) }

  /// Lends one row for the duration of `body`; what `body` copies it must wipe.
  package func withRow<Result, Failure>(
    _ row: Int, _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let buffer = UnsafeBufferPointer(start: pointer(row), count: Self.rowByteCount)
    return try body(buffer.span)
  }

  /// Lends one row for writing.
  package mutating func withMutableRow<Result, Failure>(
    _ row: Int, _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let buffer = UnsafeMutableBufferPointer(start: pointer(row), count: Self.rowByteCount)
    var span = buffer.mutableSpan
    return try body(&span)
  }

  /// Fills `rows` with fresh bytes from the system's generator.
  package mutating func randomize(rows: Range<Int>) {
    check(rows)
    randombytes_buf(base + rows.lowerBound * Self.rowByteCount, rows.count * Self.rowByteCount)
  }

  /// Overwrites `rows` with zeros.
  package mutating func wipe(rows: Range<Int>) {
    check(rows)
    sodium_memzero(base + rows.lowerBound * Self.rowByteCount, rows.count * Self.rowByteCount)
  }

  /// Copies row `source` of `other` to row `row`.
  package mutating func copyRow(_ source: Int, of other: borrowing SecretTable, to row: Int) {
    pointer(row).update(from: other.pointer(source), count: Self.rowByteCount)
  }

  /// BLAKE2b-256 of `prefix` followed by row `row`.
  /// - Parameter prefix: public; with the row at most `largestPlaintext` bytes.
  package mutating func hash256(prefix: [UInt8], row: Int) -> [UInt8] {
    let byteCount = prefix.count + Self.rowByteCount
    precondition(byteCount <= Self.largestPlaintext, "a message fits the scratch bytes")
    defer { sodium_memzero(scratch, byteCount) }
    scratch.update(from: prefix, count: prefix.count)
    (scratch + prefix.count).update(from: pointer(row), count: Self.rowByteCount)
    var hash = [UInt8](repeating: 0, count: BLAKE2b.byteCount)
    let status = crypto_generichash(
      &hash, BLAKE2b.byteCount, scratch, UInt64(byteCount), nil, 0)
    // The only failures of crypto_generichash are lengths outside its range, and 32 is inside.
    precondition(status == 0, "crypto_generichash refused a 32-byte hash")
    return hash
  }

  /// The X25519 public key whose secret half is row `row`.
  /// - Throws: `CryptographyError.operationFailed` if libsodium refuses, which no secret causes.
  package func agreementPublicKey(row: Int) throws(CryptographyError) -> [UInt8] {
    var publicKey = [UInt8](repeating: 0, count: AgreementKey.byteCount)
    guard crypto_scalarmult_base(&publicKey, pointer(row)) == 0 else {
      throw .operationFailed("crypto_scalarmult_base")
    }
    return publicKey
  }

  /// Agrees on an X25519 secret and derives keys from it: each target row becomes BLAKE2b-256 keyed
  /// with the shared secret over its `info`.
  /// - Parameters:
  ///   - secretRow: the X25519 secret.
  ///   - peer: the other side's public key, 32 bytes.
  ///   - targets: rows to write, with what each key is bound to (as for `BLAKE2b.derive`).
  /// - Throws: `CryptographyError.invalidLength`; `.weakAgreementKey` if the shared secret would be
  ///   all zero.
  package mutating func deriveKeys(
    secretRow: Int, peer: [UInt8], targets: [(row: Int, info: [UInt8])]
  ) throws(CryptographyError) {
    guard peer.count == AgreementKey.byteCount else {
      throw .invalidLength(
        value: "X25519 public key", expected: AgreementKey.byteCount, actual: peer.count)
    }
    defer { sodium_memzero(scratch, AgreementKey.byteCount) }
    guard crypto_scalarmult(scratch, pointer(secretRow), peer) == 0 else {
      throw .weakAgreementKey
    }
    for target in targets {
      let status = crypto_generichash(
        pointer(target.row), Self.rowByteCount, target.info, UInt64(target.info.count), scratch,
        AgreementKey.byteCount)
      guard status == 0 else { throw .operationFailed("crypto_generichash") }
    }
  }

  /// The address of a row for a C call in this target; it must not outlive the table.
  func withUnsafeRow<Result>(_ row: Int, _ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    body(UnsafePointer(pointer(row)))
  }

  private var scratch: UnsafeMutablePointer<UInt8> { base + rowCount * Self.rowByteCount }

  private func pointer(_ row: Int) -> UnsafeMutablePointer<UInt8> {
    precondition((0..<rowCount).contains(row), "row outside of the secret table")
    return base + row * Self.rowByteCount
  }

  private func check(_ rows: Range<Int>) {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= rowCount, "rows outside of the secret table")
  }
}

// MARK: - Authenticated encryption

extension SecretTable {
  /// Number of bytes of a nonce of `seal`.
  package static let nonceByteCount = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
  /// Number of bytes by which a ciphertext is longer than its plaintext.
  package static let tagByteCount = Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)

  /// XChaCha20-Poly1305 of `prefix` followed by `rows`, under key row `keyRow`.
  /// - Parameters:
  ///   - prefix: public or secret bytes; with the rows at most `largestPlaintext`.
  ///   - nonce: `nonceByteCount` bytes, never twice under one key; random ones are safe.
  ///   - additionalData: authenticated, not sent.
  package mutating func seal(
    prefix: [UInt8], rows: Range<Int>, keyRow: Int, nonce: [UInt8], additionalData: [UInt8]
  ) -> [UInt8] {
    check(rows)
    let byteCount = prefix.count + rows.count * Self.rowByteCount
    precondition(byteCount <= Self.largestPlaintext, "a plaintext fits the scratch bytes")
    precondition(nonce.count == Self.nonceByteCount, "a nonce has 24 bytes")
    defer { sodium_memzero(scratch, byteCount) }
    scratch.update(from: prefix, count: prefix.count)
    (scratch + prefix.count).update(
      from: base + rows.lowerBound * Self.rowByteCount, count: rows.count * Self.rowByteCount)
    var ciphertext = [UInt8](repeating: 0, count: byteCount + Self.tagByteCount)
    let status = crypto_aead_xchacha20poly1305_ietf_encrypt(
      &ciphertext, nil, scratch, UInt64(byteCount), additionalData, UInt64(additionalData.count),
      nil, nonce, pointer(keyRow))
    precondition(status == 0, "XChaCha20-Poly1305 refused a short plaintext")
    return ciphertext
  }

  /// Opens what `seal` made; on failure no row changes.
  /// - Parameters:
  ///   - prefixByteCount: number of bytes before the rows.
  ///   - rows: where the rows of the plaintext go.
  /// - Returns: the prefix.
  /// - Throws: `CryptographyError.invalidLength`, `.authenticationFailed`.
  package mutating func open(
    _ ciphertext: [UInt8], prefixByteCount: Int, rows: Range<Int>, keyRow: Int, nonce: [UInt8],
    additionalData: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    check(rows)
    let byteCount = prefixByteCount + rows.count * Self.rowByteCount
    precondition(byteCount <= Self.largestPlaintext, "a plaintext fits the scratch bytes")
    guard nonce.count == Self.nonceByteCount else {
      throw .invalidLength(value: "nonce", expected: Self.nonceByteCount, actual: nonce.count)
    }
    guard ciphertext.count == byteCount + Self.tagByteCount else {
      throw .invalidLength(
        value: "ciphertext", expected: byteCount + Self.tagByteCount, actual: ciphertext.count)
    }
    defer { sodium_memzero(scratch, byteCount) }
    let status = crypto_aead_xchacha20poly1305_ietf_decrypt(
      scratch, nil, nil, ciphertext, UInt64(ciphertext.count), additionalData,
      UInt64(additionalData.count), nonce, pointer(keyRow))
    guard status == 0 else { throw .authenticationFailed }
    (base + rows.lowerBound * Self.rowByteCount).update(
      from: scratch + prefixByteCount, count: rows.count * Self.rowByteCount)
    return (0..<prefixByteCount).map { scratch[$0] }
  }
}
