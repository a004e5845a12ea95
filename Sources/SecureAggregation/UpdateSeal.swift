package import Cryptography

/// Seals an update to the coordinator's key of one round.
///
/// Secure aggregation §3.7: key = BLAKE2b(X25519 | label | context | ephemeral key | round key |
/// client id), then XChaCha20-Poly1305 as a stream over chunks of little-endian 32-bit floats, the
/// last one marked final.
package enum UpdateSeal {
  /// Values in every chunk but the last.
  ///
  /// The most whose sealed form is at most 262,144 bytes, so that a chunk and a header of 1 KiB fit
  /// one frame.
  static let chunkValueCount = (262_144 - SealedStream.overheadByteCount) / valueByteCount
  static let valueByteCount = MemoryLayout<UInt32>.size

  /// Number of plaintext bytes in every chunk but the last, which has at least 4 and at most as
  /// many.
  package static let chunkPlaintextBytes = chunkValueCount * valueByteCount

  /// Number of chunks of a sealed update with `dimension` values; 0 for none.
  package static func chunkCount(dimension: Int) -> Int {
    precondition(dimension >= 0, "a dimension is not negative")
    return dimension / chunkValueCount + (dimension % chunkValueCount == 0 ? 0 : 1)
  }

  /// Number of bytes of a sealed update with `dimension` values: ephemeral key, header and all
  /// chunks.
  package static func sealedByteCount(dimension: Int) -> Int {
    AgreementKey.byteCount + SealedStream.headerByteCount + valueByteCount * dimension
      + SealedStream.overheadByteCount * chunkCount(dimension: dimension)
  }

  /// Seals `update` under a fresh ephemeral key, so that the same update never looks the same
  /// twice.
  /// - Parameters:
  ///   - update: at least one value. The opener refuses non-finite values; the sealer does not
  ///     look.
  ///   - roundKey: the coordinator's X25519 public key of the round, signed by the coordinator, 32
  ///     bytes.
  ///   - context: the digest of the round's offer; the seal opens under the same bytes only.
  ///   - clientID: the sender; the seal opens for this number only.
  /// - Throws: `CryptographyError.weakAgreementKey` or `.invalidLength` for a bad round key or an
  ///   empty update, or a failure to reserve guarded memory.
  package static func seal(
    _ update: [Float], to roundKey: [UInt8], context: [UInt8], clientID: UInt32
  ) throws(CryptographyError) -> SealedUpdate {
    guard !update.isEmpty else {
      throw .invalidLength(value: "update", expected: 1, actual: 0)
    }
    let ephemeral = try AgreementKey()
    let key = try streamKey(
      sharedSecret: ephemeral.sharedSecret(with: roundKey), context: context,
      ephemeralKey: ephemeral.publicKey, roundKey: roundKey, clientID: clientID)
    var sealer = try StreamSealer(key: key)
    let layout = ChunkLayout(dimension: update.count)
    var plaintext = [UInt8](repeating: 0, count: layout.byteCount(ofChunk: 0))
    defer { wipe(&plaintext) }
    var chunks: [[UInt8]] = []
    chunks.reserveCapacity(layout.chunkCount)
    for index in 0..<layout.chunkCount {
      let values = layout.values(ofChunk: index)
      store(update.span.extracting(values), into: &plaintext)
      let bytes = plaintext.span.extracting(first: valueByteCount * values.count)
      chunks.append(try sealer.seal(bytes, isFinal: index == layout.chunkCount - 1))
    }
    return SealedUpdate(ephemeralKey: ephemeral.publicKey, header: sealer.header, chunks: chunks)
  }

  /// The key of one sealed update, the same on both sides.
  static func streamKey(
    sharedSecret: SecretBytes, context: [UInt8], ephemeralKey: [UInt8], roundKey: [UInt8],
    clientID: UInt32
  ) throws(CryptographyError) -> SecretBytes {
    // Everything but the context has a fixed length, so no two inputs share one encoding; the
    // length of the context is written all the same, as everywhere in this protocol.
    let info =
      Array("tacit seal/1".utf8) + littleEndian(UInt32(context.count)) + context
      + ephemeralKey + roundKey + littleEndian(clientID)
    return try BLAKE2b.derive(key: sharedSecret, info: info)
  }

  private static func littleEndian(_ value: UInt32) -> [UInt8] {
    [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static func store(_ values: Span<Float>, into plaintext: inout [UInt8]) {
    var span = plaintext.mutableSpan
    var bytes = span.mutableBytes
    for index in values.indices {
      bytes.storeBytes(
        of: values[index].bitPattern.littleEndian, toByteOffset: valueByteCount * index,
        as: UInt32.self)
    }
  }

  /// Reads the values of one opened chunk from the front of `plaintext` to `range` of `update`.
  static func load(_ plaintext: Span<UInt8>, into update: inout [Float], at range: Range<Int>) {
    let bytes = plaintext.bytes
    var values = update.mutableSpan
    for (offset, index) in range.enumerated() {
      let bits = bytes.unsafeLoadUnaligned(
        fromByteOffset: valueByteCount * offset, as: UInt32.self)
      values[index] = Float(bitPattern: UInt32(littleEndian: bits))
    }
  }
}
