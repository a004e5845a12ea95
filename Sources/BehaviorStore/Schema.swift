internal import GRDB

/// The tables of a store. A version that was released never changes; a change is a new version.
enum Schema {
  /// `TACI` in ASCII: tells a behaviour store from any other SQLite file.
  static let applicationID = 0x5441_4349
  static let currentVersion = 1

  /// Brings a database of any older version to `currentVersion`, each step in one transaction
  /// that also writes the version, so that a crash leaves one version or the other.
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(sql: version1)
      try database.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = 1")
    }
    return migrator
  }

  // `event`: the whole row is its identity, exactly, where a hash could collide. `occurrence`
  // numbers rows that are alike in every column within one import (an invoice may list an item
  // twice), so that importing a file again changes nothing. The key begins with the item because
  // the history groups by it.
  private static let version1 = """
    CREATE TABLE event (
      item TEXT NOT NULL,
      kind TEXT NOT NULL,
      occasion TEXT NOT NULL,
      timeSeconds INTEGER NOT NULL,
      value REAL NOT NULL,
      occurrence INTEGER NOT NULL,
      PRIMARY KEY (item, kind, occasion, timeSeconds, value, occurrence)
    ) WITHOUT ROWID;
    CREATE TABLE consent (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      given INTEGER NOT NULL CHECK (given IN (0, 1)),
      policyHash TEXT NOT NULL,
      atSeconds INTEGER NOT NULL
    );
    CREATE TABLE journal (
      ledgerID TEXT NOT NULL,
      round INTEGER NOT NULL CHECK (round >= 0),
      policyHash TEXT NOT NULL,
      mu REAL NOT NULL CHECK (mu > 0),
      charge TEXT NOT NULL,
      updateDigest TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('spent', 'released', 'void', 'burned')),
      atSeconds INTEGER NOT NULL,
      outcomeAtSeconds INTEGER,
      PRIMARY KEY (ledgerID, round)
    ) WITHOUT ROWID;
    CREATE TABLE checkpoint (
      ledgerID TEXT NOT NULL,
      size INTEGER NOT NULL CHECK (size >= 0),
      note TEXT NOT NULL,
      atSeconds INTEGER NOT NULL,
      PRIMARY KEY (ledgerID, size, note)
    ) WITHOUT ROWID;
    CREATE TABLE setting (
      key TEXT PRIMARY KEY NOT NULL,
      value TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE modelState (
      name TEXT PRIMARY KEY NOT NULL,
      bytes BLOB NOT NULL
    );
    CREATE TABLE slate (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      timeSeconds INTEGER NOT NULL,
      explorationPolicy TEXT NOT NULL
    );
    CREATE TABLE slateItem (
      slateID INTEGER NOT NULL REFERENCES slate (id) ON DELETE CASCADE,
      position INTEGER NOT NULL CHECK (position >= 1),
      item TEXT NOT NULL,
      propensity REAL NOT NULL CHECK (propensity > 0 AND propensity <= 1),
      components TEXT NOT NULL,
      PRIMARY KEY (slateID, position),
      UNIQUE (slateID, item)
    ) WITHOUT ROWID;
    CREATE TABLE slateOutcome (
      slateID INTEGER NOT NULL,
      item TEXT NOT NULL,
      outcome TEXT NOT NULL,
      atSeconds INTEGER NOT NULL,
      PRIMARY KEY (slateID, item, outcome),
      FOREIGN KEY (slateID, item) REFERENCES slateItem (slateID, item) ON DELETE CASCADE
    ) WITHOUT ROWID;
    """
}
