import Testing

@testable import Cryptography

@Suite("Secret table")
struct MaskSecretTableTests {
  static func bytes(_ row: Int, of table: borrowing SecretTable) -> [UInt8] {
    table.withRow(row) { bytes in bytes.indices.map { bytes[$0] } }
  }

  @Test("X25519 keys and shared secrets are those of RFC 7748 section 6.1")
  func agreement() throws {
    var keys = try MaskGeneratorTests.table([
      HexCoding.decode("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"),
      HexCoding.decode("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
      [UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32),
      HexCoding.decode("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"),
    ])
    let alice = try keys.agreementPublicKey(row: 0)
    let bob = try keys.agreementPublicKey(row: 1)
    #expect(
      HexCoding.encode(alice) == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    #expect(
      HexCoding.encode(bob) == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    // Both ends derive the key that BLAKE2b keyed with the published secret gives.
    try keys.deriveKeys(secretRow: 0, peer: bob, targets: [(2, [1, 2])])
    try keys.deriveKeys(secretRow: 1, peer: alice, targets: [(3, [1, 2])])
    let shared = try SecretBytes(copying: Self.bytes(4, of: keys).span)
    let expected = try BLAKE2b.derive(key: shared, info: [1, 2])
    #expect(try SecretBytes(copying: Self.bytes(2, of: keys).span) == expected)
    #expect(try SecretBytes(copying: Self.bytes(3, of: keys).span) == expected)
    try keys.deriveKeys(secretRow: 1, peer: alice, targets: [(3, [1, 3])])
    #expect(try SecretBytes(copying: Self.bytes(3, of: keys).span) != expected)
  }

  @Test("a key of small order and one of a wrong length are refused")
  func badPeers() throws {
    var table = try SecretTable(rowCount: 2)
    table.randomize(rows: 0..<1)
    #expect(throws: CryptographyError.weakAgreementKey) {
      try table.deriveKeys(
        secretRow: 0, peer: [UInt8](repeating: 0, count: 32), targets: [(1, [])])
    }
    #expect(throws: CryptographyError.self) {
      try table.deriveKeys(secretRow: 0, peer: [1], targets: [(1, [])])
    }
    #expect(Self.bytes(1, of: table) == [UInt8](repeating: 0, count: 32))
  }

  @Test("XChaCha20-Poly1305 gives the published ciphertext")
  func publishedCiphertext() throws {
    // draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    var table = try MaskGeneratorTests.table([(0x80...0x9f).map { UInt8($0) }])
    let plaintext = Array(
      ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        + "future, sunscreen would be it.").utf8)
    let additionalData = try HexCoding.decode("50515253c0c1c2c3c4c5c6c7")
    let nonce = (0x40...0x57).map { UInt8($0) }
    let ciphertext = table.seal(
      prefix: plaintext, rows: 0..<0, keyRow: 0, nonce: nonce, additionalData: additionalData)
    #expect(HexCoding.encode(Array(ciphertext.prefix(8))) == "bd6d179d3e83d43b")
    #expect(
      HexCoding.encode(Array(ciphertext.suffix(16))) == "c0875924c1c7987947deafd8780acf49")
    let opened = try table.open(
      ciphertext, prefixByteCount: plaintext.count, rows: 0..<0, keyRow: 0, nonce: nonce,
      additionalData: additionalData)
    #expect(opened == plaintext)
  }

  @Test("rows travel sealed; any altered bit, context or nonce is noticed and changes no row")
  func sealedRows() throws {
    var table = try SecretTable(rowCount: 5)
    table.randomize(rows: 0..<3)
    let nonce = SecureRandom.bytes(SecretTable.nonceByteCount)
    let ciphertext = table.seal(
      prefix: [9], rows: 1..<3, keyRow: 0, nonce: nonce, additionalData: [7])
    #expect(ciphertext.count == 1 + 64 + SecretTable.tagByteCount)
    for index in ciphertext.indices {
      var altered = ciphertext
      altered[index] ^= 1
      #expect(throws: CryptographyError.authenticationFailed) {
        try table.open(
          altered, prefixByteCount: 1, rows: 3..<5, keyRow: 0, nonce: nonce, additionalData: [7])
      }
    }
    #expect(throws: CryptographyError.authenticationFailed) {
      try table.open(
        ciphertext, prefixByteCount: 1, rows: 3..<5, keyRow: 0, nonce: nonce, additionalData: [8])
    }
    #expect(throws: CryptographyError.self) {
      try table.open(
        Array(ciphertext.dropLast()), prefixByteCount: 1, rows: 3..<5, keyRow: 0, nonce: nonce,
        additionalData: [7])
    }
    #expect(Self.bytes(3, of: table) == [UInt8](repeating: 0, count: 32))
    let prefix = try table.open(
      ciphertext, prefixByteCount: 1, rows: 3..<5, keyRow: 0, nonce: nonce, additionalData: [7])
    #expect(prefix == [9])
    #expect(Self.bytes(3, of: table) == Self.bytes(1, of: table))
    #expect(Self.bytes(4, of: table) == Self.bytes(2, of: table))
  }

  @Test("a hash over a row is the hash of prefix and row; a wiped row is zero")
  func hashAndWipe() throws {
    var table = try SecretTable(rowCount: 2)
    table.randomize(rows: 0..<2)
    let row = Self.bytes(0, of: table)
    #expect(table.hash256(prefix: [1, 2], row: 0) == BLAKE2b.hash256([1, 2] + row))
    let other = Self.bytes(1, of: table)
    table.wipe(rows: 0..<1)
    #expect(Self.bytes(0, of: table) == [UInt8](repeating: 0, count: 32))
    #expect(Self.bytes(1, of: table) == other)
  }

  @Test("a table moves between tasks with its bytes")
  func moves() async throws {
    let expected = [UInt8](repeating: 7, count: 32)
    let table = try MaskGeneratorTests.table([expected])
    let seen = await Task { Self.bytes(0, of: table) }.value
    #expect(seen == expected)
  }

  @Test("a deterministic stream depends on its seed only, and uniform draws stay below the bound")
  func deterministicStream() {
    let seed = (0..<32).map { UInt8($0) }
    var first = DeterministicStream(seed: seed)
    var second = DeterministicStream(seed: seed)
    // Beyond the first block that is taken from libsodium, which must continue the same stream.
    let words = (0..<3000).map { _ in first.next() }
    #expect(words == (0..<3000).map { _ in second.next() })
    #expect(Set(words).count > 2990)
    var third = DeterministicStream(seed: BLAKE2b.hash256(seed))
    #expect(third.next() != words[0])
    #expect((0..<1000).allSatisfy { _ in third.uniform(below: 7) < 7 })
    let order = third.permutation(count: 500)
    #expect(order.sorted() == Array(0..<500) && order != Array(0..<500))
  }

  @Test("uniform draws hit every residue equally often")
  func uniformity() {
    var stream = DeterministicStream(seed: [UInt8](repeating: 1, count: 32))
    var counts = [Double](repeating: 0, count: 12)
    for _ in 0..<120_000 { counts[Int(stream.uniform(below: 12))] += 1 }
    // Chi-square with 11 degrees of freedom; the seed is fixed, so that this cannot flake. A correct
    // stream exceeds 60 with probability 9e-9.
    let chiSquare = counts.reduce(0) { $0 + ($1 - 10_000) * ($1 - 10_000) / 10_000 }
    #expect(chiSquare < 60)
  }
}
