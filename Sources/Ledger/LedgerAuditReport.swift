package import CanonicalJSON
internal import Privacy

/// What an audit found, for people and for `--json`.
package struct LedgerAuditReport: Equatable, Sendable {
  /// One checked statement.
  package struct Finding: Equatable, Sendable {
    /// How a check ended.
    package enum Status: String, Equatable, Sendable {
      /// Holds.
      case ok
      /// Does not hold; the verdict is not `consistent`.
      case fail
      /// Holds, but a person should know.
      case warn
      /// Cannot be decided from what was given.
      case notProven = "not-proven"
    }

    /// How the check ended.
    package let status: Status
    /// What was checked, in a few words.
    package let title: String
    /// One sentence with the facts.
    package let detail: String
    /// The entry it concerns, from 0; nil if it concerns none.
    package let entry: Int?
  }

  /// The outcome of all findings.
  package enum Verdict: Equatable, Sendable {
    /// Nothing failed. Entries before `completeThrough` are all there, by a checkpoint that the
    /// operator does not hold; nil if there is none (ruling 15).
    case consistent(completeThrough: Int?)
    /// The ledger can be read and is wrong.
    case wrong(entry: Int?)
    /// The ledger cannot be read, or is shorter than its head or a checkpoint.
    case damaged(entry: Int?)
  }

  /// What the charges add up to, each figure at the policy's delta and rounded to the safe side.
  package struct Spend: Equatable, Sendable {
    /// Budget of the policy, zero-out.
    package let epsilonLimit: Double
    /// Failure probability of the policy.
    package let delta: Double
    /// Sum of mu squared.
    package let muSquared: Double
    /// "Your data against none": the policy's relation, zero-out.
    package let epsilonAgainstNone: Double
    /// "One history against another", for updates no two of which have a negative inner product, so
    /// that their distance is at most sqrt 2 C (ruling 2): popularity, and the first Gram round.
    package let epsilonAgainstAnotherNonNegative: Double
    /// "One history against another", for any clipped update: distance at most 2 C (ruling 2).
    package let epsilonAgainstAnother: Double
  }

  /// Every check, in the order in which it was made.
  package let findings: [Finding]
  /// The outcome.
  package let verdict: Verdict
  /// Identity of the ledger; nil if GENESIS cannot be read.
  package let ledgerID: LedgerID?
  /// Valid entries from the start.
  package let size: Int
  /// How many rounds ended how, among the valid entries.
  package let rounds: LedgerState.RoundCounts
  /// What they spent; nil if GENESIS cannot be read.
  package let spend: Spend?
}

extension LedgerAuditReport.Verdict {
  /// Exit code of `tacit audit ledger`: 0, 4 or 8.
  package var exitCode: Int32 {
    switch self {
    case .consistent: 0
    case .wrong: 4
    case .damaged: 8
    }
  }

  /// The entry at fault, where one is.
  package var entry: Int? {
    switch self {
    case .consistent: nil
    case .wrong(let entry), .damaged(let entry): entry
    }
  }

  /// One line for a person.
  package var sentence: String {
    switch self {
    case .consistent(nil): "consistent; completeness not proven"
    case .consistent(.some(let size)): "consistent; complete for its first \(size) entries"
    case .wrong(let entry): "wrong" + Self.place(entry)
    case .damaged(let entry): "damaged" + Self.place(entry)
    }
  }

  private static func place(_ entry: Int?) -> String {
    entry.map { ": see entry \($0)" } ?? ""
  }
}

extension LedgerAuditReport {
  /// The report as one JSON object.
  package var json: JSONValue {
    .object([
      "verdict": .string(verdict.sentence),
      "exit_code": .integer(Int64(verdict.exitCode)),
      "entry": Self.json(verdict.entry),
      "ledger_id": ledgerID.map { .string($0.hex) } ?? .null,
      "entries": .integer(Int64(size)),
      "rounds": .object([
        "offered": Self.json(rounds.offered), "charged": Self.json(rounds.charged),
        "released": Self.json(rounds.released), "burned": Self.json(rounds.burned),
        "void": Self.json(rounds.void),
      ]),
      "spend": spend?.json ?? .null,
      "findings": .array(findings.map(\.json)),
    ])
  }

  fileprivate static func json(_ number: Int?) -> JSONValue {
    number.map { .integer(Int64($0)) } ?? .null
  }
}

extension LedgerAuditReport.Finding {
  fileprivate var json: JSONValue {
    .object([
      "status": .string(status.rawValue), "title": .string(title), "detail": .string(detail),
      "entry": LedgerAuditReport.json(entry),
    ])
  }
}

extension LedgerAuditReport.Spend {
  fileprivate var json: JSONValue {
    .object([
      "epsilon_limit": .number(epsilonLimit), "delta": .number(delta),
      "mu_squared": .number(muSquared), "epsilon_spent": .number(epsilonAgainstNone),
      "epsilon_one_history_against_another_non_negative":
        .number(epsilonAgainstAnotherNonNegative),
      "epsilon_one_history_against_another": .number(epsilonAgainstAnother),
    ])
  }
}
