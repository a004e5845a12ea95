internal import CanonicalJSON
internal import Cryptography
internal import Datasets
internal import Evaluation
internal import Federation
internal import Glibc
internal import Ledger
internal import Operations
internal import Privacy
internal import Recommendation

/// The demo: one coordinator, several client processes, an audit, a search and the accuracy.
struct Demo: Sendable {
  struct Options: Sendable {
    let out: String
    let users: Int?
    let processes: Int
    let mode: String
    let epsilon: String
    let model: String
    let plantsRow: Bool
  }

  enum Ending: Sendable {
    case done
    case interrupted(Int32)
  }

  let options: Options
  private let processes = ProcessTable()
  private let startedAt = ContinuousClock.now

  init(options: Options) {
    self.options = options
  }

  /// Whether so many customers (nil: all of them) need the smaller share of dropouts (ruling 29).
  static func isLarge(_ customers: Int?) -> Bool { (customers ?? .max) > 1_000 }

  var layout: DemoLayout { DemoLayout(root: options.out) }

  /// Runs the demo; SIGINT and SIGTERM end every process that it started first.
  func run(until signals: SignalWatch) async throws -> Ending {
    try await withThrowingTaskGroup(of: Ending.self) { group in
      group.addTask {
        try await perform()
        return .done
      }
      group.addTask {
        for await number in signals.signals { return .interrupted(number) }
        return .done
      }
      let first: Result<Ending, any Error>
      do {
        first = .success(try await group.next() ?? .done)
      } catch {
        first = .failure(error)
      }
      group.cancelAll()
      await processes.endAll()
      return try first.get()
    }
  }

  private func perform() async throws {
    try layout.makeFresh()
    say("data     reading \(OnlineRetail.attribution)")
    let dataset = try OnlineRetail.load(from: .current())
    let split = RetailSplit(dataset)
    let popularity = try await DemoAccuracy.popularity(of: split, users: options.users)
    let firstFigure = startedAt.duration(to: .now)
    say(
      "measure  recall@20 on new items when everyone gets the best sellers: "
        + "\(Format.decimal(popularity, places: 4)); the model has to beat that")
    let customers = try prepareCustomers(dataset)
    let federation = try startFederation(customers: customers.count)
    let training = try await train(federation, customers: customers.count)
    say("")
    let audit = try auditLedger()
    let scan = try searchForRows(customers)
    let accuracy = try await measure(split, popularity: popularity)
    let slate = try recommendToOne()
    let summary = DemoSummary(
      options: options, customers: customers.count, training: training, audit: audit, scan: scan,
      accuracy: accuracy, slate: slate, firstFigure: firstFigure,
      seconds: startedAt.duration(to: .now))
    try summary.write(to: layout)
    summary.printClosing(layout)
    guard scan.rowsInCoordinatorFiles == 0 else {
      throw CommandFailure(
        what: "behaviour rows were found in the coordinator's files",
        why: "\(scan.rowsInCoordinatorFiles) marked row(s) of customers are there",
        next: "see \(layout.summary)", exit: .verificationFailed)
    }
    guard scan.rowsInClientFiles == 0 else {
      throw CommandFailure(
        what: "behaviour rows can be read in the devices' files",
        why: "\(scan.rowsInClientFiles) marked row(s) are there in clear text",
        next: "see \(layout.summary)", exit: .verificationFailed)
    }
    guard audit.verdict.exitCode == 0 else {
      throw CommandFailure(
        what: "the ledger does not pass its audit", why: audit.verdict.sentence,
        next: "tacit audit ledger \(layout.coordinator)",
        exit: ExitStatus(rawValue: audit.verdict.exitCode) ?? .verificationFailed)
    }
  }

  func say(_ line: String) { DemoOutput.line(line) }

  // MARK: - Customers

  /// One CSV file a customer, each with one marked row that must never reach the coordinator.
  private func prepareCustomers(_ dataset: InteractionDataset) throws -> [BehaviorMarker] {
    let summary = try CustomerSplit(
      dataset, period: .before(seconds: RetailSplit.onlineRetailCut), userLimit: options.users,
      attribution: OnlineRetail.attribution
    ).write(to: layout.data)
    let names = try DirectoryListing.names(in: layout.customers)
    let markers = try names.map { name in
      let marker = BehaviorMarker()
      try marker.addRow(to: "\(layout.customers)/\(name)")
      return marker
    }
    say(
      "data     \(Format.count(summary.customers)) customers, \(Format.count(summary.events)) "
        + "purchase rows before 2011-10-01, \(Format.count(summary.items)) items; each customer's "
        + "rows in a store of its own")
    say("         assumption: \(OnlineRetail.assumption)")
    return markers
  }

