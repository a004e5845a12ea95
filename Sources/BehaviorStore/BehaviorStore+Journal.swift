internal import GRDB

/// What became of a round that this device took part in.
package enum RoundState: String, CaseIterable, Sendable {
  /// Journaled before the first byte was sent; the outcome is not known (yet).
  case spent
  /// The ledger shows a RELEASE.
  case released
  /// The ledger shows that the round was called off before its charge.
  case void
  /// The ledger shows a charge that never led to a release.
  case burned
}

/// One round as the device itself accounts for it, independent of what the coordinator says.
package struct JournalEntry: Equatable, Sendable {
  package let round: UInt64
  /// The ledger's identifier, in hexadecimal.
  package let ledgerID: String
  package let policyHash: String
  /// The charge μ as Gaussian differential privacy, positive and finite: of the round, or of the block
  /// that it belongs to.
  package let mu: Double
  /// The exact charge as the coordinator announced it (canonical JSON), to be compared later with
  /// the one in the ledger.
  package let charge: String
  /// SHA-256 of the sealed update, in hexadecimal.
  package let updateDigest: String
  /// When it was journaled, in seconds since 1970-01-01 UTC.
  package let atSeconds: Int64
  package let state: RoundState
  /// Place in a block of rounds with correlated noise, which are charged together.
  package let block: Block?
  /// Whether the device was shown that the round is charged: its sum may have been seen since.
  package let isCharged: Bool
  /// What the policy that `policyHash` names asks of the round's charge; nil for a round that was
  /// journaled before version 8.
  package let terms: Terms?

  /// The mode of the round, and the least cohort that it may be charged for.
  package struct Terms: Equatable, Sendable {
    package let mode: String
    package let minimumCohort: Int

    package init(mode: String, minimumCohort: Int) {
      self.mode = mode
      self.minimumCohort = minimumCohort
    }
  }

  /// The number of the round that began the block, and the round within it, from 0.
  package struct Block: Equatable, Sendable {
    package let start: UInt64
    package let round: Int

    package init(start: UInt64, round: Int) {
      self.start = start
      self.round = round
    }
  }

  package init(
    round: UInt64, ledgerID: String, policyHash: String, mu: Double, charge: String,
    updateDigest: String, atSeconds: Int64, state: RoundState = .spent, block: Block? = nil,
    isCharged: Bool = false, terms: Terms? = nil
  ) {
    self.terms = terms
    self.isCharged = isCharged
    self.block = block
    self.round = round
    self.ledgerID = ledgerID
    self.policyHash = policyHash
    self.mu = mu
    self.charge = charge
    self.updateDigest = updateDigest
    self.atSeconds = atSeconds
    self.state = state
  }
}

extension BehaviorStore {
  /// Records that the device spends its budget in a round; the entry's state is stored as `spent`, and
  /// as not charged.
  ///
  /// It is on the disk when this returns; only then may the first byte of the update leave the
  /// device (ruling 12). The same transaction checks consent and that the round is newer than
  /// every one journaled for the ledger, so that neither a withdrawal in another process, nor a
  /// restart, nor a coordinator that went back can lead to an upload that must not be.
  /// - Parameter receipt: proves the round's OFFER; kept with the entry.
  /// - Throws: `consentMissing`, `roundNotNewer`, `roundOutOfRange`, `chargeNotFinite`, or an
  ///   error of the store; nothing may then be sent.
  package func journalSpent(
    _ entry: JournalEntry, receipt: KeptReceipt? = nil
  ) throws(BehaviorStoreError) {
    guard let round = Int64(exactly: entry.round) else {
      throw .roundOutOfRange(round: entry.round)
    }
    guard entry.mu.isFinite, entry.mu > 0 else { throw .chargeNotFinite(round: entry.round) }
    // A block begins at one of its rounds, so its start fits where the round does.
    let blockStart = entry.block.map { Int64(clamping: $0.start) }
    try write { database in
      guard try Self.consent(policyHash: entry.policyHash, in: database).allows else {
        throw BehaviorStoreError.consentMissing(policyHash: entry.policyHash)
      }
      if let last = try Self.lastRound(ledgerID: entry.ledgerID, in: database),
        last >= entry.round
      {
        throw BehaviorStoreError.roundNotNewer(round: entry.round, last: last)
      }
      try database.execute(
        sql: """
          INSERT INTO journal
            (ledgerID, round, policyHash, mu, charge, updateDigest, state, atSeconds, blockStart,
             blockRound, mode, minimumCohort)
          VALUES (?, ?, ?, ?, ?, ?, 'spent', ?, ?, ?, ?, ?)
          """,
        arguments: [
          entry.ledgerID, round, entry.policyHash, entry.mu, entry.charge, entry.updateDigest,
          entry.atSeconds, blockStart, entry.block?.round, entry.terms?.mode,
          entry.terms?.minimumCohort,
        ])
      if let receipt {
        try Self.insert(
          receipt, ledgerID: entry.ledgerID, atSeconds: entry.atSeconds, in: database)
      }
    }
  }

