import Foundation
import GRDB
import Glibc
import Testing

@testable import BehaviorStore

/// A store that was made before there were receipts, opened by this program.
@Suite("A store of version 6") struct VersionSixTests {
  private let directory: TemporaryDirectory
  private var home: String { directory.path + "/device" }

  init() throws {
    directory = try TemporaryDirectory()
  }

  /// As the released program left it: by its SQL, what SQLite made of it, and a journal of three
  /// rounds.
  private func make() throws {
    #expect(mkdir(home, 0o700) == 0)
    let file = home + "/behavior.sqlite"
    let queue = try DatabaseQueue(path: file)
    let keyCheck = Data(try testKey().check)
    try queue.writeWithoutTransaction { database in
      try database.execute(
        sql: """
          PRAGMA page_size = 1024; PRAGMA journal_mode = WAL;
          \(Self.tables)
          INSERT INTO consent (given, policyHash, atSeconds) VALUES (1, 'aa', 1);
          INSERT INTO journal VALUES
            ('0123', 1, 'aa', 0.5, '{}', 'f1', 'released', 1, 2, NULL, NULL, 0, 'm1', 0),
            ('0123', 2, 'aa', 0.5, '{}', 'f2', 'burned', 3, 4, NULL, NULL, NULL, NULL, 1),
            ('0123', 3, 'aa', 0.25, '{}', 'f3', 'spent', 5, NULL, 3, 0, 1, 'm3', 1);
          INSERT INTO checkpoint VALUES ('0123', 4, 'note', 1);
          """)
      try database.execute(
        sql: "INSERT INTO sealing (keyCheck, isScrubbed) VALUES (?, 1)", arguments: [keyCheck])
    }
    try queue.close()
    #expect(chmod(file, 0o600) == 0)
  }

  private func columns(_ store: BehaviorStore) throws -> [String] {
    try store.read { database in
      try BehaviorStore.tables(in: database).map { table in
        let names = try String.fetchAll(
          database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table])
        return table + ": " + names.joined(separator: " ")
      }
    }
  }

  @Test(
    "it keeps its journal, and has the tables of a new one afterwards, with its key or without",
    arguments: [true, false])
  func migration(hasKey: Bool) throws {
    try make()
    let store = try BehaviorStore.open(directory: home, key: hasKey ? testKey() : nil)
    let journal = try store.journal(ledgerID: "0123")
    #expect(journal.map(\.round) == [1, 2, 3])
    #expect(journal.map(\.state) == [.released, .burned, .spent])
    #expect(journal.map(\.mu) == [0.5, 0.5, 0.25])
    #expect(journal.map(\.isCharged) == [false, true, true])
    #expect(journal.allSatisfy { $0.terms == nil })
    #expect(journal.map(\.block) == [nil, nil, JournalEntry.Block(start: 3, round: 0)])
    #expect(try store.consent(policyHash: "aa").allows)
    #expect(try store.receipts(ledgerID: "0123").isEmpty)
    try store.keep(
      KeptCheckpoint(ledgerID: "0123", size: 5, note: "newer", atSeconds: 6),
      receipts: [KeptReceipt(entry: 4, round: 3, kind: "charge", text: "proof\n")])
    #expect(try store.receipts(ledgerID: "0123").count == 1)
    let new = try BehaviorStore.create(directory: directory.path + "/new", key: testKey())
    #expect(try columns(store) == columns(new))
  }

  /// What SQLite holds after versions 1 to 6, as they were released, and the rows of GRDB's
  /// migrator.
  private static let tables = """
    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
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
      outcomeAtSeconds INTEGER, blockStart INTEGER, blockRound INTEGER, planIndex INTEGER,
      modelHash TEXT, isCharged INTEGER NOT NULL DEFAULT 0 CHECK (isCharged IN (0, 1)),
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
    , seed INTEGER, experiment TEXT);
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
      components BLOB NOT NULL, monteCarloDraws INTEGER,
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
    INSERT INTO grdb_migrations VALUES ('1'), ('2'), ('3'), ('4'), ('5'), ('6');
    PRAGMA application_id = 1413563209;
    PRAGMA user_version = 6;
    """
}
