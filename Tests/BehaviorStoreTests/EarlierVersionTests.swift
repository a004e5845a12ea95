import Foundation
import GRDB
import Glibc
import Testing

@testable import BehaviorStore

/// A store that an earlier program made, opened by this one.
@Suite("A store of an earlier version") struct EarlierVersionTests {
  /// What was released.
  enum Shape: String, CaseIterable {
    /// The first version 6 kept what an update was computed from.
    case sixWithInputs
    case six
    /// With receipts and refusals.
    case seven
  }

  private let directory: TemporaryDirectory
  private var home: String { directory.path + "/device" }

  init() throws {
    directory = try TemporaryDirectory()
  }

  /// As the released program left it: by its SQL, what SQLite made of it, and a journal of three
  /// rounds.
  private func make(_ shape: Shape) throws {
    #expect(mkdir(home, 0o700) == 0)
    let file = home + "/behavior.sqlite"
    let queue = try DatabaseQueue(path: file)
    let inputs = shape == .sixWithInputs ? ", 1, 'm'" : ""
    let keyCheck = Data(try testKey().check)
    try queue.writeWithoutTransaction { database in
      try database.execute(
        sql: """
          PRAGMA page_size = 1024; PRAGMA journal_mode = WAL;
          \(Self.tables)
          \(Self.changes(shape))
          INSERT INTO consent (given, policyHash, atSeconds) VALUES (1, 'aa', 1);
          INSERT INTO journal VALUES
            ('0123', 1, 'aa', 0.5, '{}', 'f1', 'released', 1, 2, NULL, NULL\(inputs), 0),
            ('0123', 2, 'aa', 0.5, '{}', 'f2', 'burned', 3, 4, NULL, NULL\(inputs), 1),
            ('0123', 3, 'aa', 0.25, '{}', 'f3', 'spent', 5, NULL, 3, 0\(inputs), 1);
          INSERT INTO checkpoint VALUES
            ('0123', 4, 'older', 1), ('0123', 5, 'held', 4), ('0123', 6, 'later', 9), ('ff', 7, 'other', 1);
          """)
      try database.execute(
        sql: "INSERT INTO sealing (keyCheck, isScrubbed) VALUES (?, 1)", arguments: [keyCheck])
    }
    try queue.close()
    #expect(chmod(file, 0o600) == 0)
  }

  /// Every table's columns with their types, defaults and keys, and the version.
  private func columns(_ store: BehaviorStore) throws -> [String] {
    try store.read { database in
      let version = try String.fetchOne(database, sql: "PRAGMA user_version") ?? ""
      return try BehaviorStore.tables(in: database).flatMap { table in
        try Row.fetchAll(database, sql: "SELECT * FROM pragma_table_info(?)", arguments: [table])
          .map { row in
            table + ": " + row.map { "\($0)=\($1)" }.joined(separator: " ")
          }
      } + [version]
    }
  }

  @Test(
    "it keeps its journal, and has the tables of a new one afterwards, with its key or without",
    arguments: Shape.allCases, [true, false])
  func migration(shape: Shape, hasKey: Bool) throws {
    try make(shape)
    let store = try BehaviorStore.open(directory: home, key: hasKey ? testKey() : nil)
    let journal = try store.journal(ledgerID: "0123")
    #expect(journal.map(\.round) == [1, 2, 3])
    #expect(journal.map(\.state) == [.released, .burned, .spent])
    #expect(journal.map(\.mu) == [0.5, 0.5, 0.25])
    #expect(journal.map(\.isCharged) == [false, true, true])
    #expect(journal.allSatisfy { $0.terms == nil })
    #expect(journal.map(\.block) == [nil, nil, JournalEntry.Block(start: 3, round: 0)])
    #expect(try store.consent(policyHash: "aa").allows)
    let kept = KeptReceipt(entry: 2, round: 1, kind: "charge", text: "old")
    #expect(try store.receipts(ledgerID: "0123") == (shape == .seven ? [kept] : []))
    let refused = Refusal(
      round: nil, reason: "forked",
      evidence: Refusal.Evidence(refused: "note", held: "held", convicts: false), atSeconds: 5)
    #expect(try store.refusals(ledgerID: "0123") == (shape == .seven ? [refused] : []))
    try store.keep(
      KeptCheckpoint(ledgerID: "0123", size: 7, note: "newer", atSeconds: 10),
      receipts: [KeptReceipt(entry: 4, round: 3, kind: "charge", text: "proof\n")])
    #expect(try store.receipts(ledgerID: "0123").map(\.entry) == (shape == .seven ? [2, 4] : [4]))
    let new = try BehaviorStore.create(directory: directory.path + "/new", key: testKey())
    #expect(try columns(store) == columns(new))
  }

  /// What made the tables of `shape` out of those below, as it was released.
  private static func changes(_ shape: Shape) -> String {
    let receipts = """
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
      INSERT INTO receipt VALUES ('0123', 2, 1, 'charge', 'old', 1);
      INSERT INTO refusal (ledgerID, reason, evidence, atSeconds)
        VALUES ('0123', 'forked', 'note', 5);
      INSERT INTO grdb_migrations VALUES ('7');
      PRAGMA user_version = 7;
      """
    let isCharged = """
      ALTER TABLE journal ADD COLUMN isCharged INTEGER NOT NULL DEFAULT 0
        CHECK (isCharged IN (0, 1));
      """
    return switch shape {
    case .sixWithInputs:
      """
      ALTER TABLE journal ADD COLUMN planIndex INTEGER;
      ALTER TABLE journal ADD COLUMN modelHash TEXT;
      \(isCharged)
      """
    case .six: isCharged
    case .seven: isCharged + receipts
    }
  }

  /// What SQLite holds after versions 1 to 6, as they were released, but for the journal's columns of
  /// version 6, and the rows of GRDB's migrator.
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
      outcomeAtSeconds INTEGER, blockStart INTEGER, blockRound INTEGER,
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
