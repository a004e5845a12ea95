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
      epoch: nextEpoch, members: members,
      revocationsHash: SHA256Digest(hashing: revocations))
    if let roster, !record.differs(from: roster.record) { return nil }
    return record
  }

  /// Between rounds only, one epoch after the other, and only where something changed.
  func requireRoster(_ record: RosterRecord) throws(LedgerError) {
    guard case .idle = phase, genesis.format > 1 else { throw outOfOrder(.roster) }
    try Requirement(entry: size).equal("epoch", nextEpoch, record.epoch)
    guard let roster, !record.differs(from: roster.record) else { return }
    throw .invalidField(
      entry: size, field: "roster_hash", expected: "another roster than the one in force")
  }

  private var nextEpoch: Int { (roster?.record.epoch ?? 0) + 1 }
}
