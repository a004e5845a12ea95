internal import Foundation
internal import GRDB

/// The tables of a store. A version that was released never changes; a change is a new version.
enum Schema {
  /// `TACI` in ASCII: tells a behaviour store from any other SQLite file.
  static let applicationID = 0x5441_4349
  static let currentVersion = 8
  /// From this version on a migration seals nothing, and needs no key.
  static let firstSealedVersion = 2

  /// Brings a database of any older version to `currentVersion`, each step in one transaction
  /// that also writes the version, so that a crash leaves one version or the other.
  /// - Parameter key: needed below ``firstSealedVersion`` only.
  static func migrator(key: StoreKey?) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(sql: version1)
      try database.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = 1")
    }
    migrator.registerMigration("2") { database in
      guard let key else {
        preconditionFailure("a store in clear is not migrated without a key")
      }
      try database.execute(sql: version2)
      try seal(in: database, key: key)
      // `event` and what refers to it would keep the old text in freed pages: see `isScrubbed`.
      try database.execute(
        sql: """
          DROP TABLE slateOutcomeClear;
          DROP TABLE slateItemClear;
          DROP TABLE eventClear;
          PRAGMA user_version = 2;
          """)
    }
    migrator.registerMigration("3") { database in
      try database.execute(
        sql: """
          ALTER TABLE journal ADD COLUMN blockStart INTEGER;
          ALTER TABLE journal ADD COLUMN blockRound INTEGER;
          PRAGMA user_version = 3;
          """)
    }
    migrator.registerMigration("4") { database in
      try database.execute(sql: version4)
      try database.execute(sql: "PRAGMA user_version = 4")
    }
    // Which experiment's arm a slate was drawn for; null for the others.
    migrator.registerMigration("5") { database in
      try database.execute(
        sql: """
          ALTER TABLE slate ADD COLUMN experiment TEXT;
          PRAGMA user_version = 5;
          """)
    }
    // What the update of a round was computed from, and whether its charge was shown to the device.
    migrator.registerMigration("6") { database in
      try database.execute(
        sql: """
          ALTER TABLE journal ADD COLUMN planIndex INTEGER;
          ALTER TABLE journal ADD COLUMN modelHash TEXT;
          ALTER TABLE journal ADD COLUMN isCharged INTEGER NOT NULL DEFAULT 0
            CHECK (isCharged IN (0, 1));
          PRAGMA user_version = 6;
          """)
    }
    migrator.registerMigration("7") { database in
      try database.execute(sql: version7)
      try database.execute(sql: "PRAGMA user_version = 7")
    }
    // What an update was computed from is read by nothing: two releases of version 6 differ in
    // whether the journal has it.
    migrator.registerMigration("8") { database in
      let columns = Set(try database.columns(in: "journal").map(\.name))
      for column in ["planIndex", "modelHash"] where columns.contains(column) {
        try database.execute(sql: "ALTER TABLE journal DROP COLUMN \(column)")
      }
      try database.execute(sql: version8)
      try database.execute(sql: "PRAGMA user_version = 8")
    }
    return migrator
  }

  /// Copies what version 1 held in clear text into the tables of version 2.
  private static func seal(in database: Database, key: StoreKey) throws {
    try database.execute(
      sql: "INSERT INTO sealing (keyCheck, isScrubbed) VALUES (?, 0)",
      arguments: [Data(try key.check)])
    var items = CodeBook(.item, key: key)
    var occasions = CodeBook(.occasion, key: key)
    let events = try Row.fetchCursor(
      database,
      sql: "SELECT item, kind, occasion, timeSeconds, value, occurrence FROM eventClear")
    while let row = try events.next() {
      try database.cachedStatement(
        sql: """
          INSERT INTO event (itemID, kind, occasionID, timeSeconds, value, occurrence)
          VALUES (?, ?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        try items.identifier(of: row[0], in: database), row[1] as String,
        try occasions.identifier(of: row[2], in: database), row[3] as Int64, row[4] as Double,
        row[5] as Int64,
      ])
    }
    let shown = try Row.fetchCursor(
      database, sql: "SELECT slateID, position, item, propensity, components FROM slateItemClear")
    while let row = try shown.next() {
      try database.cachedStatement(
        sql: """
          INSERT INTO slateItem (slateID, position, itemID, propensity, components)
          VALUES (?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        row[0] as Int64, row[1] as Int64, try items.identifier(of: row[2], in: database),
        row[3] as Double, Data(try key.seal(Array((row[4] as String).utf8), .components)),
      ])
    }
    let outcomes = try Row.fetchCursor(
      database, sql: "SELECT slateID, item, outcome, atSeconds FROM slateOutcomeClear")
    while let row = try outcomes.next() {
      try database.cachedStatement(
        sql: "INSERT INTO slateOutcome (slateID, itemID, outcome, atSeconds) VALUES (?, ?, ?, ?)"
      ).execute(arguments: [
        row[0] as Int64, try items.identifier(of: row[1], in: database), row[2] as String,
        row[3] as Int64,
      ])
    }
    for row in try Row.fetchAll(database, sql: "SELECT name, bytes FROM modelState") {
      try database.execute(
        sql: "UPDATE modelState SET bytes = ? WHERE name = ?",
        arguments: [
          Data(try key.seal(Array(row[1] as Data), .modelState)), row[0] as String,
        ])
    }
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

  // What names an item or an occasion is sealed: `item` and `occasion` hold each code once, under
  // a keyed tag, and the other tables refer to its number. Nothing else of an event is: kind, time
  // and value are what SQL sorts and sums by. `event` and `slateItem` declare no reference to them,
  // because SQLite would then search both for every code that is removed.
  //
  // `sealing` has one row. `keyCheck` tells the right key from a wrong one; `isScrubbed` is 0 from
  // the migration until the pages that held clear text are overwritten, which no transaction can do.
  private static let version2 = """
    ALTER TABLE event RENAME TO eventClear;
    ALTER TABLE slateItem RENAME TO slateItemClear;
    ALTER TABLE slateOutcome RENAME TO slateOutcomeClear;
    CREATE TABLE sealing (
      keyCheck BLOB NOT NULL,
      isScrubbed INTEGER NOT NULL CHECK (isScrubbed IN (0, 1))
    );
    CREATE TABLE item (
      id INTEGER PRIMARY KEY,
      tag BLOB NOT NULL UNIQUE,
      sealed BLOB NOT NULL
    );
    CREATE TABLE occasion (
      id INTEGER PRIMARY KEY,
      tag BLOB NOT NULL UNIQUE,
      sealed BLOB NOT NULL
    );
    CREATE TABLE event (
      itemID INTEGER NOT NULL,
      kind TEXT NOT NULL,
      occasionID INTEGER NOT NULL,
      timeSeconds INTEGER NOT NULL,
      value REAL NOT NULL,
      occurrence INTEGER NOT NULL,
      PRIMARY KEY (itemID, kind, occasionID, timeSeconds, value, occurrence)
    ) WITHOUT ROWID;
    CREATE TABLE slateItem (
      slateID INTEGER NOT NULL REFERENCES slate (id) ON DELETE CASCADE,
      position INTEGER NOT NULL CHECK (position >= 1),
      itemID INTEGER NOT NULL,
      propensity REAL NOT NULL CHECK (propensity > 0 AND propensity <= 1),
      components BLOB NOT NULL,
      PRIMARY KEY (slateID, position),
      UNIQUE (slateID, itemID)
    ) WITHOUT ROWID;
    CREATE TABLE slateOutcome (
      slateID INTEGER NOT NULL,
      itemID INTEGER NOT NULL,
      outcome TEXT NOT NULL,
      atSeconds INTEGER NOT NULL,
      PRIMARY KEY (slateID, itemID, outcome),
      FOREIGN KEY (slateID, itemID) REFERENCES slateItem (slateID, itemID) ON DELETE CASCADE
    ) WITHOUT ROWID;
    """

  // A slate can be drawn again from its seed. A forgotten interest hides its items and what was known
  // of them up to a moment on both clocks (see `RetentionClock`); its tag names items, so it is sealed.
  private static let version4 = """
    ALTER TABLE slate ADD COLUMN seed INTEGER;
    ALTER TABLE slateItem ADD COLUMN monteCarloDraws INTEGER;
    CREATE TABLE forgottenInterest (
      id INTEGER PRIMARY KEY,
      tag BLOB NOT NULL,
      localSeconds INTEGER NOT NULL,
      utcSeconds INTEGER NOT NULL
    );
    CREATE TABLE forgottenItem (
      itemID INTEGER NOT NULL,
      interestID INTEGER NOT NULL REFERENCES forgottenInterest (id) ON DELETE CASCADE,
      PRIMARY KEY (itemID, interestID)
    ) WITHOUT ROWID;
    """

  // What the ledger was proven to say, and what this device refused. Neither names an item or an
  // event.
  private static let version7 = """
    CREATE TABLE receipt (
      ledgerID TEXT NOT NULL,
      entry INTEGER NOT NULL CHECK (entry >= 0),
      round INTEGER NOT NULL CHECK (round >= 0),
      kind TEXT NOT NULL,
      text TEXT NOT NULL,
      atSeconds INTEGER NOT NULL,
      PRIMARY KEY (ledgerID, entry)
    ) WITHOUT ROWID;
    CREATE TABLE refusal (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      ledgerID TEXT NOT NULL,
      round INTEGER,
      reason TEXT NOT NULL,
      evidence TEXT,
      atSeconds INTEGER NOT NULL
    );
    """

  // What the policy of a round asked of its charge; null for a round of an earlier version. What a
  // refused `evidence` was held against, and whether the two contradict each other by themselves. Version 7 kept every
  // checkpoint, this one keeps the newest, so those that evidence needs are copied first.
  private static let version8 = """
    ALTER TABLE journal ADD COLUMN mode TEXT;
    ALTER TABLE journal ADD COLUMN minimumCohort INTEGER;
    ALTER TABLE refusal ADD COLUMN held TEXT;
    ALTER TABLE refusal ADD COLUMN convicts INTEGER NOT NULL DEFAULT 0 CHECK (convicts IN (0, 1));
    UPDATE refusal SET held = (
      SELECT note FROM checkpoint
      WHERE checkpoint.ledgerID = refusal.ledgerID AND checkpoint.atSeconds <= refusal.atSeconds
      ORDER BY size DESC LIMIT 1
    ) WHERE evidence IS NOT NULL;
    """
}
