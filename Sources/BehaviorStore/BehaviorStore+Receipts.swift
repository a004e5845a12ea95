internal import GRDB

/// An entry of a ledger that was proven to this device, with its proof.
package struct KeptReceipt: Equatable, Sendable {
  /// Place in the ledger, from 0.
  package let entry: Int
  /// The round that it is of.
  package let round: UInt64
  /// `offer`, `charge`, `release`, `void` or `burned`.
  package let kind: String
  /// A C2SP `tlog-proof` that whoever has the coordinator's key can verify.
  package let text: String

  package init(entry: Int, round: UInt64, kind: String, text: String) {
    self.entry = entry
    self.round = round
    self.kind = kind
    self.text = text
  }
}

/// Something that this device did not go along with.
package struct Refusal: Equatable, Sendable {
  /// What the coordinator signed and this device did not take.
  package struct Evidence: Equatable, Sendable {
    /// A checkpoint, or the receipt of an entry.
    package let refused: String
    /// What this device held then, as the coordinator signed it; nil if it held nothing.
    package let held: String?
    /// Whether the two contradict each other by themselves; else the ledger tells which one is not
    /// of it.
    package let convicts: Bool

    package init(refused: String, held: String?, convicts: Bool) {
      self.refused = refused
      self.held = held
      self.convicts = convicts
    }
  }

  /// Nil where it concerns no single round.
  package let round: UInt64?
  /// One sentence.
  package let reason: String
  /// Nil for most refusals.
  package let evidence: Evidence?
  /// In seconds since 1970-01-01 UTC.
  package let atSeconds: Int64

  package init(round: UInt64?, reason: String, evidence: Evidence?, atSeconds: Int64) {
    self.round = round
    self.reason = reason
    self.evidence = evidence
    self.atSeconds = atSeconds
  }
}

extension BehaviorStore {
  /// Most refusals of a ledger that are listed; the oldest without evidence go first.
  package static let refusalLimit = 1_000
  /// Most refusals of a ledger that are listed with evidence that convicts, and as many with other
  /// evidence: half of them the first ones, half the newest. Those between are listed without, so
  /// that a coordinator can neither fill a device nor push the evidence out that it fears.
  package static let evidenceLimit = 16
  /// Most Unicode scalars of a reason that are listed: a coordinator's own words are in some.
  package static let reasonLimit = 500

  /// Keeps a checkpoint whose signature the caller has verified, receipts under it, and what they
  /// say of the journal, in one transaction.
  ///
  /// A receipt that is kept already stays as it is. Of a ledger one checkpoint is kept: the caller
  /// has a proof that this one extends those before it, receipts hold the one that they are under,
  /// and a refusal the one that it was held against.
  /// - Parameter charged: rounds whose charge is proven, hence recorded as charged in the journal;
  ///   nothing happens for one that is not in it.
  /// - Throws: `roundOutOfRange` if a size or round does not fit a ledger, or an error of the store.
  package func keep(
    _ checkpoint: KeptCheckpoint, receipts: [KeptReceipt] = [], charged: Set<UInt64> = []
  ) throws(BehaviorStoreError) {
    guard let size = Int64(exactly: checkpoint.size) else {
      throw .roundOutOfRange(round: checkpoint.size)
    }
    try write { database in
      try database.execute(
        sql: "DELETE FROM checkpoint WHERE ledgerID = ? AND size <= ?",
        arguments: [checkpoint.ledgerID, size])
      try database.execute(
        sql: "INSERT INTO checkpoint (ledgerID, size, note, atSeconds) VALUES (?, ?, ?, ?)",
        arguments: [checkpoint.ledgerID, size, checkpoint.note, checkpoint.atSeconds])
      for receipt in receipts {
        try Self.insert(
          receipt, ledgerID: checkpoint.ledgerID, atSeconds: checkpoint.atSeconds, in: database)
      }
      for round in charged {
        try database.execute(
          sql: "UPDATE journal SET isCharged = 1 WHERE ledgerID = ? AND round = ?",
          arguments: [checkpoint.ledgerID, Int64(clamping: round)])
      }
    }
  }

