internal import CanonicalJSON
internal import Cryptography
internal import Datasets
internal import Evaluation
internal import Operations
internal import Privacy
internal import Recommendation

/// The options, read and refused before anything is run.
extension ComparisonSetup {
  /// Those of `--hyperparameters` by model, tried on the models.
  static func hyperparameters(
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

  /// The public item vectors: those of a file, else those of the texts, else none.
  static func features(
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

  /// Where a shop's log is cut: at --cut, else where the log is known to be; nil for a protocol of ratings.
  static func cuts(
    _ command: CompareCommand, _ dataset: InteractionDataset
  ) throws -> RetailSplit.Cuts? {
    let known = command.protocolName == nil ? RetailSplit.cuts(of: dataset.name) : nil
    guard let date = command.cut else { return known }
    guard command.protocolName == nil, known == nil else {
      throw CommandFailure(
        what: "--cut cannot be used here",
        why: known == nil
          ? "--protocol splits the log by another rule" : "\(dataset.name) has a cut of its own",
        next: "leave it out", exit: .usage)
    }
    guard let seconds = CalendarTime.seconds(ofDate: date) else {
      throw CommandFailure(
        what: "--cut is \(date)", why: "it is no date",
        next: "write, for example, --cut 2011-10-01",
        exit: .usage)
    }
    guard let cuts = RetailSplit.Cuts(of: dataset, at: seconds) else {
      throw CommandFailure(
        what: "--cut is \(date)", why: "\(dataset.name) has no events on one side of it",
        next: "choose a day within the log", exit: .usage)
    }
    return cuts
  }

  static func benchmark(_ name: String?) throws -> BenchmarkProtocol {
    let chosen = name ?? BenchmarkProtocol.p3.rawValue
    guard let benchmark = BenchmarkProtocol(rawValue: chosen) else {
      throw CommandFailure(
        what: "there is no protocol \(chosen)",
        why: "known are \(BenchmarkProtocol.allCases.map(\.rawValue).joined(separator: ", "))",
        next: "choose one of them", exit: .usage)
    }
    return benchmark
  }

  static func baselines(_ list: String) throws -> [CentralizedBaseline] {
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

  static func multiples(_ list: String) throws -> [Double] {
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
