internal import Cryptography
internal import SecureAggregation

/// How a client receives message 2 of a masked round: the members' adverts, then what admits those
/// that this process does not know yet.
struct RosterReception: Sendable {
  enum Progress {
    /// More chunks are to come.
    case waiting
    /// The credentials of these members are to be asked for.
    case lacks(MemberSet)
    case complete(CheckedRoster)
  }

  let header: RoundRoster
  private var adverts: ChunkedBytes
  /// Set while credentials are waited for.
  private var asked:
    (
      roster: MaskingRoster, keys: [VerifyingKey?], members: MemberSet, credentials: ChunkedBytes
    )?

  init(header: RoundRoster) {
    self.header = header
    adverts = ChunkedBytes(
      byteCount: Int(header.memberCount) * MaskingAdvert.byteCount)
  }

  mutating func append(
    _ chunk: RoundChunk, setup: MaskedClientSetup
  ) throws(RoundRefusal) -> Progress {
    guard
      adverts.append(
        chunk.data, index: chunk.index, sharing: { setup.rosters.shared($0, index: $1) })
    else { throw .wrongRoster }
    guard adverts.isComplete else { return .waiting }
    let roster = try setup.roster(chunks: adverts.chunks, header: header)
    if let checked = setup.checkedRoster(roster) { return .complete(checked) }
    let keys = setup.knownKeys(of: roster)
    let unknown = MemberSet(
      positions: keys.indices.filter {
        keys[$0] == nil && roster.adverts[$0].clientID != setup.clientID
      }, memberCount: keys.count)
    guard unknown.count > 0 else { return .complete(try setup.check(roster, keys: keys)) }
    asked = (
      roster, keys, unknown, ChunkedBytes(byteCount: unknown.count * MemberIdentity.byteCount)
    )
    return .lacks(unknown)
  }

  mutating func append(
    credentials answer: RoundChunk, setup: MaskedClientSetup
  ) throws(RoundRefusal) -> Progress {
    guard var asked else { throw .masking(.outOfOrder) }
    guard
      asked.credentials.append(
        answer.data, index: answer.index, sharing: { chunk, _ in chunk })
    else { throw .wrongRoster }
    self.asked = asked
    guard asked.credentials.isComplete else { return .waiting }
    self.asked = nil
    // Another client of this process had the same question.
    if let checked = setup.checkedRoster(asked.roster) { return .complete(checked) }
    let identities: [MemberIdentity]
    do throws(WireError) {
      identities = try MemberIdentity.decode(asked.credentials.chunks.flatMap { $0 })
    } catch {
      throw .wrongRoster
    }
    for (position, identity) in zip(asked.members.positions, identities) {
      guard let key = setup.admit(identity, as: asked.roster.adverts[position].clientID) else {
        throw .masking(.notEnrolled)
      }
      asked.keys[position] = key
    }
    return .complete(try setup.check(asked.roster, keys: asked.keys))
  }
}
