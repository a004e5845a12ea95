internal import Ledger
package import SecureAggregation

/// Sizes of the masked round's messages. Wire specification section 2.
package enum MaskedLimits {
  /// Most members of one masked round.
  package static let maximumMembers = 4_096

  /// Most neighbours of one member: share indices are bytes, and 0 and 255 are none.
  package static let maximumDegree = 254

  /// Most signatures in a `Proof`: everyone's up to 1,024 members, a committee's above.
  package static let maximumSignatures = 1_024

  /// One encrypted pair of shares and whose it is, in bytes: id, index, two shares, tag.
  static let encryptedShareBytes = 85

  /// One revealed share and whose secret it is of, in bytes.
  static let revealedShareBytes = 36

  /// One member's signature in a `Proof` and whose it is, in bytes.
  static let agreementBytes = 68

  /// Most bytes of the sizes in a `RoundRoster`.
  static let maximumParameterBytes = 128

  /// Most bytes of the receipt of a CHARGE entry.
  package static let maximumReceiptBytes = 16_384

  /// Most bytes of a consistency proof.
  package static let maximumConsistencyBytes = ConsistencyProof.maximumBytes

  /// Most bytes of a set of members.
  static let maximumSetBytes = maximumMembers / 8

  /// Values in every masked chunk but the last, four bytes each.
  package static let chunkValueCount = FrameLimits.maximumChunkBytes / 4
}

/// Message 1 of a masked round: a client joins with fresh keys.
package struct Advertise: Equatable, Sendable {
  package var round: UInt64
  package var advert: MaskingAdvert

  package init(round: UInt64, advert: MaskingAdvert) {
    self.round = round
    self.advert = advert
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.advert(advert)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    advert = try reader.advert()
  }
}

/// Message 2 of a masked round: who takes part, and the sizes that follow from their number.
///
/// Chunks of `RosterEntries` follow. A client computes the sizes itself and refuses others.
package struct RoundRoster: Equatable, Sendable {
  package var round: UInt64
  /// n, the number of members.
  package var memberCount: UInt32
  /// `MaskingParameters.bytes`.
  package var parameters: [UInt8]
  /// SHA-256 over the members' entries, concatenated.
  package var digest: [UInt8]

  package init(round: UInt64, memberCount: UInt32, parameters: [UInt8], digest: [UInt8]) {
    self.round = round
    self.memberCount = memberCount
    self.parameters = parameters
    self.digest = digest
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint32(memberCount)
    writer.opaque(parameters, limit: MaskedLimits.maximumParameterBytes)
    writer.digest(digest)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    memberCount = try reader.uint32()
    guard (1...MaskedLimits.maximumMembers).contains(Int(memberCount)) else {
      throw .fieldTooLong(actual: Int(memberCount), limit: MaskedLimits.maximumMembers)
    }
    parameters = try reader.opaque(limit: MaskedLimits.maximumParameterBytes)
    digest = try reader.digest()
  }
}

/// What the chunks of a roster carry: the members' adverts, `MaskingAdvert.byteCount` each, in the
/// order of their ids. Who the members are is in their credentials.
package enum RosterEntries {
  package static func encode(_ adverts: [MaskingAdvert]) -> [UInt8] {
    var writer = ByteWriter(capacity: adverts.count * MaskingAdvert.byteCount)
    for advert in adverts { writer.advert(advert) }
    return writer.bytes
  }

  /// - Throws: `WireError.truncated` unless `bytes` are whole entries.
  package static func decode(_ bytes: [UInt8]) throws(WireError) -> [MaskingAdvert] {
    var reader = ByteReader(bytes)
    var adverts: [MaskingAdvert] = []
    adverts.reserveCapacity(bytes.count / MaskingAdvert.byteCount)
    while reader.remaining > 0 { adverts.append(try reader.advert()) }
    return adverts
  }
}

/// Message 3 of a masked round: a pair of shares for each neighbour, encrypted to it.
package struct Shares: Equatable, Sendable {
  package var round: UInt64
  package var bundle: ShareBundle

  package init(round: UInt64, bundle: ShareBundle) {
    self.round = round
    self.bundle = bundle
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint32(bundle.clientID)
    writer.shares(bundle.shares)
    writer.digest(bundle.seedCommitment)
    writer.fixed(bundle.signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    bundle = ShareBundle(
      clientID: try reader.uint32(), shares: try reader.shares(),
      seedCommitment: try reader.digest(), signature: try reader.fixed(64))
  }
}

/// Message 4 of a masked round: who shared, and the shares for this member.
package struct Deliver: Equatable, Sendable {
  package var round: UInt64
  /// U2 over the roster's positions: bit i % 8 of byte i / 8.
  package var sharers: [UInt8]
  package var shares: [EncryptedShare]

  package init(round: UInt64, sharers: [UInt8], shares: [EncryptedShare]) {
    self.round = round
    self.sharers = sharers
    self.shares = shares
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.opaque(sharers, limit: MaskedLimits.maximumSetBytes)
    writer.shares(shares)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    sharers = try reader.opaque(limit: MaskedLimits.maximumSetBytes)
    shares = try reader.shares()
  }
}

extension ByteWriter {
  fileprivate mutating func advert(_ advert: MaskingAdvert) {
    uint32(advert.clientID)
    fixed(advert.channelKey, count: 32)
    fixed(advert.maskKey, count: 32)
    fixed(advert.signature, count: 64)
  }

  fileprivate mutating func shares(_ shares: [EncryptedShare]) {
    uint16(UInt16(shares.count))
    for share in shares {
      uint32(share.peerID)
      fixed(share.ciphertext, count: 81)
    }
  }
}

extension ByteReader {
  fileprivate mutating func advert() throws(WireError) -> MaskingAdvert {
    MaskingAdvert(
      clientID: try uint32(), channelKey: try fixed(32), maskKey: try fixed(32),
      signature: try fixed(64))
  }

  fileprivate mutating func shares() throws(WireError) -> [EncryptedShare] {
    let count = try self.count(
      limit: MaskedLimits.maximumDegree, each: MaskedLimits.encryptedShareBytes)
    var shares: [EncryptedShare] = []
    shares.reserveCapacity(count)
    for _ in 0..<count {
      shares.append(
        EncryptedShare(peerID: try uint32(), ciphertext: try fixed(81)))
    }
    return shares
  }
}
