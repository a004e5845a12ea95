import BehaviorStore
import Foundation
import GRDB
import Glibc
import Testing

/// Opening, creating and closing, with the faults that can meet them.
@Suite struct BehaviorStoreTests {
  let directory: TemporaryDirectory
  var home: String { directory.path + "/device" }
  var file: String { home + "/behavior.sqlite" }

  init() throws {
    directory = try TemporaryDirectory()
  }

  /// Changes the closed store behind its back.
  private func tamper(_ sql: String) throws {
    let queue = try DatabaseQueue(path: file)
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }

  @Test("a new store is a 0600 file in a 0700 directory, also while it is open")
  func createdFilesArePrivate() throws {
    umask(0o022)
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.append([try purchase("85123A")])
    #expect(permissions(home) == 0o700)
    for name in try FileManager.default.contentsOfDirectory(atPath: home) {
      #expect(permissions(home + "/" + name) == 0o600, "\(name)")
    }
    try store.close()
    #expect(try FileManager.default.contentsOfDirectory(atPath: home) == ["behavior.sqlite"])
  }

  @Test("parents of the directory are made, and a slash at its end means nothing")
  func createMakesParents() throws {
    let deep = home + "/a/b/"
    try BehaviorStore.create(directory: deep, key: testKey()).close()
    #expect(BehaviorStore.exists(in: home + "/a/b"))
  }

