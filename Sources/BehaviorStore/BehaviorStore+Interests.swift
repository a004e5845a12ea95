internal import Foundation
internal import GRDB

/// An interest that the customer deleted.
package struct ForgottenInterest: Equatable, Sendable {
  package let tag: String
  /// Its items' codes.
  package let items: Set<String>
  /// Whether the customer has since clicked, carted, bought or redeemed one of its items: then it counts
  /// again, from that behaviour on.
  package let isRevived: Bool
}

/// Deleting an interest forgets what was known of its items up to that moment: neither recommendations nor
/// contributions see those events again, though they stay in the log, which is the customer's own record.
/// It is remembered by item, so that it holds when a new catalogue groups items differently.
extension BehaviorStore {
  /// Kinds of event that revive a forgotten interest: what someone does who is interested.
  private static let revivingKinds = ["click", "cart", "purchase", "coupon-redemption"]

  /// The condition on a row of `event` that it was not forgotten.
  static let notForgotten = """
    AND timeSeconds > IFNULL(
      (SELECT MAX(localSeconds) FROM forgottenItem JOIN forgottenInterest ON id = interestID
       WHERE forgottenItem.itemID = event.itemID), -9223372036854775808)
    """

  static func hasForgotten(in database: Database) throws -> Bool {
    try Bool.fetchOne(database, sql: "SELECT EXISTS (SELECT 1 FROM forgottenInterest)") == true
  }

  /// Forgets an interest up to now; the same tag again moves the moment to now.
  ///
  /// - Parameters:
  ///   - tag: the interest's name.
  ///   - items: codes of its items, at least one.
  ///   - clock: now.
  package func forgetInterest(
    tag: String, items: [String], at clock: RetentionClock
  ) throws(BehaviorStoreError) {
    precondition(!items.isEmpty, "an interest has items")
    let key = try requireKey()
    try write { database in
      for identifier in try Self.identifiers(tagged: tag, in: database, key: key) {
        try database.execute(
          sql: "DELETE FROM forgottenInterest WHERE id = ?", arguments: [identifier])
      }
      try database.execute(
        sql: "INSERT INTO forgottenInterest (tag, localSeconds, utcSeconds) VALUES (?, ?, ?)",
        arguments: [
          Data(try key.seal(Array(tag.utf8), .interest)), clock.localSeconds, clock.utcSeconds,
        ])
      let identifier = database.lastInsertedRowID
      var codes = CodeBook(.item, key: key)
      for item in Set(items) {
        try database.execute(
          sql: "INSERT INTO forgottenItem (itemID, interestID) VALUES (?, ?)",
          arguments: [try codes.identifier(of: item, in: database), identifier])
      }
    }
  }

  /// Takes a deletion back: everything that is in the log counts again.
  ///
  /// - Returns: whether there was one.
  package func restoreInterest(tag: String) throws(BehaviorStoreError) -> Bool {
    let key = try requireKey()
    return try write { database in
      let found = try Self.identifiers(tagged: tag, in: database, key: key)
      for identifier in found {
        try database.execute(
          sql: "DELETE FROM forgottenInterest WHERE id = ?", arguments: [identifier])
      }
      return !found.isEmpty
    }
  }

  /// The deleted interests, in the order of their deletion.
  package func forgottenInterests() throws(BehaviorStoreError) -> [ForgottenInterest] {
    let key = try requireKey()
    let kinds = Self.revivingKinds.map { "'\($0)'" }.joined(separator: ",")
    return try read { database in
      var codes = CodeBook(.item, key: key)
      return try Row.fetchAll(
        database,
        sql: """
          SELECT id, tag,
            EXISTS (SELECT 1 FROM event JOIN forgottenItem AS member ON member.itemID = event.itemID
              WHERE member.interestID = id AND event.kind IN (\(kinds))
              AND event.timeSeconds > localSeconds)
            OR EXISTS (SELECT 1 FROM slateOutcome AS report
              JOIN forgottenItem AS member ON member.itemID = report.itemID
              WHERE member.interestID = id AND report.outcome IN ('clicked', 'bought')
              AND report.atSeconds > utcSeconds)
          FROM forgottenInterest ORDER BY id
          """
      ).map { row in
        let members = try Int64.fetchAll(
          database, sql: "SELECT itemID FROM forgottenItem WHERE interestID = ?",
          arguments: [row[0] as Int64])
        return ForgottenInterest(
          tag: String(decoding: try key.open(Array(row[1] as Data), .interest), as: UTF8.self),
          items: Set(try members.map { try codes.code($0, in: database) }), isRevived: row[2])
      }
    }
  }

  private static func identifiers(
    tagged tag: String, in database: Database, key: StoreKey
  ) throws -> [Int64] {
    try Row.fetchAll(database, sql: "SELECT id, tag FROM forgottenInterest").filter { row in
      try key.open(Array(row[1] as Data), .interest) == Array(tag.utf8)
    }.map { $0[0] as Int64 }
  }
}
