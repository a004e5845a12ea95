import GRDB
import Glibc
import Testing

@testable import BehaviorStore

/// Durability, and faults that need a hand inside the connection.
@Suite struct StoreInternalsTests {
  let directory: TemporaryDirectory
  var home: String { directory.path + "/device" }

  init() throws {
    directory = try TemporaryDirectory()
  }

  @Test(
    "the connection runs with the settings that durability and erasure depend on",
    arguments: [
      ("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1"),
      ("secure_delete", "1"), ("temp_store", "2"), ("page_size", "1024"), ("user_version", "8"),
    ])
  func pragmas(name: String, value: String) throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    let store = try BehaviorStore.open(directory: home, key: testKey())
    #expect(try store.read { try String.fetchOne($0, sql: "PRAGMA \(name)") } == value)
  }

  @Test("a full disk is reported as such, and the store is as it was")
  func diskFull() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.append([try purchase("KEPT")])
    // SQLite's own way to meet the end of the disk: the file may not grow.
    try store.withoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1") }
    #expect(throws: BehaviorStoreError.diskFull(path: store.path)) {
      try store.append((0..<500).map { try purchase("ITEM\($0)") })
    }
    #expect(try store.eventCounts() == [.purchase: 1])
    #expect(try store.latestEvents(limit: 5).map(\.item) == ["KEPT"])
  }

  @Test("a journal entry that does not fit on the disk throws, so that nothing is sent")
  func journalOnFullDisk() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    try store.withoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1") }
    let large = JournalEntry(
      round: 1, ledgerID: "0123", policyHash: "aa", mu: 1,
      charge: String(repeating: "c", count: 8_000), updateDigest: "ff", atSeconds: 1)
    #expect(throws: BehaviorStoreError.diskFull(path: store.path)) {
      try store.journalSpent(large)
    }
    #expect(try store.lastRound(ledgerID: "0123") == nil)
  }

  @Test("the customer's values do not reach an error of the database")
  func errorsCarryNoValues() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    let error = #expect(throws: BehaviorStoreError.self) {
      try store.write { database in
        try database.execute(
          sql: "INSERT INTO setting (key, value) VALUES (?, NULL)", arguments: ["canary-85123A"])
      }
    }
    #expect(error != nil && !"\(String(describing: error))".contains("canary"))
  }

  @Test("error codes of the system become the store's errors")
  func systemErrors() {
    #expect(StoreFile.failure(ENOSPC, path: "/s") == .diskFull(path: "/s"))
    #expect(StoreFile.failure(EROFS, path: "/s") == .notWritable(path: "/s"))
    #expect(StoreFile.failure(EMFILE, path: "/s") == .tooManyOpenFiles(path: "/s"))
    #expect(
      StoreFile.failure(EIO, path: "/s")
        == .systemFailure(path: "/s", detail: "Input/output error"))
  }

  @Test("a released schema has not changed")
  func schemaIsFrozen() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    let columns = try store.read { database in
      try BehaviorStore.tables(in: database).map { table in
        let names = try String.fetchAll(
          database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table])
        return table + ": " + names.joined(separator: " ")
      }
    }
    #expect(
      columns == [
        "checkpoint: ledgerID size note atSeconds",
        "consent: id given policyHash atSeconds",
        "event: itemID kind occasionID timeSeconds value occurrence",
        "forgottenInterest: id tag localSeconds utcSeconds", "forgottenItem: itemID interestID",
        "item: id tag sealed",
        "journal: ledgerID round policyHash mu charge updateDigest state atSeconds "
          + "outcomeAtSeconds blockStart blockRound isCharged mode minimumCohort",
        "modelState: name bytes",
        "occasion: id tag sealed",
        "receipt: ledgerID entry round kind text atSeconds",
        "refusal: id ledgerID round reason evidence atSeconds held convicts",
        "sealing: keyCheck isScrubbed",
        "setting: key value",
        "slate: id timeSeconds explorationPolicy seed experiment",
        "slateItem: slateID position itemID propensity components monteCarloDraws",
        "slateOutcome: slateID itemID outcome atSeconds",
      ])
  }
}
