internal import ArgumentParser
internal import BehaviorStore
internal import CanonicalJSON
internal import Cryptography
internal import Glibc
internal import Operations
internal import Recommendation
internal import VectorMath

struct RecommendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recommend",
    abstract: "Recommends from this device alone, with the reason for each item.",
    discussion: """
      Example:

        client recommend --home me --why
        client recommend --home me --explore plackett-luce:0.5

      The list is computed from your own log without noise: whoever sees it learns about you.
      With --explore the slate is drawn; each item's propensity is logged on this device.
      """)

  @OptionGroup var location: HomeOption

  @Option(name: .customLong("k"), help: "Length of the list.")
  var count: Int = 10

  @Option(help: "Items bought before: allow, suppress, or only.")
  var `repeat`: String = RepeatRule.suppress.rawValue

  @Option(help: "Draw the slate: epsilon-greedy:EPSILON or plackett-luce:TEMPERATURE.")
  var explore: String?

  @Option(help: "Seed for --explore, to draw the same slate again.")
  var seed: UInt64?

  @Option(help: "Directory of the public blobs, if it is not beside --home.")
  var blobs: String?

  @Flag(help: "Print the reasons for each item.")
  var why = false

  @Flag(help: "Print one JSON object, reasons included.")
  var json = false

  func validate() throws {
    guard (1...1_000).contains(count) else { throw ValidationError("--k is from 1 to 1000.") }
    guard seed == nil || explore != nil else {
      throw ValidationError("--seed is for --explore.")
    }
  }

  func run() async throws {
    guard let rule = RepeatRule(rawValue: self.repeat) else {
      throw CommandFailure(
        what: "--repeat is \"\(self.repeat)\"", why: "it must be allow, suppress or only",
        next: "see: client recommend --help", exit: .usage)
    }
    let enrolment = try location.enrolment()
    let exploration = try explore.map(Exploration.init(parsing:))
    let (slate, slateID, served) = try location.withStore { store in
      let served = try ServedModel(location, enrolment: enrolment, store: store, blobs: blobs)
      guard let exploration else {
        let slate = try served.recommender.slate(
          history: served.history, count: count, repeats: rule)
        return (slate, nil as Int64?, served)
      }
      let slate = try exploration.draw(served, count: count, rule: rule, seed: seed)
      return (slate, try exploration.log(slate, of: served, in: store), served)
    }
    print(json ? Self.json(slate, slateID, served).prettyText : text(slate, slateID, served))
  }

  private func text(
    _ slate: [Recommendation], _ slateID: Int64?, _ served: ServedModel
  ) -> String {
    var lines: [String] = []
    for (position, item) in slate.enumerated() {
      let code = served.recommender.catalogue.codes[item.item]
      let description = served.recommender.catalogue.descriptions[item.item]
      let propensity = item.propensity.map { "  p=\(Format.decimal($0, places: 4))" } ?? ""
      lines.append("\(position + 1). \(code)  \(description)\(propensity)")
      guard why else { continue }
      for reason in item.reasons where reason.contribution != 0 {
        lines.append("     \(Format.percent(Double(reason.share)))  \(reason.sentence)")
      }
    }
    if slate.isEmpty { lines.append("nothing to recommend under --repeat \(self.repeat)") }
    if let slateID {
      lines.append(
        "slate \(slateID), logged on this device; tell what came of it: client feedback --home "
          + "\(location.path) \(slateID) ITEM clicked")
    }
    return lines.joined(separator: "\n")
  }

  private static func json(
    _ slate: [Recommendation], _ slateID: Int64?, _ served: ServedModel
  ) -> JSONValue {
    let items: [JSONValue] = slate.map { item in
      .object([
        "item": .string(served.recommender.catalogue.codes[item.item]),
        "description": .string(served.recommender.catalogue.descriptions[item.item]),
        "score": .number(Double(item.score)),
        "propensity": item.propensity.map(JSONValue.number) ?? .null,
        "reasons": .array(
          item.reasons.map { reason in
            .object([
              "component": .string(reason.component.rawValue),
              "contribution": .number(Double(reason.contribution)),
              "share": .number(Double(reason.share)), "sentence": .string(reason.sentence),
            ])
          }),
      ])
    }
    return .object(["items": .array(items), "slate": slateID.map { .integer($0) } ?? .null])
  }
}

/// A way to draw slates, as a person writes it: `plackett-luce:0.5`.
struct Exploration {
  let text: String
  private let policy: any ExplorationPolicy

  /// - Throws: `CommandFailure` (exit 2).
  init(parsing text: String) throws {
    self.text = text
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    do {
      switch (parts.first, parts.dropFirst().first.flatMap(Double.init)) {
      case (EpsilonGreedy.identifier, let epsilon?):
        policy = try EpsilonGreedy(epsilon: epsilon)
      case (PlackettLuce.identifier, let temperature?):
        policy = try PlackettLuce(temperature: temperature)
      default:
        throw CommandFailure(
          what: "--explore is \"\(text)\"", why: "it names no policy with its parameter",
          next: "write epsilon-greedy:0.1 or plackett-luce:0.5", exit: .usage)
      }
    } catch let error as RecommendationError {
      throw CommandFailure(
        what: "--explore is \"\(text)\"", why: "\(error)",
        next: "write epsilon-greedy:0.1 or plackett-luce:0.5", exit: .usage)
    }
  }

  func draw(
    _ served: ServedModel, count: Int, rule: RepeatRule, seed: UInt64?
  ) throws -> [Recommendation] {
    if let seed {
      var generator = SeededRandom(seed: seed)
      return try draw(served, count: count, rule: rule, policy, &generator)
    }
    var generator = SystemRandomNumberGenerator()
    return try draw(served, count: count, rule: rule, policy, &generator)
  }

  private func draw(
    _ served: ServedModel, count: Int, rule: RepeatRule, _ policy: some ExplorationPolicy,
    _ generator: inout some RandomNumberGenerator
  ) throws -> [Recommendation] {
    try served.recommender.slate(
      history: served.history, count: count, repeats: rule, policy: policy, using: &generator)
  }

  /// Logged before it is shown: a slate without its propensities cannot be evaluated later.
  func log(
    _ slate: [Recommendation], of served: ServedModel, in store: BehaviorStore
  ) throws -> Int64? {
    guard !slate.isEmpty else { return nil }
    let items = slate.enumerated().map { position, item in
      let parts = item.reasons.map { reason in
        (reason.component.rawValue, JSONValue.number(Double(reason.contribution)))
      }
      return ShownItem(
        position: position + 1, item: served.recommender.catalogue.codes[item.item],
        propensity: item.propensity ?? 1,
        components: String(
          decoding: JSONValue.object(Dictionary(uniqueKeysWithValues: parts)).canonicalBytes,
          as: UTF8.self))
    }
    return try store.recordSlate(
      timeSeconds: Int64(time(nil)), explorationPolicy: text, items: items)
  }
}
