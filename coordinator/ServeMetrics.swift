internal import Cryptography
internal import Federation
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Privacy
internal import Synchronization
internal import Transport
internal import WireProtocol

/// What a serving coordinator counts, for the metrics, the live page and the status file.
///
/// Nothing here is computed from customers' data (ruling 5). Numbers of participants are outside of
/// what epsilon covers: they are shown as the power of two below them. No label names a customer.
final class ServeMetrics: Sendable {
  /// One moment of a serving coordinator.
  struct Snapshot: Sendable {
    let federation: String
    let modeSentence: String
    let mode: String
    let epsilonSpent: Double
    let epsilonLimit: String
    let delta: String
    /// More rounds of the next kind that the budget admits.
    let roundsLeft: Int
    let plannedRounds: Int
    let rounds: LedgerState.RoundCounts
    let ledgerEntries: Int
    let ledgerHead: String
    let uptimeSeconds: Int
    let connected: Int
    let round: RoundProgress?
    let secondsLeft: Int?
    let minimumCohort: Int
    let counts: Counts
    let synchronizeSeconds: Histogram
    /// Why the coordinator cannot take part in a round; nil when it can.
    let unready: String?
  }

  struct Counts: Sendable {
    var bytesReceived = 0
    var bytesSent = 0
    var rejections: [String: Int] = [:]
    var refusals: [String: Int] = [:]
    var roundSeconds = Histogram(bounds: [1, 5, 15, 60, 300, 1_800, 7_200])
    /// Contributions of the last released round, as the power of two below.
    var lastContributors: Int?
    var events: [String] = []
    var offeredAt: ContinuousClock.Instant?
    var deadlineSeconds = 0
    var lastTick: ContinuousClock.Instant?
    var failure: String?
    var isDraining = false
  }

  private static let keptEvents = 12
  /// The engine's clock ticks four times a second; without one for so long it hangs.
  private static let hangSeconds = 30

  private let counts = Mutex(Counts())
  private let clock = ContinuousClock()
  private let startedAt: ContinuousClock.Instant
  private let ledger: LedgerWriter
  private let fractionBits: [Int]

  private let synchronizations: SynchronizationTimes

  /// - Parameters:
  ///   - fractionBits: of the policy's planned rounds.
  ///   - synchronizations: of the ledger's files.
  init(ledger: LedgerWriter, fractionBits: [Int], synchronizations: SynchronizationTimes) {
    self.ledger = ledger
    self.fractionBits = fractionBits
    self.synchronizations = synchronizations
    startedAt = clock.now
  }

