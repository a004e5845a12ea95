internal import ArgumentParser
internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Operations
internal import Recommendation

struct EvaluateResponseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "response",
    abstract: "Foresees coupons, purchases and clicks: centralized, federated and private.",
    discussion: """
      Example:

        tacit evaluate response --target purchase
        tacit data fetch complete-journey
        tacit evaluate response --epsilon inf,4,1 --seeds 5
        tacit evaluate response --target click --json

      coupon (complete-journey): does a household redeem a coupon of a campaign sent to it.
      purchase (online-retail, complete-journey): does a customer buy within --days of a moment.
      click (online-retail): does a simulated customer click an item that is shown; the truth is known.

      Logistic regression on what each device computes from its own log (docs/behaviour-features.md);
      earlier examples train, later ones are judged. Federated runs go through the in-process link,
      with seeded noise: they are simulations.
      """)

  @Option(help: "What is foreseen: coupon, purchase or click.")
  var target: String = ResponseProblem.Target.coupon.rawValue

  @Option(
    name: .customLong("data"),
    help: "The data set; of coupon complete-journey, else online-retail if not given.")
  var name: String?

  @Option(
    help: "Of purchase, the horizon, 1 to 28; if not given 28, of complete-journey 7.")
  var days: Int?

  @Option(help: "Budgets, such as inf,4,1; inf is the run without noise.")
  var epsilon: String = "inf,4"

  @Option(help: "Delta of every private run.")
  var delta: Double = 1e-5

  @Option(help: "Repetitions of every private run.")
  var seeds: Int = 5

  @Option(help: "Newton steps of the federated runs; their default if not given.")
  var rounds: Int?

  @Option(help: "Norm to which a customer's moments are clipped; their default if not given.")
  var momentClip: String?

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
    let question = try question
    guard days == nil || question.target == .purchase else {
      throw ValidationError("--days is of --target purchase: nothing else has a horizon.")
    }
    guard PurchaseMoments.horizons.contains(days ?? 1) else {
      throw ValidationError(
        "--days is from \(PurchaseMoments.horizons.lowerBound) to "
          + "\(PurchaseMoments.horizons.upperBound).")
    }
  }

  /// What is asked of which data set.
  private var question: (target: ResponseProblem.Target, data: String) {
    get throws {
      guard let asked = ResponseProblem.Target(rawValue: target) else {
        let known = ResponseProblem.Target.allCases.map(\.rawValue)
        throw ValidationError("--target is one of \(known.joined(separator: ", ")).")
      }
      let journey = DatasetSource.completeJourney.name
      let (possible, reason): ([String], String) =
        switch asked {
        case .coupon: ([journey], "no other data set has campaigns")
        case .purchase: ([OnlineRetail.name, journey], "no other data set has moments to ask at")
        case .click: ([OnlineRetail.name], "clicks are simulated, and there only")
        }
      let data = name ?? possible[0]
      guard possible.contains(data) else {
        throw ValidationError(
          "--data is \(possible.joined(separator: " or ")) for --target \(asked.rawValue): "
            + "\(reason).")
      }
      return (asked, data)
    }
  }

  func run() async throws {
    do {
      let budgets = try ComparisonSetup.budgets(epsilon)
      let modes = try ComparisonSetup.modes(modes)
      let (target, data) = try question
      // Before the data are read: what no run accepts is told at once.
      _ = try ResponseModel(
        hyperparameters: target.hyperparameters(
          inputs: ResponseSchema.inputCounts.lowerBound, rounds: rounds, momentClip: momentClip))
      let problem = try await problem(target, of: data)
      let hyperparameters = target.hyperparameters(
        inputs: problem.schema.inputs.count, rounds: rounds, momentClip: momentClip)
      let (cells, notes) = try feasible(
        budgets, modes: modes, problem: problem, hyperparameters: hyperparameters)
      let comparison = try ResponseComparison(problem)
      var rows = try comparison.baselines()
      rows += try await federated(cells, problem, comparison, hyperparameters: hyperparameters)
      let report = ResponseReport(
        problem: problem, hyperparameters: hyperparameters, rows: rows, notes: notes, delta: delta,
        tuning: tuning)
      print(json ? report.json(withCurves: curves).prettyText : report.text)
    } catch {
      throw TacitFailure.explain(error)
    }
  }

  private func problem(
    _ target: ResponseProblem.Target, of data: String
  ) async throws -> ResponseProblem {
    let library = try DatasetLibrary.user()
    switch target {
    case .coupon: return try .coupons(library.completeJourney(), tuning: tuning)
    case .purchase where data == OnlineRetail.name:
      return try .purchases(
        library.load(data, shipped: .current()), days: days, tuning: tuning)
    case .purchase:
      return try .purchases(library.completeJourney(), days: days, tuning: tuning)
    case .click:
      var settings = RetailEnvironment.Settings()
      settings.customers = ResponseProblem.clickCustomers
      let environment = try RetailEnvironment(
        library.load(data, shipped: .current()), settings: settings)
      let progress = ProgressReporter.onStandardError(
        title: "simulating", unit: "customers", total: settings.customers)
      let problem = try await ResponseProblem.clicks(
        in: environment, data: data, tuning: tuning
      ) { progress.advance() }
      progress.finish()
      return problem
    }
  }

  /// The rows to train, without those that a masked mode cannot make, and a note for each of these.
  ///
  /// - Throws: for a budget that no mode accepts, before anything is trained.
  private func feasible(
    _ budgets: [Double?], modes: [String], problem: ResponseProblem, hyperparameters: JSONValue
  ) throws -> (cells: [ComparisonCell], notes: [String]) {
    let customers = problem.histories.count
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
            "\(mode) is left out for \(Format.count(customers)) \(problem.unit)s: \(obstacle)")
        } else {
          cells.append(cell)
        }
      }
    }
    return (cells, notes)
  }

  private func federated(
    _ cells: [ComparisonCell], _ problem: ResponseProblem, _ comparison: ResponseComparison,
    hyperparameters: JSONValue
  ) async throws -> [ResponseComparison.Row] {
    func repetitions(_ cell: ComparisonCell) -> Int { cell.epsilon == nil ? 1 : seeds }
    let progress = ProgressReporter.onStandardError(
      title: "training", unit: "runs", total: cells.reduce(0) { $0 + repetitions($1) })
    let (histories, catalogue) = (problem.histories, problem.catalogue)
    var done = 0
    var rows: [ResponseComparison.Row] = []
    for cell in cells {
      var trained: [FederatedTrainingResult] = []
      for seed in 1...UInt64(repetitions(cell)) {
        trained.append(
          try await InProcessTrainer.train(
            FederatedTrainingRequest(
              histories: histories, catalogue: catalogue, features: nil,
              model: ResponseModel.identifier, hyperparameters: hyperparameters,
              epsilon: cell.epsilon, delta: delta, seed: seed, mode: cell.mode)))
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
}
