internal import CanonicalJSON
internal import Cryptography
internal import Datasets
internal import Evaluation
internal import Operations
internal import Privacy
internal import Recommendation

/// What `tacit compare` runs, made of its options.
struct ComparisonSetup {
  let plan: ComparisonPlan
  let comparison: Comparison
  /// The data set's name of each history's customer.
  let customerNames: [String]
  /// What was left out and why, in sentences.
  let notes: [String]
  /// Labels of the rows that all others are held against.
  let references: [String]

  /// What is tried for EASE on a data set without anchors.
  private static let lambdas = [50.0, 100, 200, 400, 800]

  init(_ command: CompareCommand) async throws {
    let dataset = try DatasetLibrary.user().load(command.name, shipped: .current())
    let split =
      command.protocolName == nil
      ? RetailSplit.standard(dataset, tuning: command.tuning) : nil
    let isRetail = split != nil
    let benchmark = isRetail ? nil : try Self.benchmark(command.protocolName)
    let problem: EvaluationProblem
    if let split {
      problem = try EvaluationProblem.retail(
        split, name: command.name + (command.tuning ? " tuning" : ""))
      customerNames = split.customers
    } else {
      let benchmark = benchmark ?? .p3
      problem = try command.tuning ? benchmark.tuningProblem(dataset) : benchmark.problem(dataset)
      customerNames = dataset.customers
    }
    let identifiers = command.models.split(separator: ",").map(String.init)
    let known = ModelRegistry.identifiers
    for identifier in identifiers where !known.contains(identifier) {
      throw RecommendationError.unknownModel(identifier: identifier, known: known)
    }
    var hyperparameters = try Self.hyperparameters(command.hyperparameters, of: identifiers)
    var notes = hyperparameters.sorted { $0.key < $1.key }.map { model, values in
      "\(model) runs with \(String(decoding: values.canonicalBytes, as: UTF8.self))"
        + (model == SequenceModel.identifier ? ", but for its centralized and twin rows" : "")
    }
    let baselines = try Self.baselines(command.baselines)
    let features = try Self.features(command, dataset.catalogue)
    var cells = ComparisonPlan.standardCells(
      federated: identifiers, epsilons: try Self.budgets(command.epsilon), seeds: command.seeds,
      withLocal: isRetail && features != nil, baselines: baselines,
      modes: try Self.modes(command.modes),
      multiples: try Self.multiples(command.customers))
    if command.runMasks, cells.contains(where: \.isResampled) {
      throw CommandFailure(
        what: "--run-masks and --customers exclude each other",
        why: "customers that are drawn again are weights of a sum, and masks know no weights",
        next: "leave one of them out", exit: .usage)
    }
    cells = try Self.feasible(
      cells, hyperparameters: hyperparameters, delta: command.delta,
      customers: problem.histories.count, notes: &notes)
    for baseline in baselines {
      guard let limit = baseline.largestCatalogue, dataset.catalogue.count > limit else { continue }
      notes.append(
        "\(baseline.rawValue) is left out: its matrix of \(Format.count(dataset.catalogue.count)) "
          + "items squared is too large (at most \(Format.count(limit)))")
      cells.removeAll { $0.model == baseline.rawValue }
    }
    if dataset.catalogue.count > CentralizedSASRec.largestCatalogue,
      cells.contains(where: Self.hasSoftmaxOverAll)
    {
      notes.append(
        "\(CentralizedSASRec.identifier):centralized and its twin are left out: a softmax over "
          + "\(Format.count(dataset.catalogue.count)) items would take hours "
          + "(at most \(Format.count(CentralizedSASRec.largestCatalogue)))")
      cells.removeAll(where: Self.hasSoftmaxOverAll)
    }
    // Before anything is run: runs may take hours.
    let rows = ComparisonCell.rowLabels(of: cells)
    let names = command.against.isEmpty ? [Self.reference(among: cells)] : command.against
    references = try names.map { rows[try ComparisonCell.place(ofRow: $0, among: rows)] }
    var tried = SettingsTried.counts(of: cells, on: command.name)
    // What was tried before these were given is not known here.
    for model in hyperparameters.keys { tried.updateValue(nil, forKey: model) }
    for baseline in baselines {
      guard let anchored = baseline.anchored(on: command.name, benchmark) else { continue }
      hyperparameters[baseline.rawValue] = anchored
      // Those who chose them did not count their trials.
      tried.updateValue(nil, forKey: baseline.rawValue)
    }
    if hyperparameters[EASE.identifier] == nil,
      cells.contains(where: { $0.model == EASE.identifier })
    {
      var lambda = "200"
      do {
        let chosen = try await EASE.chosenRegularization(
          among: Self.lambdas, on: try (benchmark ?? .p3).tuningProblem(dataset))
        lambda = ComparisonCell.number(chosen)
        tried[EASE.identifier] = Self.lambdas.count
      } catch EvaluationError.nothingToEvaluate {
        notes.append(
          "ease has lambda \(lambda), not a chosen one: no customer has enough items to split once more"
        )
      }
      hyperparameters[EASE.identifier] = .object(["lambda": .string(lambda)])
    }
    if command.tuning, cells.contains(where: Self.isCentralizedSASRec) {
      notes.append(
        "with --tuning the epochs of \(CentralizedSASRec.identifier) are chosen on the split that is "
          + "shown: its row is optimistic")
    }
    plan = try ComparisonPlan(
      problem: problem, cells: cells, hyperparameters: hyperparameters,
      delta: command.delta, codeVersion: ProductVersion.current,
      settingsTried: tried, runsMasks: command.runMasks)
    comparison = Comparison(
      plan: plan,
      cache: try CellCache(directory: command.cache ?? CacheDirectory.comparisons()),
      features: features?.make, featuresName: features?.name ?? "",
      trainer: InProcessTrainer.train,
      tuning: {
        if isRetail, let split = RetailSplit.standard(dataset, tuning: true) {
          return try EvaluationProblem.retail(split, name: dataset.name)
        }
        return try (benchmark ?? .p3).tuningProblem(dataset)
      })
    self.notes = notes
  }

