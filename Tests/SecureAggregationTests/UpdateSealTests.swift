import Cryptography
import Testing

@testable import SecureAggregation

@Suite("Update seal")
struct UpdateSealTests {
  static let context = BLAKE2b.hash256(Array("tacit test round/1".utf8))
  static let clientID: UInt32 = 0x0102_0304
  static let full = UpdateSeal.chunkValueCount

  static func update(dimension: Int) -> [Float] {
    (0..<dimension).map { Float($0 % 1_000) - 499.5 }
  }

  /// The rejection with which `sealed` is refused, or nil when it opens.
  static func rejection(
    of sealed: SealedUpdate, by key: RoundSealingKey, context: [UInt8] = context,
    clientID: UInt32 = clientID, dimension: Int
  ) -> UpdateRejection? {
    do {
      _ = try key.open(sealed, context: context, clientID: clientID, dimension: dimension)
      return nil
    } catch {
      return error
    }
  }

  static func sealed(
    _ update: [Float], to key: RoundSealingKey, clientID: UInt32 = clientID
  ) throws -> SealedUpdate {
    try UpdateSeal.seal(update, to: key.publicKey, context: context, clientID: clientID)
  }

  @Test("a sealed chunk with a header of 1 KiB fits a frame, and one value more would not")
  func chunkSize() {
    let sealedBytes = UpdateSeal.chunkPlaintextBytes + SealedStream.overheadByteCount
    #expect(sealedBytes <= 262_144)
    #expect(sealedBytes + 4 > 262_144)
    #expect(UpdateSeal.chunkPlaintextBytes == 262_124)
  }

  @Test(
    "the computed sizes are the real ones",
    arguments: [1, 2, full - 1, full, full + 1, 3 * full])
  func sizes(dimension: Int) throws {
    let key = try RoundSealingKey()
    let sealed = try Self.sealed(Self.update(dimension: dimension), to: key)
    #expect(sealed.chunks.count == UpdateSeal.chunkCount(dimension: dimension))
    let byteCount =
      sealed.ephemeralKey.count + sealed.header.count + sealed.chunks.reduce(0) { $0 + $1.count }
    #expect(byteCount == UpdateSeal.sealedByteCount(dimension: dimension))
    #expect(UpdateSeal.chunkCount(dimension: 0) == 0)
  }

  @Test("an update comes back bit for bit", arguments: [1, 2, full, full + 1, 2 * full])
  func roundTrip(dimension: Int) throws {
    let key = try RoundSealingKey()
    let update = Self.update(dimension: dimension)
    let opened = try key.open(
      Self.sealed(update, to: key), context: Self.context, clientID: Self.clientID,
      dimension: dimension)
    #expect(opened.map(\.bitPattern) == update.map(\.bitPattern))
  }

  @Test("finite values at the edges survive")
  func edgeValues() throws {
    let key = try RoundSealingKey()
    let update: [Float] = [
      0, -0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, 1e38,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
    ]
    let opened = try key.open(
      Self.sealed(update, to: key), context: Self.context, clientID: Self.clientID,
      dimension: update.count)
    #expect(opened.map(\.bitPattern) == update.map(\.bitPattern))
  }

