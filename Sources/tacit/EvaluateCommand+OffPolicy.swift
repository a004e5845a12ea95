internal import ArgumentParser
internal import CanonicalJSON
internal import Datasets
internal import Evaluation
internal import Operations

struct EvaluateOffPolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "off-policy",
    abstract: "Estimates what a policy would have earned, from another policy's log.",
    discussion: """
      Example:

        tacit evaluate off-policy --policy uniform affinity:0.2 ctr-softmax:200
        tacit evaluate off-policy --data log.csv --learn-from other.csv --policy ctr-eps-greedy
        tacit evaluate off-policy --data log.csv --policy bernoulli-ts table.csv --json

      A log is a CSV file in the Open Bandit format: item_id, click, propensity_score, and where
      there are any position and user-item_affinity_K. Policies, with their parameter after a colon:

        uniform                 all items alike
        affinity:0.2            the row's largest affinity, else (0.2) any item
        ctr-eps-greedy:0.1      the item clicked most often elsewhere, else (0.1) any item
        ctr-softmax:200         proportional to exp(200 x click rate elsewhere)
        bernoulli-ts [FILE]     a table item,position,probability; without one, Thompson
                                sampling with the counts elsewhere (20,000 draws)

      "Elsewhere" is the other log of the same campaign, or --learn-from; without either, the first
      half of the log, and the second half is evaluated. No verdict is given below an effective
      sample size of 100 or 30 weighted clicks.
      """)

  @Option(name: .customLong("data"), help: "open-bandit, or a CSV file.")
  var data: String = DatasetSource.openBandit.name

  @Option(help: "Of open-bandit, or of a policy table: all, men or women.")
  var campaign: String?

  @Option(help: "Of open-bandit, which policy wrote the log: random or bts.")
  var behaviour: String?

  @Option(parsing: .upToNextOption, help: "Policies to evaluate, separated by blanks.")
  var policy: [String] = ["uniform"]

  @Option(help: "Another log, from which policies learn.")
  var learnFrom: String?

  @Option(help: "How many items there are, if the file does not tell.")
  var items: Int?

  @Option(help: "Bound of the clipped estimator's weights.")
  var clip: Double = 10

  @Option(help: "Weight above which switch-DR leaves its correction out.")
  var tau: Double = 5

  @Option(help: "Lambda of DR with optimistic shrinkage.")
  var lambda: Double = 5

  @Option(help: "Seed of sampled policies.")
  var seed: UInt64 = 1

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard [clip, tau, lambda].allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw ValidationError("--clip, --tau and --lambda are numbers above 0.")
    }
    if let items, !(1...OpenBanditLog.maximumItems).contains(items) {
      throw ValidationError("--items is from 1 to \(OpenBanditLog.maximumItems).")
    }
  }

  func run() async throws {
    do {
      let requests = try OffPolicyRequest.parse(policy)
      let logs = try LoggedData(self, needsLearning: requests.contains(where: \.learns))
      let model = RewardModel(logs.evaluated)
      let estimators = OffPolicyEstimator.all(clip: clip, threshold: tau, lambda: lambda)
      let evaluations = try requests.map { request in
        OffPolicyEvaluation(
          try request.policy(logs, campaign: logs.campaign ?? campaign, seed: seed),
          on: logs.evaluated, model: model, estimators: estimators)
      }
      let report = OffPolicyReport(logs: logs, evaluations: evaluations)
      print(json ? report.json.prettyText : report.text)
    } catch let error as EvaluationError {
      throw CommandFailure(
        what: "the policy cannot be evaluated", why: "\(error)",
        next: "see: tacit evaluate off-policy --help", exit: .usage)
    } catch {
      throw TacitFailure.explain(error)
    }
  }
}

/// The log that is evaluated and the one that policies learn from.
struct LoggedData {
  let evaluated: OpenBanditLog
  /// Nil where no policy learns.
  let learned: OpenBanditLog?
  /// How the two were chosen, a sentence.
  let note: String?
  /// Of the Open Bandit Dataset.
  let campaign: String?

  init(_ command: EvaluateOffPolicyCommand, needsLearning: Bool) throws {
    guard command.data != DatasetSource.openBandit.name else {
      self = try Self.openBandit(command, needsLearning: needsLearning)
      return
    }
    guard command.behaviour == nil else {
      throw CommandFailure(
        what: "--behaviour does not fit a file", why: "it names a log of open-bandit",
        next: "leave it out, or write --data open-bandit", exit: .usage)
    }
    let log = try OpenBanditLog.read(command.data, itemCount: command.items)
    if let other = command.learnFrom {
      let learned = try OpenBanditLog.read(other, itemCount: command.items ?? log.itemCount)
      self.init(
        evaluated: log, learned: learned, note: "policies learn from \(learned.name)", campaign: nil
      )
      return
    }
    guard needsLearning else {
      self.init(evaluated: log, learned: nil, note: nil, campaign: nil)
      return
    }
    let half = log.count / 2
    guard half > 0 else {
      throw CommandFailure(
        what: "there is nothing to learn from", why: "the log has one row",
        next: "name another log: --learn-from FILE", exit: .usage)
    }
    self.init(
      evaluated: log.rows(half..<log.count), learned: log.rows(0..<half),
      note: "policies learn from the first half of the log, and the second is evaluated",
      campaign: nil)
  }

