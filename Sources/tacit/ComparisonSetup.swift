internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Operations
internal import Recommendation

/// What `tacit compare` runs, made of its options. Nothing is run before ``prepared()``.
struct ComparisonSetup {
  let command: CompareCommand
  let problem: EvaluationProblem
  /// Nil for the retail tasks.
  let benchmark: BenchmarkProtocol?
  /// Makes the problem of the training part on which settings are chosen.
  let tuning: @Sendable () throws -> EvaluationProblem
  let cells: [ComparisonCell]
  /// Hyper-parameters that were given, by federated model.
  let given: [String: JSONValue]
  let features: (make: @Sendable () throws -> ItemFeatures, name: String)?
  /// The data set's name of each history's customer.
  let customerNames: [String]
  /// Labels of the rows that all others are held against.
  let references: [String]
  /// What was left out and why, in sentences.
  let notes: [String]

  init(_ command: CompareCommand) throws {
    self.command = command
    let dataset = try DatasetLibrary.user().load(command.name, shipped: .current())
    let cuts = try Self.cuts(command, dataset)
    let split = cuts.map { RetailSplit(dataset, cuts: $0, tuning: command.tuning) }
    let benchmark = try split == nil ? Self.benchmark(command.protocolName) : nil
    if let benchmark {
      problem = try command.tuning ? benchmark.tuningProblem(dataset) : benchmark.problem(dataset)
    } else {
      problem = try Self.retail(split, name: command.name + (command.tuning ? " tuning" : ""))
    }
    customerNames = split?.customers ?? dataset.customers
    self.benchmark = benchmark
    tuning = {
      if let benchmark { return try benchmark.tuningProblem(dataset) }
      return try Self.retail(
        cuts.map { RetailSplit(dataset, cuts: $0, tuning: true) }, name: dataset.name)
    }
    let identifiers = command.models.split(separator: ",").map(String.init)
    let known = ModelRegistry.identifiers
    for identifier in identifiers where !known.contains(identifier) {
      throw RecommendationError.unknownModel(identifier: identifier, known: known)
    }
    given = try Self.hyperparameters(command.hyperparameters, of: identifiers)
    try Self.requireTunable(command, given)
    var notes = given.sorted { $0.key < $1.key }.map { model, values in
      "\(model) runs with \(Self.text(values))"
        + (model == SequenceModel.identifier ? ", but for its centralized and twin rows" : "")
    }
    features = try Self.features(command, dataset.catalogue)
    let hasTexts = features != nil
    let all = ComparisonPlan.standardCells(
      federated: identifiers, epsilons: try Self.budgets(command.epsilon), seeds: command.seeds,
      withLocal: split != nil,
      baselines: try Self.baselines(command.baselines), modes: try Self.modes(command.modes),
      multiples: try Self.multiples(command.customers)
    ).filter { hasTexts || $0.model != "local" }
    if split != nil, !hasTexts { notes.append("local is left out: it needs item texts") }
    if command.runMasks, all.contains(where: \.isResampled) {
      throw CommandFailure(
        what: "--run-masks and --customers exclude each other",
        why: "customers that are drawn again are weights of a sum, and masks know no weights",
        next: "leave one of them out", exit: .usage)
    }
    let possible = try Self.feasible(
      all, hyperparameters: given, delta: command.delta, customers: problem.histories.count,
      notes: &notes)
    let cells = Self.affordable(
      possible, items: dataset.catalogue.count, isTuned: command.tune != nil, notes: &notes)
    self.cells = cells
    // Before anything is run: runs may take hours.
    let rows = ComparisonCell.rowLabels(of: cells)
    let names = command.against.isEmpty ? [Self.reference(among: cells)] : command.against
    references = try names.map { rows[try ComparisonCell.place(ofRow: $0, among: rows)] }
    if command.tuning, cells.contains(where: Self.isCentralizedSASRec) {
      notes.append(
        "with --tuning the epochs of \(CentralizedSASRec.identifier) are chosen on the split that is "
          + "shown: its row is optimistic")
    }
    self.notes = notes
  }

