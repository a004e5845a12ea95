internal import ArgumentParser
internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Operations
internal import Recommendation

struct EvaluateResponseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "response",
    abstract: "Foresees who redeems a campaign's coupons: centralized, federated and private.",
    discussion: """
      Example:

        tacit data fetch complete-journey
        tacit evaluate response --epsilon inf,4,1 --seeds 5

      Logistic regression on what each household's own log says before a campaign starts
      (docs/behaviour-features.md); earlier campaigns train, later ones are judged. Federated runs go
      through the in-process link, with seeded noise: they are simulations.
      """)

  @Option(name: .customLong("data"), help: "The data set.")
  var name: String = DatasetSource.completeJourney.name

  @Option(help: "Budgets, such as inf,4,1; inf is the run without noise.")
  var epsilon: String = "inf,4"

  @Option(help: "Delta of every private run.")
  var delta: Double = 1e-5

  @Option(help: "Repetitions of every private run.")
  var seeds: Int = 5

  @Option(help: "Newton steps of the federated runs; their default if not given.")
  var rounds: Int?

  @Option(help: "Aggregation modes of the private runs.")
  var modes: String = "sealed,secagg-ddp"

  @Flag(help: "Judge on a split inside the training part, where choices may be made.")
  var tuning = false

  @Flag(help: "Add the ROC curves to the JSON object.")
  var curves = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (1...1_000).contains(seeds) else { throw ValidationError("--seeds is from 1 to 1000.") }
    guard delta > 0, delta < 1 else { throw ValidationError("--delta is between 0 and 1.") }
    guard name == DatasetSource.completeJourney.name else {
      throw ValidationError(
        "--data is \(DatasetSource.completeJourney.name): no other data set has campaigns.")
    }
  }

  func run() async throws {
    do {
      let budgets = try ComparisonSetup.budgets(epsilon)
      let modes = try ComparisonSetup.modes(modes)
      // Before the data are read: what no run accepts is told at once.
      _ = try ResponseModel(hyperparameters: hyperparameters)
      let problem = try ResponseProblem(
        try DatasetLibrary.user().completeJourney(), tuning: tuning)
      let (cells, notes) = try feasible(
        budgets, modes: modes, customers: problem.histories.count)
      let comparison = try ResponseComparison(problem)
      var rows = try comparison.baselines()
      rows += try await federated(cells, problem, comparison)
      let report = ResponseReport(
        problem: problem, rows: rows, notes: notes, delta: delta, tuning: tuning)
      print(json ? report.json(withCurves: curves).prettyText : report.text)
    } catch {
      throw TacitFailure.explain(error)
    }
  }

  /// The rows to train, without those that a masked mode cannot make, and a note for each of these.
  ///
  /// - Throws: for a budget that no mode accepts, before anything is trained.
  private func feasible(
    _ budgets: [Double?], modes: [String], customers: Int
  ) throws -> (cells: [ComparisonCell], notes: [String]) {
    var cells: [ComparisonCell] = []
    var notes: [String] = []
    for budget in budgets {
      // Without noise all modes are the same sum.
      for mode in budget == nil ? [ComparisonCell.centralNoise] : modes {
        let cell = ComparisonCell(
          model: ResponseModel.identifier, setting: .federated, epsilon: budget, mode: mode)
        let obstacle = try InProcessTrainer.obstacle(
          to: cell, hyperparameters: hyperparameters, delta: delta, customers: customers)
        if let obstacle {
          notes.append(
            "\(mode) is left out for \(Format.count(customers)) households: \(obstacle)")
        } else {
          cells.append(cell)
        }
      }
    }
    return (cells, notes)
  }

  private func federated(
    _ cells: [ComparisonCell], _ problem: ResponseProblem, _ comparison: ResponseComparison
  ) async throws -> [ResponseComparison.Row] {
    func repetitions(_ cell: ComparisonCell) -> Int { cell.epsilon == nil ? 1 : seeds }
    let progress = ProgressReporter.onStandardError(
      title: "training", unit: "runs", total: cells.reduce(0) { $0 + repetitions($1) })
    var done = 0
    var rows: [ResponseComparison.Row] = []
    for cell in cells {
      var trained: [FederatedTrainingResult] = []
      for seed in 1...UInt64(repetitions(cell)) {
        trained.append(
          try await InProcessTrainer.train(
            request(problem, epsilon: cell.epsilon, seed: seed, mode: cell.mode)))
        done += 1
        progress.update(done: done)
      }
      rows.append(
        try comparison.federated(
          trained, hyperparameters: hyperparameters, epsilon: cell.epsilon, mode: cell.mode))
    }
    progress.finish()
    return rows
  }

  private var hyperparameters: JSONValue {
    var members: [String: JSONValue] = ["inputs": .integer(Int64(ResponseExample.inputCount))]
    if let rounds { members["rounds"] = .integer(Int64(rounds)) }
    return .object(members)
  }

  private func request(
    _ problem: ResponseProblem, epsilon: Double?, seed: UInt64, mode: String
  ) -> FederatedTrainingRequest {
    FederatedTrainingRequest(
      histories: problem.histories, catalogue: problem.catalogue, features: nil,
      model: ResponseModel.identifier, hyperparameters: hyperparameters, epsilon: epsilon,
      delta: delta, seed: seed, mode: mode)
  }
}

