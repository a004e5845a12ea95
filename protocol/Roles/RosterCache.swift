internal import Cryptography
internal import SecureAggregation
internal import Synchronization

/// The newest roster that this process has read and checked, and the credentials it has found valid,
/// shared by the clients in it: public values, so that many clients of one process check them once.
package final class RosterCache: Sendable {
  /// All that a checked roster depends on.
  struct Key: Equatable {
    let context: [UInt8]
    let header: [UInt8]
    /// As the chunks carried them. Equal arrays of one process share storage (`shared`), so that
    /// comparing them takes no time.
    let chunks: [[UInt8]]
    let enrolmentKey: [UInt8]
  }

  /// Credentials stay the same from round to round.
  let credentials = ValidCredentials()
  private let newest = Mutex<(key: Key, roster: CheckedRoster)?>(nil)
  private let newestChunks = Mutex<[Int: [UInt8]]>([:])

  package init() {}

  /// `chunk` itself, or the storage of an equal one that another client of this process received
  /// before: a roster of 4,096 members is in memory once, not once for each of them.
  func shared(_ chunk: [UInt8], index: Int) -> [UInt8] {
    newestChunks.withLock { chunks in
      if let known = chunks[index], known == chunk { return known }
      chunks[index] = chunk
      return chunk
    }
  }

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
  ///   - chunks: the entries, as the messages carried them.
  ///   - context: `RoundContext.digest` of the offer.
  ///   - enrolmentKey: the key that admits members, pinned at enrolment.
  ///   - credentials: those found valid before.
  /// - Throws: `wrongRoster` for other bytes than announced; `masking(.notEnrolled)` for a member
  ///   whom the enrolment key did not admit; what `MaskingRoster` refuses.
  init(
    chunks: [[UInt8]], header: RoundRoster, context: [UInt8], policy: MaskingPolicy,
    enrolmentKey: VerifyingKey, ledgerID: [UInt8], credentials: ValidCredentials
  ) throws(RoundRefusal) {
    let entries = chunks.flatMap { $0 }
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
      // Bytes that are no key cannot have been admitted either.
      guard let key = try? VerifyingKey(bytes: member.identityKey),
        credentials.admit(member, ledgerID: ledgerID, authority: enrolmentKey)
      else { throw .masking(.notEnrolled) }
      keys.append(key)
    }
    self.keys = keys
  }

  func identityKey(of id: ClientID) -> VerifyingKey? {
    masking.position(of: id).map { keys[$0] }
  }
}

/// Remembers which credentials were found valid. Whether one is depends on its bytes alone, so a hit
/// is as good as two verifications.
final class ValidCredentials: Sendable {
  private struct Entry: Hashable {
    let clientID: ClientID
    let identityKey: [UInt8]
    let credential: [UInt8]
    let ledgerID: [UInt8]
    let authority: VerifyingKey
  }

  // Two of the largest rosters: members come and go.
  private static let capacity = 2 * MaskedLimits.maximumMembers

  private let valid = Mutex<Set<Entry>>([])

  /// Whether `authority` admitted `member` to `ledgerID`.
  func admit(_ member: RosterMember, ledgerID: [UInt8], authority: VerifyingKey) -> Bool {
    let entry = Entry(
      clientID: member.advert.clientID, identityKey: member.identityKey,
      credential: member.credential, ledgerID: ledgerID, authority: authority)
    if valid.withLock({ $0.contains(entry) }) { return true }
    // Bytes that are no credential admit nobody.
    guard let credential = try? MemberCredential(bytes: member.credential),
      credential.admits(
        member.identityKey, as: member.advert.clientID, in: ledgerID, authority: authority)
    else { return false }
    valid.withLock {
      if $0.count >= Self.capacity { $0.removeAll() }
      $0.insert(entry)
    }
    return true
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
