internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Ledger
internal import Operations
internal import Privacy

extension AuditCommand {
  struct AuditDPIA: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "dpia",
      abstract: "Fills a data protection impact assessment from the ledger and the policy.",
      discussion: """
        Example:

          tacit audit dpia shop > dpia.md
          tacit audit dpia shop --format html > dpia.html

        The order is that of GDPR article 35(7) and of PIPL articles 55 and 56. What only the operator
        can answer is marked "operator:"; everything else is recomputed or read from the policy. Not
        legal advice. Exits as tacit audit ledger does.
        """)

    /// The forms of the assessment.
    enum Form: String, ExpressibleByArgument, CaseIterable {
      case markdown, html, json
    }

    @OptionGroup var source: LedgerSource

    @Option(help: "markdown, html or json.")
    var format = Form.markdown

    func run() async throws {
      let assessment = ImpactAssessment(try Label(source.evidence()))
      switch format {
      case .markdown: print(assessment.markdown, terminator: "")
      case .html: print(assessment.html, terminator: "")
      case .json: print(assessment.json.prettyText)
      }
      guard assessment.exitCode == 0 else { throw ExitCode(assessment.exitCode) }
    }
  }
}

/// A data protection impact assessment of one federation.
/// - Source: Regulation (EU) 2016/679, article 35(7)(a) to (d); Personal Information Protection Law
///   of the PRC, articles 55 and 56. The questions are the articles', in our words.
struct ImpactAssessment {
  /// One question.
  struct Item {
    let question: String
    /// The answer, or what the operator must add.
    let answer: String
    /// Where the answer comes from: `ledger`, `policy`, `program` or `operator`.
    let source: String
  }

  /// The questions of one clause.
  struct Section {
    let title: String
    let clause: String
    let items: [Item]
  }

  let sections: [Section]
  let exitCode: Int32
  private let title: String

  init(_ label: Label) {
    title = "Data protection impact assessment: \(label.state.policy.federation)"
    exitCode = label.report.verdict.exitCode
    sections = [
      Self.description(label), Self.necessity(label), Self.risks(label), Self.measures(label),
      Self.decision(label),
    ]
  }

  private static func asked(_ question: String, _ task: String) -> Item {
    Item(question: question, answer: "operator: \(task)", source: "operator")
  }

  // MARK: - Sections

  private static func description(_ label: Label) -> Section {
    let policy = label.state.policy
    return Section(
      title: "The processing", clause: "GDPR 35(7)(a); PIPL 56(1)",
      items: [
        asked("Who is the controller, and who the data protection officer?", "name both"),
        Item(
          question: "What is processed, of whom?",
          answer: "Behaviour logs (views, carts, purchases) of enrolled customers of "
            + "\(policy.federation), unit one \(policy.unit.rawValue); each log stays on its device "
            + "for \(policy.retentionDays) days",
          source: "policy"),
        Item(
          question: "For what?",
          answer:
            "a shared recommendation model (\(policy.model)); lists are ranked on each device",
          source: "policy"),
        Item(
          question: "What leaves a device?",
          answer: "clipped model updates. \(PolicyText.modeSentence(of: policy))", source: "program"
        ),
        Item(
          question: "How much was processed so far?",
          answer: "\(label.state.rounds.charged) rounds charged, "
            + "\(label.state.rounds.released) models released, in \(label.report.size) ledger entries",
          source: "ledger"),
        asked(
          "Are special categories, or children's data, in the logs?", "say which and on what basis"),
      ])
  }

  private static func necessity(_ label: Label) -> Section {
    let policy = label.state.policy
    return Section(
      title: "Necessity and proportion", clause: "GDPR 35(7)(b); PIPL 56(1)",
      items: [
        Item(
          question: "What is the legal basis?",
          answer: "consent, bound to policy \(label.state.policyHash.hex); off by default, and "
            + "withdrawn with effect before the next byte",
          source: "program"),
        Item(
          question: "Is the data minimal?",
          answer: "raw logs are not collected; the budget of epsilon \(policy.epsilonLimit) bounds "
            + "what all rounds together can tell",
          source: "policy"),
        Item(
          question: "How long is data kept?",
          answer:
            "logs \(policy.retentionDays) days, on the device; single updates never on a disk; "
            + "released models stay",
          source: "policy"),
        Item(
          question: "How are access, export, erasure and objection served?",
          answer: "on the device: client data export, client data erase, client consent withdraw, "
            + "recommendations without a profile, the reason of each one",
          source: "program"),
        asked(
          "Why is a less intrusive design not enough?",
          "compare with recommendations that learn nothing"),
      ])
  }

