package import SecureAggregation

/// Message 5 of a masked round: announces a masked update and signs it; `RoundChunk`s follow.
package struct MaskedHeader: Equatable, Sendable {
  package var round: UInt64
  package var chunkCount: UInt32
  /// SHA-256 over the chunks, concatenated, and the client's signature.
  package var header: MaskedUpdateHeader

  package init(round: UInt64, chunkCount: UInt32, header: MaskedUpdateHeader) {
    self.round = round
    self.chunkCount = chunkCount
    self.header = header
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint32(chunkCount)
    writer.digest(header.digest)
    writer.fixed(header.signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    chunkCount = try reader.uint32()
    header = MaskedUpdateHeader(digest: try reader.digest(), signature: try reader.fixed(64))
  }
}

/// Message 6 of a masked round: whose masked updates are in the sum.
package struct Survivors: Equatable, Sendable {
  package var round: UInt64
  /// U3 over the roster's positions: bit i % 8 of byte i / 8.
  package var survivors: [UInt8]

  package init(round: UInt64, survivors: [UInt8]) {
    self.round = round
    self.survivors = survivors
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.opaque(survivors, limit: MaskedLimits.maximumSetBytes)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    survivors = try reader.opaque(limit: MaskedLimits.maximumSetBytes)
  }
}

/// Message 7 of a masked round: a survivor signs the survivor set.
package struct Agree: Equatable, Sendable {
  package var round: UInt64
  /// Size of the newest checkpoint that this device holds: `Proof` shows that the ledger extends it.
  package var checkpointSize: UInt64
  /// Ed25519 by the client's identity key; all zero from a member outside the committee.
  package var signature: [UInt8]

  package init(round: UInt64, checkpointSize: UInt64, signature: [UInt8]) {
    self.round = round
    self.checkpointSize = checkpointSize
    self.signature = signature
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint64(checkpointSize)
    writer.fixed(signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    checkpointSize = try reader.uint64()
    signature = try reader.fixed(64)
  }
}

/// Message 8 of a masked round: the survivors are agreed on and the round is charged.
package struct Proof: Equatable, Sendable {
  package var round: UInt64
  /// T signatures over the survivor set, in ascending order of ids.
  package var signatures: [AgreementSignature]
  /// CHARGE with its inclusion proof and a signed checkpoint: the text of a `LedgerReceipt`.
  package var receipt: [UInt8]
  /// The size that `consistency` starts from: what the member said it holds.
  package var heldSize: UInt64
  /// `ConsistencyProof.bytes` from `heldSize` to the receipt's checkpoint.
  package var consistency: [UInt8]

  package init(
    round: UInt64, signatures: [AgreementSignature], receipt: [UInt8], heldSize: UInt64,
    consistency: [UInt8]
  ) {
    self.round = round
    self.signatures = signatures
    self.receipt = receipt
    self.heldSize = heldSize
    self.consistency = consistency
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint16(UInt16(signatures.count))
    for signature in signatures {
      writer.uint32(signature.clientID)
      writer.fixed(signature.signature, count: 64)
    }
    writer.opaque(receipt, limit: MaskedLimits.maximumReceiptBytes)
    writer.uint64(heldSize)
    writer.opaque(consistency, limit: MaskedLimits.maximumConsistencyBytes)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    let count = try reader.count(
      limit: MaskedLimits.maximumSignatures, each: MaskedLimits.agreementBytes)
    var signatures: [AgreementSignature] = []
    signatures.reserveCapacity(count)
    for _ in 0..<count {
      signatures.append(
        AgreementSignature(clientID: try reader.uint32(), signature: try reader.fixed(64)))
    }
    self.signatures = signatures
    receipt = try reader.opaque(limit: MaskedLimits.maximumReceiptBytes)
    heldSize = try reader.uint64()
    consistency = try reader.opaque(limit: MaskedLimits.maximumConsistencyBytes)
  }
}

/// Message 9 of a masked round: for each neighbour the one share that its fate calls for, of its
/// self mask's seed where it survived, of its mask key where it shared and did not survive.
package struct Unmask: Equatable, Sendable {
  package var round: UInt64
  package var revealed: RevealedShares

  package init(round: UInt64, revealed: RevealedShares) {
    self.round = round
    self.revealed = revealed
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint32(revealed.clientID)
    writer.uint16(UInt16(revealed.shares.count))
    for share in revealed.shares {
      writer.uint32(share.ownerID)
      writer.fixed(share.share, count: 32)
    }
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    let clientID = try reader.uint32()
    let count = try reader.count(
      limit: MaskedLimits.maximumDegree, each: MaskedLimits.revealedShareBytes)
    var shares: [RevealedShare] = []
    shares.reserveCapacity(count)
    for _ in 0..<count {
      shares.append(RevealedShare(ownerID: try reader.uint32(), share: try reader.fixed(32)))
    }
    revealed = RevealedShares(clientID: clientID, shares: shares)
  }
}

/// A client leaves a masked round because a check failed. Its round secrets are erased.
package struct RefuseRound: Equatable, Sendable {
  package var round: UInt64
  package var reason: RoundRefusal
  /// Ed25519 by the client's identity key over `signedBytes`.
  package var signature: [UInt8]

  package init(round: UInt64, reason: RoundRefusal, signature: [UInt8]) {
    self.round = round
    self.reason = reason
    self.signature = signature
  }

  /// What the client signs: a label, the round's context, its id and the reason.
  package func signedBytes(context: [UInt8], clientID: ClientID) -> [UInt8] {
    var writer = ByteWriter()
    writer.digest(context)
    writer.uint32(clientID)
    writer.text(reason.name, limit: 64)
    return Array("tacit refuse round/1".utf8) + writer.bytes
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.text(reason.name, limit: 64)
    writer.fixed(signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    let name = try reader.text(limit: 64)
    guard let reason = RoundRefusal(name: name) else {
      throw .unknownValue(field: "round refusal", value: UInt64(name.utf8.count))
    }
    self.reason = reason
    signature = try reader.fixed(64)
  }
}

extension ByteReader {
  /// A two-byte count of elements of `size` bytes, held against `limit` and what is left.
  mutating func count(limit: Int, each size: Int) throws(WireError) -> Int {
    let count = Int(try uint16())
    guard count <= limit else { throw .fieldTooLong(actual: count, limit: limit) }
    guard count * size <= remaining else {
      throw .truncated(needed: count * size, available: remaining)
    }
    return count
  }
}
