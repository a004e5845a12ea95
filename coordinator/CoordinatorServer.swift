internal import Cryptography
internal import Federation
internal import Glibc
internal import NIOCore
internal import Privacy
internal import SecureAggregation
internal import Transport
internal import WireProtocol

/// Drives a `CoordinatorEngine` over sockets: feeds it events, carries out its effects.
///
/// Runs on a thread of its own, since storing syncs to disk; it holds no rule of the protocol.
actor CoordinatorServer {
  private nonisolated let executor: any SerialExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private var engine: CoordinatorEngine<SystemNoise>
  private var outboxes: [ConnectionID: FrameOutbox] = [:]
  private var nextConnection: UInt64 = 0
  private let report: @Sendable (CoordinatorNote) -> Void
  private nonisolated let metrics: ServeMetrics
  private let clock = ContinuousClock()
  private let startedAt: ContinuousClock.Instant
  private var lastHeard: ContinuousClock.Instant

  /// Why the server must stop, once it must.
  private(set) var failure: (any Error)?
  private let stopping: AsyncStream<StopReason>.Continuation
  /// Yields when training is over or the engine failed.
  nonisolated let stopReasons: AsyncStream<StopReason>

  enum StopReason: Sendable {
    case finished(Finished.Reason)
    case quorumNeverMet
    case roundsBurned
    case failed
  }

  /// Most items that may wait for one peer: no exchange of this protocol leaves more than a few.
  private static let outboxCapacity = 64

  /// Tasks that take masks off a sum: one a core.
  private static let unmaskingWorkers = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  init(
    engine: consuming CoordinatorEngine<SystemNoise>, executor: any SerialExecutor,
    startedAt: ContinuousClock.Instant, metrics: ServeMetrics,
    report: @escaping @Sendable (CoordinatorNote) -> Void
  ) {
    self.metrics = metrics
    self.engine = engine
    self.executor = executor
    self.startedAt = startedAt
    lastHeard = startedAt
    self.report = report
    (stopReasons, stopping) = AsyncStream.makeStream(of: StopReason.self)
  }

  /// Serves one connection until either side ends it.
  nonisolated func serve(_ connection: FramedConnection) async {
    let (id, outbox) = await register(connection)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await outbox.drain(into: connection) }
      do {
        for try await payload in connection.frames {
          guard await received(payload, on: id) else { break }
        }
      } catch {
        // A lost connection and a broken one end alike: the member is gone until it returns.
      }
      await disconnected(id)
      await group.waitForAll()
    }
  }

  /// Lets time pass; called a few times a second.
  func tick() async {
    await run(.clock(MonotonicTime(milliseconds: milliseconds)))
    metrics.ticked()
    if engine.quorumIsHopeless {
      let isBurned = engine.consecutiveBurnedRounds >= engine.settings.burnedRoundLimit
      stopping.yield(isBurned ? .roundsBurned : .quorumNeverMet)
    }
  }

  /// Ends the open round before its charge and says goodbye to every member.
  func drain() async {
    guard failure == nil else { return }
    metrics.draining()
    do {
      await perform(try engine.drain())
    } catch {
      fail(error)
    }
  }

  /// Returns once every member has left, with the last model; or once nothing was heard from those
  /// that stay for a while.
  func waitUntilLeft() async {
    while engine.connectedMembers > 0, clock.now < lastHeard.advanced(by: Self.quietTime) {
      do {
        try await Task.sleep(for: .milliseconds(100))
      } catch {
        return
      }
    }
  }

  private static let quietTime = Duration.seconds(20)

  var status: ServerStatus {
    ServerStatus(connected: engine.connectedMembers, round: engine.currentRound())
  }

  /// Whether the engine still advances.
  nonisolated var isAlive: Bool { metrics.isAlive }

  /// What metrics, page and status file show.
  var snapshot: ServeMetrics.Snapshot { metrics.snapshot(status) }

  // MARK: - Events

  private func register(_ connection: FramedConnection) async -> (ConnectionID, FrameOutbox) {
    nextConnection += 1
    let id = ConnectionID(nextConnection)
    let outbox = FrameOutbox(capacity: Self.outboxCapacity)
    outboxes[id] = outbox
    await run(
      .connected(id, exporter: connection.exporter, nonce: SecureRandom.bytes(32)))
    return (id, outbox)
  }

  /// - Returns: false when the connection was ended by the engine.
  private func received(_ payload: [UInt8], on id: ConnectionID) async -> Bool {
    lastHeard = clock.now
    metrics.received(byteCount: payload.count)
    await run(.received(id, payload))
    return outboxes[id]?.isOpen ?? false
  }

  private func disconnected(_ id: ConnectionID) async {
    lastHeard = clock.now
    await run(.disconnected(id))
    outboxes.removeValue(forKey: id)?.close()
  }

  private func run(_ event: CoordinatorEvent) async {
    guard failure == nil else { return }
    do {
      await perform(try engine.handle(event))
    } catch {
      fail(error)
    }
  }

  private func perform(_ effects: [CoordinatorEffect]) async {
    var masked: (round: UInt64, removal: MaskRemoval)?
    for effect in effects {
      switch effect {
      case .send(let id, let payload):
        metrics.sent(byteCount: payload.count)
        enqueue(.frame(payload), on: id)
      case .sendBlob(let id, let digest, let bytes):
        let chunks = BlobChunk.Chunks(of: bytes, hash: digest.bytes)
        metrics.sent(byteCount: bytes.count)
        enqueue(
          .frames(count: chunks.count) { Message.blobChunk(chunks[$0]).encoded() }, on: id)
      case .close(let id):
        outboxes[id]?.close()
      case .note(let note):
        metrics.report(note, deadlineSeconds: engine.identity.policy.roundDeadlineSeconds)
        report(note)
      case .removeMasks(let round, let removal):
        masked = (round, removal)
      case .finished(let reason):
        stopping.yield(.finished(reason))
      }
    }
    // After all else of this event, since other members are heard meanwhile.
    if let masked {
      let corrections = await masked.removal.corrections(workers: Self.unmaskingWorkers)
      await run(.masksRemoved(round: masked.round, corrections: corrections))
    }
  }

  /// A peer that does not read while its outbox fills is cut off: memory stays bounded.
  private func enqueue(_ item: FrameOutbox.Item, on id: ConnectionID) {
    guard let outbox = outboxes[id], !outbox.offer(item) else { return }
    outbox.close()
  }

  private func fail(_ error: any Error) {
    failure = error
    metrics.failed("stopped by an error: see the log")
    for outbox in outboxes.values { outbox.close() }
    stopping.yield(.failed)
  }

  private var milliseconds: Int64 {
    let elapsed = startedAt.duration(to: clock.now).components
    return elapsed.seconds * 1_000 + elapsed.attoseconds / 1_000_000_000_000_000
  }
}

/// What `coordinator status` shows of a live server.
struct ServerStatus: Sendable {
  let connected: Int
  let round: RoundProgress?
}