  private static func risks(_ label: Label) -> Section {
    let (policy, spend) = (label.state.policy, label.spend)
    let epsilon = Format.decimal(spend.epsilonAgainstNone, places: 4)
    return Section(
      title: "Risks to the persons", clause: "GDPR 35(7)(c); PIPL 56(2)",
      items: [
        Item(
          question: "What can be concluded about one customer from all releases?",
          answer: "epsilon \(epsilon) at delta \(policy.delta) against no data: "
            + "\(Label.tier(spend.epsilonAgainstNone)); at most epsilon \(policy.epsilonLimit)",
          source: "ledger"),
        Item(
          question: "Can the operator read a customer's behaviour?",
          answer: PolicyText.coordinatorCanSeeUpdates(in: policy)
            ? "yes: in this mode its memory holds every update while a round runs"
            : "not from updates, within the limits of the mode above",
          source: "program"),
        Item(
          question: "Does the operator also admit customers?",
          answer: label.state.genesis.enrolmentKeyHeldByCoordinator
            ? "yes: it could run customers of its own around a victim"
            : "no: the enrolment key is held elsewhere",
          source: "ledger"),
        Item(
          question: "What is not protected?",
          answer:
            "that a customer takes part, and when; cohort sizes; conclusions about customers in "
            + "general; a person's own list, seen over the shoulder",
          source: "program"),
        Item(
          question: "Was any privacy claim wrong so far?", answer: label.report.verdict.sentence,
          source: "ledger"),
        asked(
          "How likely and how grave is each risk for these customers?", "rate each answer above"),
      ])
  }

  private static func measures(_ label: Label) -> Section {
    let policy = label.state.policy
    return Section(
      title: "Measures", clause: "GDPR 35(7)(d), 25, 32; PIPL 56(3)",
      items: [
        Item(
          question: "Differential privacy",
          answer: "noise multipliers "
            + policy.plan.map { "\($0.noiseMultiplier) (\($0.stage))" }.joined(separator: ", ")
            + ", discrete Gaussian, charged before anything leaves; no round over the limit",
          source: "policy"),
        Item(
          question: "Crowd", answer: "a round has at least \(policy.minimumCohort) customers",
          source: "policy"),
        Item(
          question: "Transport and storage",
          answer:
            "TLS 1.3 to a pinned key; devices hold an enrolled signing key; stores are encrypted "
            + "on the device",
          source: "program"),
        Item(
          question: "Accountability",
          answer: "an append-only signed ledger that devices and strangers verify: "
            + "tacit audit ledger, scripts/verify_ledger.py",
          source: "ledger"),
        Item(
          question: "Tests of the promise",
          answer: "tacit audit empirical (lower bounds on epsilon) and tacit attack "
            + "{items, membership, inversion} on simulated cohorts",
          source: "program"),
        asked(
          "Who may enter the coordinator's machine, and who reviews it?",
          "describe access and review"),
      ])
  }

  private static func decision(_ label: Label) -> Section {
    Section(
      title: "Decision", clause: "GDPR 35(2), 35(9), 36; PIPL 56",
      items: [
        asked("What did the data protection officer and the customers' views add?", "record both"),
        asked("Is the residual risk accepted, by whom, until when?", "sign and date"),
        Item(
          question: "When must this be done again?",
          answer: "at any new policy"
            + (label.state.policyChange.map { " (the last one is entry \($0.entry))" } ?? "")
            + ", and at the latest three years on (PIPL 56 asks to keep it for three years)",
          source: "program"),
      ])
  }

  // MARK: - Output

  var markdown: String {
    var lines = ["# \(title)", ""]
    if exitCode != 0 {
      lines += [
        "**The ledger does not pass its audit: the figures count only what comes before the fault.**",
        "",
      ]
    }
    for section in sections {
      lines += ["## \(section.title) (\(section.clause))", ""]
      lines += ["| question | answer | from |", "|---|---|---|"]
      lines += section.items.map { item in
        "| \(Self.cell(item.question)) | \(Self.cell(item.answer)) | \(item.source) |"
      }
      lines.append("")
    }
    return lines.joined(separator: "\n")
  }

  /// A bar would end the cell.
  private static func cell(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }

  var html: String {
    var page = HTMLReport(title: title)
    if exitCode != 0 {
      page.note(
        "The ledger does not pass its audit: the figures count only what comes before the fault.",
        kind: .warning)
    }
    for section in sections {
      page.heading(section.title)
      page.table(
        caption: section.clause, columns: [.init("question"), .init("answer"), .init("from")],
        rows: section.items.map { [$0.question, $0.answer, $0.source] })
    }
    return page.html()
  }

  var json: JSONValue {
    .object([
      "title": .string(title), "exit_code": .integer(Int64(exitCode)),
      "sections": .array(
        sections.map { section in
          .object([
            "title": .string(section.title), "clause": .string(section.clause),
            "items": .array(
              section.items.map { item in
                .object([
                  "question": .string(item.question), "answer": .string(item.answer),
                  "from": .string(item.source),
                ])
              }),
          ])
        }),
    ])
  }
}
