internal import Foundation
internal import GRDB

/// A signed checkpoint of a ledger that the device keeps, as it was received.
package struct KeptCheckpoint: Equatable, Sendable {
  package let ledgerID: String
  /// Number of entries that it covers.
  package let size: UInt64
  /// The signed note, unchanged.
  package let note: String
  /// When it was received, in seconds since 1970-01-01 UTC.
  package let atSeconds: Int64

  package init(ledgerID: String, size: UInt64, note: String, atSeconds: Int64) {
    self.ledgerID = ledgerID
    self.size = size
    self.note = note
    self.atSeconds = atSeconds
  }
}

extension BehaviorStore {
  // MARK: - Checkpoints

  /// The kept checkpoint that covers most entries; a ledger shorter than it was cut.
  package func newestCheckpoint(ledgerID: String) throws(BehaviorStoreError) -> KeptCheckpoint? {
    try checkpoints(ledgerID: ledgerID).last
  }

  /// All kept checkpoints of a ledger, ascending by size.
  package func checkpoints(ledgerID: String) throws(BehaviorStoreError) -> [KeptCheckpoint] {
    try read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT size, note, atSeconds FROM checkpoint WHERE ledgerID = ? ORDER BY size, note
          """, arguments: [ledgerID]
      ).map { row in
        KeptCheckpoint(
          ledgerID: ledgerID, size: UInt64(row[0] as Int64), note: row[1], atSeconds: row[2])
      }
    }
  }

  // MARK: - Settings

  /// The value of a setting, or nil. Settings are not secret: keys live in key files.
  package func setting(_ key: String) throws(BehaviorStoreError) -> String? {
    try read { database in
      try String.fetchOne(
        database, sql: "SELECT value FROM setting WHERE key = ?", arguments: [key])
    }
  }

  /// Sets a setting, or removes it if `value` is nil.
  package func set(_ key: String, to value: String?) throws(BehaviorStoreError) {
    try write { database in
      guard let value else {
        try database.execute(sql: "DELETE FROM setting WHERE key = ?", arguments: [key])
        return
      }
      try database.execute(
        sql: "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", arguments: [key, value])
    }
  }

  /// Sets several settings at once, so that no reader ever sees some of them: a model and the catalogue it
  /// is of. Those that have the value already are not written.
  ///
  /// - Parameter settings: nil removes a setting.
  package func set(_ settings: [String: String?]) throws(BehaviorStoreError) {
    try write { database in
      for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
        let present = try String.fetchOne(
          database, sql: "SELECT value FROM setting WHERE key = ?", arguments: [key])
        guard present != value else { continue }
        if let value {
          try database.execute(
            sql: "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)",
            arguments: [key, value])
        } else {
          try database.execute(sql: "DELETE FROM setting WHERE key = ?", arguments: [key])
        }
      }
    }
  }

  // MARK: - Model state

  /// Bytes that a model keeps on this device (a user vector, the last good public parameters), or
  /// nil. They are sealed in the store.
  package func modelState(_ name: String) throws(BehaviorStoreError) -> [UInt8]? {
    let key = try requireKey()
    return try read { database in
      try Data.fetchOne(
        database, sql: "SELECT bytes FROM modelState WHERE name = ?", arguments: [name]
      ).map { try key.open(Array($0), .modelState) }
    }
  }

  /// Replaces the bytes kept under `name`.
  package func setModelState(
    _ name: String, to bytes: [UInt8]
  ) throws(BehaviorStoreError) {
    let key = try requireKey()
    try write { database in
      try database.execute(
        sql: "INSERT OR REPLACE INTO modelState (name, bytes) VALUES (?, ?)",
        arguments: [name, Data(try key.seal(bytes, .modelState))])
    }
  }
}
