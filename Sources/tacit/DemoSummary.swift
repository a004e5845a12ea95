internal import CanonicalJSON
internal import Federation
internal import Ledger
internal import Operations
internal import Privacy

/// What training came to.
struct DemoTraining {
  let mode: String
  let policy: PrivacyPolicy
  let state: LedgerState
  let clientProcesses: Int
  /// Number of the client process that was killed on purpose; nil when a round was too short for it.
  let killedProcess: Int?
  /// The coordinator's lines about released rounds, with their signal-to-noise ratios.
  let signalLines: [String]
  /// From the start of the demo to the first released round.
  let secondsToFirstRound: Double?
}

/// What the search for behaviour rows found.
struct DemoScan {
  let coordinatorFiles: Int
  let coordinatorBytes: Int
  let rowsInCoordinatorFiles: Int
  /// Customers, each with one marked row.
  let markers: Int
  let clientFiles: Int
  /// In clear text in the files of the customers' devices.
  let rowsInClientFiles: Int
  /// In what the customers' devices export, decrypted: the proof that the search can find them.
  let rowsInClientExports: Int
}

/// Everything the demo found, as `summary.json` and `report.html`. Every figure is of this run.
struct DemoSummary {
  let options: Demo.Options
  let customers: Int
  let training: DemoTraining
  let audit: LedgerAuditReport
  let scan: DemoScan
  let accuracy: DemoAccuracy
  let slate: String
  /// From the start of the demo to the first figure on the screen.
  let firstFigure: Duration
  let seconds: Duration

  private var policy: PrivacyPolicy { training.policy }

  private var json: JSONValue {
    .object([
      "mode": .string(training.mode),
      "mode_can_see_updates": .bool(PolicyText.coordinatorCanSeeUpdates(in: policy)),
      "mode_sentence": .string(PolicyText.modeSentence(of: policy)),
      "model": .string(policy.model),
      "clients": .integer(Int64(customers)),
      "client_processes": .integer(Int64(training.clientProcesses)),
      "killed_client_process": training.killedProcess.map { .integer(Int64($0)) } ?? .null,
      "rounds": .integer(Int64(training.state.rounds.released)),
      "epsilon_spent": .number(audit.spend?.epsilonAgainstNone ?? training.state.epsilonSpent),
      "epsilon_limit": .number(policy.epsilonLimit.doubleValue),
      "epsilon_one_history_against_another": audit.spend.map {
        .number($0.epsilonAgainstAnother)
      } ?? .null,
      "delta": .number(policy.delta.doubleValue),
      "recall_at_20_new": accuracy.json,
      "behaviour_rows_in_coordinator_files": .integer(Int64(scan.rowsInCoordinatorFiles)),
      "behaviour_rows_in_client_files": .integer(Int64(scan.rowsInClientFiles)),
      "behaviour_rows_in_client_exports": .integer(Int64(scan.rowsInClientExports)),
      "coordinator_files_searched": .integer(Int64(scan.coordinatorFiles)),
      "audit": .string(audit.verdict.sentence),
      "signal": .array(training.signalLines.map(JSONValue.string)),
      "seconds": .number(Self.number(of: seconds)),
      "seconds_to_first_figure": .number(Self.number(of: firstFigure)),
      "seconds_to_first_round": training.secondsToFirstRound.map(JSONValue.number) ?? .null,
      "accuracy_caution": .string(CompareCommand.caution),
    ])
  }

  private static func number(of duration: Duration) -> Double {
    Double(duration.components.seconds) + 1e-18 * Double(duration.components.attoseconds)
  }

  /// Writes `summary.json` and `report.html`.
  func write(to layout: DemoLayout) throws {
    try DurableFile.write(Array((json.prettyText + "\n").utf8), to: layout.summary, mode: 0o644)
    try DurableFile.write(Array(html(layout).utf8), to: layout.report, mode: 0o644)
  }

  func printClosing(_ layout: DemoLayout) {
    print(
      """

      Done in \(Format.duration(seconds)).  Report: \(layout.report)  Figures: \(layout.summary)
      Next: tacit audit ledger \(layout.coordinator) --checkpoint \(layout.checkpoint)
            coordinator status --dir \(layout.coordinator)
      """)
  }

