package import Cryptography
package import Federation
internal import Ledger
package import LedgerStore
internal import Privacy
internal import Recommendation
internal import VectorMath
internal import WireProtocol

/// One coordinator and its customers in one thread: the product's state machines, codec, ledger
/// writer and storage, over a simulated clock, network, disk and entropy, with faults as a plan
/// says.
///
/// Everything follows from the plan, byte for byte (I13); `Report.digest` covers every event.
/// Confined to the thread that calls `run`, which alone holds a world; the closures given to the
/// ledger writer are called on it.
package final class FederationWorld: @unchecked Sendable {
  static let ledgerPath = "ledger/"
  static let blobPath = "blobs/"
  static let customerCount = 6
  static let minimumCohort = 4
  static let roundDeadlineSeconds = 20
  private static let itemCount = 8
  private static let tickMilliseconds: Int64 = 250
  /// From the end of the faults to the next release: two deadlines (I12), and the pauses after
  /// which processes start and customers return.
  private static let livenessMilliseconds = Int64(2 * roundDeadlineSeconds + 10) * 1_000
  /// No run comes near it: a loop without end is a failure.
  private static let eventLimit = 400_000

  /// Where a test may put a fault of the program itself, to see it found.
  package struct Seams {
    package var ledgerDisk: (any Disk) -> any Disk = { $0 }
    package var blobDisk: (any Disk) -> any Disk = { $0 }
    package var storage: (any CoordinatorStorage) -> any CoordinatorStorage = { $0 }
    /// What a customer gets of what the coordinator sends it.
    package var toCustomer: ([UInt8]) -> [UInt8] = { $0 }
    /// Called before every start of the coordinator.
    package var beforeStart: (SimulatedDisk) -> Void = { _ in }

    /// The program as it is.
    package init() {}
  }

  /// What one run showed.
  package struct Report: Sendable {
    package let plan: FaultPlan
    /// The invariant that was broken, and how; nil for a good run.
    package let violation: String?
    /// SHA-256 over the trace of every event.
    package let digest: SHA256Digest
    /// The last events, as many as were asked for.
    package let trace: [String]
    package let charged: Int
    package let released: Int
    package let burned: Int
    package let void: Int
    /// Lives of the coordinator.
    package let starts: Int
    /// Named steps at which a fault was met.
    package let metSteps: Int
    /// Whether the run ended because the budget was spent: the ledger's, or that of a device by its
    /// own count.
    package let isBudgetExhausted: Bool
    /// Whether it ended because a charged round of `secagg` gave no sum (ruling 27).
    package let hasLostSum: Bool
    /// KEY and POLICY entries of the ledger.
    package let keyChanges: Int
    package let policyChanges: Int
    /// Customers that were shown another policy and did not agree to it before the faults stopped.
    package let declined: Int
  }

  enum Event {
    case tick
    /// Chances of random faults.
    case second
    case frame(connection: Int, toCoordinator: Bool, [UInt8])
    case closed(connection: Int, toCoordinator: Bool)
    case connect(customer: Int)
    case startCoordinator(life: Int)
    case reach(customer: Int)
    case mendDisk
    /// Customers that declined no longer do.
    case accept
    /// The operator stops the coordinator for a command.
    case operate(FaultPlan.Operation.Command)
    /// A customer reads another policy, and agrees or does not.
    case decide(customer: Int, policy: [UInt8])
  }

  var plan: FaultPlan
  let seams: Seams
  var random: SeededRandom
  var now: Int64 = 0
  var queue = EventQueue<Event>()
  var connections: [Connection] = []
  var customers: [SimulatedCustomer] = []
  let disk = SimulatedDisk()
  let watch: InvariantWatch
  /// As the federation was made; the ledger says which policy is in force.
  let identity: FederationIdentity
  let model: any FederatedModel
  let keyStore: SimulatedKeys
  let firstKey: VerifyingKey
  let enrolmentKey: VerifyingKey
  let roster = SimulatedRoster()
  let rosters = RosterCache()
  private var trace: EventTrace

  // The coordinator's process.
  var engine: CoordinatorEngine<WatchedNoise>?
  var ledger: LedgerWriter?
  var life = 0
  var startedAt: Int64 = 0
  var metSteps = 0
  var pendingCrash: SimulatedDisk.CrashOutcome?
  /// Commands of the operator that have not been done yet: tried at each start, until they are.
  var waitingCommands: [FaultPlan.Operation.Command] = []
  var isBudgetExhausted = false
  var hasLostSum = false

  var faultsAreOver = false
  private var releasesWhenHealed: Int?

  private init(plan: FaultPlan, seams: Seams, tracedEvents: Int) throws {
    self.plan = plan
    self.seams = seams
    trace = EventTrace(keeping: tracedEvents)
    random = SeededRandom(seed: plan.seed ^ 0x7A3D_11C5_9B60_2EF4)
    let policy = try Self.policy(plan)
    let codes = (0..<Self.itemCount).map { "item\($0)" }
    let ledgerID = try LedgerID(bytes: SecureRandom.bytes(LedgerID.byteCount))
    identity = FederationIdentity(
      ledgerID: ledgerID.bytes, policy: policy,
      catalogue: try Catalogue(codes: codes, descriptions: codes),
      featuresHash: try SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)))
    model = try ModelRegistry.model(
      identifier: policy.model, hyperparameters: policy.hyperparameters)
    let authority = try SigningKey()
    enrolmentKey = authority.verifyingKey
    let key = try SigningKey()
    firstKey = key.verifyingKey
    keyStore = try SimulatedKeys(on: disk, holding: key)
    watch = InvariantWatch(disk: disk, minimumCohort: Self.minimumCohort)
    customers = try (0..<Self.customerCount).map { try makeCustomer($0, authority: authority) }
  }

  private static func policy(_ plan: FaultPlan) throws -> PrivacyPolicy {
    try policy(
      plan, epsilonLimit: "8", minimumCohort: minimumCohort,
      noiseMultiplier: plan.noiseMultiplier)
  }

  static func policy(
    _ plan: FaultPlan, epsilonLimit: String, minimumCohort: Int, noiseMultiplier: String
  ) throws -> PrivacyPolicy {
    let tolerance = try MaskingTolerance(
      corruptFraction: ExactDecimal("0.1"), dropoutFraction: ExactDecimal("0.34"))
    return try PrivacyPolicy(
      federation: "simulated", mode: plan.mode, masking: plan.mode == "sealed" ? nil : tolerance,
      epsilonLimit: ExactDecimal(epsilonLimit), delta: ExactDecimal("1e-5"),
      minimumCohort: minimumCohort,
      maximumCohort: customerCount, targetCohort: customerCount,
      model: PopularityModel.identifier,
      plan: [
        PlannedRound(
          stage: "popularity", clipNorm: ExactDecimal("1"),
          noiseMultiplier: ExactDecimal(noiseMultiplier))
      ], roundDeadlineSeconds: roundDeadlineSeconds, retentionDays: 365)
  }

  /// Runs one plan to its end.
  /// - Parameter tracedEvents: how many events the report shows; `.max` for all, to compare two runs.
  /// - Throws: what making the federation throws; nothing that happens in it.
  package static func run(
    _ plan: FaultPlan, seams: Seams = Seams(), tracedEvents: Int = 60
  ) throws -> Report {
    try SimulatedEntropy.with(seed: plan.seed) {
      let world = try FederationWorld(plan: plan, seams: seams, tracedEvents: tracedEvents)
      world.run()
      return world.report()
    }
  }

  private func run() {
    queue.add(.startCoordinator(life: 0), at: 0)
    for index in customers.indices { queue.add(.connect(customer: index), at: pause(10...500)) }
    if plan.decliningMilliseconds > 0 { queue.add(.accept, at: plan.decliningMilliseconds) }
    for operation in plan.operations {
      queue.add(.operate(operation.command), at: operation.atMilliseconds)
    }
    queue.add(.tick, at: Self.tickMilliseconds)
    queue.add(.second, at: 1_000)
    var count = 0
    while watch.violation == nil, let (time, event) = queue.next() {
      now = time
      if !faultsAreOver && now >= plan.faultMilliseconds {
        guard plan.goal == .liveness else { break }
        heal()
      }
      handle(event)
      if isLive() { break }
      count += 1
      if count > Self.eventLimit { watch.violate("I11", "the run does not end") }
    }
    if watch.violation == nil { end() }
  }

  private func handle(_ event: Event) {
    switch event {
    case .tick:
      tickCoordinator()
      queue.add(.tick, at: now + Self.tickMilliseconds)
    case .second:
      if !faultsAreOver { meetRandomFaults() }
      queue.add(.second, at: now + 1_000)
    case .frame(let connection, let toCoordinator, let payload):
      deliver(payload, on: connection, toCoordinator: toCoordinator)
    case .closed(let connection, let toCoordinator):
      deliverClose(of: connection, toCoordinator: toCoordinator)
    case .connect(let customer): connect(customer)
    case .startCoordinator(let life): if life == self.life { startCoordinator() }
    case .reach(let customer): customers[customer].unreachable = []
    case .mendDisk: disk.inject(nil)
    case .operate(let command):
      waitingCommands.append(command)
      terminateCoordinator()
    case .decide(let customer, let policy): decide(customer, policy)
    case .accept: for index in customers.indices { killCustomer(index) }
    }
  }

  /// All faults stop; what is down comes up.
  private func heal() {
    note("faults stop")
    faultsAreOver = true
    plan.steps = []
    plan.network = FaultPlan.NetworkFaults()
    plan.processes = FaultPlan.ProcessFaults()
    disk.inject(nil)
    for index in customers.indices { customers[index].unreachable = [] }
    // What an operator does whose network cut members off in charged rounds: `roster readmit`, from
    // the next login on.
    roster.readmitAll()
    for index in connections.indices where connections[index].isOpenAtCoordinator { cut(index) }
    // A frame that was lost or altered breaks its connection under TLS.
    for index in connections.indices where connections[index].isImpaired { cut(index) }
    // There is always a next round, unless the budget admits none: for a coordinator that was started for fewer, and has
    // made them, after a restart. It may not have said so yet.
    let hasTrained =
      ledger.map { $0.state.releasedUnderPolicy >= plan.trainings * $0.state.policy.plan.count }
      ?? false
    plan.trainings = 1_000_000
    // Whoever has not agreed to the policy in force does now: else there might be no cohort.
    for index in customers.indices { askAgain(index) }
    if engine != nil, hasTrained { stopCoordinator() }
    if engine == nil { queue.add(.startCoordinator(life: life), at: now) }
    releasesWhenHealed = ledger?.state.rounds.released
    healedAt = now
  }

  private var healedAt: Int64 = 0

  /// Whether the next round completed after the faults (or the budget admits none).
  private func isLive() -> Bool {
    guard faultsAreOver, waitingCommands.isEmpty else { return false }
    if isBudgetExhausted || hasLostSum { return true }
    if let released = ledger?.state.rounds.released {
      // What was released before counts for nothing; where the coordinator was down it is known only now.
      guard let before = releasesWhenHealed else {
        releasesWhenHealed = released
        return false
      }
      if released > before { return true }
    }
    if now - healedAt > Self.livenessMilliseconds {
      watch.violate("I12", "no round completed within two deadlines after the faults stopped")
    }
    return false
  }

  /// The last word: the machine stops once more, and what then starts must know all that was spent.
  private func end() {
    plan.steps = []
    disk.inject(nil)
    stopCoordinator(crash: .anything(seed: random.next()))
    startCoordinator()
    if let ledger { watch.spendIsKept(in: ledger.state) }
    watch.scan(identityKeys: customers.map(\.identity.verifyingKey.bytes))
  }

  private func report() -> Report {
    let rounds = ledger?.state.rounds
    let (digest, events) = trace.finish()
    return Report(
      plan: plan, violation: watch.violation, digest: digest, trace: events,
      charged: rounds?.charged ?? 0, released: rounds?.released ?? 0, burned: rounds?.burned ?? 0,
      void: rounds?.void ?? 0, starts: life, metSteps: metSteps,
      isBudgetExhausted: isBudgetExhausted, hasLostSum: hasLostSum,
      keyChanges: ledger?.state.keys.changes.count ?? 0, policyChanges: watch.count(of: .policy),
      declined: customers.count { !$0.declinedPolicies.isEmpty })
  }

  // MARK: - Chance and record

  func happens(_ probability: Double) -> Bool {
    // Nothing is drawn for what never happens, so that a plan's other choices stay where they are.
    probability > 0 && Double.random(in: 0..<1, using: &random) < probability
  }

  func pause(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }

  func note(_ line: @autoclosure () -> String) { trace.add("\(now) \(line())") }
}
