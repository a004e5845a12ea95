internal import ArgumentParser
internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Operations

struct EvaluatePolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Compares exploration policies in an environment whose truth is known.",
    discussion: """
      Example:

        tacit evaluate policy --out exploration
        tacit evaluate policy --environment linear-logistic --seeds 5 --json

      online-retail: customers who click as real ones bought, and a device that knows their first
      invoice; discovery, long-term interest coverage, and what exploring costs, beside greedy.
      linear-logistic: 10 arms, a context of 8 numbers; cumulative regret.
      Everything is seeded: the same command prints the same figures.
      """)

  enum Environment: String, CaseIterable {
    case onlineRetail = "online-retail"
    case linearLogistic = "linear-logistic"
  }

  @Option(help: "online-retail or linear-logistic.")
  var environment: String = Environment.onlineRetail.rawValue

  @Option(
    name: .customLong("policy"), parsing: .singleValue,
    help: "A policy such as linucb:0.5,mmr=0.8, repeatable; every one by default (online-retail).")
  var policies: [String] = []

  @Option(help: "Simulated customers (online-retail).")
  var customers: Int = 200

  @Option(help: "Sessions a customer (online-retail).")
  var sessions: Int = 50

  @Option(help: "P(click) of an item shown at random (online-retail).")
  var clickRate: Double = RetailEnvironment.Settings().clickRate

  @Option(help: "Seed of customers and outcomes (online-retail).")
  var seed: UInt64 = 1

  @Option(help: "Environments, seeded 1, 2, ... (linear-logistic).")
  var seeds: Int = 5

  @Option(help: "Steps (linear-logistic).")
  var steps: Int = 2_000

  @Option(help: "Directory for a report with plots.")
  var out: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (1...2_000).contains(customers), (1...1_000).contains(sessions) else {
      throw ValidationError("--customers is from 1 to 2000 and --sessions from 1 to 1000.")
    }
    guard clickRate > 0, clickRate <= 0.5 else {
      throw ValidationError("--click-rate is above 0 and at most 0.5.")
    }
    guard (1...1_000).contains(seeds), (1...1_000_000).contains(steps) else {
      throw ValidationError("--seeds is from 1 to 1000 and --steps from 1 to 1000000.")
    }
  }

  func run() async throws {
    guard let chosen = Environment(rawValue: environment) else {
      let known = Environment.allCases.map(\.rawValue)
      throw CommandFailure(
        what: "there is no environment \(environment)",
        why: "known are \(known.joined(separator: ", "))",
        next: NearestName.of(environment, among: known).map { "did you mean \($0)?" }
          ?? "choose one of them", exit: .usage)
    }
    do {
      switch chosen {
      case .onlineRetail: try await runRetail()
      case .linearLogistic: try runLinearLogistic()
      }
    } catch let error as EvaluationError {
      throw CommandFailure(
        what: "the environment cannot be made", why: "\(error)",
        next: "see: tacit evaluate policy --help", exit: .usage)
    } catch {
      throw TacitFailure.explain(error)
    }
  }

  private func runRetail() async throws {
    let log = try DatasetLibrary.user().load(OnlineRetail.name, shipped: .current())
    var settings = RetailEnvironment.Settings()
    settings.customers = customers
    settings.clickRate = clickRate
    settings.seed = seed
    let made = try RetailEnvironment(log, settings: settings)
    let chosen = try chosenPolicies()
    let progress = ProgressReporter.onStandardError(
      title: "simulating", unit: "customers", total: customers * chosen.count)
    var outcomes: [[CustomerOutcome]] = []
    for policy in chosen {
      outcomes.append(
        try await RetailSimulation.run(policy, in: made, sessions: sessions) {
          progress.advance()
        })
    }
    progress.finish()
    let greedy = chosen.firstIndex(of: .greedy).map { outcomes[$0] } ?? []
    let summaries = zip(chosen, outcomes).map { policy, outcomes in
      PolicySummary(
        policy, outcomes: outcomes, greedy: greedy, categoryCount: settings.categories)
    }
    let report = RetailPolicyReport(
      summaries: summaries, sessions: sessions, settings: settings,
      coefficients: made.coefficients)
    try write(report.page, plots: report.plots)
    print(json ? report.json.prettyText : report.text)
  }

  /// Random and greedy always, since every figure is set beside greedy's.
  private func chosenPolicies() throws -> [RetailPolicy] {
    guard !policies.isEmpty else { return try RetailPolicy.standard }
    return try [.random, .greedy] + policies.map { try RetailPolicy(parsing: $0) }
  }

  private func runLinearLogistic() throws {
    let curves = try LinearLogisticPolicy.allCases.map { policy in
      try RegretCurve.measure(policy, seeds: (1...seeds).map(UInt64.init), horizon: steps)
    }
    let report = RegretReport(curves: curves, seeds: seeds)
    try write(report.page, plots: [("regret", report.plot)])
    print(json ? report.json.prettyText : report.text)
  }

  private func write(_ page: HTMLReport, plots: [(name: String, figure: SVGFigure)]) throws {
    guard let out else { return }
    try FileAccess.makeDirectory(out)
    for plot in plots {
      try FileAccess.replace("\(out)/\(plot.name).svg", Array(plot.figure.text.utf8))
    }
    try FileAccess.replace("\(out)/report.html", Array(page.html().utf8))
    StandardError.write("wrote \(out)/report.html\n")
  }
}