  static func insert(
    _ receipt: KeptReceipt, ledgerID: String, atSeconds: Int64, in database: Database
  ) throws {
    guard let round = Int64(exactly: receipt.round) else {
      throw BehaviorStoreError.roundOutOfRange(round: receipt.round)
    }
    try database.execute(
      sql: """
        INSERT INTO receipt (ledgerID, entry, round, kind, text, atSeconds)
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """,
      arguments: [ledgerID, receipt.entry, round, receipt.kind, receipt.text, atSeconds])
  }

  /// All kept receipts of a ledger, ascending by entry.
  package func receipts(ledgerID: String) throws(BehaviorStoreError) -> [KeptReceipt] {
    try read { database in
      // A store of an older version that is read without its key has none.
      guard try Self.tables(in: database).contains("receipt") else { return [] }
      return try Row.fetchAll(
        database,
        sql: "SELECT entry, round, kind, text FROM receipt WHERE ledgerID = ? ORDER BY entry",
        arguments: [ledgerID]
      ).map { row in
        KeptReceipt(entry: row[0], round: UInt64(row[1] as Int64), kind: row[2], text: row[3])
      }
    }
  }

  /// Lists a refusal, unless the newest one of this ledger says the same.
  package func list(_ refusal: Refusal, ledgerID: String) throws(BehaviorStoreError) {
    let round = refusal.round.map { Int64(clamping: $0) }
    let reason = String(
      String.UnicodeScalarView(refusal.reason.unicodeScalars.prefix(Self.reasonLimit)))
    let evidence = refusal.evidence
    try write { database in
      let newest = try Row.fetchOne(
        database,
        sql: """
          SELECT round, reason, evidence FROM refusal WHERE ledgerID = ? ORDER BY id DESC LIMIT 1
          """, arguments: [ledgerID])
      if let newest, newest[0] == round, newest[1] == reason, newest[2] == evidence?.refused {
        return
      }
      try database.execute(
        sql: """
          INSERT INTO refusal (ledgerID, round, reason, evidence, held, convicts, atSeconds)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          ledgerID, round, reason, evidence?.refused, evidence?.held, evidence?.convicts ?? false,
          refusal.atSeconds,
        ])
      if let evidence {
        try Self.thinEvidence(convicting: evidence.convicts, ledgerID: ledgerID, in: database)
      }
      try database.execute(
        sql: """
          DELETE FROM refusal WHERE ledgerID = ? AND evidence IS NULL AND id <= (
            SELECT id FROM refusal WHERE ledgerID = ? ORDER BY id DESC LIMIT 1 OFFSET ?)
          """, arguments: [ledgerID, ledgerID, Self.refusalLimit])
    }
  }

  private static func thinEvidence(
    convicting: Bool, ledgerID: String, in database: Database
  ) throws {
    let identifiers = try Int64.fetchAll(
      database,
      sql: """
        SELECT id FROM refusal WHERE ledgerID = ? AND convicts = ? AND evidence IS NOT NULL
        ORDER BY id
        """, arguments: [ledgerID, convicting])
    for identifier in identifiers.dropFirst(evidenceLimit / 2).dropLast(evidenceLimit / 2) {
      try database.execute(
        sql: "UPDATE refusal SET evidence = NULL, held = NULL, convicts = 0 WHERE id = ?",
        arguments: [identifier])
    }
  }

  /// What this device refused under a ledger, oldest first.
  package func refusals(ledgerID: String) throws(BehaviorStoreError) -> [Refusal] {
    try read { database in
      guard try Self.tables(in: database).contains("refusal") else { return [] }
      return try Row.fetchAll(
        database,
        sql: """
          SELECT round, reason, evidence, held, convicts, atSeconds FROM refusal
          WHERE ledgerID = ? ORDER BY id
          """, arguments: [ledgerID]
      ).map { row in
        Refusal(
          round: (row[0] as Int64?).map { UInt64($0) }, reason: row[1],
          evidence: (row[2] as String?).map { refused in
            Refusal.Evidence(refused: refused, held: row[3], convicts: row[4])
          }, atSeconds: row[5])
      }
    }
  }
}
