internal import Cryptography
internal import Federation
internal import Ledger
internal import LedgerStore
internal import WireProtocol

/// The roster of a simulated coordinator. Each change is durable when it returns, as with SQLite,
/// which is not what is tested here.
///
/// Confined to the one thread of its `FederationWorld`.
final class SimulatedRoster: MemberRoster, @unchecked Sendable {
  private var members: [ClientID: RosterEntry] = [:]

  func member(_ id: ClientID) -> RosterEntry? { members[id] }

  func redeem(
    tokenOf id: ClientID, identityKey: VerifyingKey, credential: MemberCredential
  ) -> Redemption {
    if let known = members[id] {
      return known.identityKey == identityKey ? .enrolled(known) : .refused(.usedToken)
    }
    let entry = RosterEntry(id: id, identityKey: identityKey, credential: credential.bytes)
    members[id] = entry
    return .enrolled(entry)
  }

  func exclude(_ ids: [ClientID]) {
    for id in ids { members[id]?.isExcluded = true }
  }

  func readmitAll() {
    for id in members.keys { members[id]?.isExcluded = false }
  }

  func revocations() -> [UInt8] { [] }

  func commitment() -> RosterCommitment {
    RosterCommitment(
      members: members.values.filter { !$0.isRevoked && !$0.isExcluded }
        .map { ($0.id, $0.identityKey.bytes) })
  }
}
