internal import ArgumentParser
internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Operations
internal import Privacy
internal import Recommendation

struct CompareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compares federated, private, centralized and local accuracy on one data set.",
    discussion: """
      Example:

        tacit compare --data online-retail --epsilon inf,8,2 --seeds 3
        tacit compare --data ml-100k --protocol p3 --epsilon inf,8,2 --seeds 3 --json

      Federated runs go through the in-process link: every message is encoded, bounded and decoded
      by the wire codec. Their noise is seeded, so they are marked as simulations. Finished runs are
      kept and not repeated.
      """)

  @Option(name: .customLong("data"), help: "The data set, as in: tacit data list.")
  var name: String = OnlineRetail.name

  @Option(
    name: .customLong("protocol"),
    help: "p1, p2 or p3; the retail log has its own tasks \"all\" and \"new\".")
  var protocolName: String?

  @Option(help: "Budgets, such as inf,8,2; inf is the run without noise.")
  var epsilon: String = "inf,8,2"

  @Option(help: "Delta of every private run.")
  var delta: Double = 1e-5

  @Option(help: "Repetitions of every private run.")
  var seeds: Int = 3

  @Option(help: "Federated models, such as popularity,gram.")
  var models: String = "gram"

  @Option(
    help: """
      Aggregation modes of the private runs, such as sealed,secagg-ddp; the latter has the extra \
      noise that its clients draw.
      """)
  var modes: String = ComparisonCell.centralNoise

  @Option(help: "Directory for finished runs.")
  var cache: String?

  @Flag(help: "Print one JSON object with rows.")
  var json = false

  func validate() throws {
    guard (1...1_000).contains(seeds) else { throw ValidationError("--seeds is from 1 to 1000.") }
  }

  func run() async throws {
    do {
      let comparison = try makeComparison()
      let progress = ProgressReporter.onStandardError(
        title: "comparing", unit: "runs", total: comparison.cellCount)
      let report = try await comparison.comparison.run { (step: Comparison.Progress) in
        progress.update(done: step.done)
      }
      progress.finish()
      print(json ? Self.json(report).prettyText : Self.text(report))
    } catch {
      throw TacitFailure.explain(error)
    }
  }

  private func makeComparison() throws -> (comparison: Comparison, cellCount: Int) {
    let dataset = try DatasetLibrary.user().load(name, shipped: .current())
    let isRetail = name == OnlineRetail.name
    let problem = try problem(of: dataset, isRetail: isRetail)
    let identifiers = models.split(separator: ",").map(String.init)
    for identifier in identifiers {
      _ = try ModelRegistry.model(identifier: identifier, hyperparameters: .object([:]))
    }
    let hasTexts = Self.hasTexts(dataset.catalogue)
    let cells = ComparisonPlan.standardCells(
      federated: identifiers, epsilons: try budgets(), seeds: seeds, withLocal: isRetail,
      modes: try aggregationModes())
    let plan = try ComparisonPlan(
      problem: problem, cells: cells,
      hyperparameters: ["ease": .object(["lambda": .string(isRetail ? "200" : "400")])],
      delta: delta, codeVersion: ProductVersion.current)
    let descriptions = dataset.catalogue.descriptions
    let makeFeatures: @Sendable () throws -> ItemFeatures = {
      try TextFeatures.vectors(descriptions: descriptions)
    }
    let comparison = Comparison(
      plan: plan, cache: try CellCache(directory: cache ?? CacheDirectory.comparisons()),
      features: hasTexts ? makeFeatures : nil, trainer: InProcessTrainer.train)
    return (comparison, cells.count)
  }

  /// Whether any item is described by more than its own code.
  private static func hasTexts(_ catalogue: Catalogue) -> Bool {
    zip(catalogue.codes, catalogue.descriptions).contains { !$1.isEmpty && $0 != $1 }
  }

  private func problem(
    of dataset: InteractionDataset, isRetail: Bool
  ) throws -> EvaluationProblem {
    if isRetail, protocolName == nil {
      return try EvaluationProblem.retail(RetailSplit(dataset), name: name)
    }
    let chosen = protocolName ?? BenchmarkProtocol.p3.rawValue
    guard let benchmark = BenchmarkProtocol(rawValue: chosen) else {
      throw CommandFailure(
        what: "there is no protocol \(chosen)",
        why: "known are \(BenchmarkProtocol.allCases.map(\.rawValue).joined(separator: ", "))",
        next: "choose one of them", exit: .usage)
    }
    return try benchmark.problem(dataset)
  }

  private func budgets() throws -> [Double?] {
    try epsilon.split(separator: ",").map { text in
      if text == "inf" { return nil }
      guard let value = Double(text), value > 0, value.isFinite else {
        throw CommandFailure(
          what: "--epsilon has the entry \"\(text)\"",
          why: "it is neither a positive number nor inf",
          next: "write, for example, --epsilon inf,8,2", exit: .usage)
      }
      return value
    }
  }

  private func aggregationModes() throws -> [String] {
    let chosen = modes.split(separator: ",").map(String.init)
    guard !chosen.isEmpty, Set(chosen).count == chosen.count,
      chosen.allSatisfy(PrivacyPolicy.modes.contains)
    else {
      throw CommandFailure(
        what: "--modes is \(modes)",
        why: "known are \(PrivacyPolicy.modes.joined(separator: ", ")), each once",
        next: "write, for example, --modes sealed,secagg-ddp", exit: .usage)
    }
    return chosen
  }

  static let watermark = "simulation, seeded noise"
  static let caution =
    "computed from raw data outside the protocol: not covered by epsilon; do not publish such "
    + "figures for your own customers"

  private static func json(_ report: ComparisonReport) -> JSONValue {
    .object([
      "watermark": .string(watermark), "caution": .string(caution),
      "rows": .array(report.rows.map(\.json)),
      "efforts": .array(
        report.outcomes.compactMap { outcome in
          outcome.outcome.effort.map { effort in
            .object([
              "model": .string(outcome.cell.model),
              "epsilon": outcome.cell.epsilon.map(JSONValue.number) ?? .null,
              "seed": .integer(Int64(outcome.cell.seed)), "effort": effort.json,
            ])
          }
        }),
    ])
  }

  private static func text(_ report: ComparisonReport) -> String {
    var lines = ["federated rows: \(watermark)", caution, ""]
    lines.append(
      "model          setting      mode        epsilon  task metric       mean    sd      seeds")
    for row in report.rows {
      func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
      }
      let epsilon =
        row.epsilon.map { Format.decimal($0, places: 2) }
        ?? (row.setting == .federated ? "inf" : "-")
      lines.append(
        pad(row.model, 15) + pad(row.setting.rawValue, 13) + pad(row.mode ?? "-", 12)
          + pad(epsilon, 9) + pad(row.task, 5) + pad("\(row.metric.rawValue)@\(row.k)", 13)
          + pad(Format.decimal(row.mean, places: 4), 8)
          + pad(Format.decimal(row.standardDeviation, places: 4), 8) + "\(row.seeds)")
    }
    return lines.joined(separator: "\n")
  }
}

/// Where finished comparison runs are kept.
enum CacheDirectory {
  static func comparisons() -> String {
    if let cache = ProcessEnvironment.value("XDG_CACHE_HOME"), cache.hasPrefix("/") {
      return cache + "/tacit/compare"
    }
    return (ProcessEnvironment.value("HOME") ?? "/tmp") + "/.cache/tacit/compare"
  }
}