/// The rows of an evaluation of responses, as text and as JSON.
struct ResponseReport {
  let problem: ResponseProblem
  let rows: [ResponseComparison.Row]
  /// What was left out and why, in sentences.
  let notes: [String]
  let delta: Double
  let tuning: Bool

  private static let watermark = CompareCommand.watermark
  private static let interval =
    "difference to centralized, 95 %, bootstrap over households, seeds averaged"

  private var allNotes: [String] {
    let isDrawnAtOnce = rows.contains { $0.noise == .sharesDrawnAtOnce }
    return (isDrawnAtOnce ? [ComparisonResult.masksNotRun] : []) + notes
  }

  private static func number(_ value: Double) -> String { Format.decimal(value, places: 4) }

  private static func interval(_ interval: PairedBootstrap.Interval) -> String {
    "\(number(interval.mean)) [\(number(interval.lower)), \(number(interval.upper))]"
  }

  private var sizes: String {
    "complete-journey\(tuning ? " tuning" : ""): \(Format.count(problem.training.count)) examples of "
      + "\(Format.count(problem.histories.count)) households to learn from, "
      + "\(Format.count(problem.test.count)) to foresee"
  }

  var text: String {
    var table = TextTable(columns: [
      .init("row"), .init("AUC", .right), .init("sd", .right), .init("log loss", .right),
      .init("calibr.", .right), .init("F1", .right), .init("spent", .right),
    ])
    var differences = TextTable(columns: [
      .init("row"), .init("AUC less centralized", .right),
      .init("log loss less centralized", .right),
    ])
    for row in rows {
      table.append([
        row.label, Self.number(row.mean(\.area)),
        row.figures.count > 1 ? Self.number(row.deviation(\.area)) : "",
        Self.number(row.mean(\.logLoss)), Self.number(row.mean(\.calibrationError)),
        Self.number(row.mean(\.f1)),
        row.epsilonSpent.map { Format.decimal($0, places: 3) } ?? "",
      ])
      if let difference = row.difference {
        differences.append([
          row.label, Self.interval(difference.area), Self.interval(difference.logLoss),
        ])
      }
    }
    var lines = [sizes, "\(Self.watermark); delta \(delta), unit household, zero-out"]
    lines += allNotes + [""]
    lines += table.lines()
    lines += [""] + differences.lines()
    lines += [
      "", "Threshold of F1: \(ResponseFigures.thresholdOrigin). Intervals: \(Self.interval).",
      CompareCommand.caution,
    ]
    return lines.joined(separator: "\n")
  }

  func json(withCurves: Bool) -> JSONValue {
    .object([
      "data": .string(DatasetSource.completeJourney.name), "tuning": .bool(tuning),
      "watermark": .string(Self.watermark), "caution": .string(CompareCommand.caution),
      "delta": .number(delta), "unit": .string("household"), "relation": .string("zero-out"),
      "training_examples": .integer(Int64(problem.training.count)),
      "training_households": .integer(Int64(problem.histories.count)),
      "interval": .string(Self.interval), "notes": .array(allNotes.map(JSONValue.string)),
      "rows": .array(
        rows.map { row in
          .object([
            "name": .string(row.label), "epsilon": row.epsilon.map(JSONValue.number) ?? .null,
            "mode": row.mode.map(JSONValue.string) ?? .null,
            "noise": row.noise.map { JSONValue.string($0.rawValue) } ?? .null,
            "epsilon_spent": row.epsilonSpent.map(JSONValue.number) ?? .null,
            "auc": .number(row.mean(\.area)), "auc_sd": .number(row.deviation(\.area)),
            "log_loss": .number(row.mean(\.logLoss)),
            "calibration_error": .number(row.mean(\.calibrationError)),
            "f1": .number(row.mean(\.f1)),
            "auc_difference": row.difference.map { Self.json($0.area) } ?? .null,
            "log_loss_difference": row.difference.map { Self.json($0.logLoss) } ?? .null,
            "seeds": .array(row.figures.map { $0.json(withCurve: withCurves) }),
          ])
        }),
    ])
  }

  private static func json(_ interval: PairedBootstrap.Interval) -> JSONValue {
    .object([
      "mean": .number(interval.mean),
      "interval": .array([.number(interval.lower), .number(interval.upper)]),
    ])
  }
}
