import Cryptography
import Federation
import Glibc
import Ledger
import Privacy
import Recommendation
import SecureAggregation
import Synchronization
import Testing
import Transport
import WireProtocol

@testable import Simulation

/// A training of a `SmallShop` over TLS on loopback: the same engines as `InProcessFederation`,
/// driven by sockets, with noise from a seed, which the executables refuse.
struct SocketFederation: Sendable {
  struct Outcome {
    let parameters: ModelParameters
    let bytesUp: Int
    let bytesDown: Int
  }

  private let shop: SmallShop
  private let identity: FederationIdentity
  private let keys: CoordinatorKeys
  private let storage: MemoryCoordinatorStorage
  private let tokens: [EnrolmentToken]
  private let tls: TLSIdentity
  private let counter = ByteCounter()

  init(shop: SmallShop, directory: String) throws {
    let authority = try SigningKey()
    let keys = CoordinatorKeys(coordinator: try SigningKey(), enrolment: authority.verifyingKey)
    let ledgerID = try LedgerID(bytes: SecureRandom.bytes(LedgerID.byteCount))
    let (certificate, key) = ("\(directory)/tls.crt", "\(directory)/tls.key")
    let now = Int64(time(nil))
    try TLSIdentity.generate(
      certificatePath: certificate, keyPath: key, commonName: "test", validityDays: 1,
      nowSeconds: now)
    let tls = try TLSIdentity.load(certificatePath: certificate, keyPath: key, nowSeconds: now)
    self.shop = shop
    self.keys = keys
    self.tls = tls
    identity = FederationIdentity(
      ledgerID: ledgerID.bytes, policy: shop.policy, catalogue: shop.catalogue,
      featuresHash: try SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)))
    let address = CoordinatorAddress(
      host: "127.0.0.1", port: 0, serverKeyPin: tls.spkiHash,
      coordinatorKey: keys.coordinator.verifyingKey.bytes, ledgerID: ledgerID.bytes)
    tokens = try shop.histories.indices.map { index in
      try EnrolmentToken(
        for: ClientID(index + 1), at: address, expiresAtSeconds: .max, authority: authority)
    }
    storage = try MemoryCoordinatorStorage(
      genesis: GenesisRecord(
        ledgerID: ledgerID, coordinatorKey: keys.coordinator.verifyingKey, policy: shop.policy,
        softwareVersion: "simulation", createdAtSeconds: 0, enrolmentKeyHeldByCoordinator: true),
      signingKey: keys.coordinator)
    _ = storage.storeBlob(shop.catalogue.encoded())
  }

  func train(seed: UInt64?) async throws -> Outcome {
    let coordinator = SocketCoordinator(
      engine: try CoordinatorEngine(
        // Long enough that no round opens before every customer has logged in.
        settings: CoordinatorSettings(gatherSeconds: 3_600), identity: identity,
        model: shop.model, features: shop.features, keys: keys, storage: storage,
        noise: SimulatedNoise(seed: seed), startedAt: MonotonicTime(milliseconds: 0)),
      counter: counter)
    let limits = ConnectionLimits(maximumFrameBytes: FrameLimits.maximumFrameBytes)
    let server = try await TransportServer.bind(
      host: "127.0.0.1", port: 0, identity: tls, limits: ServerLimits(connection: limits)
    ) { _ in }
    let blobs = SharedBlobs()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run { await coordinator.serve($0) } }
      group.addTask {
        try await withThrowingTaskGroup(of: Void.self) { customers in
          for (token, history) in zip(tokens, shop.histories) {
            let customer = SocketCustomer(
              engine: ClientEngine(
                start: .enrol(token), identity: try SigningKey(), optedOut: false,
                storage: MemoryDeviceStorage()),
              shop: shop, history: history, blobs: blobs, counter: counter)
            customers.addTask {
              try await TransportClient.withConnection(
                host: "127.0.0.1", port: server.boundPort, serverKeyPin: tls.spkiHash,
                limits: limits
              ) { try await customer.serve($0) }
            }
          }
          try await customers.waitForAll()
        }
        await server.stop()
      }
      try await group.waitForAll()
    }
    if let failure = await coordinator.failure { throw failure }
    let final = try #require(storage.ledgerState.latestRelease?.modelOut)
    let bytes = try #require(storage.loadBlob(final))
    return Outcome(
      parameters: try ModelParameters(decoding: bytes), bytesUp: counter.up,
      bytesDown: counter.down)
  }
}

/// Frame bytes as the receivers saw them, length prefixes included.
final class ByteCounter: Sendable {
  private static let frameHeaderBytes = 4
  private let counts = Mutex((up: 0, down: 0))

  var up: Int { counts.withLock { $0.up } }
  var down: Int { counts.withLock { $0.down } }

  func countUp(_ payload: [UInt8]) {
    counts.withLock { $0.up += payload.count + Self.frameHeaderBytes }
  }

  func countDown(_ payload: [UInt8]) {
    counts.withLock { $0.down += payload.count + Self.frameHeaderBytes }
  }
}