  /// Read and tried before anything is run.
  private static func hyperparameters(
    _ text: String?, of models: [String]
  ) throws -> [String: JSONValue] {
    guard let text else { return [:] }
    let example = "such as --hyperparameters '{\"mf\": {\"rounds\": 20}}'"
    let value: JSONValue
    do {
      value = try JSONValue.parse(Array(text.utf8))
    } catch {
      throw CommandFailure(
        what: "--hyperparameters is not JSON", why: "\(error)", next: "write it \(example)",
        exit: .usage)
    }
    guard let members = value.objectValue else {
      throw CommandFailure(
        what: "--hyperparameters is not an object", why: "it has one member a model",
        next: "write it \(example)", exit: .usage)
    }
    for (model, values) in members.sorted(by: { $0.key < $1.key }) {
      guard models.contains(model) else {
        throw CommandFailure(
          what: "--hyperparameters names \(model), which is not compared",
          why: "--models says \(models.joined(separator: ","))", next: "name it in both",
          exit: .usage)
      }
      _ = try ModelRegistry.model(identifier: model, hyperparameters: values)
    }
    return members
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

  private static func isCentralizedSASRec(_ cell: ComparisonCell) -> Bool {
    cell.model == CentralizedSASRec.identifier && cell.setting == .centralized
  }

  /// Takes out the runs that a masked mode cannot make, and says so.
  private static func feasible(
    _ cells: [ComparisonCell], hyperparameters: [String: JSONValue], delta: Double,
    customers: Int, notes: inout [String]
  ) throws -> [ComparisonCell] {
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

  /// The public item vectors: those of a file, else those of the texts, else none.
  private static func features(
    _ command: CompareCommand, _ catalogue: Catalogue
  ) throws -> (make: @Sendable () throws -> ItemFeatures, name: String)? {
    if let features = try command.vectors.features(for: catalogue) {
      return ({ features }, SHA256Digest(hashing: features.encoded()).hex)
    }
    let isDescribed = zip(catalogue.codes, catalogue.descriptions).contains {
      !$1.isEmpty && $0 != $1
    }
    guard isDescribed else { return nil }
    let descriptions = catalogue.descriptions
    return ({ try TextFeatures.vectors(descriptions: descriptions) }, "texts")
  }

  private static func benchmark(_ name: String?) throws -> BenchmarkProtocol {
    let chosen = name ?? BenchmarkProtocol.p3.rawValue
    guard let benchmark = BenchmarkProtocol(rawValue: chosen) else {
      throw CommandFailure(
        what: "there is no protocol \(chosen)",
        why: "known are \(BenchmarkProtocol.allCases.map(\.rawValue).joined(separator: ", "))",
        next: "choose one of them", exit: .usage)
    }
    return benchmark
  }

  private static func baselines(_ list: String) throws -> [CentralizedBaseline] {
    let known = CentralizedBaseline.allCases.map(\.rawValue).joined(separator: ",")
    let names = list.split(separator: ",").map(String.init)
    let chosen = names.compactMap(CentralizedBaseline.init(rawValue:))
    guard !chosen.isEmpty, chosen.count == names.count, Set(chosen).count == chosen.count else {
      throw CommandFailure(
        what: "--baselines is \(list)", why: "known are \(known), each once",
        next: "write, for example, --baselines ease,itemknn", exit: .usage)
    }
    return chosen
  }

  static func budgets(_ list: String) throws -> [Double?] {
    try list.split(separator: ",").map { text in
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

  static func modes(_ list: String) throws -> [String] {
    let chosen = list.split(separator: ",").map(String.init)
    guard !chosen.isEmpty, Set(chosen).count == chosen.count,
      chosen.allSatisfy(PrivacyPolicy.modes.contains)
    else {
      throw CommandFailure(
        what: "--modes is \(list)",
        why: "known are \(PrivacyPolicy.modes.joined(separator: ", ")), each once",
        next: "write, for example, --modes sealed,secagg-ddp", exit: .usage)
    }
    return chosen
  }

  private static let multipleRange = 0.01...1_000

  private static func multiples(_ list: String) throws -> [Double] {
    let chosen = list.split(separator: ",").map { text -> Double? in
      text.hasSuffix("x") ? Double(text.dropLast()) : nil
    }
    let valid = chosen.compactMap { $0 }.filter(multipleRange.contains)
    guard !valid.isEmpty, valid.count == chosen.count, Set(valid).count == valid.count else {
      throw CommandFailure(
        what: "--customers is \(list)",
        why: "it is a list of different multiples from 0.01x to 1000x",
        next: "write, for example, --customers 1x,10x,100x", exit: .usage)
    }
    return valid.sorted()
  }
}
