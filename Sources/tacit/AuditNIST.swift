internal import ArgumentParser
internal import CanonicalJSON
internal import Federation
internal import Ledger
internal import Operations
internal import Privacy

extension AuditCommand {
  struct AuditNIST: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "nist",
      abstract: "Goes through NIST SP 800-226's questions, with the evidence for each answer.",
      discussion: """
        Example:

          tacit audit nist shop

        Answers: pass, fail, open (somebody outside the ledger must answer) and limit (not covered,
        and said so). Exit 4 if an answer is fail, 8 where the ledger is damaged.
        """)

    @OptionGroup var source: LedgerSource

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let evaluation = NISTEvaluation(try Label(source.evidence()))
      print(json ? evaluation.json.prettyText : evaluation.text)
      guard evaluation.exitCode == 0 else { throw ExitCode(evaluation.exitCode) }
    }
  }
}

/// The differential privacy pyramid of NIST SP 800-226, from the guarantee at its top down to the
/// collection of data, answered from a ledger and its policy.
/// - Source: NIST SP 800-226 (2025), "Guidelines for Evaluating Differential Privacy Guarantees".
struct NISTEvaluation {
  enum Answer: String {
    case pass, fail
    /// Somebody outside the ledger must answer.
    case open
    /// A limit that the guarantee does not cover, by design or by the operator's choice.
    case limit
  }

  struct Item {
    let layer: String
    let question: String
    let answer: Answer
    let evidence: String
  }

  let items: [Item]
  let exitCode: Int32
  private let federation: String

  init(_ label: Label) {
    federation = label.state.policy.federation
    items = Self.guarantee(label) + Self.mechanism(label) + Self.foundation(label)
    exitCode =
      label.report.verdict.exitCode == 8
      ? 8 : items.contains { $0.answer == .fail } ? 4 : label.report.verdict.exitCode
  }

  // MARK: - Epsilon and the unit

  private static func guarantee(_ label: Label) -> [Item] {
    let (policy, spend) = (label.state.policy, label.spend)
    let epsilon = Format.decimal(spend.epsilonAgainstNone, places: 4)
    return [
      Item(
        layer: "epsilon", question: "Is epsilon stated, and how large is it?",
        answer: spend.epsilonLimit <= 10 ? .pass : .fail,
        evidence: "\(epsilon) spent of \(policy.epsilonLimit), recomputed from every charge; "
          + "\(Label.tier(spend.epsilonLimit)) if all is spent"),
      Item(
        layer: "epsilon", question: "Is delta below one over the population?",
        answer: spend.delta * Double(policy.targetCohort) < 1 ? .pass : .fail,
        evidence: "delta \(policy.delta), target cohort \(policy.targetCohort)"),
      Item(
        layer: "unit", question: "Is the unit a person, and are neighbours defined?",
        answer: .pass,
        evidence:
          "unit \(policy.unit.rawValue): all of one enrolled identity in all rounds; relation "
          + "\(policy.relation.rawValue); one history against another costs "
          + Format.decimal(spend.epsilonAgainstAnotherNonNegative, places: 4) + " to "
          + Format.decimal(spend.epsilonAgainstAnother, places: 4)),
    ]
  }

  // MARK: - Mechanisms

  private static func mechanism(_ label: Label) -> [Item] {
    let seeded = label.state.firstSeededCharge
    return [
      Item(
        layer: "mechanism", question: "Which mechanism, with which sensitivity?", answer: .pass,
        evidence: "discrete Gaussian on integer sums; each update clipped to the policy's norm and "
          + "rounded to a grid whose sensitivity every charge records"),
      Item(
        layer: "mechanism", question: "Are floating-point attacks excluded?", answer: .pass,
        evidence: "no float is added as noise: samples, sums and sensitivities are integers"),
      Item(
        layer: "mechanism", question: "Are timing attacks excluded?", answer: .pass,
        evidence: "nobody queries the mechanism; a result leaves once, after its charge is durable"),
      Item(
        layer: "mechanism", question: "Does the randomness come from a secure source?",
        answer: seeded == nil ? .open : .fail,
        evidence: seeded.map { "entry \($0) charges seeded noise" }
          ?? "every charge names the operating system's generator, which no ledger can prove"),
      Item(
        layer: "composition", question: "Are all releases composed under one budget?",
        answer: label.report.verdict.exitCode == 0 ? .pass : .fail,
        evidence: "\(label.state.rounds.charged) charges, composed exactly; "
          + label.report.verdict.sentence),
      Item(
        layer: "tuning", question: "Is tuning on the data accounted for?", answer: .open,
        evidence: "a ledger holds what was charged; whether anything was tuned on these customers' "
          + "raw data outside it, the operator must say"),
    ]
  }

  // MARK: - Security and collection

  private static func foundation(_ label: Label) -> [Item] {
    let state = label.state
    let seesUpdates = PolicyText.coordinatorCanSeeUpdates(in: state.policy)
    let isComplete =
      if case .consistent(.some) = label.report.verdict { true } else { false }
    return [
      Item(
        layer: "trust", question: "Is the trust model stated?", answer: .pass,
        evidence: PolicyText.modeSentence(of: state.policy)),
      Item(
        layer: "trust", question: "Is noise added before anybody could see the sum?",
        answer: state.policy.mode == "secagg-ddp" ? .pass : .open,
        evidence: state.policy.mode == "secagg-ddp"
          ? "devices add it" : "the coordinator adds it; that it did so is not proven"),
      Item(
        layer: "access control", question: "Do separate parties run and admit?",
        answer: state.genesis.enrolmentKeyHeldByCoordinator ? .limit : .pass,
        evidence: state.genesis.enrolmentKeyHeldByCoordinator
          ? "the operator also admits customers" : "the operator does not hold the enrolment key"),
      Item(
        layer: "access control", question: "Can the operator rewrite the record unseen?",
        answer: isComplete ? .pass : .open,
        evidence: isComplete
          ? "checked against what devices kept"
          : "give --checkpoint or --receipts of a device to decide it"),
      Item(
        layer: "collection", question: "Does raw data leave its owner's device?",
        answer: .pass,
        evidence: "logs stay on devices"
          + (seesUpdates ? "; single updates exist in the coordinator's memory in a round" : "")),
      Item(
        layer: "collection", question: "Is collection limited in time?", answer: .pass,
        evidence: "devices drop rows after \(state.policy.retentionDays) days"),
      Item(
        layer: "collection", question: "Is taking part itself protected?", answer: .limit,
        evidence: "participation and cohort sizes are outside the guarantee"),
    ]
  }

  // MARK: - Output

  var text: String {
    var lines = ["NIST SP 800-226 evaluation of \(federation)", ""]
    for item in items {
      let padding = String(repeating: " ", count: 6 - item.answer.rawValue.count)
      lines.append("\(item.answer.rawValue)\(padding)\(item.layer): \(item.question)")
      lines += Label.wrapped(item.evidence, after: "      ")
    }
    let counts = [Answer.pass, .fail, .open, .limit].map { answer in
      "\(items.count { $0.answer == answer }) \(answer.rawValue)"
    }
    lines += ["", "RESULT  " + counts.joined(separator: ", ")]
    return lines.joined(separator: "\n")
  }

  var json: JSONValue {
    .object([
      "federation": .string(federation), "exit_code": .integer(Int64(exitCode)),
      "items": .array(
        items.map { item in
          .object([
            "layer": .string(item.layer), "question": .string(item.question),
            "answer": .string(item.answer.rawValue), "evidence": .string(item.evidence),
          ])
        }),
    ])
  }
}
