internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Glibc
internal import Ledger
internal import Operations
internal import Privacy

/// Privacy facts of a federation, in the manner of a food label: what an audit of its ledger
/// recomputed, what the policy says, and what neither protects.
///
/// No figure is a claim of the operator: spend and counts come from the charges, by replay.
struct Label {
  /// One line of the label.
  struct Fact {
    /// Name in JSON.
    let key: String
    /// Name for people.
    let title: String
    /// The value in words.
    let text: String
    /// The value for programs; the words where there is no other.
    let value: JSONValue

    init(_ key: String, _ title: String, _ text: String, _ value: JSONValue? = nil) {
      self.key = key
      self.title = title
      self.text = text
      self.value = value ?? .string(text)
    }
  }

  /// Facts under one heading.
  struct Section {
    let key: String
    let title: String
    let facts: [Fact]
  }

  let report: LedgerAuditReport
  let state: LedgerState
  let spend: LedgerAuditReport.Spend

  private var policy: PrivacyPolicy { state.policy }

  /// - Throws: `CommandFailure` (exit 8) where not even the first entry can be read.
  init(_ evidence: LedgerAudit.Evidence) throws {
    let report = LedgerAudit.run(evidence)
    let replay = LedgerReplay(log: evidence.log)
    guard let state = replay.state, let spend = report.spend else {
      throw CommandFailure(
        what: "there is nothing to label",
        why: replay.failure.map { "\($0)" } ?? "no entry is whole",
        next: "tacit audit ledger DIR", exit: .ledgerDamaged)
    }
    self.report = report
    self.state = state
    self.spend = spend
  }

  var title: String { "Privacy facts: \(policy.federation)" }

  /// The label, from top to bottom.
  var sections: [Section] {
    [
      Section(key: "guarantee", title: "What is guaranteed", facts: guarantee),
      Section(key: "mechanism", title: "How", facts: mechanism),
      Section(key: "trust", title: "Whom you trust, for what", facts: trust),
      Section(key: "not_protected", title: "What is not protected", facts: Self.notProtected),
      Section(key: "evidence", title: "Evidence", facts: evidence),
    ]
  }
}

// MARK: - What is guaranteed

extension Label {
  /// The word for an epsilon in the field: Ponomareva et al., "How to DP-fy ML", arXiv:2303.00654, s.5.2.1.
  static func tier(_ epsilon: Double) -> String {
    if epsilon <= 1 { return "strong (at most 1)" }
    if epsilon <= 10 { return "reasonable (at most 10)" }
    return "weak (above 10)"
  }

  private var guarantee: [Fact] {
    [
      Fact(
        "unit", "whose data", "one \(policy.unit.rawValue): everything of one enrolled identity",
        .string(policy.unit.rawValue)),
      Fact(
        "epsilon_your_data_against_none", "your data against none",
        "epsilon \(Self.places(spend.epsilonAgainstNone)) spent of "
          + "\(policy.epsilonLimit) that the policy allows, except with probability about "
          + "\(policy.delta); \(Self.meaning(spend.epsilonAgainstNone))",
        .number(spend.epsilonAgainstNone)),
      Fact(
        "epsilon_one_history_against_another", "one history against another",
        "epsilon \(Self.places(spend.epsilonAgainstAnother)) for any updates",
        .number(spend.epsilonAgainstAnother)),
      Fact(
        "epsilon_one_history_against_another_non_negative", "the same, at best",
        "epsilon \(Self.places(spend.epsilonAgainstAnotherNonNegative)) where no two updates have "
          + "a negative inner product, as in popularity rounds and the first of Gram",
        .number(spend.epsilonAgainstAnotherNonNegative)),
      Fact(
        "epsilon_limit", "limit",
        "epsilon \(policy.epsilonLimit); it never resets, and a higher one "
          + "needs a new policy and new consent", .number(policy.epsilonLimit.doubleValue)),
      Fact("delta", "delta", "\(policy.delta)", .number(policy.delta.doubleValue)),
      Fact("tier", "in the field's words", Self.tier(spend.epsilonAgainstNone)),
      Fact(
        "relation", "neighbours",
        "\(policy.relation.rawValue): one customer's contribution is "
          + "replaced by zeros", .string(policy.relation.rawValue)),
      Fact(
        "own_list", "your own list",
        "is made on your device from your own log, without noise: whoever "
          + "sees it learns about you (joint differential privacy)"),
    ]
  }

  private static func places(_ value: Double) -> String { Format.decimal(value, places: 4) }

