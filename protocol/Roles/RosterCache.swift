internal import Cryptography
internal import SecureAggregation
internal import Synchronization

/// The newest roster that this process has read and checked, shared by the clients in it: a public
/// value, so that many clients of one process check it once.
package final class RosterCache: Sendable {
  /// All that a checked roster depends on.
  struct Key: Hashable {
    let context: [UInt8]
    let header: [UInt8]
    let entries: SHA256Digest
    let enrolmentKey: [UInt8]
  }

  private let newest = Mutex<(key: Key, roster: CheckedRoster)?>(nil)

  package init() {}

  /// The roster for `key`, made by `check` unless it is the newest one.
  ///
  /// Clients that ask meanwhile wait for it.
  func roster(
    for key: Key, check: () throws(RoundRefusal) -> CheckedRoster
  ) throws(RoundRefusal) -> CheckedRoster {
    try newest.withLock { (newest) throws(RoundRefusal) in
      if let newest, newest.key == key { return newest.roster }
      let roster = try check()
      newest = (key, roster)
      return roster
    }
  }
}

/// A roster whose every member is enrolled.
struct CheckedRoster: Sendable {
  let masking: MaskingRoster
  /// Identity keys by position.
  private let keys: [VerifyingKey]

  /// - Parameters:
  ///   - entries: as the chunks carried them.
  ///   - context: `RoundContext.digest` of the offer.
  ///   - enrolmentKey: the key that admits members, pinned at enrolment.
  /// - Throws: `wrongRoster` for other bytes than announced; `masking(.notEnrolled)` for a member
  ///   whose credential is not the enrolment key's; what `MaskingRoster` refuses.
  init(
    entries: [UInt8], header: RoundRoster, context: [UInt8], policy: MaskingPolicy,
    enrolmentKey: VerifyingKey, ledgerID: [UInt8]
  ) throws(RoundRefusal) {
    guard SHA256Digest(hashing: entries).bytes == header.digest else { throw .wrongRoster }
    let members: [RosterMember]
    do throws(WireError) {
      members = try RosterMember.decode(entries)
    } catch {
      throw .wrongRoster
    }
    guard members.count == Int(header.memberCount) else { throw .wrongRoster }
    do throws(MaskingRefusal) {
      masking = try MaskingRoster(
        context: context, statedParameters: header.parameters, adverts: members.map(\.advert),
        policy: policy)
    } catch {
      throw .masking(error)
    }
    var keys: [VerifyingKey] = []
    keys.reserveCapacity(members.count)
    for member in members {
      let credential = LoginTranscript.credential(
        clientID: member.advert.clientID, identityKey: member.identityKey, ledgerID: ledgerID)
      // Bytes that are no key cannot have been admitted either.
      guard let key = try? VerifyingKey(bytes: member.identityKey),
        enrolmentKey.isValidSignature(member.credential, for: credential)
      else { throw .masking(.notEnrolled) }
      keys.append(key)
    }
    self.keys = keys
  }

  func identityKey(of id: ClientID) -> VerifyingKey? {
    masking.position(of: id).map { keys[$0] }
  }
}

/// The members of one client's round, fixed when its roster is checked; until then there are none.
final class CheckedMembers: Sendable {
  private let roster = Mutex<CheckedRoster?>(nil)

  func fix(_ checked: CheckedRoster) {
    roster.withLock { $0 = checked }
  }

  func identityKey(of id: ClientID) -> VerifyingKey? {
    roster.withLock { $0 }?.identityKey(of: id)
  }
}