  // MARK: - Federation

  private func startFederation(customers: Int) throws -> DemoFederation {
    let tools = try ToolPaths()
    let port = try FreePort.find()
    try tools.run(
      "coordinator",
      [
        "init", "--dir", layout.coordinator, "--catalogue", "\(layout.data)/catalogue.csv",
        "--name", "online-retail", "--mode", options.mode, "--dropout-fraction",
        Self.isLarge(options.users) ? "0.1" : "0.2",
        "--model", options.model, "--epsilon", options.epsilon,
        "--customers", "\(customers)", "--minimum-cohort", "\(max(2, customers / 2))",
        "--listen", "127.0.0.1:\(port)", "--deadline", "240",
      ])
    try tools.run(
      "coordinator",
      [
        "roster", "token", "--dir", layout.coordinator, "--count", "\(customers)", "--out",
        layout.tokens,
      ])
    let policy = try LedgerView(layout.coordinator).policy
    say("mode     \(PolicyText.modeSentence(of: policy))")
    say(
      "budget   epsilon <= \(policy.epsilonLimit) at delta \(policy.delta), per customer; "
        + "\(policy.plan.count) round(s) planned for model \(policy.model)")
    let coordinator = try processes.add {
      try tools.start(
        "coordinator", ["serve", "--dir", layout.coordinator, "--exit-when-trained"],
        log: layout.log("coordinator"))
    }
    var clients: [ManagedProcess] = []
    var skip = 0
    for number in 0..<options.processes {
      let share = customers / options.processes + (number < customers % options.processes ? 1 : 0)
      let client = try processes.add {
        try tools.start(
          "client",
          [
            "simulate", "--home", layout.clientHome(number), "--data", layout.customers,
            "--tokens", layout.tokens, "--users", "\(share)", "--skip", "\(skip)", "--consent",
          ], log: layout.log("client-\(number)"))
      }
      clients.append(client)
      skip += share
    }
    say(
      "started  1 coordinator and \(clients.count) client processes on port \(port), TLS 1.3 on "
        + "loopback")
    return DemoFederation(coordinator: coordinator, clients: clients)
  }

  /// Follows the rounds, kills one client process on purpose, and waits for the end of training.
  private func train(
    _ federation: DemoFederation, customers: Int
  ) async throws -> DemoTraining {
    var monitor = TrainingMonitor(layout: layout, customers: customers, startedAt: startedAt)
    var killed: Int?
    let victim = federation.clients.count - 1
    while federation.coordinator.exitCode == nil {
      try await Task.sleep(for: .milliseconds(100))
      if let progress = monitor.look(), killed == nil, progress.isWellUnderWay {
        federation.clients[victim].send(signal: SIGKILL)
        killed = victim
        monitor.say(
          "killed   client process \(victim) by SIGKILL, on purpose, in round \(progress.round): "
            + "the round goes on without its customers")
      }
    }
    monitor.finish()
    guard federation.coordinator.exitCode == 0 else {
      throw CommandFailure(
        what: "the coordinator ended with exit code \(federation.coordinator.exitCode ?? -1)",
        why: federation.coordinator.lastLines(3), next: "see \(federation.coordinator.logPath)",
        exit: .failure)
    }
    try await waitForClients(federation, except: killed)
    let view = try LedgerView(layout.coordinator)
    return DemoTraining(
      mode: view.policy.mode, policy: view.policy, state: view.state,
      clientProcesses: federation.clients.count, killedProcess: killed,
      signalLines: monitor.signalLines, secondsToFirstRound: monitor.secondsToFirstRound)
  }

