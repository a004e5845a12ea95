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
  // Of version 1 too: a store that is opened without its key is erased as it is.
  private static let behaviorTables = [
    "event", "modelState", "slate", "slateItem", "slateOutcome", "item", "occasion",
    "forgottenInterest", "forgottenItem",
  ]

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
      let present = try Self.tables(in: database)
      let tables =
        switch scope {
        case .behavior: present.filter(Self.behaviorTables.contains)
        // Without this row the store could not be opened again.
        case .everything: present.filter { $0 != "sealing" }
        }
      for table in tables {
        try database.execute(sql: "DELETE FROM \(table.quotedDatabaseIdentifier)")
      }
    }
    guard try scrub() else {
      throw .locked(path: path, waitedSeconds: Self.lockWaitSeconds)
    }
  }

  /// Overwrites and removes every file of the store in `directory`, whatever condition it is in,
  /// and the directory if nothing else is in it. It needs no key.
  ///
  /// A process that has the store open loses it: tell it first by `erase(.everything)`.
  /// - Throws: `systemFailure`, `notWritable`, … naming the file that could not be removed; the call
  ///   can be repeated. A store that is not there is fine.
  package static func destroy(directory: String) throws(BehaviorStoreError) {
    try StoreFile.destroyAll(in: directory)
  }
}
