internal import ArgumentParser
internal import BehaviorStore
internal import CanonicalJSON
internal import Operations
internal import Recommendation

struct RecommendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recommend",
    abstract: "Recommends from this device alone, with the reason for each item.",
    discussion: """
      Examples:

        client recommend --home me --why
        client recommend --home me --explore linucb:0.5,epsilon=0.05
        client recommend --home me --category lunch-bag --k 5

      The list is computed from your own log without noise: whoever sees it learns about you.

      --explore draws the slate and logs each item's propensity on this device:
        epsilon-greedy:EPSILON[,floor=,half-life=]   plackett-luce:TEMPERATURE
        linucb:ALPHA[,epsilon=]                      linear-thompson:SCALE
        category-thompson:STRENGTH[,optimism=,epsilon=]   greedy
      and with each: mmr=LAMBDA or calibrated=LAMBDA, vectors=text|model, draws=N. How many positions
      explore is up to you: client profile budget. While the policy that you agreed to has an experiment,
      a list without --explore follows the arm that this device drew.
      """)

  @OptionGroup var location: HomeOption

  @Option(name: .customLong("k"), help: "Length of the list.")
  var count: Int = 10

  @Option(help: "Items bought before: allow, suppress, or only.")
  var `repeat`: String = RepeatRule.suppress.rawValue

  @Option(help: "Only items of this category; client profile show --all names them.")
  var category: String?

  @Flag(help: "Recommend as to someone of whom nothing is known.")
  var nonPersonalised = false

  @Option(help: "Draw the slate by a policy, such as plackett-luce:0.3.")
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
    guard !nonPersonalised || explore == nil else {
      throw ValidationError("--non-personalised draws nothing: leave --explore out.")
    }
  }

  func run() async throws {
    var query = SlateQuery(count: count, category: category, isPersonalised: !nonPersonalised)
    query.repeats = try Arguments.repeatRule(self.repeat)
    query.plan = try explore.map(Arguments.plan)
    query.seed = seed
    let (slate, catalogue) = try location.withService(blobs: blobs) { service in
      (try service.slate(query), service.model.catalogue)
    }
    print(
      json
        ? SlateDocument.json(slate, catalogue: catalogue).prettyText : text(slate, catalogue))
  }

  private func text(_ slate: ServedSlate, _ catalogue: Catalogue) -> String {
    var lines: [String] = []
    for (position, item) in slate.items.enumerated() {
      let code = PlainText.line(catalogue.codes[item.item])
      let description = PlainText.line(catalogue.descriptions[item.item])
      let isDrawn = slate.plan != nil
      let propensity =
        isDrawn ? item.propensity.map { "  p=\(Format.decimal($0, places: 4))" } ?? "" : ""
      lines.append("\(position + 1). \(code)  \(description)\(propensity)")
      if why { lines += SlateDocument.lines(item) }
    }
    if slate.items.isEmpty { lines.append("nothing to recommend under --repeat \(self.repeat)") }
    if let part = slate.experiment { lines.append(part.sentence) }
    if let identifier = slate.identifier {
      lines.append(
        "slate \(identifier), logged on this device; tell what came of it: client feedback --home "
          + "\(location.path) \(identifier) ITEM clicked")
      if slate.exploredSlots < slate.items.count, slate.plan?.rule != .greedy {
        lines.append(
          "\(slate.exploredSlots) positions explored: your budget for today has no more; see: client "
            + "profile budget --home \(location.path)")
      }
    }
    return lines.joined(separator: "\n")
  }
}

struct WhyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why", abstract: "Says why an item has its score for you, shown or not.",
    discussion: "Example:\n\n  client why --home me 85123A")

  @OptionGroup var location: HomeOption

  @Argument(help: "The item's code.")
  var item: String

  @Option(help: "Items bought before: allow, suppress, or only.")
  var `repeat`: String = RepeatRule.suppress.rawValue

  @Option(help: "Directory of the public blobs, if it is not beside --home.")
  var blobs: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let repeats = try Arguments.repeatRule(self.repeat)
    let (explained, catalogue) = try location.withService(blobs: blobs) { service in
      (try service.why(item, repeats: repeats), service.model.catalogue)
    }
    if json {
      print(SlateDocument.json(explained, catalogue: catalogue).prettyText)
      return
    }
    let score = Format.decimal(Double(explained.score), places: 4)
    print(
      ([
        PlainText.line("\(item)  \(catalogue.descriptions[explained.item])"),
        "score \(score), the sum of:",
      ]
        + explained.reasons.map { reason in
          let part = Format.decimal(Double(reason.contribution), places: 4)
          return "  \(part)  \(reason.component.rawValue): \(PlainText.line(reason.sentence))"
        }).joined(separator: "\n"))
  }
}

/// What a person writes, as values.
enum Arguments {
  static func repeatRule(_ text: String) throws -> RepeatRule {
    guard let rule = RepeatRule(rawValue: text) else {
      throw CommandFailure(
        what: "--repeat is \"\(text)\"", why: "it must be allow, suppress or only",
        next: "see: client recommend --help", exit: .usage)
    }
    return rule
  }

  static func plan(_ text: String) throws -> ExplorationPlan {
    do {
      return try ExplorationPlan(parsing: text)
    } catch {
      throw CommandFailure(
        what: "--explore is \"\(text)\"", why: "\(error)",
        next: "write for example epsilon-greedy:0.1; see: client recommend --help", exit: .usage)
    }
  }

  static func outcome(_ text: String) throws -> SlateOutcome {
    guard let outcome = SlateOutcome(rawValue: text) else {
      throw CommandFailure(
        what: "there is no outcome \"\(text)\"",
        why: "known are \(SlateOutcome.allCases.map(\.rawValue).joined(separator: ", "))",
        next: "choose one of them", exit: .usage)
    }
    return outcome
  }
}
