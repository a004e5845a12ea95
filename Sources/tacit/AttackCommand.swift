internal import ArgumentParser
internal import Attacks
internal import CanonicalJSON
internal import Datasets
internal import Operations
internal import Recommendation

struct AttackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack",
    abstract: "Attacks real customers' data with and without the protection.",
    discussion: """
      Example:

        tacit attack items
        tacit attack membership --data ml-100k --json
        tacit attack inversion

      Exit 0 if the attack wins without protection and loses against the default, 4 if it wins
      against the default, 1 if it wins nowhere and so shows nothing.
      """,
    subcommands: [ItemsCommand.self, MembershipCommand.self, InversionCommand.self])
}

/// What all attacks ask for.
struct AttackOptions: ParsableArguments {
  @Option(
    name: .customLong("data"),
    help: "The data set, as in: tacit data list. Without it, ml-100k if fetched, else the shop.")
  var name: String?

  @Option(help: "Draws of the noise, and of the split where there is one.")
  var seeds: Int = 5

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (2...100).contains(seeds) else { throw ValidationError("--seeds is from 2 to 100.") }
  }

  func dataset() throws -> InteractionDataset {
    let library = try DatasetLibrary.user()
    let preferred = "ml-100k"
    let isFetched = try library.entries().contains { $0.name == preferred && $0.state == .present }
    return try library.load(
      name ?? (isFetched ? preferred : OnlineRetail.name), shipped: .current())
  }

  var seedList: [UInt64] { (1...UInt64(seeds)).map { $0 } }

  func finish(_ report: AttackReport) throws {
    print(json ? report.json.prettyText : AttackText.render(report))
    switch report.verdict {
    case .holds: break
    case .broken: throw ExitCode(ExitStatus.verificationFailed.rawValue)
    case .inconclusive: throw ExitCode(ExitStatus.failure.rawValue)
    }
  }
}

extension AttackCommand {
  struct ItemsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "items",
      abstract: "Which items did you buy? Read from what the coordinator gets.",
      discussion: "Example:\n\n  tacit attack items --data ml-100k")

    @OptionGroup var options: AttackOptions

    @Option(help: "Customers in the cohort, all of them attacked.")
    var customers: Int = 400

    func run() async throws {
      do {
        let cohort = try AttackCohort(
          options.dataset(), count: customers, seed: 1, model: GramModel.identifier)
        let progress = ProgressReporter.onStandardError(
          title: "attacking", unit: "customers", total: customers * options.seeds)
        let report = try ItemAttack(cohort).run(seeds: options.seedList) { done in
          progress.update(done: done)
        }
        progress.finish()
        try options.finish(report)
      } catch {
        throw AttackCommand.explain(error)
      }
    }
  }

  struct MembershipCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "membership", abstract: "Were your data used? Asked of the released model.",
      discussion: "Example:\n\n  tacit attack membership --data ml-100k")

    @OptionGroup var options: AttackOptions

    @Option(help: "Members, and as many who are none.")
    var customers: Int = 200

    func run() async throws {
      do {
        let attack = MembershipAttack(try options.dataset(), customers: customers)
        let progress = ProgressReporter.onStandardError(
          title: "attacking", unit: "splits", total: options.seeds)
        let report = try attack.run(seeds: options.seedList) { done in
          progress.update(done: done)
        }
        progress.finish()
        try options.finish(report)
      } catch {
        throw AttackCommand.explain(error)
      }
    }
  }

  struct InversionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "inversion", abstract: "Your private taste vector, computed from one gradient.",
      discussion: "Example:\n\n  tacit attack inversion --data ml-100k")

    @OptionGroup var options: AttackOptions

    @Option(help: "Customers in the cohort, all of them attacked.")
    var customers: Int = 400

    func run() async throws {
      do {
        let cohort = try AttackCohort(
          options.dataset(), count: customers, seed: 1, model: FactorizationModel.identifier)
        let progress = ProgressReporter.onStandardError(
          title: "attacking", unit: "trainings", total: options.seeds)
        let report = try InversionAttack(cohort).run(seeds: options.seedList) { done in
          progress.update(done: done)
        }
        progress.finish()
        try options.finish(report)
      } catch {
        throw AttackCommand.explain(error)
      }
    }
  }

  static func explain(_ error: any Error) -> any Error {
    if error is ExitCode { return error }
    guard let error = error as? AttackError else { return TacitFailure.explain(error) }
    return CommandFailure(
      what: "the attack cannot be run", why: "\(error)",
      next: "choose fewer customers, or other data: tacit data list", exit: .usage)
  }
}

/// An attack's screen.
enum AttackText {
  static func render(_ report: AttackReport) -> String {
    var table = TextTable(columns: [
      .init("what the attacker has"), .init("figure"), .init("reached", .right),
      .init("95 %", .right), .init("guess", .right),
    ])
    for row in report.rows {
      table.append([
        row.setting, row.measure, decimal(row.value.mean),
        "\(decimal(row.value.low))-\(decimal(min(1, row.value.high)))",
        row.guess.map(decimal) ?? "-",
      ])
    }
    let result =
      switch report.verdict {
      case .holds: "HOLDS   wins without protection, loses against the default   exit 0"
      case .broken: "BROKEN   the default does not hold against this attack   exit 4"
      case .inconclusive: "INCONCLUSIVE   the attack does not win even without protection   exit 1"
      }
    return
      ([
        report.question, report.setup, AttackReport.watermark, "",
        table.text(),
        report.meaning.flatMap { Label.wrapped($0, after: "") }.joined(separator: "\n"),
        "RESULT \(result)",
      ]).joined(separator: "\n")
  }

  private static func decimal(_ value: Double) -> String { Format.decimal(value, places: 3) }
}