  /// The largest power of two up to `count`; 0 for 0.
  static func bucket(_ count: Int) -> Int {
    count <= 0 ? 0 : 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount)
  }

  // MARK: - What happens

  func received(byteCount: Int) { counts.withLock { $0.bytesReceived += byteCount } }
  func sent(byteCount: Int) { counts.withLock { $0.bytesSent += byteCount } }

  func ticked() { counts.withLock { $0.lastTick = clock.now } }
  func failed(_ reason: String) { counts.withLock { $0.failure = reason } }
  func draining() { counts.withLock { $0.isDraining = true } }

  func report(_ note: CoordinatorNote, deadlineSeconds: Int) {
    counts.withLock { counts in
      switch note {
      case .loginRefused(let code): counts.refusals["\(code)", default: 0] += 1
      case .roundOffered(let round, let stage, _, _):
        counts.offeredAt = clock.now
        counts.deadlineSeconds = deadlineSeconds
        record("round \(round) offered: \(stage)", in: &counts)
      case .roundCharged(let round, _): record("round \(round) charged", in: &counts)
      case .roundReleased(let round, let contributors, _):
        counts.lastContributors = Self.bucket(contributors)
        endRound("round \(round) released", in: &counts)
      case .roundVoid(let round, let reason):
        endRound("round \(round) void, free: \(reason)", in: &counts)
      case .roundBurned(let round, let reason, _):
        endRound("round \(round) burned, charged: \(reason)", in: &counts)
      case .updatesRejected(_, let rejected):
        counts.rejections.merge(rejected) { $0 + $1 }
      case .sharesInconsistent(let round, let owners, _):
        record("round \(round): shares of \(owners.count) member(s) do not fit", in: &counts)
      case .sharesUnreadable(let round, let dealers, _):
        record("round \(round): shares of \(dealers.count) member(s) do not open", in: &counts)
      case .retryRefused:
        record("no further round: a charged one gave no sum, and is not repeated", in: &counts)
      case .budgetRefused: record("the next round is refused: the budget is spent", in: &counts)
      }
    }
  }

  func report(_ event: TransportServerEvent) {
    counts.withLock { counts in
      switch event {
      case .handshakeFailed: counts.refusals["tlsHandshake", default: 0] += 1
      case .connectionRefused: counts.refusals["coordinatorFull", default: 0] += 1
      }
    }
  }

  private func endRound(_ event: String, in counts: inout Counts) {
    if let offeredAt = counts.offeredAt {
      counts.roundSeconds.observe(offeredAt.duration(to: clock.now) / .seconds(1))
    }
    counts.offeredAt = nil
    record(event, in: &counts)
  }

  private func record(_ event: String, in counts: inout Counts) {
    counts.events.append(event)
    if counts.events.count > Self.keptEvents { counts.events.removeFirst() }
  }

  // MARK: - What is shown

  /// - Parameter status: of the server, as it stands.
  func snapshot(_ status: ServerStatus) -> Snapshot {
    let counts = counts.withLock { $0 }
    let state = ledger.state
    let policy = state.policy
    let now = clock.now
    let next = state.nextPlanIndex
    // A policy of a ledger was checked when it was made: its events can be computed.
    let event = try? policy.event(ofPlanned: next, fractionBits: fractionBits[next])
    return Snapshot(
      federation: policy.federation, modeSentence: PolicyText.modeSentence(of: policy),
      mode: policy.mode, epsilonSpent: state.epsilonSpent,
      epsilonLimit: policy.epsilonLimit.description, delta: policy.delta.description,
      roundsLeft: event.map { state.roundsLeft(of: $0) } ?? 0,
      plannedRounds: policy.plan.count, rounds: state.rounds, ledgerEntries: state.size,
      ledgerHead: state.root.hex,
      uptimeSeconds: Int(startedAt.duration(to: now).components.seconds),
      connected: status.connected, round: status.round,
      secondsLeft: status.round == nil
        ? nil
        : counts.offeredAt.map { offeredAt in
          max(0, counts.deadlineSeconds - Int(offeredAt.duration(to: now).components.seconds))
        }, minimumCohort: policy.minimumCohort, counts: counts,
      synchronizeSeconds: synchronizations.histogram, unready: unready(counts, now: now))
  }

  private func unready(_ counts: Counts, now: ContinuousClock.Instant) -> String? {
    if let failure = counts.failure { return failure }
    if counts.isDraining { return "shutting down" }
    return hangs(counts, now: now) ? "the engine does not advance" : nil
  }

  /// Whether the engine still advances: what `/healthz` tells.
  var isAlive: Bool { counts.withLock { !hangs($0, now: clock.now) } }

  private func hangs(_ counts: Counts, now: ContinuousClock.Instant) -> Bool {
    let last = counts.lastTick ?? startedAt
    return last.duration(to: now) > .seconds(Self.hangSeconds)
  }
}

/// How long the disk took to make the ledger's files durable.
final class SynchronizationTimes: Sendable {
  private let times = Mutex(Histogram(bounds: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1]))

  func observe(_ duration: Duration) { times.withLock { $0.observe(duration / .seconds(1)) } }

  var histogram: Histogram { times.withLock { $0 } }
}
