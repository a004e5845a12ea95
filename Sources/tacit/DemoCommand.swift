internal import ArgumentParser
internal import Operations

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

  @Option(help: "How many customers; all 3,613 of the training period by default.")
  var users: Int?

  @Option(help: "Client processes that host them.")
  var processes: Int = 10

  @Option(help: "Privacy budget.")
  var epsilon: String = "8"

  @Option(help: "Model: popularity, gram or mf.")
  var model: String = "gram"

  @Flag(
    help: "Write a behaviour row into the coordinator's files, to see that the search finds it.")
  var plantRow = false

  func validate() throws {
    guard (2...64).contains(processes) else {
      throw ValidationError("--processes is from 2 to 64.")
    }
    guard (users ?? 100) >= 20 else { throw ValidationError("--users is at least 20.") }
  }

  func run() async throws {
    let signals = SignalWatch()
    let demo = Demo(
      options: Demo.Options(
        out: out, users: users, processes: processes, epsilon: epsilon, model: model,
        plantsRow: plantRow))
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
