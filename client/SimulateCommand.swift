internal import ArgumentParser
internal import Federation
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Operations
internal import Synchronization
internal import WireProtocol

struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Hosts many simulated customers, each with its own key, store and TLS connection.",
    discussion: """
      Example:

        client simulate --home clients --data customers --tokens tokens.txt --users 500 --consent

      --data is what `tacit data split` wrote: one CSV file a customer. --consent says that you
      agree on behalf of these customers; without it nothing is sent (exit 7). A second run goes on
      with the customers that it finds in --home.
      """)

  @Option(name: .customLong("home"), help: "Directory for the simulated customers.")
  var path: String

  @Option(help: "Directory with one CSV file a customer.")
  var data: String

  @Option(help: "File with one enrolment token a line; line i is for customer i.")
  var tokens: String

  @Option(help: "How many customers to host; all by default.")
  var users: Int?

  @Option(help: "How many customers to skip first, so that several processes share the work.")
  var skip: Int = 0

  @Flag(help: "Agree to the policy on behalf of the simulated customers.")
  var consent = false

  @Option(help: "Give up after so many seconds without a connection.")
  var patience: Int = 120

  func validate() throws {
    guard skip >= 0, (users ?? 1) >= 1 else {
      throw ValidationError("--users is at least 1 and --skip at least 0.")
    }
  }

  func run() async throws {
    guard consent else {
      throw CommandFailure(
        what: "nothing was sent", why: "no one agreed on behalf of the simulated customers",
        next: "add --consent if you may", exit: .consentMissing)
    }
    let names = try chosenCustomers()
    let tokens = try EnrolmentTokens.read(tokens)
    guard tokens.count >= skip + names.count else {
      throw CommandFailure(
        what: "there are too few tokens",
        why: "\(skip + names.count) are needed, \(tokens.count) are there",
        next: "coordinator roster token --count \(skip + names.count) --out \(self.tokens)",
        exit: .invalidConfiguration)
    }
    // A connection each, the open stores, and what every process has.
    try DescriptorLimit.raise(to: names.count + 3 * ClientHost.openStores + 256)
    let thread = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let tally = SimulationTally(count: names.count)
    let host = ClientHost(
      blobsPath: path + "/blobs", givesConsent: true, executor: thread.next().executor,
      report: { tally.count($0) })
    let outcomes: [CustomerOutcome]
    do {
      try DurableFile.makeDirectory(path + "/blobs")
      outcomes = try await simulate(names, tokens: tokens, host: host, tally: tally)
      try await host.closeStores()
    } catch {
      throw ClientFailure.explain(error)
    }
    try await thread.shutdownGracefully()
    tally.finish()
    if outcomes.contains(where: { $0 == .finished(.budgetExhausted) || $0 == .finished(.sumLost) })
    {
      throw ExitCode(ExitStatus.budgetExhausted.rawValue)
    }
  }

  /// File names in `--data` without `.csv`, in order, after `--skip`.
  private func chosenCustomers() throws -> [String] {
    let all = try DirectoryListing.names(in: data).filter { $0.hasSuffix(".csv") }
    let names = all.dropFirst(skip).prefix(users ?? all.count).map { String($0.dropLast(4)) }
    guard !names.isEmpty, names.count == users ?? names.count else {
      throw CommandFailure(
        what: "\(data) has too few customers",
        why: "\(all.count) CSV files are there, \(skip + (users ?? 1)) are needed",
        next: "make them: tacit data split --out DIR", exit: .invalidConfiguration)
    }
    return names
  }

  private func simulate(
    _ names: [String], tokens: [EnrolmentToken], host: ClientHost, tally: SimulationTally
  ) async throws -> [CustomerOutcome] {
    try await withThrowingTaskGroup(of: CustomerOutcome.self) { group in
      for (offset, name) in names.enumerated() {
        let home = ClientHome(path: "\(path)/customers/\(name)")
        try CustomerFiles.prepare(home)
        try await host.makeStore(home: home, importing: "\(data)/\(name).csv")
        tally.prepared()
        let token = tokens[skip + offset]
        let known = try EnrolmentFile.read(home.enrolment)
        let index = try await host.add(
          home: home, start: known.map { .login($0) } ?? .enrol(token))
        let loop = CustomerLoop(
          host: host, index: index,
          address: known.map { ($0.host, $0.port) } ?? (token.address.host, token.address.port),
          serverKeyPin: known?.serverKeyPin ?? token.address.serverKeyPin,
          patience: .seconds(patience))
        group.addTask { try await loop.run() }
      }
      var outcomes: [CustomerOutcome] = []
      for try await outcome in group { outcomes.append(outcome) }
      return outcomes
    }
  }
}

/// Counts what the customers of a simulation do, and prints it now and then.
final class SimulationTally: Sendable {
  private struct Counts {
    var prepared = 0
    var loggedIn = 0
    var contributions: [UInt64: Int] = [:]
    var declined: [String: Int] = [:]
    var rejected: [String: Int] = [:]
  }

  private let total: Int
  private let counts = Mutex(Counts())
  private let progress: ProgressReporter

  init(count: Int) {
    total = count
    progress = ProgressReporter.onStandardError(
      title: "preparing", unit: "customers", total: count)
  }

  func prepared() {
    let done = counts.withLock { counts in
      counts.prepared += 1
      return counts.prepared
    }
    progress.update(done: done)
    if done == total { progress.finish() }
  }

  func count(_ note: ClientNote) {
    let line: String? = counts.withLock { counts in
      switch note {
      case .loggedIn:
        counts.loggedIn += 1
        return counts.loggedIn == total ? "all \(total) customers are connected" : nil
      case .declined(_, let refusal):
        counts.declined["\(refusal)", default: 0] += 1
        return counts.declined["\(refusal)"] == 1 ? "a customer declined: \(refusal)" : nil
      case .contributed(let round):
        counts.contributions[round, default: 0] += 1
        return counts.contributions[round] == total
          ? "round \(round): all \(total) customers contributed" : nil
      case .rejected(_, let reason):
        counts.rejected[reason, default: 0] += 1
        return counts.rejected[reason] == 1 ? "an update was rejected: \(reason)" : nil
      case .left(_, let refusal):
        counts.rejected["left: \(refusal)", default: 0] += 1
        return counts.rejected["left: \(refusal)"] == 1
          ? "a customer left a round, because a check failed: \(refusal)" : nil
      case .closed: return nil
      }
    }
    if let line { StandardError.write(line + "\n") }
  }

  func finish() {
    let text = counts.withLock { counts in
      counts.contributions.sorted { $0.key < $1.key }
        .map { "round \($0.key): \($0.value) of \(total) contributed" }
    }
    for line in text { StandardError.write(line + "\n") }
  }
}