  private func waitForClients(_ federation: DemoFederation, except killed: Int?) async throws {
    let end = ContinuousClock.now.advanced(by: .seconds(60))
    for (number, client) in federation.clients.enumerated() where number != killed {
      while client.exitCode == nil, ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(50))
      }
      guard client.exitCode == 0 else {
        throw CommandFailure(
          what: "client process \(number) ended with exit code \(client.exitCode ?? -1)",
          why: client.lastLines(3), next: "see \(client.logPath)", exit: .failure)
      }
    }
  }

  // MARK: - After training

  /// Audits with a checkpoint that a customer's device kept: the operator cannot have forged it.
  private func auditLedger() throws -> LedgerAuditReport {
    let home = try layout.firstCustomerHome()
    let note = try ToolPaths().output(
      "client", ["receipts", "--home", home, "--checkpoint"])
    try DurableFile.write(Array(note.utf8), to: layout.checkpoint)
    let report = LedgerAudit.run(
      try LedgerEvidence.read(layout.coordinator, checkpoints: [layout.checkpoint]))
    say("audit    \(report.verdict.sentence)")
    if let spend = report.spend {
      say(
        "         epsilon \(Format.decimal(spend.epsilonAgainstNone, places: 4)) of "
          + "\(Format.decimal(spend.epsilonLimit, places: 0)) spent, recomputed from the ledger")
    }
    return report
  }

  private func searchForRows(_ markers: [BehaviorMarker]) throws -> DemoScan {
    if options.plantsRow, let first = markers.first {
      try DurableFile.write(
        Array("planted \(first.text)\n".utf8), to: layout.coordinator + "/planted.txt")
    }
    let known = Set(markers.map(\.text))
    let coordinator = try MarkerScan.run(layout.coordinator, markers: known)
    let clients = try MarkerScan.run(layout.clients, markers: known)
    let exported = try markersInExports(known)
    let scan = DemoScan(
      coordinatorFiles: coordinator.files, coordinatorBytes: coordinator.bytes,
      rowsInCoordinatorFiles: coordinator.found.count, markers: known.count,
      clientFiles: clients.files, rowsInClientFiles: clients.found.count,
      rowsInClientExports: exported.count)
    say(
      "search   behaviour rows found in coordinator files: \(scan.rowsInCoordinatorFiles) "
        + "(\(scan.coordinatorFiles) files, \(Format.bytes(scan.coordinatorBytes))); the same search "
        + "finds \(Format.count(scan.rowsInClientExports)) of \(Format.count(scan.markers)) in what "
        + "the devices export")
    say(
      "         readable in the devices' own files, which are encrypted: \(scan.rowsInClientFiles) "
        + "(\(Format.count(scan.clientFiles)) files)")
    guard scan.rowsInClientExports == scan.markers else {
      throw CommandFailure(
        what: "the search is not to be trusted",
        why: "it found \(scan.rowsInClientExports) of \(scan.markers) marked rows where all are",
        next: "report this", exit: .verificationFailed)
    }
    return scan
  }

  /// The markers in what the customers' own devices hand over, decrypted: every one of them, unless
  /// the search is blind or a row is lost.
  private func markersInExports(_ known: Set<String>) throws -> Set<String> {
    let tools = try ToolPaths()
    var found: Set<String> = []
    for number in 0..<options.processes {
      let export = try tools.output(
        "client",
        ["data", "export", "--home", layout.clientHome(number), "--every-customer"])
      found.formUnion(MarkerScan.find(in: Array(export.utf8), markers: known))
    }
    return found
  }

  private func measure(
    _ split: RetailSplit, popularity: Double
  ) async throws -> DemoAccuracy {
    say("measure  accuracy outside the coordinator, from raw data: no epsilon covers these figures")
    let view = try LedgerView(layout.coordinator)
    let accuracy = try await DemoAccuracy.measure(
      split: split, policy: view.policy, parameters: try view.releasedParameters(),
      users: options.users, popularity: popularity)
    for line in accuracy.lines { say("         " + line) }
    return accuracy
  }

  private func recommendToOne() throws -> String {
    let home = try layout.firstCustomerHome()
    let slate = try ToolPaths().output(
      "client", ["recommend", "--home", home, "--k", "3", "--why"])
    say("")
    say("One customer's device recommends, without the network (client recommend --why):")
    for line in slate.split(separator: "\n") { say("  " + line) }
    return slate
  }
}

/// What the demo prints, seen at once also through a pipe.
enum DemoOutput {
  static func line(_ text: String) {
    print(text)
    fflush(nil)
  }
}

/// The processes of a demo.
struct DemoFederation {
  let coordinator: ManagedProcess
  let clients: [ManagedProcess]
}
