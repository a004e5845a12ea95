internal import GRDB

/// What to erase.
package enum EraseScope: Sendable {
  /// What the customer did and was shown, and what models derived from it. Consent, journal,
  /// checkpoints and settings stay, so that the device still knows what it spent.
  case behavior
  /// All of it. The device then no longer knows what it spent: whoever calls this also deletes the
  /// device's key, so that it can only come back as a new device.
  case everything
}

extension BehaviorStore {
  private static let behaviorTables = ["event", "modelState", "slate", "slateItem", "slateOutcome"]

  /// Deletes the rows and overwrites the pages that held them, in the file and in its write-ahead
  /// log, before it returns.
  ///
  /// Older copies that the file system or the drive itself keeps (snapshots, flash wear levelling,
  /// backups) are out of reach. Models already released keep an influence bounded by the budget
  /// spent.
  /// - Throws: an error of the store. `locked` after the rows are gone means that another process
  ///   kept the file open so that its pages were not all overwritten: erase again.
  package func erase(_ scope: EraseScope) throws(BehaviorStoreError) {
    try write { database in
      let tables =
        switch scope {
        case .behavior: Self.behaviorTables
        case .everything: try Self.tables(in: database)
        }
      for table in tables {
        try database.execute(sql: "DELETE FROM \(table.quotedDatabaseIdentifier)")
      }
    }
    // VACUUM rewrites the file without slack; the truncating checkpoint then empties the log,
    // which still held the pages of earlier transactions.
    try withoutTransaction { database in
      try database.execute(sql: "VACUUM")
      let isBusy = try Row.fetchOne(database, sql: "PRAGMA wal_checkpoint(TRUNCATE)")?[0] == 1
      if isBusy {
        throw BehaviorStoreError.locked(path: self.path, waitedSeconds: Self.lockWaitSeconds)
      }
    }
  }
}
