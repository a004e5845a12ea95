import Foundation
import GRDB
import Glibc
import Testing

@testable import BehaviorStore

/// Faults that end or cripple the process, each in a process of its own.
@Suite struct StoreFaultTests {
  let directory: TemporaryDirectory
  var home: String { directory.path + "/device" }

  init() throws {
    directory = try TemporaryDirectory()
  }

  @Test("a round journaled just before SIGKILL is spent after reopening")
  func journalSurvivesKill() async throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    await #expect(processExitsWith: .signal(SIGKILL)) { [home = home as String] in
      let store = try BehaviorStore.open(directory: home, key: testKey())
      try store.giveConsent(policyHash: "aa", atSeconds: 1)
      try store.journalSpent(entry(round: 3))
      kill(getpid(), SIGKILL)
    }
    let store = try BehaviorStore.open(directory: home, key: testKey())
    #expect(try store.lastRound(ledgerID: "0123") == 3)
    #expect(try store.journal(ledgerID: "0123").map(\.state) == [.spent])
    #expect(throws: BehaviorStoreError.roundNotNewer(round: 3, last: 3)) {
      try store.journalSpent(entry(round: 3))
    }
  }

  @Test("an import killed between two rows leaves none of them, and can be repeated")
  func importKilledHalfway() async throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.append([try purchase("BEFORE")])
    try store.close()
    await #expect(processExitsWith: .signal(SIGKILL)) { [home = home as String] in
      let store = try BehaviorStore.open(directory: home, key: testKey())
      var row = 0
      _ = try store.insert {
        row += 1
        if row == 2_000 { kill(getpid(), SIGKILL) }
        return try purchase("ITEM\(row)")
      }
    }
    let reopened = try BehaviorStore.open(directory: home, key: testKey())
    #expect(try reopened.eventCounts() == [.purchase: 1])
    try reopened.append((1...2_000).map { try purchase("ITEM\($0)") })
    #expect(try reopened.eventCounts() == [.purchase: 2_001])
  }

  @Test("a store killed in the middle of an erase is whole: all rows or none")
  func eraseKilled() async throws {
    let store = try BehaviorStore.create(directory: home, key: testKey())
    try store.append((0..<100).map { try purchase("ITEM\($0)") })
    try store.close()
    await #expect(processExitsWith: .signal(SIGKILL)) { [home = home as String] in
      let store = try BehaviorStore.open(directory: home, key: testKey())
      try store.write { database in
        try database.execute(sql: "DELETE FROM event WHERE itemID < 50")
        kill(getpid(), SIGKILL)
      }
    }
    #expect(
      try BehaviorStore.open(directory: home, key: testKey()).eventCounts() == [.purchase: 100])
  }

  @Test("a file size limit is an error that changes nothing, not a dead process")
  func fileSizeLimit() async throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    await #expect(processExitsWith: .success) { [home = home as String] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 60_000, rlim_max: 60_000)
      guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(2) }
      let store = try BehaviorStore.open(directory: home, key: testKey())
      do throws(BehaviorStoreError) {
        try store.append((0..<5_000).compactMap { try? purchase("ITEM\($0)") })
        exit(3)
      } catch {
        guard case .systemFailure = error else { exit(4) }
      }
      guard try store.eventCounts().isEmpty else { exit(5) }
    }
    #expect(try BehaviorStore.open(directory: home, key: testKey()).eventCounts().isEmpty)
  }

  @Test("a process without free descriptors is told so")
  func descriptorLimit() async throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    await #expect(processExitsWith: .success) { [home = home as String] in
      var limit = rlimit(rlim_cur: 24, rlim_max: 24)
      guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { exit(2) }
      var stores: [BehaviorStore] = []
      do throws(BehaviorStoreError) {
        for _ in 0..<24 { stores.append(try BehaviorStore.open(directory: home, key: testKey())) }
        exit(3)
      } catch {
        guard case .tooManyOpenFiles = error else { exit(4) }
      }
    }
  }

  @Test("a store that this user may not write is refused with a reason")
  func readOnlyDirectory() async throws {
    try BehaviorStore.create(directory: home, key: testKey()).close()
    chmod(home + "/behavior.sqlite", 0o400)
    chmod(home, 0o500)
    chmod(directory.path, 0o755)
    // Root may write everywhere, so a test that runs as root becomes somebody else.
    let isRoot = geteuid() == 0
    if isRoot {
      chown(home, 65_534, 65_534)
      chown(home + "/behavior.sqlite", 65_534, 65_534)
    }
    await #expect(processExitsWith: .success) { [home = home as String, isRoot = isRoot as Bool] in
      if isRoot, setgid(65_534) != 0 || setuid(65_534) != 0 { exit(2) }
      do throws(BehaviorStoreError) {
        let store = try BehaviorStore.open(directory: home, key: testKey())
        try store.set("key", to: "value")
        exit(3)
      } catch {
        guard case .notWritable = error else { exit(4) }
      }
      do throws(BehaviorStoreError) {
        _ = try BehaviorStore.create(directory: home + "/below", key: testKey())
        exit(5)
      } catch {
        guard case .notWritable = error else { exit(6) }
      }
    }
    chmod(home, 0o700)
  }

  @Test("a store that another process holds is reported as locked after the wait")
  func lockedByAnother() throws {
    let holder = try BehaviorStore.create(directory: home, key: testKey())
    let other = try BehaviorStore.open(directory: home, key: testKey())
    // The wait itself is SQLite's; without it the error is immediate.
    try other.withoutTransaction { try $0.execute(sql: "PRAGMA busy_timeout = 0") }
    try holder.write { database in
      try database.execute(sql: "DELETE FROM setting")
      #expect(
        throws: BehaviorStoreError.locked(
          path: other.path, waitedSeconds: BehaviorStore.lockWaitSeconds)
      ) { try other.set("key", to: "value") }
    }
    try other.set("key", to: "value")
    #expect(try holder.setting("key") == "value")
  }
}