  private static func meaning(_ epsilon: Double) -> String {
    guard epsilon < 30 else { return "which limits what can be concluded about you hardly at all" }
    return "the odds of any conclusion about you change at most "
      + "\(Format.count(Int(exp(epsilon).rounded(.up)))) times"
  }
}

// MARK: - How

extension Label {
  private var mechanism: [Fact] {
    let rounds = state.rounds
    return [
      Fact("model", "model", policy.model),
      Fact(
        "rounds", "rounds",
        "\(rounds.charged) charged (\(rounds.released) released, \(rounds.burned) burned), "
          + "\(rounds.void) void and free",
        .object([
          "charged": .integer(Int64(rounds.charged)), "released": .integer(Int64(rounds.released)),
          "burned": .integer(Int64(rounds.burned)), "void": .integer(Int64(rounds.void)),
        ])),
      Fact(
        "noise", "noise",
        "discrete Gaussian on integers, exact sampler, noise multiplier "
          + policy.plan.map { "\($0.noiseMultiplier) (\($0.stage))" }.joined(separator: ", "),
        .array(policy.plan.map { .string($0.noiseMultiplier.description) })),
      Fact(
        "composition", "composition",
        "exact composition of Gaussians (GDP filter); no amplification "
          + "by sampling is claimed"),
      Fact(
        "cohort", "cohort",
        "at least \(policy.minimumCohort) customers a round, at most \(policy.maximumCohort)",
        .object([
          "minimum": .integer(Int64(policy.minimumCohort)),
          "maximum": .integer(Int64(policy.maximumCohort)),
        ])),
      Fact(
        "noise_source", "noise source",
        state.firstSeededCharge.map { "seeded from entry \($0) on: a simulation, protects nobody" }
          ?? "the operating system's generator, as every charge says"),
      Fact(
        "retention_days", "kept on the device", "\(policy.retentionDays) days",
        .integer(Int64(policy.retentionDays))),
    ]
  }
}

// MARK: - Trust, and what is left

extension Label {
  private var trust: [Fact] {
    [
      Fact("mode", "mode", PolicyText.modeSentence(of: policy)),
      Fact(
        "mode_can_see_updates", "coordinator sees updates",
        PolicyText.coordinatorCanSeeUpdates(in: policy)
          ? "yes, in memory while a round runs" : "no",
        .bool(PolicyText.coordinatorCanSeeUpdates(in: policy))),
      Fact(
        "enrolment_key_held_by_coordinator", "who admits customers",
        state.genesis.enrolmentKeyHeldByCoordinator
          ? "the operator, which weakens every promise that depends on who takes part"
          : "somebody else than the operator",
        .bool(state.genesis.enrolmentKeyHeldByCoordinator)),
      Fact(
        "noise_is_drawn_by", "who draws the noise",
        policy.mode == "secagg-ddp"
          ? "the customers' devices, each a share"
          : "the coordinator: the ledger shows that it was charged, not that it was drawn"),
    ]
  }

  /// Rulings 1 to 6 and 15.
  private static let notProtected: [Fact] = [
    Fact("participation", "taking part", "that you took part in a round, and when"),
    Fact("cohort_sizes", "counts", "how many may take part, did, were refused or dropped out"),
    Fact("network", "network", "who watches your connection sees that you run this, not what"),
    Fact("evaluation", "evaluation", "accuracy figures made from raw data outside the protocol"),
    Fact(
      "attributes", "conclusions", "what is true of customers in general, which a model may teach"),
  ]

  private var evidence: [Fact] {
    [
      Fact("audit", "audit", report.verdict.sentence),
      Fact(
        "ledger", "ledger", "\(state.genesis.ledgerID), \(report.size) entries, root \(state.root)",
        .object([
          "id": .string(state.genesis.ledgerID.hex), "entries": .integer(Int64(report.size)),
          "root": .string(state.root.hex),
        ])),
      Fact(
        "policy_hash", "policy",
        state.policyHash.hex
          + (state.policyChange.map { ", since entry \($0.entry) (\($0.difference.summary))" } ?? ""),
        .string(state.policyHash.hex)),
      Fact(
        "coordinator_key", "signer",
        "\(state.coordinatorKey)"
          + (state.keys.changes.last.map {
            ", since entry \($0.entry); \(state.keys.changes.count) key(s) before it"
          } ?? ""), .string(state.coordinatorKey.description)),
      Fact("software_version", "software", state.genesis.softwareVersion),
      Fact(
        "not_proven", "not proven",
        report.findings.filter { $0.status == .notProven }.map(\.title).joined(separator: ", ")),
    ]
  }
}
