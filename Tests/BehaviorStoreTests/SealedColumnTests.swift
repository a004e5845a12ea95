import Foundation
import GRDB
import Glibc
import Recommendation
import Testing

@testable import BehaviorStore

/// What names items and occasions is unreadable without the device's key, also after a migration.
@Suite struct SealedColumnTests {
  let directory: TemporaryDirectory
  var home: String { directory.path + "/device" }
  var file: String { home + "/behavior.sqlite" }
  private static let canary = "CANARY-85123A"

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func filesHold(_ text: String) throws -> Bool {
    try FileManager.default.contentsOfDirectory(atPath: home).contains { name in
      try Data(contentsOf: URL(fileURLWithPath: home + "/" + name)).range(of: Data(text.utf8))
        != nil
    }
  }

  private func fill(_ store: BehaviorStore) throws {
    try store.append(
      (0..<50).map { try purchase("\(Self.canary)-\($0)", occasion: "\(Self.canary)-o\($0)") })
    let slate = try store.recordSlate(
      timeSeconds: 1, explorationPolicy: "greedy",
      items: [
        ShownItem(
          position: 1, item: Self.canary, propensity: 1, components: "{\"\(Self.canary)\":1}")
      ])
    try store.recordOutcome(.clicked, item: Self.canary, slate: slate, atSeconds: 2)
    try store.setModelState("user", to: Array(Self.canary.utf8))
  }