  @Test(
    "a value that is not finite is refused wherever it lies",
    arguments: [.nan, .signalingNaN, .infinity, -.infinity] as [Float])
  func nonFinite(value: Float) throws {
    let key = try RoundSealingKey()
    let dimension = Self.full + 2
    for index in [0, 1, Self.full - 1, Self.full, dimension - 1] {
      var update = Self.update(dimension: dimension)
      update[index] = value
      #expect(
        try Self.rejection(of: Self.sealed(update, to: key), by: key, dimension: dimension)
          == .nonFinite)
    }
  }

  @Test("values travel as little-endian 32-bit floats under the documented key")
  func wireForm() throws {
    let key = try AgreementKey()
    let sealed = try UpdateSeal.seal(
      [1, -2], to: key.publicKey, context: Self.context, clientID: Self.clientID)
    let info =
      Array("tacit seal/1".utf8) + [32, 0, 0, 0] + Self.context + sealed.ephemeralKey
      + key.publicKey + [4, 3, 2, 1]
    let streamKey = try BLAKE2b.derive(
      key: key.sharedSecret(with: sealed.ephemeralKey), info: info)
    var opener = try StreamOpener(key: streamKey, header: sealed.header)
    let opened = try opener.open(sealed.chunks[0])
    #expect(opened.bytes == [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])
    #expect(opened.isFinal)
  }

  @Test("a changed byte anywhere is refused")
  func everyByte() throws {
    let key = try RoundSealingKey()
    let update = Self.update(dimension: 5)
    let sealed = try Self.sealed(update, to: key)
    #expect(Self.rejection(of: sealed, by: key, dimension: 5) == nil)
    for bit: UInt8 in [0x01, 0x40] {
      for index in sealed.ephemeralKey.indices {
        var changed = sealed
        changed.ephemeralKey[index] ^= bit
        #expect(Self.rejection(of: changed, by: key, dimension: 5) == .badSeal)
      }
      for index in sealed.header.indices {
        var changed = sealed
        changed.header[index] ^= bit
        #expect(Self.rejection(of: changed, by: key, dimension: 5) == .badSeal)
      }
      for index in sealed.chunks[0].indices {
        var changed = sealed
        changed.chunks[0][index] ^= bit
        #expect(Self.rejection(of: changed, by: key, dimension: 5) == .badSeal)
      }
    }
    // The top bit of an X25519 key is ignored by the curve (RFC 7748 s.5), but not by the key
    // derivation.
    var changed = sealed
    changed.ephemeralKey[31] ^= 0x80
    #expect(Self.rejection(of: changed, by: key, dimension: 5) == .badSeal)
  }

  @Test("a changed tag, value or authenticator in any chunk is refused")
  func everyChunk() throws {
    let key = try RoundSealingKey()
    let dimension = 2 * Self.full + 1
    let sealed = try Self.sealed(Self.update(dimension: dimension), to: key)
    for chunk in sealed.chunks.indices {
      let count = sealed.chunks[chunk].count
      for index in [0, 1, count / 2, count - 16, count - 1] {
        var changed = sealed
        changed.chunks[chunk][index] ^= 1
        #expect(Self.rejection(of: changed, by: key, dimension: dimension) == .badSeal)
      }
    }
  }

  @Test("a seal for another round, client or key does not open")
  func binding() throws {
    let key = try RoundSealingKey()
    let sealed = try Self.sealed([1, 2], to: key)
    var otherContext = Self.context
    otherContext[0] ^= 1
    #expect(
      Self.rejection(of: sealed, by: key, context: otherContext, dimension: 2) == .badSeal)
    #expect(Self.rejection(of: sealed, by: key, context: [], dimension: 2) == .badSeal)
    #expect(
      Self.rejection(of: sealed, by: key, clientID: Self.clientID + 1, dimension: 2) == .badSeal)
    #expect(try Self.rejection(of: sealed, by: RoundSealingKey(), dimension: 2) == .badSeal)
    #expect(Self.rejection(of: sealed, by: key, dimension: 2) == nil)
  }

  @Test("a context cannot lend its end to the fields after it")
  func contextBoundary() throws {
    let secret = try SecretBytes.random(count: 32)
    let fixed = [UInt8](repeating: 5, count: 32)
    let long = try UpdateSeal.streamKey(
      sharedSecret: secret, context: [1, 5], ephemeralKey: fixed, roundKey: fixed, clientID: 1)
    let short = try UpdateSeal.streamKey(
      sharedSecret: secret, context: [1], ephemeralKey: fixed, roundKey: fixed, clientID: 1)
    #expect(long != short)
  }

  @Test("chunks that were cut, repeated, reordered or resized are refused")
  func chunkSequence() throws {
    let key = try RoundSealingKey()
    let dimension = 2 * Self.full
    let sealed = try Self.sealed(Self.update(dimension: dimension), to: key)
    func rejection(_ chunks: [[UInt8]], dimension: Int = dimension) -> UpdateRejection? {
      var changed = sealed
      changed.chunks = chunks
      return Self.rejection(of: changed, by: key, dimension: dimension)
    }
    let (first, last) = (sealed.chunks[0], sealed.chunks[1])
    #expect(rejection([first, last]) == nil)
    #expect(rejection([last, first]) == .badSeal)
    #expect(rejection([first, first]) == .badSeal)
    #expect(rejection([first]) == .wrongLength)
    #expect(rejection([]) == .wrongLength)
    #expect(rejection([first, last, last]) == .wrongLength)
    #expect(rejection([first, Array(last.dropLast())]) == .wrongLength)
    #expect(rejection([first, last + [0]]) == .wrongLength)
    #expect(rejection([first + [0], Array(last.dropLast())]) == .wrongLength)
    #expect(rejection([first, []]) == .wrongLength)
    #expect(rejection([first, last], dimension: dimension - 1) == .wrongLength)
    #expect(rejection([first, last], dimension: dimension + 1) == .wrongLength)
  }

  @Test("a stream cut to a length that fits a smaller round is refused: its final mark is missing")
  func missingFinalMark() throws {
    let key = try RoundSealingKey()
    var sealed = try Self.sealed(Self.update(dimension: 2 * Self.full), to: key)
    sealed.chunks.removeLast()
    #expect(Self.rejection(of: sealed, by: key, dimension: Self.full) == .badSeal)
  }

  @Test("a stream extended to the length of a larger round is refused: its final mark comes early")
  func earlyFinalMark() throws {
    let key = try RoundSealingKey()
    var sealed = try Self.sealed(Self.update(dimension: Self.full), to: key)
    sealed.chunks.append(sealed.chunks[0])
    #expect(Self.rejection(of: sealed, by: key, dimension: 2 * Self.full) == .badSeal)
  }

  @Test("keys of a wrong length or a small order are refused")
  func malformedKeys() throws {
    let key = try RoundSealingKey()
    let sealed = try Self.sealed([1], to: key)
    for ephemeral in [[], Array(sealed.ephemeralKey.dropLast()), sealed.ephemeralKey + [0]] {
      var changed = sealed
      changed.ephemeralKey = ephemeral
      #expect(Self.rejection(of: changed, by: key, dimension: 1) == .badSeal)
    }
    for header in [[], Array(sealed.header.dropLast()), sealed.header + [0]] {
      var changed = sealed
      changed.header = header
      #expect(Self.rejection(of: changed, by: key, dimension: 1) == .badSeal)
    }
    var changed = sealed
    changed.ephemeralKey = [UInt8](repeating: 0, count: 32)
    #expect(Self.rejection(of: changed, by: key, dimension: 1) == .badSeal)
  }

  @Test("a client refuses a round key of small order or of another length, and an empty update")
  func sealerRefusals() {
    #expect(throws: CryptographyError.weakAgreementKey) {
      try UpdateSeal.seal(
        [1], to: [UInt8](repeating: 0, count: 32), context: Self.context, clientID: 1)
    }
    #expect(
      throws: CryptographyError.invalidLength(
        value: "X25519 public key", expected: 32, actual: 31)
    ) {
      try UpdateSeal.seal(
        [1], to: [UInt8](repeating: 9, count: 31), context: Self.context, clientID: 1)
    }
    #expect(throws: CryptographyError.invalidLength(value: "update", expected: 1, actual: 0)) {
      try UpdateSeal.seal([], to: [UInt8](repeating: 9, count: 32), context: [], clientID: 1)
    }
  }

  @Test("sealing the same update twice shares no key, header or chunk")
  func freshness() throws {
    let key = try RoundSealingKey()
    let first = try Self.sealed([1, 2, 3], to: key)
    let second = try Self.sealed([1, 2, 3], to: key)
    #expect(first.ephemeralKey != second.ephemeralKey)
    #expect(first.header != second.header)
    #expect(first.chunks != second.chunks)
    #expect(try RoundSealingKey().publicKey != key.publicKey)
  }
}
