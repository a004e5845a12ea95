internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Ledger
package import Privacy
package import Recommendation
internal import SecureAggregation
internal import WireProtocol

/// A whole federation in one process: the coordinator's and the clients' own state machines, with
/// every message encoded, bounded and decoded by the wire codec, and no sockets.
///
/// Identical inputs give identical models, bit for bit, for one kernel path: sums are integers,
/// and noise is seeded.
package struct InProcessFederation: ~Copyable {
  /// What a simulated training gave.
  package struct Outcome: Sendable {
    package let parameters: ModelParameters
    /// Epsilon that the ledger shows as spent; meaningless without real noise.
    package let epsilonSpent: Double
    package let roundsReleased: Int
    /// Frame bytes, length prefix included, that clients sent and received.
    package let bytesUp: Int
    package let bytesDown: Int
    /// Ledger lines of the run.
    package let ledgerLines: [[UInt8]]
  }

  private static let frameHeaderBytes = 4

  private let identity: FederationIdentity
  private let model: any FederatedModel
  private let histories: [CustomerHistory]
  private let cohort: ResampledCohort?
  private let storage: MemoryCoordinatorStorage
  private var coordinator: CoordinatorEngine<SimulatedNoise>
  private var clients: [ClientEngine]
  private let devices: [MemoryDeviceStorage]
  private var attendance: RoundAttendance?
  private var blobs: [SHA256Digest: [UInt8]] = [:]
  private var parameters: [SHA256Digest: ModelParameters] = [:]
  private var fetchWaiters: [SHA256Digest: [Int]] = [:]
  private var queue = MessageQueue()
  private var bytesUp = 0
  private var bytesDown = 0
  private var finished = false
  private static let start = MonotonicTime(milliseconds: 0)
  private var clock = InProcessFederation.start

  /// - Parameters:
  ///   - policy: its target cohort need not equal the number of histories.
  ///   - features: public vectors of the items, as the coordinator has them; nil where there are none.
  ///   - histories: one a customer; each becomes an enrolled client.
  ///   - noise: seeded, or none. For a resampled cohort its factor is already divided by the most
  ///     copies.
  ///   - trainings: how often the plan is trained, at least 1.
  ///   - cohort: for how many customers each history stands; nil for one each.
  ///   - devicesPerRound: how many devices take part in each round but the first of a plan, in which popularity is
  ///     counted; nil for all. The policy's minimum cohort must not be above it.
  ///   - attendanceSeed: by which they are drawn.
  package init(
    policy: PrivacyPolicy, model: any FederatedModel, catalogue: Catalogue,
    features: ItemFeatures?, histories: [CustomerHistory],
    noise: consuming SimulatedNoise, trainings: Int = 1, cohort: ResampledCohort? = nil,
    devicesPerRound: Int? = nil, attendanceSeed: UInt64 = 0
  ) throws {
    precondition(
      cohort == nil || cohort?.copies.count == histories.count, "a number of copies a history")
    let model: any FederatedModel =
      cohort.map { ResampledModel(base: model, cohort: $0) } ?? model
    let authority = try SigningKey()
    let keys = CoordinatorKeys(coordinator: try SigningKey(), enrolment: authority.verifyingKey)
    let ledgerID = try LedgerID(bytes: SecureRandom.bytes(LedgerID.byteCount))
    let identity = FederationIdentity(
      ledgerID: ledgerID.bytes, policy: policy, catalogue: catalogue,
      featuresHash: try SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)))
    let address = CoordinatorAddress(
      host: "in-process", port: 0, serverKeyPin: [UInt8](repeating: 0, count: 32),
      coordinatorKey: keys.coordinator.verifyingKey.bytes, ledgerID: ledgerID.bytes)
    let tokens = try histories.indices.map { index in
      try EnrolmentToken(
        for: ClientID(index + 1), at: address, expiresAtSeconds: .max, authority: authority)
    }
    let rosters = RosterCache()
    let devices = histories.map { _ in MemoryDeviceStorage() }
    let clients = try tokens.enumerated().map { index, token in
      ClientEngine(
        start: .enrol(token), identity: try SigningKey(), optedOut: false,
        storage: devices[index], rosters: rosters,
        noiseShares: try Self.noiseShares(ofClient: index, in: policy, noise: noise))
    }
    let storage = try MemoryCoordinatorStorage(
      genesis: GenesisRecord(
        ledgerID: ledgerID, coordinatorKey: keys.coordinator.verifyingKey, policy: policy,
        softwareVersion: "simulation", createdAtSeconds: 0, enrolmentKeyHeldByCoordinator: true),
      signingKey: keys.coordinator)
    _ = storage.storeBlob(catalogue.encoded())
    let coordinator = try CoordinatorEngine(
      settings: CoordinatorSettings(trainings: trainings, gatherSeconds: 1), identity: identity,
      model: model, features: features, keys: keys, storage: storage, noise: noise,
      startedAt: Self.start)
    self.identity = identity
    self.model = model
    self.histories = histories
    self.cohort = cohort
    self.storage = storage
    self.clients = clients
    self.devices = devices
    attendance = devicesPerRound.map {
      RoundAttendance(size: $0, of: histories.count, seed: attendanceSeed)
    }
    self.coordinator = coordinator
  }

  /// In `secagg-ddp` the noise is the clients'; in the other modes they draw none, and what they
  /// hold says where the coordinator's comes from.
  private static func noiseShares(
    ofClient index: Int, in policy: PrivacyPolicy, noise: borrowing SimulatedNoise
  ) throws -> any NoiseShareSource {
    if let shares = noise.shares(ofClient: index) { return shares }
    guard AggregationMode(rawValue: policy.mode)?.clientsAddNoise != true else {
      throw SimulationError.noNoise
    }
    return SimulatedNoiseShares(seed: 0)
  }

  /// Runs the policy's plan once.
  ///
  /// - Throws: what the state machines throw, `SimulationError.stalled` when no message and no passing of
  ///   time makes progress, and `CancellationError` between messages.
  package consuming func train() throws -> Outcome {
    for index in clients.indices {
      let exporter = SecureRandom.bytes(32)
      let connection = ConnectionID(UInt64(index))
      _ = try clients[index].handle(.connected(exporter: exporter))
      try perform(
        coordinator.handle(
          .connected(connection, exporter: exporter, nonce: SecureRandom.bytes(32))))
    }
    var idleSeconds = 0
    while !finished {
      try Task.checkCancellation()
      if let delivery = queue.next() {
        try deliver(delivery)
        idleSeconds = 0
        continue
      }
      idleSeconds += 1
      guard idleSeconds < 4 * identity.policy.roundDeadlineSeconds + 60 else {
        throw SimulationError.stalled(round: storage.ledgerState.lastRound)
      }
      clock = clock.adding(seconds: 1)
      try perform(coordinator.handle(.clock(clock)))
    }
    // What the last broadcast set off: outcomes, and the fetch of the final model.
    while let delivery = queue.next() { try deliver(delivery) }
    guard let final = storage.ledgerState.latestRelease?.modelOut,
      let bytes = storage.loadBlob(final)
    else { throw SimulationError.noRelease }
    return Outcome(
      parameters: try ModelParameters(decoding: bytes),
      epsilonSpent: storage.ledgerState.epsilonSpent,
      roundsReleased: storage.ledgerState.rounds.released, bytesUp: bytesUp,
      bytesDown: bytesDown, ledgerLines: storage.entries.map(\.line))
  }

  // MARK: - Delivery

  private mutating func deliver(_ delivery: MessageQueue.Delivery) throws {
    switch delivery {
    case .toCoordinator(let index, let payload):
      bytesUp += payload.count + Self.frameHeaderBytes
      try perform(coordinator.handle(.received(ConnectionID(UInt64(index)), payload)))
    case .toClient(let index, let payload):
      bytesDown += payload.count + Self.frameHeaderBytes
      try perform(clients[index].handle(.received(payload)), client: index)
    }
  }

  private mutating func perform(_ effects: [CoordinatorEffect]) throws {
    for effect in effects {
      switch effect {
      case .send(let connection, let payload):
        queue.append(.toClient(Int(connection.value), payload))
      case .sendBlob(let connection, let digest, let bytes):
        for chunk in BlobChunk.Chunks(of: bytes, hash: digest.bytes) {
          queue.append(
            .toClient(Int(connection.value), Message.blobChunk(chunk).encoded()))
        }
      case .finished(let reason):
        finished = true
        switch reason {
        case .planComplete: break
        case .budgetExhausted: throw SimulationError.budgetExhausted
        case .sumLost: throw SimulationError.sumLost
        }
      case .removeMasks(let round, let removal):
        try perform(
          coordinator.handle(
            .masksRemoved(round: round, corrections: removal.correctionsOnThisThread())))
      case .note(.roundOffered(_, let stage, _, _)):
        // Before the offers, which wait in the queue.
        attend(isFirst: stage == model.stages.first)
      case .close, .note:
        break
      }
    }
  }

  private mutating func attend(isFirst: Bool) {
    guard attendance != nil else { return }
    let present = isFirst ? Set(devices.indices) : attendance?.next() ?? []
    for (index, device) in devices.enumerated() { device.setAway(!present.contains(index)) }
  }

  private mutating func perform(_ effects: [ClientEffect], client index: Int) throws {
    for effect in effects {
      switch effect {
      case .send(let payload):
        queue.append(.toCoordinator(index, payload))
      case .needBlob(let digest):
        try need(digest, client: index)
      case .storeBlob(let digest, let bytes):
        keep(bytes, as: digest)
        for waiter in fetchWaiters.removeValue(forKey: digest) ?? [] {
          try perform(clients[waiter].handle(.blobAvailable(digest)), client: waiter)
        }
      case .computeUpdate(let offer):
        let update = try update(for: offer, client: index)
        try perform(clients[index].handle(.updateReady(update)), client: index)
      case .close:
        throw SimulationError.clientLeft(index)
      case .enrolled, .note, .finished, .policyChanged:
        break
      }
    }
  }

  /// Models follow one another: of hundreds of rounds only the newest is asked for again.
  private mutating func keep(_ bytes: [UInt8], as digest: SHA256Digest) {
    if digest != identity.catalogueHash {
      blobs = blobs.filter { $0.key == identity.catalogueHash }
    }
    blobs[digest] = bytes
  }

  /// The first client that misses a blob fetches it; the others wait for it.
  private mutating func need(_ digest: SHA256Digest, client index: Int) throws {
    if blobs[digest] != nil {
      try perform(clients[index].handle(.blobAvailable(digest)), client: index)
    } else if fetchWaiters[digest] != nil {
      fetchWaiters[digest]?.append(index)
    } else {
      fetchWaiters[digest] = [index]
      try perform(clients[index].handle(.fetchBlob(digest)), client: index)
    }
  }

  private mutating func update(for offer: Offer, client index: Int) throws -> [Float] {
    let digest = try SHA256Digest(bytes: offer.modelHash)
    if parameters[digest] == nil, let bytes = blobs[digest] {
      parameters = [digest: try ModelParameters(decoding: bytes)]
    }
    guard let current = parameters[digest] else { throw SimulationError.noRelease }
    let update = try model.contribution(
      stage: Int(offer.planIndex), history: histories[index], parameters: current,
      itemCount: identity.catalogue.count)
    guard let cohort else { return update }
    let weight = Float(cohort.copies[index]) / Float(cohort.mostCopies)
    return update.map { $0 * weight }
  }
}
