internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Ledger
internal import LedgerStore
internal import NIOCore
internal import NIOPosix
internal import Operations
internal import Recommendation
internal import Transport
internal import WireProtocol

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Accepts clients and runs the rounds of the policy's plan.",
    discussion: """
      Example:

        coordinator serve --dir shop

      Each round is charged to the ledger, durably, before anything can yield its noised sum. A
      round that would overspend the budget is refused before it starts (exit 3). SIGTERM ends an
      open round, free of charge if it is not charged yet, and exits 0.
      """)

  @OptionGroup var location: DirectoryOption

  @Option(help: "Address and port to accept clients on; port 0 takes any free one.")
  var listen: String?

  @Option(
    name: .customLong("operations"),
    help: "Loopback address and port of metrics, health and the live page; port 0 takes any.")
  var operations: String?

  @Option(help: "How often the policy's plan is trained, over the ledger's life.")
  var trainings: String?

  @Flag(help: "Run the round that adds up the policy's experiment, which ends it.")
  var measureExperiment = false

  @Flag(help: "Exit once training is over, instead of serving the model on.")
  var exitWhenTrained = false

  func run() async throws {
    let directory = try location.existing()
    let configuration = try CoordinatorConfiguration(
      file: directory.configuration, environment: ProcessEnvironment.all,
      flags: ["listen": listen, "trainings": trainings, "operations-listen": operations])
    // From here on both signals end the work in order.
    let signals = SignalWatch()
    let federation = try OpenedFederation(directory)
    let ending = try await serve(federation, configuration: configuration, signals: signals)
    try ending.finish()
  }

  /// How serving ended.
  private enum Ending {
    case signal(Int32)
    case finished(Finished.Reason)
    case quorumNeverMet
    case roundsBurned
    case failed(any Error)

    func finish() throws {
      switch self {
      case .signal(let number):
        if number == SignalWatch.interrupt { throw ExitCode(ExitStatus.interrupted.rawValue) }
      case .finished(.planComplete): break
      case .finished(.budgetExhausted), .finished(.sumLost):
        throw ExitCode(ExitStatus.budgetExhausted.rawValue)
      case .quorumNeverMet:
        throw CommandFailure(
          what: "the quorum was not met in three rounds, one after the other",
          why: "fewer clients contributed than the policy's minimum cohort; nothing was charged",
          next: "start more clients, then: coordinator serve", exit: .quorumNotMet)
      case .roundsBurned:
        throw CommandFailure(
          what: "two charged rounds, one after the other, gave no sum",
          why: "members did not unmask it; their charges stay spent, and one client must not burn "
            + "the budget",
          next: "look at the reasons above, then: coordinator serve", exit: .temporary)
      case .failed(let error): throw CoordinatorFailure.explain(error)
      }
    }
  }

  private func serve(
    _ federation: OpenedFederation, configuration: CoordinatorConfiguration, signals: SignalWatch
  ) async throws -> Ending {
    let limit = try configuration.count("maximum-connections")
    try DescriptorLimit.raise(to: limit + Self.reservedDescriptors)
    let address = try configuration.listen()
    let engineThread = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let clock = ContinuousClock()
    let reporter = ServeReporter()
    let exitWhenTrained = exitWhenTrained
    let engine = try federation.engine(
      configuration, measuresExperiment: measureExperiment)
    let server = CoordinatorServer(
      engine: engine, executor: engineThread.next().executor, startedAt: clock.now,
      metrics: federation.metrics, report: { reporter.report($0) })
    let transport = try await Self.bind(
      address, identity: federation.tls, limit: limit, metrics: federation.metrics,
      reporter: reporter)
    let pages = try await OperationsPages.start(
      server, at: try configuration.operationsListen())
    if let pages { reporter.operations(port: pages.port) }
    let notifier = ServiceNotifier(environment: ProcessEnvironment.all)
    reporter.listening(host: address.host, port: transport.boundPort, federation: federation)
    notifier.notify(.ready)

    let ending = await withTaskGroup(of: Ending?.self, returning: Ending.self) { group in
      group.addTask {
        do {
          try await transport.run { connection in await server.serve(connection) }
          return nil
        } catch {
          return .failed(error)
        }
      }
      group.addTask {
        await Self.watch(
          server, signals: signals, statusFile: federation.directory.status,
          exitWhenTrained: exitWhenTrained, reporter: reporter, notifier: notifier)
      }
      let ending = await Self.first(of: &group)
      // From here on a second signal ends the process at once.
      signals.restoreDefaults()
      notifier.notify(.stopping)
      await server.drain()
      await transport.stop()
      // Goodbyes leave before the connections do; `run` ends when they have, or after its timeout.
      if case .failed = ending { group.cancelAll() }
      await group.waitForAll()
      await pages?.stop()
      return ending
    }
    try await engineThread.shutdownGracefully()
    return ending
  }

  private static let reservedDescriptors = 64
  private static let tickInterval = Duration.milliseconds(250)

  private static func bind(
    _ address: (host: String, port: UInt16), identity: TLSIdentity, limit: Int,
    metrics: ServeMetrics, reporter: ServeReporter
  ) async throws -> TransportServer {
    do {
      var limits = ServerLimits(
        connection: ConnectionLimits(maximumFrameBytes: FrameLimits.maximumFrameBytes))
      limits.maximumConnections = limit
      return try await TransportServer.bind(
        host: address.host, port: Int(address.port), identity: identity, limits: limits,
        observe: { event in
          metrics.report(event)
          reporter.report(event)
        })
    } catch {
      throw CoordinatorFailure.explain(error)
    }
  }

  /// Lets time pass for the server until something ends the serving.
  private static func watch(
    _ server: CoordinatorServer, signals: SignalWatch, statusFile: String, exitWhenTrained: Bool,
    reporter: ServeReporter, notifier: ServiceNotifier
  ) async -> Ending? {
    await withTaskGroup(of: Ending?.self, returning: Ending?.self) { group in
      group.addTask { await tick(server, statusFile: statusFile, notifier: notifier) }
      group.addTask { await waitForSignal(signals) }
      group.addTask {
        await waitForEnd(of: server, exitWhenTrained: exitWhenTrained, reporter: reporter)
      }
      let ending = await first(of: &group)
      group.cancelAll()
      return ending
    }
  }

  private static func first(of group: inout TaskGroup<Ending?>) async -> Ending {
    while let result = await group.next() {
      if let result { return result }
    }
    return .failed(CancellationError())
  }

  private static func tick(
    _ server: CoordinatorServer, statusFile: String, notifier: ServiceNotifier
  ) async -> Ending? {
    while !Task.isCancelled {
      await server.tick()
      notifier.notify(.watchdog)
      LiveStatus.write(await server.snapshot, to: statusFile)
      do {
        try await Task.sleep(for: tickInterval)
      } catch {
        break
      }
    }
    LiveStatus.remove(statusFile)
    return nil
  }

  private static func waitForSignal(_ signals: SignalWatch) async -> Ending? {
    for await number in signals.signals { return .signal(number) }
    return nil
  }

  private static func waitForEnd(
    of server: CoordinatorServer, exitWhenTrained: Bool, reporter: ServeReporter
  ) async -> Ending? {
    for await reason in server.stopReasons {
      switch reason {
      case .failed: return .failed(await server.failure ?? CancellationError())
      case .quorumNeverMet: return .quorumNeverMet
      case .roundsBurned: return .roundsBurned
      case .finished(let reason) where reason != .planComplete:
        await server.waitUntilLeft()
        return .finished(reason)
      case .finished:
        if exitWhenTrained {
          // Members fetch the last model before the door closes.
          await server.waitUntilLeft()
          return .finished(.planComplete)
        }
        reporter.finished()
      }
    }
    return nil
  }
}