/// The coordinator's engine behind sockets. Time passes with the messages only.
private actor SocketCoordinator {
  private var engine: CoordinatorEngine<SimulatedNoise>
  private let counter: ByteCounter
  private var outboxes: [ConnectionID: FrameOutbox] = [:]
  private var connectionCount: UInt64 = 0
  private(set) var failure: (any Error)?

  init(engine: consuming CoordinatorEngine<SimulatedNoise>, counter: ByteCounter) {
    self.engine = engine
    self.counter = counter
  }

  nonisolated func serve(_ connection: FramedConnection) async {
    let (id, outbox) = await register(connection)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await outbox.drain(into: connection) }
      do {
        for try await payload in connection.frames {
          counter.countUp(payload)
          await run(.received(id, payload))
        }
      } catch {
        await record(error)
      }
      await run(.disconnected(id))
      outbox.close()
    }
  }

  private func register(_ connection: FramedConnection) -> (ConnectionID, FrameOutbox) {
    connectionCount += 1
    let id = ConnectionID(connectionCount)
    let outbox = FrameOutbox(capacity: 64)
    outboxes[id] = outbox
    run(.connected(id, exporter: connection.exporter, nonce: SecureRandom.bytes(32)))
    return (id, outbox)
  }

  private func record(_ error: any Error) {
    failure = failure ?? error
    for outbox in outboxes.values { outbox.close() }
  }

  private func run(_ event: CoordinatorEvent) {
    do {
      perform(try engine.handle(event))
      if case .received = event {
        perform(try engine.handle(.clock(MonotonicTime(milliseconds: 0))))
      }
    } catch {
      record(error)
    }
  }

  private func perform(_ effects: [CoordinatorEffect]) {
    for effect in effects {
      switch effect {
      case .send(let id, let payload):
        #expect(outboxes[id]?.offer(.frame(payload)) == true)
      case .sendBlob(let id, let digest, let bytes):
        let chunks = BlobChunk.Chunks(of: bytes, hash: digest.bytes)
        let offered = outboxes[id]?.offer(
          .frames(count: chunks.count) { Message.blobChunk(chunks[$0]).encoded() })
        #expect(offered == true)
      case .close(let id): outboxes[id]?.close()
      case .removeMasks(let round, let removal):
        run(.masksRemoved(round: round, corrections: removal.correctionsOnThisThread()))
      case .finished, .note: break
      }
    }
  }
}

/// One customer's engine behind a socket.
private actor SocketCustomer {
  private var engine: ClientEngine
  private let shop: SmallShop
  private let history: CustomerHistory
  private let blobs: SharedBlobs
  private let counter: ByteCounter
  private let outbox = FrameOutbox(capacity: 64)
  private var failure: (any Error)?

  init(
    engine: ClientEngine, shop: SmallShop, history: CustomerHistory, blobs: SharedBlobs,
    counter: ByteCounter
  ) {
    self.engine = engine
    self.shop = shop
    self.history = history
    self.blobs = blobs
    self.counter = counter
  }

  nonisolated func serve(_ connection: FramedConnection) async throws {
    await run(.connected(exporter: connection.exporter))
    try await withThrowingTaskGroup(of: Void.self) { group in
      let outbox = outbox
      group.addTask { await outbox.drain(into: connection) }
      for try await payload in connection.frames {
        counter.countDown(payload)
        await run(.received(payload))
      }
      outbox.close()
      try await group.waitForAll()
    }
    if let failure = await failure { throw failure }
  }

  private func run(_ event: ClientEvent) {
    do {
      try perform(engine.handle(event))
    } catch {
      failure = failure ?? error
      outbox.close()
    }
  }

  private func perform(_ effects: [ClientEffect]) throws {
    for effect in effects {
      switch effect {
      case .send(let payload):
        #expect(outbox.offer(.frame(payload)))
      case .needBlob(let digest):
        switch blobs.need(digest, waiter: { await self.run(.blobAvailable(digest)) }) {
        case .here: try perform(engine.handle(.blobAvailable(digest)))
        case .fetch: try perform(engine.handle(.fetchBlob(digest)))
        case .wait: break
        }
      case .storeBlob(let digest, let bytes):
        blobs.store(bytes, as: digest)
      case .computeUpdate(let offer):
        let bytes = try #require(blobs[try SHA256Digest(bytes: offer.modelHash)])
        let update = try shop.model.update(
          stage: Int(offer.planIndex), history: history,
          parameters: try ModelParameters(decoding: bytes), itemCount: SmallShop.itemCount)
        try perform(engine.handle(.updateReady(update)))
      case .finished, .close: outbox.close()
      case .enrolled, .note, .policyChanged: break
      }
    }
  }
}

/// Public blobs that the customers of one process share: the first who misses one fetches it.
private final class SharedBlobs: Sendable {
  enum Answer { case here, fetch, wait }

  private struct State {
    var blobs: [SHA256Digest: [UInt8]] = [:]
    var waiters: [SHA256Digest: [@Sendable () async -> Void]] = [:]
  }

  private let state = Mutex(State())

  subscript(digest: SHA256Digest) -> [UInt8]? { state.withLock { $0.blobs[digest] } }

  /// - Parameter waiter: is called once the blob is here, unless the answer is `here`.
  func need(_ digest: SHA256Digest, waiter: @escaping @Sendable () async -> Void) -> Answer {
    state.withLock { state in
      if state.blobs[digest] != nil { return .here }
      let isFirst = state.waiters[digest] == nil
      state.waiters[digest, default: []].append(waiter)
      return isFirst ? .fetch : .wait
    }
  }

  func store(_ bytes: [UInt8], as digest: SHA256Digest) {
    let waiters = state.withLock { state in
      state.blobs[digest] = bytes
      return state.waiters.removeValue(forKey: digest) ?? []
    }
    for waiter in waiters { Task { await waiter() } }
  }
}