  /// Records what the ledger proves about a round. Giving the recorded outcome again changes
  /// nothing.
  /// - Parameter outcome: not `spent`.
  /// - Throws: `roundNotJournaled` if the device took no part; `outcomeAlreadyRecorded` if another
  ///   outcome is recorded, which means that the coordinator told two stories.
  package func recordOutcome(
    _ outcome: RoundState, round: UInt64, ledgerID: String, atSeconds: Int64
  ) throws(BehaviorStoreError) {
    precondition(outcome != .spent, "spent is the state before an outcome")
    guard let roundNumber = Int64(exactly: round) else { throw .roundNotJournaled(round: round) }
    try write { database in
      guard
        let name = try String.fetchOne(
          database, sql: "SELECT state FROM journal WHERE ledgerID = ? AND round = ?",
          arguments: [ledgerID, roundNumber]),
        let recorded = RoundState(rawValue: name)
      else { throw BehaviorStoreError.roundNotJournaled(round: round) }
      if recorded == outcome { return }
      guard recorded == .spent else {
        throw BehaviorStoreError.outcomeAlreadyRecorded(
          round: round, recorded: recorded, offered: outcome)
      }
      try database.execute(
        sql: """
          UPDATE journal SET state = ?, outcomeAtSeconds = ? WHERE ledgerID = ? AND round = ?
          """, arguments: [outcome.rawValue, atSeconds, ledgerID, roundNumber])
    }
  }

  /// The sum of μ² over the device's own rounds under a ledger, rounded up; a block of rounds counts
  /// once.
  ///
  /// - Parameters:
  ///   - states: which rounds count. By default all do, also those called off: the update has left
  ///     the device, and ruling 12 gives nothing back on the coordinator's word alone.
  ///   - start: the rounds of the block that this round began do not count; nil leaves out none.
  package func spentMuSquared(
    ledgerID: String, states: Set<RoundState> = Set(RoundState.allCases),
    outsideBlock start: UInt64? = nil
  ) throws(BehaviorStoreError) -> Double {
    try journal(ledgerID: ledgerID)
      .filter { states.contains($0.state) && (start == nil || $0.block?.start != start) }
      .spentMuSquared
  }

  /// The rounds of a ledger that were journaled and have no outcome, ascending.
  package func unsettledRounds(ledgerID: String) throws(BehaviorStoreError) -> [UInt64] {
    try journal(ledgerID: ledgerID).filter { $0.state == .spent }.map(\.round)
  }

  /// The highest round journaled for a ledger.
  package func lastRound(ledgerID: String) throws(BehaviorStoreError) -> UInt64? {
    try read { database in try Self.lastRound(ledgerID: ledgerID, in: database) }
  }

  /// All rounds under a ledger, ascending.
  package func journal(ledgerID: String) throws(BehaviorStoreError) -> [JournalEntry] {
    try read { database in
      // A store in clear that is read without its key stays as version 1 left it.
      let columns = Set(try database.columns(in: "journal").map(\.name))
      let hasBlocks = columns.contains("blockStart")
      let hasCharges = columns.contains("isCharged")
      let hasTerms = columns.contains("minimumCohort")
      return try Row.fetchAll(
        database,
        sql: """
          SELECT round, policyHash, mu, charge, updateDigest, atSeconds, state,
            \(hasBlocks ? "blockStart, blockRound" : "NULL, NULL"),
            \(hasCharges ? "isCharged" : "0"),
            \(hasTerms ? "mode, minimumCohort" : "NULL, NULL") FROM journal
          WHERE ledgerID = ? ORDER BY round
          """, arguments: [ledgerID]
      ).map { row in
        guard let state = RoundState(rawValue: row[6]) else {
          throw BehaviorStoreError.corrupt(
            path: self.path, detail: "A journaled round has an unknown state")
        }
        return JournalEntry(
          round: UInt64(row[0] as Int64), ledgerID: ledgerID, policyHash: row[1], mu: row[2],
          charge: row[3], updateDigest: row[4], atSeconds: row[5], state: state,
          block: Self.block(start: row[7], round: row[8]),
          isCharged: row[9], terms: Self.terms(mode: row[10], minimumCohort: row[11]))
      }
    }
  }

  private static func block(start: Int64?, round: Int?) -> JournalEntry.Block? {
    guard let start, let round else { return nil }
    return JournalEntry.Block(start: UInt64(start), round: round)
  }

  private static func terms(mode: String?, minimumCohort: Int?) -> JournalEntry.Terms? {
    guard let mode, let minimumCohort else { return nil }
    return JournalEntry.Terms(mode: mode, minimumCohort: minimumCohort)
  }

  private static func lastRound(ledgerID: String, in database: Database) throws -> UInt64? {
    try Int64.fetchOne(
      database, sql: "SELECT MAX(round) FROM journal WHERE ledgerID = ?", arguments: [ledgerID]
    ).map { UInt64($0) }
  }
}

extension [JournalEntry] {
  /// The sum of μ², rounded up, where the rounds of a block count once: at the most that one of them
  /// says.
  package var spentMuSquared: Double {
    var total = 0.0
    var blocks: [UInt64: Double] = [:]
    for entry in self {
      let square = (entry.mu * entry.mu).nextUp
      guard let block = entry.block else {
        total = (total + square).nextUp
        continue
      }
      blocks[block.start] = Swift.max(square, blocks[block.start] ?? 0)
    }
    return blocks.values.sorted().reduce(total) { ($0 + $1).nextUp }
  }
}
