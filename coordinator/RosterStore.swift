internal import Cryptography
internal import Federation
internal import Foundation
internal import GRDB
internal import Ledger
internal import LedgerStore
internal import WireProtocol

/// The roster in SQLite: who was admitted, who was revoked, who is excluded.
final class RosterStore: MemberRoster {
  private let database: DatabaseQueue

  /// Opens or creates the roster at `path`. Every write is synced before it returns.
  init(path: String) throws {
    var configuration = Configuration()
    configuration.label = "roster"
    configuration.prepareDatabase { database in
      try database.execute(sql: "PRAGMA journal_mode = WAL")
      try database.execute(sql: "PRAGMA synchronous = FULL")
      try database.execute(sql: "PRAGMA foreign_keys = ON")
    }
    configuration.busyMode = .timeout(5)
    database = try DatabaseQueue(path: path, configuration: configuration)
    try Self.migrator.migrate(database)
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1: members by number, revocations") { database in
      try database.execute(
        sql: """
          CREATE TABLE member (
            id INTEGER PRIMARY KEY,
            identityKey BLOB NOT NULL UNIQUE CHECK (length(identityKey) = 32),
            credential BLOB NOT NULL CHECK (length(credential) = 168),
            enrolledAtSeconds INTEGER NOT NULL,
            isExcluded INTEGER NOT NULL DEFAULT 0
          );
          -- Numbers, whether they are members yet or not.
          CREATE TABLE revoked (id INTEGER PRIMARY KEY);
          CREATE TABLE revocationList (
            onlyOne INTEGER PRIMARY KEY CHECK (onlyOne = 1),
            bytes BLOB NOT NULL
          );
          """)
    }
    return migrator
  }

  private static let columns = "*, EXISTS (SELECT 1 FROM revoked WHERE id = member.id) AS isRevoked"

  /// Writes a consistent copy of the roster to a new file, also while others use it.
  func copy(to path: String) throws {
    try database.vacuum(into: path)
    guard chmod(path, 0o600) == 0 else {
      throw DiskError(operation: "chmod", name: path, errorNumber: errno)
    }
  }

  /// Read each time: `roster revoke` may run beside a serving process.
  func member(_ id: ClientID) throws -> RosterEntry? {
    try database.read { try Self.member(id, in: $0) }
  }

  private static func member(_ id: ClientID, in database: Database) throws -> RosterEntry? {
    try Row.fetchOne(
      database, sql: "SELECT \(columns) FROM member WHERE id = ?", arguments: [Int64(id)]
    ).map(entry)
  }

  func redeem(
    tokenOf id: ClientID, identityKey: VerifyingKey, credential: MemberCredential
  ) throws -> Redemption {
    let now = Int64(time(nil))
    return try database.write { database in
      if let known = try Self.member(id, in: database) {
        // Redeemed before: fine for the same key, whose answer was lost.
        return known.identityKey == identityKey ? .enrolled(known) : .refused(.usedToken)
      }
      guard credential.expiresAtSeconds > UInt64(max(0, now)) else {
        return .refused(.expiredToken)
      }
      let isKnown = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM member WHERE identityKey = ?)",
        arguments: [Data(identityKey.bytes)])
      // One identity is one customer; its second token stays unused.
      guard isKnown == false else { return .refused(.usedToken) }
      let isRevoked = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM revoked WHERE id = ?)",
        arguments: [Int64(id)])
      guard isRevoked == false else { return .refused(.revoked) }
      try database.execute(
        sql: """
          INSERT INTO member (id, identityKey, credential, enrolledAtSeconds) VALUES (?, ?, ?, ?)
          """,
        arguments: [Int64(id), Data(identityKey.bytes), Data(credential.bytes), now])
      return .enrolled(
        RosterEntry(id: id, identityKey: identityKey, credential: credential.bytes))
    }
  }

  // MARK: - Revocation and exclusion

  /// Refuses these numbers from now on.
  func revoke(_ ids: [ClientID]) throws {
    try database.write { try Self.revoke(ids, in: $0) }
  }

  private static func revoke(_ ids: [ClientID], in database: Database) throws {
    let statement = try database.makeStatement(
      sql: "INSERT OR IGNORE INTO revoked (id) VALUES (?)")
    for id in ids { try statement.execute(arguments: [Int64(id)]) }
  }

  /// Keeps the authority's list, to be shown to every member, and refuses those on it.
  func keep(_ list: RevocationList) throws {
    try database.write { database in
      try database.execute(
        sql: "INSERT OR REPLACE INTO revocationList (onlyOne, bytes) VALUES (1, ?)",
        arguments: [Data(list.bytes)])
      try Self.revoke(list.revoked, in: database)
    }
  }

  /// Bytes of the newest list of the authority; empty before the first.
  func revocations() throws -> [UInt8] {
    try database.read { database in
      try Data.fetchOne(database, sql: "SELECT bytes FROM revocationList").map(Array.init) ?? []
    }
  }

  func exclude(_ members: [ClientID]) throws { try setExcluded(members, true) }

  /// - Returns: how many of `ids` are members.
  @discardableResult
  func setExcluded(_ ids: [ClientID], _ isExcluded: Bool) throws -> Int {
    try database.write { database in
      let statement = try database.makeStatement(
        sql: "UPDATE member SET isExcluded = ? WHERE id = ?")
      return try ids.reduce(0) { count, id in
        try statement.execute(arguments: [isExcluded, Int64(id)])
        return count + database.changesCount
      }
    }
  }

  func commitment() throws -> RosterCommitment {
    RosterCommitment(
      members: try members().filter { !$0.isRevoked && !$0.isExcluded }
        .map { ($0.id, $0.identityKey) })
  }

  // MARK: - What there is

  struct Listing {
    let id: ClientID
    let identityKey: [UInt8]
    let enrolledAtSeconds: Int64
    let isRevoked: Bool
    let isExcluded: Bool
  }

  func members() throws -> [Listing] {
    try database.read { database in
      try Row.fetchAll(database, sql: "SELECT \(Self.columns) FROM member ORDER BY id").map { row in
        Listing(
          id: ClientID(truncatingIfNeeded: row["id"] as Int64),
          identityKey: Array(row["identityKey"] as Data),
          enrolledAtSeconds: row["enrolledAtSeconds"], isRevoked: row["isRevoked"],
          isExcluded: row["isExcluded"])
      }
    }
  }

  /// Members admitted, and tokens that can still be redeemed: nil where they are issued elsewhere.
  func counts(
    issued batches: [AuthorityDirectory.Batch]?, now: Int64
  ) throws -> (members: Int, openTokens: Int?) {
    try database.read { database in
      let members = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM member") ?? 0
      let open = try batches?.filter { $0.expiresAtSeconds > now }.reduce(0) { sum, batch in
        let taken =
          try Int.fetchOne(
            database,
            sql: """
              SELECT COUNT(*) FROM (SELECT id FROM member UNION SELECT id FROM revoked)
              WHERE id BETWEEN ? AND ?
              """, arguments: [Int64(batch.first), Int64(batch.last)]) ?? 0
        return sum + batch.count - taken
      }
      return (members, open)
    }
  }

  private static func entry(_ row: Row) throws -> RosterEntry {
    RosterEntry(
      id: ClientID(truncatingIfNeeded: row["id"] as Int64),
      identityKey: try VerifyingKey(bytes: Array(row["identityKey"] as Data)),
      credential: Array(row["credential"] as Data), isRevoked: row["isRevoked"],
      isExcluded: row["isExcluded"])
  }
}
