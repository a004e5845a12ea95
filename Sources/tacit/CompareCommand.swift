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
        tacit compare --data ml-100k --epsilon inf,8,4,2,1 --seeds 5 --plot frontier.svg
        tacit compare --data ml-100k --epsilon 2 --modes sealed --customers 1x,10x,100x
        tacit compare --data ml-100k --against gram:8:sealed --against ease --per-user users.csv
        tacit compare --data ml-100k --baselines ease,itemknn,ials,puresvd --tune 16

      Federated runs go through the in-process link: every message is encoded, bounded and decoded
      by the wire codec. Their noise is seeded, so they are marked as simulations. Finished runs are
      kept and not repeated.

      A row is named by its model and setting, as in ease:centralized or gram:8:secagg-ddp; the name may
      be cut short where one row has it.
      """)

  @Option(name: .customLong("data"), help: "The data set, as in: tacit data list.")
  var name: String = OnlineRetail.name

  @Option(
    name: .customLong("protocol"),
    help: "p1, p2 or p3; the retail logs have their own tasks \"all\" and \"new\".")
  var protocolName: String?

  @Option(
    help: """
      For an imported log of a shop: the day, such as 2011-10-01, from which purchases are to be foreseen, \
      as tasks "all" and "new".
      """)
  var cut: String?

  @Flag(help: "Judge on a split inside the training part, where choices may be made.")
  var tuning = false

  @Option(help: "Budgets, such as inf,8,2; inf is the run without noise.")
  var epsilon: String = "inf,8,2"

  @Option(help: "Delta of every private run.")
  var delta: Double = 1e-5

  @Option(
    help: "Repetitions of every private run, of ials:centralized, sasrec:centralized and its twin.")
  var seeds: Int = 3

  @Option(
    help: """
      Models, such as popularity,gram: \(ModelRegistry.identifiers.joined(separator: ", ")). sasrec is \
      fitted centrally as well, and for inf its twin in a federation: both take minutes a seed.
      """)
  var models: String = "gram"

  @Option(
    help: """
      Centralized models to compare with, beside popularity: a list out of \
      \(CentralizedBaseline.allCases.map(\.rawValue).joined(separator: ", ")).
      """)
  var baselines: String = "ease"

  @Option(
    help: """
      Hyperparameters by model, as policies write them: '{"mf": {"rounds": 20, "ridge": "2"}}'. \
      Others keep their defaults.
      """)
  var hyperparameters: String?

  @Option(
    help: """
      Settings of its hyperparameters tried for every row that has any, 1 to \(SearchSpace.largestCount), on a \
      split inside the training part; the best by NDCG is run. Not for your own customers' logs: the \
      choice is not charged.
      """)
  var tune: Int?

  @Option(
    help: """
      Aggregation modes of the private runs: sealed has the noise that is charged, secagg-ddp the \
      extra noise that its clients draw.
      """)
  var modes: String = "sealed,secagg-ddp"

  @Flag(help: "Run the masks of the masked modes instead of drawing their noise at once: slow.")
  var runMasks = false

  @Option(
    help: """
      Customers of the private runs as multiples of those there are, such as 1x,10x,100x: drawn \
      with replacement, which shows the worth of less noise, not of more information.
      """)
  var customers: String = "1x"

  @Option(help: "The share of centralized accuracy that --customers estimates the need for.")
  var reach: Double = 0.9

  @OptionGroup var vectors: ItemVectorOptions

  @Option(
    help: "Metrics to print, such as recall,auc,gini, or all; those of the protocol by default.")
  var metrics: String?

  @Option(
    help: """
      A row that all others are held against, customer by customer; repeatable. By default ease, and \
      popularity without it.
      """)
  var against: [String] = []

  @Option(help: "Resamples of the bootstrap.")
  var resamples: Int = PairedBootstrap.defaultResamples

  @Option(help: "Seed of the bootstrap: the same gives the same intervals to the bit.")
  var bootstrapSeed: UInt64 = 1

  @Option(help: "File for a CSV table of every customer's figures.")
  var perUser: String?

  @Option(help: "File for a drawing (SVG) of accuracy against epsilon.")
  var plot: String?

  @Option(help: "Directory for finished runs.")
  var cache: String?

  @Flag(help: "Print one JSON object with rows.")
  var json = false

  func validate() throws {
    guard (1...1_000).contains(seeds) else { throw ValidationError("--seeds is from 1 to 1000.") }
    guard (39...1_000_000).contains(resamples) else {
      throw ValidationError("--resamples is from 39 to 1000000.")
    }
    if let tune, !(1...SearchSpace.largestCount).contains(tune) {
      throw ValidationError("--tune is from 1 to \(SearchSpace.largestCount).")
    }
    guard reach > 0, reach.isFinite else { throw ValidationError("--reach is above 0.") }
  }

  func run() async throws {
    do {
      let metrics = try chosenMetrics()
      let setup = try ComparisonSetup(self)
      try requireFigure(of: setup.cells)
      for note in setup.notes { StandardError.write(note + "\n") }
      let prepared = try await setup.prepared()
      for note in prepared.notes { StandardError.write(note + "\n") }
      let progress = ProgressReporter.onStandardError(
        title: "comparing", unit: "runs", total: setup.cells.count)
      let report = try await prepared.comparison.run { (step: Comparison.Progress) in
        progress.update(done: step.done)
      }
      progress.finish()
      let result = try ComparisonResult(
        report: report, notes: setup.notes + prepared.notes, metrics: metrics,
        references: setup.references,
        bootstrap: PairedBootstrap(resamples: resamples, seed: bootstrapSeed), reach: reach)
      if let perUser {
        StandardError.write("\(perUser) holds a row for each customer; \(Self.caution)\n")
        try FileAccess.replace(
          perUser, Array(report.customerTable(names: setup.customerNames).utf8))
      }
      if let plot {
        guard let figure = ComparisonPlot.figure(report) else { throw Self.nothingToDraw }
        try FileAccess.replace(plot, Array((figure.text + "\n").utf8))
      }
      print(json ? result.json.prettyText : result.text)
    } catch {
      throw TacitFailure.explain(error)
    }
  }

  private static let nothingToDraw = CommandFailure(
    what: "there is nothing to draw", why: "no run has an epsilon",
    next: "give one, such as --epsilon inf,8,4,2,1", exit: .usage)

  /// Runs may take hours: what they cannot give is refused before.
  private func requireFigure(of cells: [ComparisonCell]) throws {
    guard plot == nil || cells.contains(where: { $0.epsilon != nil }) else {
      throw Self.nothingToDraw
    }
  }

  private func chosenMetrics() throws -> [RankingMetric]? {
    guard let metrics else { return nil }
    if metrics == "all" { return RankingMetric.allCases }
    return try metrics.split(separator: ",").map { text in
      guard let metric = RankingMetric(rawValue: String(text)) else {
        throw CommandFailure(
          what: "there is no metric \(text)",
          why: "known are \(RankingMetric.allCases.map(\.rawValue).joined(separator: ", "))",
          next: "choose among them, or all", exit: .usage)
      }
      return metric
    }
  }

  static let watermark = "simulation, seeded noise"
  static let caution =
    "computed from raw data outside the protocol: not covered by epsilon; do not publish such "
    + "figures for your own customers"
}
