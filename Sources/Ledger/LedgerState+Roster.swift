internal import Cryptography

extension LedgerState {
  /// The ROSTER that has to come before the next OFFER.
  /// - Parameters:
  ///   - members: who may take part now.
  ///   - revocations: bytes of the list of revoked members that every member is shown.
  /// - Returns: nil if the roster in force says the same.
  package func rosterChange(
    to members: RosterCommitment, revocations: [UInt8]
  ) -> RosterRecord? {
    let record = RosterRecord(
      epoch: (roster?.record.epoch ?? 0) + 1, members: members,
      revocationsHash: SHA256Digest(hashing: revocations))
    return roster.map { record.differs(from: $0.record) } ?? true ? record : nil
  }

  /// Between rounds only, one epoch after the other, and only where something changed.
  func requireRoster(_ record: RosterRecord) throws(LedgerError) {
    guard case .idle = phase, genesis.format > 1 else { throw outOfOrder(.roster) }
    try Requirement(entry: size).equal("epoch", (roster?.record.epoch ?? 0) + 1, record.epoch)
    guard let roster, !record.differs(from: roster.record) else { return }
    throw .invalidField(
      entry: size, field: "roster_hash", expected: "another roster than the one in force")
  }
}
