internal import Cryptography
internal import SecureAggregation
internal import Synchronization

/// The newest roster that this process has read and checked, and the members that it knows to be admitted,
/// shared by the clients in it: public values, so that many clients of one process check them once.
package final class RosterCache: Sendable {
  /// All that a roster depends on.
  struct Key: Equatable {
    let context: [UInt8]
    let header: [UInt8]
    /// As the chunks carried them. Equal arrays of one process share storage (`shared`), so that
    /// comparing them takes no time.
    let chunks: [[UInt8]]
  }

  /// Who was admitted stays so from round to round.
  let members: KnownMembers
  private let newest = Mutex<(key: Key, roster: MaskingRoster)?>(nil)
  private let newestChecked = Mutex<(scope: KnownMembers.Scope, roster: CheckedRoster)?>(nil)
  private let newestChunks = Mutex<[Int: [UInt8]]>([:])

  /// - Parameter memberCapacity: members remembered at most; two of the largest rosters, since members come
  ///   and go.
  package init(memberCapacity: Int = 2 * MaskedLimits.maximumMembers) {
    members = KnownMembers(capacity: memberCapacity)
  }

  /// `chunk` itself, or the storage of an equal one that another client of this process received
  /// before: a roster of 4,096 members is in memory once, not once for each of them.
  func shared(_ chunk: [UInt8], index: Int) -> [UInt8] {
    newestChunks.withLock { chunks in
      if let known = chunks[index], known == chunk { return known }
      chunks[index] = chunk
      return chunk
    }
  }

  /// The roster for `key`, made by `read` unless it is the newest one.
  ///
  /// Clients that ask meanwhile wait for it.
  func roster(
    for key: Key, read: () throws(RoundRefusal) -> MaskingRoster
  ) throws(RoundRefusal) -> MaskingRoster {
    try newest.withLock { (newest) throws(RoundRefusal) in
      if let newest, newest.key == key { return newest.roster }
      let roster = try read()
      newest = (key, roster)
      return roster
    }
  }

  /// The members of `roster`, if a client under the same authority has checked them already.
  func checked(_ roster: MaskingRoster, in scope: KnownMembers.Scope) -> CheckedRoster? {
    newestChecked.withLock { newest in
      // ctx1 covers every advert.
      guard let newest, newest.scope == scope,
        newest.roster.masking.rosterContext == roster.rosterContext
      else { return nil }
      return newest.roster
    }
  }

  func keep(_ roster: CheckedRoster, in scope: KnownMembers.Scope) {
    newestChecked.withLock { $0 = (scope, roster) }
  }
}

/// A roster whose every member is enrolled.
struct CheckedRoster: Sendable {
  let masking: MaskingRoster
  /// Identity keys by position.
  private let keys: [VerifyingKey]

  /// - Parameter keys: the identity key of every member, by position.
  init(masking: MaskingRoster, keys: [VerifyingKey]) {
    precondition(keys.count == masking.adverts.count, "a key a member")
    self.masking = masking
    self.keys = keys
  }

  func identityKey(of id: ClientID) -> VerifyingKey? {
    masking.position(of: id).map { keys[$0] }
  }
}

/// Remembers whom an enrolment authority admitted, and under which identity key.
///
/// Both are fixed for the life of a ledger: a token is redeemed by one key. So that a credential is asked
/// for and verified once.
final class KnownMembers: Sendable {
  struct Scope: Hashable {
    let ledgerID: [UInt8]
    let authority: VerifyingKey
  }

  private let capacity: Int

  private let known = Mutex<[Scope: [ClientID: VerifyingKey]]>([:])

  /// - Parameter capacity: members remembered at most; beyond it all are forgotten, and asked for again.
  init(capacity: Int) { self.capacity = capacity }

  /// The identity keys of `ids`, in their order; nil for a member that is not known.
  func identityKeys(
    of ids: some Sequence<ClientID>, in scope: Scope
  ) -> [VerifyingKey?] {
    known.withLock { known in
      let keys = known[scope] ?? [:]
      return ids.map { keys[$0] }
    }
  }

  /// The member's key, if the authority admitted `id` under it; nil if not. It is known from then on.
  func admit(_ identity: MemberIdentity, as id: ClientID, in scope: Scope) -> VerifyingKey? {
    // Bytes that are no key or no credential admit nobody.
    guard let key = try? VerifyingKey(bytes: identity.identityKey) else { return nil }
    if known.withLock({ $0[scope]?[id] }) == key { return key }
    guard let credential = try? MemberCredential(bytes: identity.credential),
      credential.admits(
        identity.identityKey, as: id, in: scope.ledgerID, authority: scope.authority)
    else { return nil }
    known.withLock { known in
      if known.values.reduce(0, { $0 + $1.count }) >= capacity { known.removeAll() }
      known[scope, default: [:]][id] = key
    }
    return key
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
