internal import ArgumentParser
internal import Evaluation
internal import Federation
internal import Operations
internal import Privacy
internal import Recommendation

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Trains a recommender privately on a real shop's log, with real processes over TLS.",
    discussion: """
      Example:

        tacit demo --out demo-out

      One coordinator and several client processes, each customer with its own key, store and
      connection. One client process is killed on purpose. Then the ledger is audited, the
      coordinator's files are searched for behaviour rows, and accuracy is measured.
      """)

  @Option(
    help: "Directory for everything that the demo writes; one from an earlier demo is replaced.")
  var out: String = "demo-out"

  @Option(help: "How many customers take part; all is the 3,613 of the training period.")
  var customers: String = "900"

  @Option(help: "Aggregation mode: \(PrivacyPolicy.modes.joined(separator: ", ")).")
  var mode: String = PolicyTemplate.defaultMode

  @Option(help: "Client processes that host them; 10, or 16 above 1,000 customers, by default.")
  var processes: Int?

  /// The share of customers that one killed process takes with it must be below what a round may
  /// lose: 20 %, and 10 % above 1,000 customers, where the masks of more would not fit.
  private var chosenProcesses: Int { processes ?? (Demo.isLarge(Int(customers)) ? 16 : 10) }

  @Option(help: "Privacy budget.")
  var epsilon: String = "8"

  @Option(help: "Model: \(ModelRegistry.identifiers.joined(separator: ", ")).")
  var model: String = "gram"

  @Flag(
    help: "Write a behaviour row into the coordinator's files, to see that the search finds it.")
  var plantRow = false

  func validate() throws {
    // One process is killed on purpose: its share of the customers must be fewer than may drop out.
    let fewest =
      mode == ComparisonCell.centralNoise ? 2 : Demo.isLarge(Int(customers)) ? 12 : 6
    guard (fewest...64).contains(chosenProcesses) else {
      throw ValidationError("--processes is from \(fewest) to 64 in mode \(mode).")
    }
    guard customers == "all" || Int(customers).map({ $0 >= 20 }) == true else {
      throw ValidationError("--customers is a number of 20 or more, or all.")
    }
    guard PrivacyPolicy.modes.contains(mode) else {
      throw ValidationError("--mode is one of \(PrivacyPolicy.modes.joined(separator: ", ")).")
    }
  }

  func run() async throws {
    let signals = SignalWatch()
    let demo = Demo(
      options: Demo.Options(
        out: out, users: Int(customers), processes: chosenProcesses, mode: mode, epsilon: epsilon,
        model: model, plantsRow: plantRow))
    let result: Demo.Ending
    do {
      result = try await demo.run(until: signals)
    } catch {
      throw TacitFailure.explain(error)
    }
    switch result {
    case .done: break
    case .interrupted(let number):
      throw ExitCode(ExitStatus.code(forSignal: number))
    }
  }
}