  @Test("no file of an open or closed store holds a name in clear text")
  func namesAreSealed() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.set("in-clear", to: Self.canary)
    #expect(try filesHold(Self.canary), "the search must be able to find it")
    try store.set("in-clear", to: nil)
    try store.erase(.behavior)
    try fill(store)
    #expect(try !filesHold(Self.canary))
    try store.close()
    #expect(try !filesHold(Self.canary))
    let reopened = try BehaviorStore.open(directory: home, key: testKey())
    #expect(try reopened.latestEvents(limit: 100).allSatisfy { $0.item.hasPrefix(Self.canary) })
    #expect(try reopened.slates(limit: 1).first?.outcomes == [Self.canary: [.clicked]])
    #expect(try reopened.modelState("user") == Array(Self.canary.utf8))
  }

  @Test("another device's key is refused, and no key reaches only what is in clear")
  func otherKeys() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try fill(store)
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    try store.close()
    #expect(throws: BehaviorStoreError.wrongKey(path: file)) {
      try BehaviorStore.open(directory: home, key: testKey(8))
    }
    let keyless = try BehaviorStore.open(directory: home, key: nil)
    #expect(try keyless.consent(policyHash: "aa").allows)
    #expect(try keyless.eventCounts() == [.purchase: 50])
    let missing = BehaviorStoreError.keyMissing(path: file)
    #expect(throws: missing) { try keyless.latestEvents(limit: 1) }
    #expect(throws: missing) { try keyless.history { _ in 0 } }
    #expect(throws: missing) { try keyless.append([try purchase("A")]) }
    #expect(throws: missing) { try keyless.slates(limit: 1) }
    #expect(throws: missing) { try keyless.modelState("user") }
    #expect(throws: missing) { try keyless.setModelState("user", to: [1]) }
    #expect(throws: missing) { try keyless.exportJSONLines { _ in } }
  }

  @Test(
    "a sealed value that was changed or moved is damage",
    arguments: [
      "UPDATE item SET sealed = zeroblob(60)",
      "UPDATE item SET sealed = (SELECT sealed FROM occasion LIMIT 1)", "DELETE FROM item",
    ])
  func changedValues(sql: String) throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try fill(store)
    try store.write { try $0.execute(sql: sql) }
    for call in [
      { _ = try store.latestEvents(limit: 1) }, { _ = try store.history { _ in 0 } },
      { try store.exportJSONLines { _ in } },
    ] as [() throws -> Void] {
      let error = #expect(throws: BehaviorStoreError.self) { try call() }
      guard case .corrupt(path: file, detail: _)? = error else {
        Issue.record("\(String(describing: error)) is not damage")
        return
      }
    }
  }

  @Test("codes that look alike and differ in their bytes stay apart")
  func canonicalEquivalents() throws {
    let composed = "caf\u{E9}"
    let decomposed = "cafe\u{301}"
    #expect(composed == decomposed, "Swift compares what is seen")
    let store = try BehaviorStore.create(directory: home, key: testKey())
    for _ in 0..<2 {
      try store.append([try purchase(composed), try purchase(decomposed)])
    }
    #expect(
      Set(try store.latestEvents(limit: 9).map { Array($0.item.utf8) })
        == [Array(composed.utf8), Array(decomposed.utf8)])
    #expect(try store.eventCounts() == [.purchase: 2])
  }

  // MARK: - Migration

  /// A store as version 1 of this program left it, made by SQL alone.
  private func makeVersionOne() throws {
    #expect(mkdir(home, 0o700) == 0)
    let queue = try DatabaseQueue(path: file)
    try queue.writeWithoutTransaction { database in
      try database.execute(
        sql: """
          PRAGMA page_size = 1024; PRAGMA journal_mode = WAL;
          \(Self.versionOneTables)
          INSERT INTO event VALUES ('\(Self.canary)', 'purchase', '\(Self.canary)-o', 100, 2, 0);
          INSERT INTO event VALUES ('\(Self.canary)', 'purchase', '\(Self.canary)-o', 100, 2, 1);
          INSERT INTO event VALUES ('B', 'view', 's', -5, 0.5, 0);
          INSERT INTO consent (given, policyHash, atSeconds) VALUES (1, 'aa', 1);
          INSERT INTO journal VALUES ('0123', 1, 'aa', 0.5, '{}', 'ff', 'released', 1, 2);
          INSERT INTO checkpoint VALUES ('0123', 4, 'note', 1);
          INSERT INTO setting VALUES ('model', 'ab');
          INSERT INTO modelState VALUES ('user', CAST('\(Self.canary)' AS BLOB));
          INSERT INTO slate VALUES (3, 10, 'greedy');
          INSERT INTO slateItem VALUES (3, 1, '\(Self.canary)', 0.5, '{"\(Self.canary)":1}');
          INSERT INTO slateOutcome VALUES (3, '\(Self.canary)', 'clicked', 11);
          """)
      // Rows enough to spread over many pages, some of them freed again.
      for row in 0..<2_000 {
        try database.execute(
          sql: "INSERT INTO event VALUES (?, 'cart', ?, ?, 1, 0)",
          arguments: ["\(Self.canary)-\(row)", "\(Self.canary)-\(row % 9)", row])
      }
      try database.execute(sql: "DELETE FROM event WHERE kind = 'cart' AND timeSeconds % 2 = 0")
    }
    try queue.close()
    #expect(chmod(file, 0o600) == 0)
  }

  @Test("a store of version 1 is sealed when it is opened, and its clear text is overwritten")
  func migration() throws {
    try makeVersionOne()
    #expect(try filesHold(Self.canary), "version 1 held clear text")
    let store = try BehaviorStore.open(directory: home, key: testKey())
    #expect(try !filesHold(Self.canary))
    #expect(try store.eventCounts() == [.purchase: 2, .view: 1, .cart: 1_000])
    let earliest = try #require(try store.latestEvents(limit: 2_000).last)
    #expect(
      earliest
        == (try BehaviorEvent(kind: .view, item: "B", timeSeconds: -5, value: 0.5, occasion: "s")))
    #expect(
      try store.history { $0 == Self.canary ? 4 : nil }.rows
        == [.init(item: 4, occasions: 1, lastSeconds: 100)])
    let slate = try #require(try store.slates(limit: 2).first)
    #expect(slate.id == 3 && slate.outcomes == [Self.canary: [.clicked]])
    #expect(slate.items.map(\.components) == ["{\"\(Self.canary)\":1}"])
    #expect(try store.modelState("user") == Array(Self.canary.utf8))
    #expect(try store.consent(policyHash: "aa").allows)
    #expect(try store.journal(ledgerID: "0123").map(\.state) == [.released])
    #expect(try store.newestCheckpoint(ledgerID: "0123")?.note == "note")
    #expect(try store.setting("model") == "ab")
    // The same rows again are still the same rows.
    #expect(
      try store.append([
        try purchase(Self.canary, occasion: "\(Self.canary)-o", atSeconds: 100, value: 2)
      ])
        == ImportSummary(inserted: 0, alreadyPresent: 1))
    try store.close()
    #expect(throws: BehaviorStoreError.wrongKey(path: file)) {
      try BehaviorStore.open(directory: home, key: testKey(8))
    }
  }

  @Test("an overwriting that was prevented is made up for by the next opening")
  func interruptedScrub() throws {
    try makeVersionOne()
    let reader = try DatabaseQueue(path: file)
    try reader.read { database in
      _ = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM event")
      // The reader's snapshot keeps the old pages in use.
      try BehaviorStore.open(directory: home, key: testKey()).close()
      #expect(try filesHold(Self.canary))
    }
    try reader.close()
    try BehaviorStore.open(directory: home, key: testKey()).close()
    #expect(try !filesHold(Self.canary))
  }

  @Test("without the key a store of version 1 stays as it is, and can be erased")
  func versionOneWithoutKey() throws {
    try makeVersionOne()
    let store = try BehaviorStore.open(directory: home, key: nil)
    #expect(try store.consent(policyHash: "aa").allows)
    #expect(try filesHold(Self.canary))
    try store.erase(.everything)
    #expect(try !filesHold(Self.canary))
  }

  /// The tables of version 1, as they were released, and the row of GRDB's migrator.
  private static let versionOneTables = """
    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
    INSERT INTO grdb_migrations VALUES ('1');
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
    PRAGMA application_id = 1413563209;
    PRAGMA user_version = 1;
    """
}
