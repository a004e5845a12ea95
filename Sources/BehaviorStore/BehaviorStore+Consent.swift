internal import GRDB

/// One decision of the customer about taking part.
package struct ConsentDecision: Equatable, Sendable {
  package let given: Bool
  /// Hash of the policy text that the decision is about, in hexadecimal; empty for a withdrawal
  /// where nothing was ever given.
  package let policyHash: String
  /// When, in seconds since 1970-01-01 UTC.
  package let atSeconds: Int64

  package init(given: Bool, policyHash: String, atSeconds: Int64) {
    self.given = given
    self.policyHash = policyHash
    self.atSeconds = atSeconds
  }
}

/// Whether the customer agrees, now, to a policy.
package enum ConsentStatus: Equatable, Sendable {
  /// No decision was ever made: nothing may be sent.
  case never
  case given(atSeconds: Int64)
  case withdrawn(atSeconds: Int64)
  /// The last decision agreed to another policy, so this one needs a new consent.
  case givenForAnotherPolicy(policyHash: String)

  package var allows: Bool {
    if case .given = self { true } else { false }
  }
}

extension BehaviorStore {
  /// Records that the customer agrees to the policy; it replaces any consent to another one.
  package func giveConsent(policyHash: String, atSeconds: Int64) throws(BehaviorStoreError) {
    try write { database in
      try Self.record(given: true, policyHash: policyHash, atSeconds: atSeconds, in: database)
    }
  }

  /// Withdraws whatever consent there is. It holds from the return of this call: `journalSpent`
  /// reads the decision in its own transaction, so that no later upload can begin. What was
  /// already uploaded cannot be recalled (ruling 12).
  package func withdrawConsent(atSeconds: Int64) throws(BehaviorStoreError) {
    try write { database in
      let policyHash = try String.fetchOne(
        database, sql: "SELECT policyHash FROM consent ORDER BY id DESC LIMIT 1")
      try Self.record(
        given: false, policyHash: policyHash ?? "", atSeconds: atSeconds, in: database)
    }
  }

  /// What the last decision means for the policy with this hash.
  package func consent(policyHash: String) throws(BehaviorStoreError) -> ConsentStatus {
    try read { database in try Self.consent(policyHash: policyHash, in: database) }
  }

  /// All decisions, oldest first.
  package func consentHistory() throws(BehaviorStoreError) -> [ConsentDecision] {
    try read { database in
      try Row.fetchAll(
        database, sql: "SELECT given, policyHash, atSeconds FROM consent ORDER BY id"
      ).map { ConsentDecision(given: $0[0], policyHash: $0[1], atSeconds: $0[2]) }
    }
  }

  static func consent(policyHash: String, in database: Database) throws -> ConsentStatus {
    // By order of entry: a clock that was set back must not revive an older decision.
    guard
      let last = try Row.fetchOne(
        database,
        sql: "SELECT given, policyHash, atSeconds FROM consent ORDER BY id DESC LIMIT 1")
    else { return .never }
    let decided: String = last[1]
    guard last[0] as Bool else { return .withdrawn(atSeconds: last[2]) }
    return decided == policyHash
      ? .given(atSeconds: last[2]) : .givenForAnotherPolicy(policyHash: decided)
  }

  private static func record(
    given: Bool, policyHash: String, atSeconds: Int64, in database: Database
  ) throws {
    try database.execute(
      sql: "INSERT INTO consent (given, policyHash, atSeconds) VALUES (?, ?, ?)",
      arguments: [given, policyHash, atSeconds])
  }
}