  private init(
    evaluated: OpenBanditLog, learned: OpenBanditLog?, note: String?, campaign: String?
  ) {
    self.evaluated = evaluated
    self.learned = learned
    self.note = note
    self.campaign = campaign
  }

  private static func openBandit(
    _ command: EvaluateOffPolicyCommand, needsLearning: Bool
  ) throws -> LoggedData {
    func choice<Value: RawRepresentable & CaseIterable>(
      _ text: String?, _ option: String, default fallback: Value
    ) throws -> Value where Value.RawValue == String {
      guard let text else { return fallback }
      guard let value = Value(rawValue: text) else {
        let known = Value.allCases.map(\.rawValue)
        throw CommandFailure(
          what: "\(option) is \"\(text)\"", why: "known are \(known.joined(separator: ", "))",
          next: NearestName.of(text, among: known).map { "did you mean \($0)?" }
            ?? "choose one of them", exit: .usage)
      }
      return value
    }
    guard command.items == nil, command.learnFrom == nil else {
      throw CommandFailure(
        what: "--items and --learn-from do not fit open-bandit",
        why: "its logs have their items, and policies learn from the other log of the campaign",
        next: "leave them out, or name a file with --data", exit: .usage)
    }
    let campaign = try choice(
      command.campaign, "--campaign", default: OpenBanditSelection.Campaign.all)
    let behavior = try choice(
      command.behaviour, "--behaviour", default: OpenBanditSelection.Behavior.random)
    let library = try DatasetLibrary.user()
    let selection = OpenBanditSelection(campaign: campaign, behavior: behavior)
    let other = OpenBanditSelection(campaign: campaign, behavior: behavior.other)
    return LoggedData(
      evaluated: try library.openBanditLog(selection),
      learned: needsLearning ? try library.openBanditLog(other) : nil,
      note: needsLearning
        ? "policies learn from the campaign's other log, \(other.fileName)" : nil,
      campaign: campaign.rawValue)
  }
}

/// A policy as a person names it.
struct OffPolicyRequest {
  enum Kind: String, CaseIterable {
    case uniform
    case affinity
    case clickRateEpsilonGreedy = "ctr-eps-greedy"
    case clickRateSoftmax = "ctr-softmax"
    case bernoulliThompson = "bernoulli-ts"
  }

  private static let thompsonDraws = 20_000

  let kind: Kind
  let parameter: Double?
  let table: String?

  /// Whether another log is needed.
  var learns: Bool {
    switch kind {
    case .uniform, .affinity: false
    case .clickRateEpsilonGreedy, .clickRateSoftmax: true
    case .bernoulliThompson: table == nil
    }
  }

  /// - Throws: `CommandFailure` (exit 2).
  static func parse(_ words: [String]) throws -> [OffPolicyRequest] {
    var requests: [OffPolicyRequest] = []
    for word in words {
      let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        .map(String.init)
      if let kind = Kind(rawValue: parts[0]) {
        requests.append(try request(kind, argument: parts.dropFirst().first, word: word))
      } else if let last = requests.last, last.kind == .bernoulliThompson, last.table == nil {
        requests[requests.count - 1] = OffPolicyRequest(
          kind: last.kind, parameter: nil, table: word)
      } else {
        let known = Kind.allCases.map(\.rawValue)
        throw CommandFailure(
          what: "there is no policy \(word)", why: "known are \(known.joined(separator: ", "))",
          next: NearestName.of(parts[0], among: known).map { "did you mean \($0)?" }
            ?? "a table of your own: --policy bernoulli-ts FILE", exit: .usage)
      }
    }
    return requests
  }

  private static func request(
    _ kind: Kind, argument: String?, word: String
  ) throws -> OffPolicyRequest {
    guard let argument else { return OffPolicyRequest(kind: kind, parameter: nil, table: nil) }
    if kind == .bernoulliThompson {
      return OffPolicyRequest(kind: kind, parameter: nil, table: argument)
    }
    guard kind != .uniform, let parameter = Double(argument), parameter.isFinite else {
      throw CommandFailure(
        what: "the policy is \"\(word)\"",
        why: kind == .uniform ? "uniform has no parameter" : "what follows the colon is no number",
        next: "write, for example, ctr-softmax:200", exit: .usage)
    }
    return OffPolicyRequest(kind: kind, parameter: parameter, table: nil)
  }

  func policy(_ logs: LoggedData, campaign: String?, seed: UInt64) throws -> EvaluationPolicy {
    let log = logs.evaluated
    let learned = logs.learned ?? log
    switch kind {
    case .uniform: return .uniform(for: log)
    case .affinity: return try .affinity(epsilon: parameter ?? 0.2, for: log)
    case .clickRateEpsilonGreedy:
      return try .clickRateEpsilonGreedy(
        learnedFrom: learned, epsilon: parameter ?? 0.1, for: log)
    case .clickRateSoftmax:
      return try .clickRateSoftmax(learnedFrom: learned, scale: parameter ?? 200, for: log)
    case .bernoulliThompson:
      guard let table else {
        return try .bernoulliThompson(
          learnedFrom: learned, draws: Self.thompsonDraws, seed: seed, for: log)
      }
      return try .table(
        OpenBanditPolicyTable.read(table, campaign: campaign), name: "bernoulli-ts:\(table)",
        for: log)
    }
  }
}
