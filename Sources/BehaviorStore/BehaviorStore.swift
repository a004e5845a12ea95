internal import Foundation
internal import GRDB
internal import Glibc
internal import Synchronization

/// One customer's log on the customer's own device: what was done, what was agreed to, what was
/// spent, what was shown.
///
/// What names items and occasions, what a slate's scores consist of and what a model keeps about
/// the customer are sealed under a key that the store does not hold. A store that is opened without
/// the key gives access to the rest: consent, journal, checkpoints, settings.
///
/// A store is one SQLite file, cheap to open and to close; a process that hosts thousands of
/// customers opens each one for as long as it is needed. Every call blocks the thread that makes
/// it (a commit waits for the disk, a locked file up to `lockWaitSeconds`), so asynchronous code
/// calls it from a thread of its own. Commits are flushed to the disk before a call returns.
package final class BehaviorStore: Sendable {
  /// Longest wait for another process that holds the store.
  package static let lockWaitSeconds = 5

  /// The SQLite file.
  package let path: String

  // Nil after `close`. GRDB would hand a closed connection to SQLite, which dereferences it; the
  // lock costs nothing more, because a queue runs one call at a time anyway.
  private let connection: Mutex<DatabaseQueue?>
  private let key: StoreKey?

  private init(path: String, key: StoreKey?, queue: sending DatabaseQueue) {
    self.path = path
    self.key = key
    connection = Mutex(queue)
  }

  /// Whether `directory` holds a store (of whatever version or condition).
  package static func exists(in directory: String) -> Bool {
    access(StoreFile.path(in: directory), F_OK) == 0
  }

  /// Creates an empty store in `directory`, which is made (0700) if it is missing, and opens it.
  ///
  /// The file appears whole or not at all, also when the process is killed.
  /// - Throws: `alreadyExists`; `exposed` or `notOwned` if others can reach the directory;
  ///   `notWritable`, `diskFull`, `tooManyOpenFiles`, `systemFailure`.
  package static func create(
    directory: String, key: StoreKey
  ) throws(BehaviorStoreError) -> BehaviorStore {
    try place(in: directory, key: key) { _ throws(BehaviorStoreError) in }
    return try open(directory: directory, key: key)
  }

  /// Creates a store that holds the events of a CSV file, and opens it. The store appears with all
  /// of them or not at all; one flush of the disk serves both, so this costs a fraction of `create`
  /// followed by `importCSV`.
  /// - Throws: what `create` and `importCSV` throw.
  package static func create(
    directory: String, key: StoreKey, importingCSV csvPath: String
  ) throws(BehaviorStoreError) -> BehaviorStore {
    try place(in: directory, key: key) { store throws(BehaviorStoreError) in
      _ = try store.importEvents(path: csvPath, format: .csv)
    }
    return try open(directory: directory, key: key)
  }

  /// Opens the store in `directory`, after bringing an older schema up to date.
  ///
  /// - Parameter key: nil to reach only what is not sealed; then an older schema stays as it is,
  ///   and whatever needs the key throws `keyMissing`.
  /// - Throws: `missing`, `exposed`, `notOwned`, `notWritable`, `locked`, `corrupt`, `wrongKey`,
  ///   `foreignDatabase`, `newerSchema`, `tooManyOpenFiles`, `diskFull`, `systemFailure`.
  package static func open(
    directory: String, key: StoreKey?
  ) throws(BehaviorStoreError) -> BehaviorStore {
    let path = StoreFile.path(in: directory)
    try StoreFile.checkPrivateFile(path)
    let store = BehaviorStore(path: path, key: key, queue: try connect(path: path, durable: true))
    try store.checkVersion()
    try store.checkKey()
    return store
  }

  /// Closes the file, after the calls that are running; any later call but `close` throws `closed`.
  /// Dropping the last reference closes it too.
  /// - Throws: an error of the store; everything committed is safe even then.
  package func close() throws(BehaviorStoreError) {
    do {
      try connection.withLock { queue in
        defer { queue = nil }
        try queue?.close()
      }
    } catch {
      throw Self.translate(error, path: path)
    }
  }

  // MARK: - Access for the extensions

  /// The key, for a call that reads or writes sealed columns.
  func requireKey() throws(BehaviorStoreError) -> StoreKey {
    guard let key else { throw .keyMissing(path: path) }
    return key
  }

  /// Makes SQLite overwrite what is no longer part of the store: VACUUM rewrites the file without
  /// slack, and the truncating checkpoint empties the log, which held the pages of earlier
  /// transactions.
  ///
  /// - Returns: false if another process kept the log in use, so that it was not emptied.
  func scrub() throws(BehaviorStoreError) -> Bool {
    try withoutTransaction { try $0.execute(sql: "VACUUM") }
    return try emptyLog()
  }

  /// As `scrub` without VACUUM: enough for deleted rows, which `secure_delete` overwrites in place.
  func emptyLog() throws(BehaviorStoreError) -> Bool {
    try translating { queue in
      try queue.writeWithoutTransaction { database in
        try Row.fetchOne(database, sql: "PRAGMA wal_checkpoint(TRUNCATE)")?[0] != 1
      }
    }
  }

  func read<Value: Sendable>(
    _ body: (Database) throws -> Value
  ) throws(BehaviorStoreError) -> Value {
    try translating { try $0.read(body) }
  }

  /// Runs `body` in one immediate transaction; it is on the disk when this returns, and nothing of
  /// it is if this throws.
  func write<Value: Sendable>(
    _ body: (Database) throws -> Value
  ) throws(BehaviorStoreError) -> Value {
    try translating { try $0.write(body) }
  }

  func withoutTransaction(_ body: (Database) throws -> Void) throws(BehaviorStoreError) {
    try translating { try $0.writeWithoutTransaction(body) }
  }

  private func translating<Value: Sendable>(
    _ body: (DatabaseQueue) throws -> Value
  ) throws(BehaviorStoreError) -> Value {
    do {
      return try withConnection(body)
    } catch {
      throw Self.translate(error, path: path)
    }
  }

  /// Runs `body` with the connection and lets its errors pass as they are.
  func withConnection<Value: Sendable>(
    _ body: (DatabaseQueue) throws -> Value
  ) throws -> Value {
    try connection.withLock { queue in
      guard let queue else { throw BehaviorStoreError.closed(path: path) }
      return try body(queue)
    }
  }

  // MARK: - Opening

  private static func connect(
    path: String, durable: Bool
  ) throws(BehaviorStoreError) -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "tacit.behavior"
    configuration.busyMode = .timeout(Double(lockWaitSeconds))
    // GRDB's own `journalMode = .wal` would reset `synchronous` to NORMAL after this closure.
    // Sorting and VACUUM stay in memory: a temporary file would be a copy outside the store.
    // Small pages make an empty store 18 kB instead of 61 kB, which counts by the thousand.
    configuration.prepareDatabase { database in
      try database.execute(
        sql: """
          PRAGMA page_size = 1024;
          PRAGMA journal_mode = WAL;
          PRAGMA synchronous = \(durable ? "FULL" : "OFF");
          PRAGMA foreign_keys = ON;
          PRAGMA secure_delete = ON;
          PRAGMA temp_store = MEMORY;
          """)
    }
    do {
      return try DatabaseQueue(path: path, configuration: configuration)
    } catch {
      throw translate(error, path: path)
    }
  }

  private func checkVersion() throws(BehaviorStoreError) {
    let (applicationID, version) = try read { database in
      (
        try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0,
        try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
      )
    }
    guard applicationID == Schema.applicationID else {
      // A store is never empty (see `StoreFile.place`), so an empty file has lost its content.
      let isEmpty = applicationID == 0 && version == 0
      throw isEmpty
        ? .corrupt(path: path, detail: "The file holds no store") : .foreignDatabase(path: path)
    }
    guard version <= Schema.currentVersion else {
      throw .newerSchema(path: path, found: version, supported: Schema.currentVersion)
    }
    if version < Schema.currentVersion, key != nil || version >= Schema.firstSealedVersion {
      try translating { try Schema.migrator(key: key).migrate($0) }
    }
  }

  /// Refuses a key that is not this store's, and finishes what a migration could not do in its
  /// transaction.
  private func checkKey() throws(BehaviorStoreError) {
    guard let key else { return }
    let (keyCheck, isScrubbed) = try read { database in
      guard
        let row = try Row.fetchOne(database, sql: "SELECT keyCheck, isScrubbed FROM sealing")
      else { throw BehaviorStoreError.corrupt(path: self.path, detail: "It names no key") }
      return (Array(row[0] as Data), row[1] as Bool)
    }
    guard try translatingKey({ try key.check }) == keyCheck else { throw .wrongKey(path: path) }
    if !isScrubbed, try scrub() {
      try write { try $0.execute(sql: "UPDATE sealing SET isScrubbed = 1") }
    }
  }

  private func translatingKey<Value>(
    _ body: () throws -> Value
  ) throws(BehaviorStoreError) -> Value {
    do {
      return try body()
    } catch {
      throw Self.translate(error, path: path)
    }
  }

  private static func place(
    in directory: String, key: StoreKey,
    prepare: (_ store: BehaviorStore) throws(BehaviorStoreError) -> Void
  ) throws(BehaviorStoreError) {
    try StoreFile.ensurePrivateDirectory(directory)
    let path = StoreFile.path(in: directory)
    guard access(path, F_OK) != 0 else { throw .alreadyExists(path: path) }
    let bytes = try emptyStore(besides: path, key: key)
    try StoreFile.place(bytes, at: path) { temporary throws(BehaviorStoreError) in
      let store = BehaviorStore(
        path: path, key: key, queue: try connect(path: temporary, durable: false))
      try store.write { database in
        try database.execute(
          sql: "INSERT INTO sealing (keyCheck, isScrubbed) VALUES (?, 1)",
          arguments: [Data(try key.check)])
      }
      try prepare(store)
      try store.close()
    }
  }

  // The bytes of an empty store of no one yet, made once in a process: copying a file costs a tenth
  // of running the schema, and can be put in place in one step.
  private static let emptyStoreBytes = Mutex<[UInt8]?>(nil)

  private static func emptyStore(
    besides path: String, key: StoreKey
  ) throws(BehaviorStoreError) -> [UInt8] {
    if let bytes = emptyStoreBytes.withLock({ $0 }) { return bytes }
    let temporary = StoreFile.temporaryPath(in: StoreFile.parent(of: path))
    defer { StoreFile.removeDatabase(temporary) }
    let queue = try connect(path: temporary, durable: false)
    do {
      try Schema.migrator(key: key).migrate(queue)
      try queue.write { try $0.execute(sql: "DELETE FROM sealing") }
      try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM") }
      try queue.close()
    } catch {
      throw translate(error, path: path)
    }
    let bytes = try StoreFile.contents(of: temporary)
    emptyStoreBytes.withLock { $0 = bytes }
    return bytes
  }
}