  private static func retail(
    _ split: RetailSplit?, name: String
  ) throws -> EvaluationProblem {
    guard let split else {
      throw EvaluationError.nothingToEvaluate(
        protocolName: "retail", need: "a shop's log with a cut of its own")
    }
    return try EvaluationProblem.retail(split, name: name)
  }

  /// `{"rounds":20}`.
  static func text(_ hyperparameters: JSONValue) -> String {
    String(decoding: hyperparameters.canonicalBytes, as: UTF8.self)
  }

  /// What rows are held against unless told otherwise.
  private static func reference(among cells: [ComparisonCell]) -> String {
    let hasEASE = cells.contains { $0.model == EASE.identifier }
    return ComparisonCell(
      model: hasEASE ? EASE.identifier : "popularity", setting: .centralized
    ).label
  }

  private static func hasSoftmaxOverAll(_ cell: ComparisonCell) -> Bool {
    isCentralizedSASRec(cell) || cell.isTwin
  }

  static func isCentralizedSASRec(_ cell: ComparisonCell) -> Bool {
    cell.model == CentralizedSASRec.identifier && cell.setting == .centralized
  }

  /// Takes out the runs that cost too much for the catalogue, or have nothing to tune, and says so.
  private static func affordable(
    _ cells: [ComparisonCell], items: Int, isTuned: Bool, notes: inout [String]
  ) -> [ComparisonCell] {
    var kept = cells
    for baseline in CentralizedBaseline.allCases {
      guard let limit = baseline.largestCatalogue, items > limit,
        kept.contains(where: { $0.model == baseline.rawValue })
      else { continue }
      notes.append(
        "\(baseline.rawValue) is left out: its matrix of \(Format.count(items)) items squared is too "
          + "large (at most \(Format.count(limit)))")
      kept.removeAll { $0.model == baseline.rawValue }
    }
    let limit = CentralizedSASRec.largestCatalogue
    if items > limit, kept.contains(where: hasSoftmaxOverAll) {
      notes.append(
        "\(CentralizedSASRec.identifier):centralized and its twin are left out: a softmax over "
          + "\(Format.count(items)) items would take hours (at most \(Format.count(limit)))")
      kept.removeAll(where: hasSoftmaxOverAll)
    }
    if isTuned, let twin = kept.first(where: \.isTwin) {
      notes.append(
        "\(twin.label) is left out: its hyperparameters are fixed, and --tune tries as many for "
          + "each row")
      kept.removeAll(where: \.isTwin)
    }
    return kept
  }

  /// Takes out the runs that this process, or a masked mode, cannot make, and says so.
  private static func feasible(
    _ cells: [ComparisonCell], hyperparameters: [String: JSONValue], delta: Double,
    customers: Int, notes: inout [String]
  ) throws -> [ComparisonCell] {
    var cells = cells
    if let obstacle = InProcessTrainer.obstacle(toDevices: customers),
      cells.contains(where: { $0.setting == .federated })
    {
      notes.append("federated rows are left out: \(obstacle)")
      cells.removeAll { $0.setting == .federated }
    }
    var kept: [ComparisonCell] = []
    // By row: the runs of one differ by their seeds, which are no obstacle.
    var obstacles: [String: String?] = [:]
    for cell in cells {
      let members = cell.customers(of: customers)
      let found: String?
      if let known = obstacles[cell.label] {
        found = known
      } else {
        found = try InProcessTrainer.obstacle(
          to: cell, hyperparameters: hyperparameters[cell.model] ?? .object([:]), delta: delta,
          customers: members)
        obstacles.updateValue(found, forKey: cell.label)
      }
      guard let obstacle = found else {
        kept.append(cell)
        continue
      }
      let note = "\(cell.mode) is left out for \(Format.count(members)) customers: \(obstacle)"
      if !notes.contains(note) { notes.append(note) }
    }
    return kept
  }
}
