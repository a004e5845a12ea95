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
  /// Nil where it concerns no single round.
  package let round: UInt64?
  /// One sentence.
  package let reason: String
  /// A checkpoint that convicts the coordinator, beside those that are kept; nil for most refusals.
  package let evidence: String?
  /// In seconds since 1970-01-01 UTC.
  package let atSeconds: Int64

  package init(round: UInt64?, reason: String, evidence: String?, atSeconds: Int64) {
    self.round = round
    self.reason = reason
    self.evidence = evidence
    self.atSeconds = atSeconds
  }
}

extension BehaviorStore {
  /// Most refusals of a ledger that are listed; the oldest without evidence go first.
  package static let refusalLimit = 1_000
  /// Most refusals of a ledger that are listed with their evidence: the first ones. Later ones are
  /// listed without.
  package static let evidenceLimit = 16

  /// Keeps a checkpoint whose signature the caller has verified, and receipts under it, in one
  /// transaction.
  ///
  /// A receipt that is kept already stays as it is, and so does a checkpoint of the same size: two
  /// different ones convict the coordinator. Smaller ones go, because the caller has a proof that
  /// this one extends them, and receipts hold the checkpoint that they are under.
  /// - Throws: `roundOutOfRange` if a size or round does not fit a ledger, or an error of the store.
  package func keep(
    _ checkpoint: KeptCheckpoint, receipts: [KeptReceipt] = []
  ) throws(BehaviorStoreError) {
    guard let size = Int64(exactly: checkpoint.size) else {
      throw .roundOutOfRange(round: checkpoint.size)
    }
    try write { database in
      try database.execute(
        sql: """
          INSERT INTO checkpoint (ledgerID, size, note, atSeconds) VALUES (?, ?, ?, ?)
          ON CONFLICT DO NOTHING
          """,
        arguments: [checkpoint.ledgerID, size, checkpoint.note, checkpoint.atSeconds])
      try database.execute(
        sql: "DELETE FROM checkpoint WHERE ledgerID = ? AND size < ?",
        arguments: [checkpoint.ledgerID, size])
      for receipt in receipts {
        try Self.insert(
          receipt, ledgerID: checkpoint.ledgerID, atSeconds: checkpoint.atSeconds, in: database)
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
    try write { database in
      let convicting = try Int.fetchOne(
        database,
        sql: "SELECT COUNT(*) FROM refusal WHERE ledgerID = ? AND evidence IS NOT NULL",
        arguments: [ledgerID])
      let evidence = (convicting ?? 0) < Self.evidenceLimit ? refusal.evidence : nil
      let newest = try Row.fetchOne(
        database,
        sql: """
          SELECT round, reason, evidence FROM refusal WHERE ledgerID = ? ORDER BY id DESC LIMIT 1
          """, arguments: [ledgerID])
      if let newest, newest[0] == round, newest[1] == refusal.reason {
        let listed: String? = newest[2]
        if listed == evidence || listed == refusal.evidence { return }
      }
      try database.execute(
        sql: """
          INSERT INTO refusal (ledgerID, round, reason, evidence, atSeconds) VALUES (?, ?, ?, ?, ?)
          """,
        arguments: [ledgerID, round, refusal.reason, evidence, refusal.atSeconds])
      try database.execute(
        sql: """
          DELETE FROM refusal WHERE ledgerID = ? AND evidence IS NULL AND id <= (
            SELECT id FROM refusal WHERE ledgerID = ? ORDER BY id DESC LIMIT 1 OFFSET ?)
          """, arguments: [ledgerID, ledgerID, Self.refusalLimit])
    }
  }

  /// What this device refused under a ledger, oldest first.
  package func refusals(ledgerID: String) throws(BehaviorStoreError) -> [Refusal] {
    try read { database in
      guard try Self.tables(in: database).contains("refusal") else { return [] }
      return try Row.fetchAll(
        database,
        sql: """
          SELECT round, reason, evidence, atSeconds FROM refusal WHERE ledgerID = ? ORDER BY id
          """, arguments: [ledgerID]
      ).map { row in
        Refusal(
          round: (row[0] as Int64?).map { UInt64($0) }, reason: row[1], evidence: row[2],
          atSeconds: row[3])
      }
    }
  }
}
