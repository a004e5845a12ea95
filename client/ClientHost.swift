internal import BehaviorStore
internal import Cryptography
internal import Federation
internal import Glibc
internal import NIOCore
internal import Operations
internal import Privacy
internal import Recommendation
internal import Transport
internal import WireProtocol

/// Drives the `ClientEngine`s of the customers in one process: one on a device, many in a
/// simulation. Each customer has its own key, store and connection; only public blobs are shared.
///
/// Runs on a thread of its own, since stores sync to disk.
actor ClientHost {
  private nonisolated let executor: any SerialExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private struct Customer {
    let home: ClientHome
    var engine: ClientEngine
    let device: StoredDevice
    var outbox: FrameOutbox?
    var enrolment: Enrolment?
    var outcome: CustomerOutcome = .running
    var stay: Stay = .untilTrained
  }

  private var customers: [Customer] = []
  private let pool: StorePool
  /// The roster of a masked round is public: this process checks it once for all its customers.
  private let rosters = RosterCache()
  private let blobs: BlobDirectory
  private let givesConsent: Bool
  private let optedOut: Bool
  private let report: @Sendable (ClientNote) -> Void
  private var fetchWaiters: [SHA256Digest: [Int]] = [:]
  private var catalogues: [SHA256Digest: Catalogue] = [:]
  private var parameters: [SHA256Digest: ModelParameters] = [:]
  private var models: [SHA256Digest: any FederatedModel] = [:]

  /// Most items that may wait for one connection: an update of the largest dimension is 64 chunks.
  private static let outboxCapacity = 128
  /// Stores open at once, each with three descriptors. Customers take turns, so a process that hosts
  /// no more than this many opens each store once.
  static let openStores = 512

  /// - Parameters:
  ///   - blobsPath: directory for public blobs, shared by the customers of this process.
  ///   - givesConsent: simulated customers agree to the policy shown at enrolment.
  init(
    blobsPath: String, givesConsent: Bool, executor: any SerialExecutor,
    report: @escaping @Sendable (ClientNote) -> Void
  ) {
    blobs = BlobDirectory(path: blobsPath)
    pool = StorePool(capacity: Self.openStores)
    optedOut = OptOut.isSet
    self.givesConsent = givesConsent
    self.executor = executor
    self.report = report
  }

  /// Adds a customer; its key and store exist.
  ///
  /// - Returns: the customer's number in this host.
  func add(home: ClientHome, start: ClientEngine.Start) throws -> Int {
    let identity = try KeyFile.load(at: home.identityKey)
    let ledgerID: [UInt8]
    var enrolment: Enrolment?
    switch start {
    case .enrol(let token): ledgerID = token.address.ledgerID
    case .login(let known):
      ledgerID = known.ledgerID
      enrolment = known
    }
    let device = StoredDevice(home: home, pool: pool, ledgerID: ledgerID)
    customers.append(
      Customer(
        home: home,
        engine: ClientEngine(
          start: start, identity: identity, optedOut: optedOut, storage: device,
          rosters: rosters),
        device: device, enrolment: enrolment))
    return customers.count - 1
  }

  /// Creates a customer's store and imports its behaviour, once.
  ///
  /// - Parameter csv: rows `kind,item,time,value,occasion`; nil for an empty store.
  func makeStore(home: ClientHome, importing csv: String?) throws {
    guard !BehaviorStore.exists(in: home.store) else { return }
    let key = try home.storeKey()
    let store =
      try csv.map { try BehaviorStore.create(directory: home.store, key: key, importingCSV: $0) }
      ?? BehaviorStore.create(directory: home.store, key: key)
    // Closing only frees memory here; what was written is durable already.
    try? store.close()
  }

  func outcome(of index: Int) -> CustomerOutcome { customers[index].outcome }

  func enrolment(of index: Int) -> Enrolment? { customers[index].enrolment }

  func closeStores() throws { try pool.closeAll() }

  // MARK: - Connections

  /// How long a customer stays connected.
  enum Stay: Sendable {
    case untilTrained
    /// Only to be admitted and to see the policy.
    case untilEnrolled
  }

  /// Serves one customer's connection until it ends.
  nonisolated func serve(
    _ index: Int, over connection: FramedConnection, stay: Stay = .untilTrained
  ) async throws {
    let outbox = FrameOutbox(capacity: Self.outboxCapacity)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await outbox.drain(into: connection) }
      do {
        try await connected(
          index, outbox: outbox, exporter: connection.exporter, stay: stay)
        for try await payload in connection.frames {
          try await received(payload, by: index)
          guard outbox.isOpen else { break }
        }
      } catch {
        await disconnected(index, because: error)
        // The writer has no error of its own.
        try? await group.waitForAll()
        throw error
      }
      await disconnected(index, because: nil)
      try await group.waitForAll()
    }
  }

  private func connected(
    _ index: Int, outbox: FrameOutbox, exporter: [UInt8], stay: Stay
  ) throws {
    customers[index].outbox = outbox
    customers[index].stay = stay
    try perform(customers[index].engine.handle(.connected(exporter: exporter)), for: index)
  }

  private func received(_ payload: [UInt8], by index: Int) throws {
    try perform(customers[index].engine.handle(.received(payload)), for: index)
  }

  private func disconnected(_ index: Int, because error: (any Error)?) {
    if let error, let farewell = ClientEngine.farewell(for: error) {
      _ = customers[index].outbox?.offer(.frame(farewell))
    }
    customers[index].outbox?.close()
    customers[index].outbox = nil
    // Being disconnected asks for nothing and cannot fail.
    _ = try? customers[index].engine.handle(.disconnected)
    handFetchesOver(from: index)
  }

  // MARK: - Effects

  private func perform(_ effects: [ClientEffect], for index: Int) throws {
    for effect in effects {
      switch effect {
      case .send(let payload):
        if customers[index].outbox?.offer(.frame(payload)) == false {
          customers[index].outbox?.close()
        }
      case .close:
        customers[index].outbox?.close()
      case .enrolled(let enrolment):
        try keep(enrolment, of: index)
      case .policyChanged(let policy):
        try ProposedPolicy.write(policy, for: customers[index].home)
      case .needBlob(let digest):
        try need(digest, for: index)
      case .storeBlob(let digest, let bytes):
        _ = try blobs.store(bytes)
        try announce(digest)
      case .computeUpdate(let offer):
        let update = try update(for: offer, by: index)
        try perform(customers[index].engine.handle(.updateReady(update)), for: index)
      case .note(let note):
        report(note)
      case .finished(let reason, let model):
        customers[index].outcome = .finished(reason)
        if let model { try rememberModel(model, of: index) }
        customers[index].outbox?.close()
      }
    }
  }

  private func keep(_ enrolment: Enrolment, of index: Int) throws {
    try EnrolmentFile.write(enrolment, to: customers[index].home.enrolment)
    customers[index].enrolment = enrolment
    if customers[index].stay == .untilEnrolled { customers[index].outbox?.close() }
    guard givesConsent else { return }
    try pool.store(of: customers[index].home).giveConsent(
      policyHash: enrolment.policyHash.hex, atSeconds: Int64(time(nil)))
  }

  /// What `client recommend` reads later, without any network.
  private func rememberModel(_ model: SHA256Digest, of index: Int) throws {
    let (catalogue, features) = customers[index].engine.publicHashes
    // At once: a list made meanwhile must not see a model with the catalogue of another.
    try pool.store(of: customers[index].home).set([
      ServingSettings.model: model.hex, ServingSettings.catalogue: catalogue?.hex,
      ServingSettings.features: features?.hex,
    ])
  }

  private func update(for offer: Offer, by index: Int) throws -> [Float] {
    let catalogueHash = try SHA256Digest(bytes: offer.catalogueHash)
    let modelHash = try SHA256Digest(bytes: offer.modelHash)
    let catalogue = try catalogue(catalogueHash)
    let model = try model(of: index)
    let store = try pool.store(of: customers[index].home)
    var history = try store.history(catalogueIndex: { catalogue.index(of: $0) })
    if let experiment = model.experiment {
      history.experiment = try ExperimentPart(of: experiment, in: store).outcomes(in: store)
    }
    return try model.contribution(
      stage: Int(offer.planIndex), history: history, parameters: try parameters(modelHash),
      itemCount: catalogue.count)
  }

  private func catalogue(_ digest: SHA256Digest) throws -> Catalogue {
    if let known = catalogues[digest] { return known }
    let decoded = try Catalogue(decoding: try blob(digest))
    catalogues = [digest: decoded]
    return decoded
  }

  private func parameters(_ digest: SHA256Digest) throws -> ModelParameters {
    if let known = parameters[digest] { return known }
    let decoded = try ModelParameters(decoding: try blob(digest))
    parameters = [digest: decoded]
    return decoded
  }

  private func model(of index: Int) throws -> any FederatedModel {
    guard let enrolment = customers[index].enrolment else {
      throw FederationError.unexpectedMessage("a round before enrolment")
    }
    let digest = enrolment.policyHash
    if let known = models[digest] { return known }
    let policy = try enrolment.policy()
    let model = try ModelRegistry.model(
      identifier: policy.model, hyperparameters: policy.hyperparameters)
    models = [digest: model]
    return model
  }

  private func blob(_ digest: SHA256Digest) throws -> [UInt8] {
    guard let bytes = try blobs.load(digest) else {
      throw FederationError.missingModel(digest)
    }
    return bytes
  }

  // MARK: - Blobs

  /// The first customer that misses a blob fetches it; the others wait for it.
  private func need(_ digest: SHA256Digest, for index: Int) throws {
    if try blobs.load(digest) != nil {
      try perform(customers[index].engine.handle(.blobAvailable(digest)), for: index)
    } else if fetchWaiters[digest] != nil {
      fetchWaiters[digest]?.append(index)
    } else {
      fetchWaiters[digest] = [index]
      try perform(customers[index].engine.handle(.fetchBlob(digest)), for: index)
    }
  }

  private func announce(_ digest: SHA256Digest) throws {
    for waiter in fetchWaiters.removeValue(forKey: digest) ?? [] {
      try perform(customers[waiter].engine.handle(.blobAvailable(digest)), for: waiter)
    }
  }

  /// A customer that was fetching is gone: the next one that waits fetches instead.
  private func handFetchesOver(from index: Int) {
    for (digest, waiters) in fetchWaiters where waiters.contains(index) {
      let wasFetching = waiters.first == index
      let rest = waiters.filter { $0 != index }
      fetchWaiters[digest] = rest.isEmpty ? nil : rest
      guard wasFetching, let next = rest.first else { continue }
      do {
        try perform(customers[next].engine.handle(.fetchBlob(digest)), for: next)
      } catch {
        // That customer's own connection ends for the same reason and reports it.
        customers[next].outbox?.close()
      }
    }
  }
}

/// How far a customer of this process has come.
enum CustomerOutcome: Equatable, Sendable {
  case running
  case finished(Finished.Reason)
}

/// The signal that this customer contributes nothing, whatever consent is stored.
enum OptOut {
  static let variable = "TACIT_OPT_OUT"

  /// Whether the environment sets it to anything but an empty text or `0`.
  static var isSet: Bool {
    ProcessEnvironment.value(variable).map { !$0.isEmpty && $0 != "0" } ?? false
  }
}

/// Keys under which a store remembers what `client recommend` serves.
enum ServingSettings {
  static let model = "model"
  static let catalogue = "catalogue"
  static let features = "features"
}
