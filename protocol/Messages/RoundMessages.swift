package import Privacy

/// The coordinator offers a round. What a client trains on is fixed by the hashes in it.
package struct Offer: Equatable, Sendable {
  package var round: UInt64
  /// Index of the planned round in the policy.
  package var planIndex: UInt32
  package var modelHash: [UInt8]
  package var catalogueHash: [UInt8]
  package var policyHash: [UInt8]
  /// X25519 public key of this round; the private half is erased when the round ends.
  package var roundKey: [UInt8]
  /// Length of the update vector.
  package var dimension: UInt32
  /// F of the fixed-point encoding: the clip norm is 2^F grid steps.
  package var fractionBits: UInt8
  /// Discrete Gaussian parameter s, in grid steps; in a block of correlated noise, in the steps of its
  /// strategy.
  package var noiseScale: UInt64
  /// Place in a block of rounds with correlated noise.
  package var block: BlockPosition?
  package var deadlineSeconds: UInt32
  /// Ed25519 by the coordinator key over `signedBytes`.
  package var signature: [UInt8]

  package init(
    round: UInt64, planIndex: UInt32, modelHash: [UInt8], catalogueHash: [UInt8],
    policyHash: [UInt8], roundKey: [UInt8], dimension: UInt32, fractionBits: UInt8,
    noiseScale: UInt64, block: BlockPosition? = nil, deadlineSeconds: UInt32, signature: [UInt8]
  ) {
    self.round = round
    self.planIndex = planIndex
    self.modelHash = modelHash
    self.catalogueHash = catalogueHash
    self.policyHash = policyHash
    self.roundKey = roundKey
    self.dimension = dimension
    self.fractionBits = fractionBits
    self.noiseScale = noiseScale
    self.block = block
    self.deadlineSeconds = deadlineSeconds
    self.signature = signature
  }

  /// What the coordinator signs: a label and every field but the signature.
  package var signedBytes: [UInt8] {
    var writer = ByteWriter()
    writeFields(to: &writer)
    return Array("tacit offer/2".utf8) + writer.bytes
  }

  private func writeFields(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint32(planIndex)
    writer.digest(modelHash)
    writer.digest(catalogueHash)
    writer.digest(policyHash)
    writer.fixed(roundKey, count: 32)
    writer.uint32(dimension)
    writer.uint8(fractionBits)
    writer.uint64(noiseScale)
    // Rounds are numbered from 1: a start of 0 is none.
    writer.uint64(block?.start ?? 0)
    writer.uint32(UInt32(clamping: block?.round ?? 0))
    writer.uint32(deadlineSeconds)
  }

  func write(to writer: inout ByteWriter) {
    writeFields(to: &writer)
    writer.fixed(signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    planIndex = try reader.uint32()
    modelHash = try reader.digest()
    catalogueHash = try reader.digest()
    policyHash = try reader.digest()
    roundKey = try reader.fixed(32)
    dimension = try reader.uint32()
    guard (1...FrameLimits.maximumDimension).contains(Int(dimension)) else {
      throw .fieldTooLong(actual: Int(dimension), limit: FrameLimits.maximumDimension)
    }
    fractionBits = try reader.uint8()
    noiseScale = try reader.uint64()
    let blockStart = try reader.uint64()
    let blockRound = try reader.uint32()
    guard blockStart > 0 || blockRound == 0 else {
      throw .unknownValue(field: "block round without a block", value: UInt64(blockRound))
    }
    block = blockStart > 0 ? BlockPosition(start: blockStart, round: Int(blockRound)) : nil
    deadlineSeconds = try reader.uint32()
    signature = try reader.fixed(64)
  }
}

/// A client's answer to an offer. Both answers have the same size (rulings 1).
package struct Answer: Equatable, Sendable {
  package var round: UInt64
  package var joins: Bool

  package init(round: UInt64, joins: Bool) {
    self.round = round
    self.joins = joins
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint8(joins ? 1 : 0)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    let raw = try reader.uint8()
    guard raw <= 1 else { throw .unknownValue(field: "answer", value: UInt64(raw)) }
    joins = raw == 1
  }
}

/// Grants one of the coordinator's upload slots.
package struct Proceed: Equatable, Sendable {
  package var round: UInt64

  package init(round: UInt64) {
    self.round = round
  }

  func write(to writer: inout ByteWriter) { writer.uint64(round) }

  init(from reader: inout ByteReader) throws(WireError) { round = try reader.uint64() }
}

/// Announces a sealed update and signs it; its chunks follow in order.
package struct UpdateHeader: Equatable, Sendable {
  package var round: UInt64
  package var ephemeralKey: [UInt8]
  package var streamHeader: [UInt8]
  package var chunkCount: UInt32
  /// SHA-256 over the concatenated sealed chunks.
  package var digest: [UInt8]
  /// Ed25519 by the client's identity key over `UpdateHeader.signedBytes`.
  package var signature: [UInt8]

  package init(
    round: UInt64, ephemeralKey: [UInt8], streamHeader: [UInt8], chunkCount: UInt32,
    digest: [UInt8], signature: [UInt8]
  ) {
    self.round = round
    self.ephemeralKey = ephemeralKey
    self.streamHeader = streamHeader
    self.chunkCount = chunkCount
    self.digest = digest
    self.signature = signature
  }

  /// What the client signs: a label, the round's context and the sealed update.
  package func signedBytes(context: [UInt8], clientID: ClientID) -> [UInt8] {
    var writer = ByteWriter()
    writer.digest(context)
    writer.uint32(clientID)
    writer.fixed(ephemeralKey, count: 32)
    writer.fixed(streamHeader, count: 24)
    writer.uint32(chunkCount)
    writer.digest(digest)
    return Array("tacit update/1".utf8) + writer.bytes
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.fixed(ephemeralKey, count: 32)
    writer.fixed(streamHeader, count: 24)
    writer.uint32(chunkCount)
    writer.digest(digest)
    writer.fixed(signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    ephemeralKey = try reader.fixed(32)
    streamHeader = try reader.fixed(24)
    chunkCount = try reader.uint32()
    digest = try reader.digest()
    signature = try reader.fixed(64)
  }
}

/// One stretch of what is too long for a frame: a sealed or masked update, a roster, credentials. Every chunk
/// but the last is full.
package struct RoundChunk: Equatable, Sendable {
  package var round: UInt64
  package var index: UInt32
  package var data: [UInt8]

  package init(round: UInt64, index: UInt32, data: [UInt8]) {
    self.round = round
    self.index = index
    self.data = data
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint32(index)
    writer.opaque(data, limit: FrameLimits.maximumChunkBytes)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    index = try reader.uint32()
    data = try reader.opaque(limit: FrameLimits.maximumChunkBytes)
  }
}
