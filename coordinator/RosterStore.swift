internal import Cryptography
internal import Federation
internal import Foundation
internal import GRDB
internal import WireProtocol

/// The roster and the enrolment tokens, in SQLite. Only the SHA-256 of a token's secret is kept.
final class RosterStore {
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
    migrator.registerMigration("1: members and tokens") { database in
      try database.execute(
        sql: """
          CREATE TABLE member (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            identityKey BLOB NOT NULL UNIQUE CHECK (length(identityKey) = 32),
            credential BLOB NOT NULL,
            enrolledAtSeconds INTEGER NOT NULL,
            isRevoked INTEGER NOT NULL DEFAULT 0
          );
          CREATE TABLE token (
            secretHash BLOB PRIMARY KEY CHECK (length(secretHash) = 32),
            issuedAtSeconds INTEGER NOT NULL,
            expiresAtSeconds INTEGER NOT NULL,
            memberID INTEGER REFERENCES member(id)
          ) WITHOUT ROWID;
          """)
    }
    return migrator
  }

  /// Keeps the hashes of new tokens, in one transaction.
  func addTokens(secrets: [[UInt8]], issuedAt now: Int64, expiresAt: Int64) throws {
    try database.write { database in
      let statement = try database.makeStatement(
        sql: "INSERT INTO token (secretHash, issuedAtSeconds, expiresAtSeconds) VALUES (?, ?, ?)")
      for secret in secrets {
        try statement.execute(arguments: [Self.hash(secret), now, expiresAt])
      }
    }
  }

  func member(_ id: ClientID) throws -> RosterEntry? {
    try database.read { database in
      try Row.fetchOne(
        database, sql: "SELECT * FROM member WHERE id = ?", arguments: [Int64(id)]
      ).map(Self.entry)
    }
  }

  func redeem(
    tokenSecret: [UInt8], identityKey: VerifyingKey, now: Int64,
    credential: (ClientID) throws -> [UInt8]
  ) throws -> Redemption {
    try database.write { database in
      guard
        let token = try Row.fetchOne(
          database, sql: "SELECT expiresAtSeconds, memberID FROM token WHERE secretHash = ?",
          arguments: [Self.hash(tokenSecret)])
      else { return .refused(.unknownToken) }
      if let memberID = token["memberID"] as Int64? {
        return try self.repeated(memberID, identityKey: identityKey, database)
      }
      guard (token["expiresAtSeconds"] as Int64) > now else { return .refused(.expiredToken) }
      let isKnown = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM member WHERE identityKey = ?)",
        arguments: [Data(identityKey.bytes)])
      // One identity is one customer; its second token stays unused.
      guard isKnown == false else { return .refused(.usedToken) }
      try database.execute(
        sql: "INSERT INTO member (identityKey, credential, enrolledAtSeconds) VALUES (?, ?, ?)",
        arguments: [Data(identityKey.bytes), Data(), now])
      let id = ClientID(truncatingIfNeeded: database.lastInsertedRowID)
      let signed = try credential(id)
      try database.execute(
        sql: "UPDATE member SET credential = ? WHERE id = ?",
        arguments: [Data(signed), Int64(id)])
      try database.execute(
        sql: "UPDATE token SET memberID = ? WHERE secretHash = ?",
        arguments: [Int64(id), Self.hash(tokenSecret)])
      return .enrolled(
        RosterEntry(id: id, identityKey: identityKey, credential: signed, isRevoked: false))
    }
  }

  /// A token redeemed before: fine for the same key (its answer was lost), refused for another.
  private func repeated(
    _ memberID: Int64, identityKey: VerifyingKey, _ database: Database
  ) throws -> Redemption {
    guard
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM member WHERE id = ?", arguments: [memberID])
    else { return .refused(.usedToken) }
    let entry = try Self.entry(row)
    return entry.identityKey == identityKey ? .enrolled(entry) : .refused(.usedToken)
  }

  /// - Returns: false when there is no such member.
  func revoke(_ id: ClientID) throws -> Bool {
    try database.write { database in
      try database.execute(
        sql: "UPDATE member SET isRevoked = 1 WHERE id = ?", arguments: [Int64(id)])
      return database.changesCount > 0
    }
  }

  struct Listing {
    let id: ClientID
    let identityKey: [UInt8]
    let enrolledAtSeconds: Int64
    let isRevoked: Bool
  }

  func members() throws -> [Listing] {
    try database.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM member ORDER BY id").map { row in
        Listing(
          id: ClientID(truncatingIfNeeded: row["id"] as Int64),
          identityKey: Array(row["identityKey"] as Data),
          enrolledAtSeconds: row["enrolledAtSeconds"], isRevoked: row["isRevoked"])
      }
    }
  }

  /// Members admitted, and tokens that can still be redeemed.
  func counts(now: Int64) throws -> (members: Int, openTokens: Int) {
    try database.read { database in
      let members = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM member") ?? 0
      let tokens =
        try Int.fetchOne(
          database,
          sql: "SELECT COUNT(*) FROM token WHERE memberID IS NULL AND expiresAtSeconds > ?",
          arguments: [now]) ?? 0
      return (members, tokens)
    }
  }

  private static func hash(_ secret: [UInt8]) -> Data {
    Data(SHA256Digest(hashing: secret).bytes)
  }

  private static func entry(_ row: Row) throws -> RosterEntry {
    RosterEntry(
      id: ClientID(truncatingIfNeeded: row["id"] as Int64),
      identityKey: try VerifyingKey(bytes: Array(row["identityKey"] as Data)),
      credential: Array(row["credential"] as Data), isRevoked: row["isRevoked"])
  }
}
