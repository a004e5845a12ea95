/// A member of a masked round asks for what admits the members that it does not know yet.
///
/// A credential stays the same for the life of the ledger, so that a device asks for each once.
package struct AskCredentials: Equatable, Sendable {
  package var round: UInt64
  /// Whose, over the roster's positions: bit i % 8 of byte i / 8.
  package var members: [UInt8]

  package init(round: UInt64, members: [UInt8]) {
    self.round = round
    self.members = members
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.opaque(members, limit: MaskedLimits.maximumSetBytes)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    members = try reader.opaque(limit: MaskedLimits.maximumSetBytes)
  }
}

/// A member's identity key, and what admits it: what the chunks of `Message.credentials` carry, for
/// each member asked for, in the order of the roster.
package struct MemberIdentity: Equatable, Sendable {
  package static let byteCount = 32 + MemberCredential.byteCount

  package var identityKey: [UInt8]
  /// `MemberCredential.bytes`.
  package var credential: [UInt8]

  package init(identityKey: [UInt8], credential: [UInt8]) {
    self.identityKey = identityKey
    self.credential = credential
  }

  /// `members` one after the other.
  package static func encode(_ members: [MemberIdentity]) -> [UInt8] {
    var writer = ByteWriter(capacity: members.count * byteCount)
    for member in members {
      writer.fixed(member.identityKey, count: 32)
      writer.fixed(member.credential, count: MemberCredential.byteCount)
    }
    return writer.bytes
  }

  /// - Throws: `WireError.truncated` unless `bytes` are whole entries.
  package static func decode(_ bytes: [UInt8]) throws(WireError) -> [MemberIdentity] {
    var reader = ByteReader(bytes)
    var members: [MemberIdentity] = []
    members.reserveCapacity(bytes.count / byteCount)
    while reader.remaining > 0 {
      members.append(
        MemberIdentity(
          identityKey: try reader.fixed(32),
          credential: try reader.fixed(MemberCredential.byteCount)))
    }
    return members
  }
}

/// A member tells whose shares did not open for it (ruling 31). The dealer may have sealed them badly, or
/// the member says so of good ones: it blames nobody by itself.
package struct UnreadableShares: Equatable, Sendable {
  package var round: UInt64
  /// The dealers, over the roster's positions: bit i % 8 of byte i / 8.
  package var dealers: [UInt8]

  package init(round: UInt64, dealers: [UInt8]) {
    self.round = round
    self.dealers = dealers
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.opaque(dealers, limit: MaskedLimits.maximumSetBytes)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    dealers = try reader.opaque(limit: MaskedLimits.maximumSetBytes)
  }
}