  // MARK: - Report

  private func html(_ layout: DemoLayout) -> String {
    var page = HTMLReport(title: "Tacit demo: a private recommender on a real shop's log")
    page.paragraph(
      "\(Format.count(customers)) customers, each with a key, a store and a TLS connection of its "
        + "own, in \(training.clientProcesses) client processes, trained model \"\(policy.model)\" "
        + "with one coordinator in \(training.state.rounds.released) round(s).")
    page.note("Mode \(PolicyText.modeSentence(of: policy))", kind: .information)
    if let killed = training.killedProcess {
      page.paragraph(
        "Client process \(killed) was killed by SIGKILL on purpose; the round went on.")
    }
    addAccuracy(to: &page)
    addBudget(to: &page)
    addSearch(to: &page)
    page.heading("One customer's recommendations, from the device alone")
    page.code(slate)
    page.heading("Do it again")
    page.code(
      """
      scripts/demo.sh
      tacit audit ledger \(layout.coordinator) --checkpoint \(layout.checkpoint)
      tacit compare --data online-retail --epsilon inf,8,2 --seeds 3
      """)
    return page.html()
  }

  private func addAccuracy(to page: inout HTMLReport) {
    page.heading("Accuracy")
    let figures: [(String, Double)] = [
      ("popularity", accuracy.popularity), ("federated, private", accuracy.federatedPrivate),
      ("federated, no noise", accuracy.federatedNoNoise),
      ("centralized EASE", accuracy.centralized),
    ]
    page.figure(
      SVGPlot.bars(
        title: "Recall at 20, items new to the customer",
        description: "Recall at 20: "
          + figures.map { "\($0.0) \(Format.decimal($0.1, places: 4))" }.joined(separator: ", "),
        categories: figures.map(\.0), valueLabel: "recall@20",
        bars: [SVGPlot.Bars("this run", values: figures.map(\.1))]),
      caption: "Share of the items first bought after 2011-10-01 that are among the 20 recommended."
    )
    page.table(
      caption: "Recall at 20 on new items, mean over the customers who bought any",
      columns: [.init("model"), .init("recall@20", .right)],
      rows: figures.map { [$0.0, Format.decimal($0.1, places: 4)] })
    page.note("These figures were \(CompareCommand.caution).", kind: .warning)
  }

  private func addBudget(to page: inout HTMLReport) {
    page.heading("Privacy budget, recomputed from the ledger")
    guard let spend = audit.spend else { return }
    page.table(
      caption: "Unit: one enrolled identity. Delta \(policy.delta).",
      columns: [.init("question"), .init("epsilon", .right)],
      rows: [
        ["limit of the policy", Format.decimal(spend.epsilonLimit, places: 4)],
        ["spent: your data against none", Format.decimal(spend.epsilonAgainstNone, places: 4)],
        [
          "spent: one history against another",
          Format.decimal(spend.epsilonAgainstAnother, places: 4),
        ],
      ])
    page.paragraph(
      "Audit: \(audit.verdict.sentence). Not protected: that you took part, and how many did.")
    page.list(training.signalLines)
  }

  private func addSearch(to page: inout HTMLReport) {
    page.heading("Behaviour rows at the coordinator")
    page.paragraph(
      "behaviour rows found in coordinator files: \(scan.rowsInCoordinatorFiles), in "
        + "\(scan.coordinatorFiles) files of \(Format.bytes(scan.coordinatorBytes)). Each customer has "
        + "one row with a mark that no one could guess; the same search finds "
        + "\(Format.count(scan.rowsInClientExports)) of \(Format.count(scan.markers)) in what the "
        + "devices export, and \(scan.rowsInClientFiles) in their files, which are encrypted."
    )
    if PolicyText.coordinatorCanSeeUpdates(in: policy) {
      page.note(
        "In mode \(training.mode) the coordinator's memory held every update, decrypted, while a "
          + "round ran.", kind: .warning)
    }
  }
}