  @Test("a second create is refused and changes nothing")
  func createRefusesExisting() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.set("name", to: "first")
    #expect(throws: BehaviorStoreError.alreadyExists(path: file)) {
      try BehaviorStore.create(directory: home, key: testKey())
    }
    #expect(try store.setting("name") == "first")
  }

  @Test("a store created from a file holds its rows, and no file is left beside it")
  func createImporting() throws {
    let row = "purchase,85123A,2010-12-01 08:26:00,6,536365\n"
    let csv = try directory.file("c.csv", holding: csvHeader + row + row)
    let store = try BehaviorStore.create(directory: home, key: testKey(), importingCSV: csv)
    #expect(try store.eventCounts() == [.purchase: 2])
    #expect(try store.importEvents(path: csv, format: .csv).inserted == 0)
    try store.close()
    #expect(try FileManager.default.contentsOfDirectory(atPath: home) == ["behavior.sqlite"])
    #expect(permissions(file) == 0o600)
  }

  @Test("a bad row leaves no store, and the next attempt works")
  func createImportingBadRow() throws {
    let csv = try directory.file("c.csv", holding: csvHeader + "purchase,A\n")
    #expect(
      throws: BehaviorStoreError.invalidRow(
        file: csv, row: 2, reason: "it has 2 fields instead of 5")
    ) { try BehaviorStore.create(directory: home, key: testKey(), importingCSV: csv) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: home).isEmpty)
    try BehaviorStore.create(directory: home, key: testKey()).close()
  }

  @Test("opening where there is no store says so and makes nothing")
  func openMissing() throws {
    #expect(throws: BehaviorStoreError.missing(path: file)) {
      try BehaviorStore.open(directory: home, key: testKey())
    }
    #expect(!FileManager.default.fileExists(atPath: home))
    #expect(!BehaviorStore.exists(in: home))
  }

  @Test("a directory or file that others can reach is refused", arguments: [0o750, 0o701, 0o722])
  func exposedIsRefused(mode: mode_t) throws {
    mkdir(home, 0o700)
    chmod(home, mode)
    #expect(throws: BehaviorStoreError.exposed(path: home, mode: mode)) {
      try BehaviorStore.create(directory: home, key: testKey())
    }
    chmod(home, 0o700)
    try BehaviorStore.create(directory: home, key: testKey()).close()
    chmod(file, 0o640)
    #expect(throws: BehaviorStoreError.exposed(path: file, mode: 0o640)) {
      try BehaviorStore.open(directory: home, key: testKey())
    }
  }

  @Test("a symbolic link in the place of the store is refused")
  func linkIsRefused() throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    rename(file, home + "/elsewhere")
    symlink(home + "/elsewhere", file)
    #expect(throws: BehaviorStoreError.notOwned(path: file)) {
      try BehaviorStore.open(directory: home, key: testKey())
    }
  }

  @Test("a store of a newer version is refused and left as it is")
  func newerSchemaIsRefused() throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    try tamper("PRAGMA user_version = 9")
    #expect(throws: BehaviorStoreError.newerSchema(path: file, found: 9, supported: 8)) {
      try BehaviorStore.open(directory: home, key: testKey())
    }
  }

  @Test("a database of another program is refused")
  func foreignDatabaseIsRefused() throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    try tamper("PRAGMA application_id = 1")
    #expect(throws: BehaviorStoreError.foreignDatabase(path: file)) {
      try BehaviorStore.open(directory: home, key: testKey())
    }
  }

  @Test("a store that lost its content is damaged, not a device that has spent nothing")
  func emptyFileIsCorrupt() throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    truncate(file, 0)
    #expect(throws: BehaviorStoreError.corrupt(path: file, detail: "The file holds no store")) {
      try BehaviorStore.open(directory: home, key: testKey())
    }
  }

  @Test("a file that is not SQLite is damaged")
  func garbageIsCorrupt() throws {
    mkdir(home, 0o700)
    try Data(repeating: 0x5A, count: 4_096).write(to: URL(fileURLWithPath: file))
    chmod(file, 0o600)
    #expect(
      throws: BehaviorStoreError.corrupt(
        path: file, detail: "The file is not an SQLite database")
    ) {
      try BehaviorStore.open(directory: home, key: testKey())
    }
  }

  @Test("overwritten pages are reported as damage by the call that meets them")
  func damagedPagesAreCorrupt() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.append((0..<500).map { try purchase("ITEM\($0)") })
    try store.close()
    let descriptor = open(file, O_RDWR)
    let noise = [UInt8](repeating: 0xA5, count: 16_384)
    #expect(pwrite(descriptor, noise, noise.count, 20_480) == noise.count)
    close(descriptor)
    let error = #expect(throws: BehaviorStoreError.self) {
      let damaged = try BehaviorStore.open(directory: home, key: testKey())
      _ = try damaged.history { _ in 0 }
    }
    guard case .corrupt(path: file, detail: _) = error else {
      Issue.record("\(String(describing: error)) is not damage")
      return
    }
    #expect(error?.exitCode == 5)
  }

  @Test("a closed store says so, and may be closed again")
  func closedStoreThrows() throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.close()
    try store.close()
    #expect(throws: BehaviorStoreError.closed(path: file)) {
      try store.append([try purchase("A")])
    }
    #expect(throws: BehaviorStoreError.closed(path: file)) { try store.exportJSONLines { _ in } }
    #expect(throws: BehaviorStoreError.closed(path: file)) { try store.eventCounts() }
  }

  @Test("a store opens and closes again and again without keeping descriptors")
  func openAndCloseLeaksNothing() throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    for _ in 0..<20 { try BehaviorStore.open(directory: home, key: testKey()).close() }
    let targets = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").map {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0)) ?? ""
    }
    #expect(!targets.contains { $0.hasPrefix(home) })
  }

  @Test("two holders of one store see each other's commits")
  func twoConnectionsShare() throws {
    let first = try BehaviorStore.create(directory: home, key: testKey())
    let second = try BehaviorStore.open(directory: home, key: testKey())
    try first.append([try purchase("A")])
    try second.append([try purchase("B")])
    #expect(try first.eventCounts() == [.purchase: 2])
    #expect(try second.eventCounts() == [.purchase: 2])
  }

  @Test("every error tells what, why and what next, and has an exit code of the table")
  func errorsAreExplained() {
    let errors: [(BehaviorStoreError, Int32)] = [
      (.missing(path: "/s"), 5), (.diskFull(path: "/s"), 75),
      (.locked(path: "/s", waitedSeconds: 5), 75), (.tooManyOpenFiles(path: "/s"), 75),
      (.consentMissing(policyHash: "aa"), 7), (.invalidRow(file: "f", row: 2, reason: "r"), 5),
      (.keyMissing(path: "/s"), 4), (.wrongKey(path: "/s"), 4),
      (.newerSchema(path: "/s", found: 2, supported: 1), 5),
      (.roundNotNewer(round: 1, last: 2), 1), (.systemFailure(path: "/s", detail: "d"), 1),
    ]
    for (error, exitCode) in errors {
      #expect(error.exitCode == exitCode)
      for part in [error.what, error.why, error.next] {
        #expect(!part.isEmpty && !part.hasSuffix(".") && !part.contains("\n"))
      }
    }
  }
}
