import CanonicalJSON
import Cryptography
import Federation
import Ledger
import Privacy
import Recommendation
import SecureAggregation
import Testing
import WireProtocol

/// One coordinator engine and its customers, connected by a queue of frames that a test can watch.
///
/// A class only because the engine cannot be copied into the expectations of a test.
final class FederationHarness {
  struct Customer {
    var engine: ClientEngine
    let identity: SigningKey
    let device: RecordingDevice
    var history: CustomerHistory
    /// Payload bytes of every message sent, in order.
    var sentSizes: [Int] = []
    var connection: ConnectionID?
    var notes: [ClientNote] = []
    var enrolments: [Enrolment] = []
    var received: [Message] = []
    var blobs: [SHA256Digest: [UInt8]] = [:]
    var failure: (any Error)?
    var isFinished = false
    /// The model that training ended with, of each end that was told.
    var finishedModels: [SHA256Digest?] = []
  }

  private enum Delivery {
    case toCoordinator(ConnectionID, [UInt8])
    case toClient(ConnectionID, [UInt8])
    case close(ConnectionID)
  }

  static let ledgerID = [UInt8](repeating: 0xAB, count: 16)
  static let itemCount = 6

  let log = CallLog()
  var keys: CoordinatorKeys
  let authority: SigningKey
  private var tokens: [UInt8: EnrolmentToken] = [:]
  let policy: PrivacyPolicy
  let identity: FederationIdentity
  let model: any FederatedModel
  let storage: RecordingStorage
  var settings: CoordinatorSettings
  var coordinator: CoordinatorEngine<RecordingNoise>
  var customers: [Customer] = []
  var notes: [CoordinatorNote] = []
  var finished: Finished.Reason?
  /// Messages of customers that the network swallows.
  var swallows: (Int, Message) -> Bool = { _, _ in false }
  /// Changes what customers send, on its way to the coordinator.
  var rewritesSent: ((Message) -> Message)?
  /// Changes what a customer receives.
  var rewritesReceived: ((Int, Message) -> Message)?
  private var queue: [Delivery] = []
  private var owners: [ConnectionID: Int] = [:]
  private var nextConnection: UInt64 = 1
  private var seconds = 0

  init(
    policy: PrivacyPolicy, settings: CoordinatorSettings = .init(gatherSeconds: 1),
    noiseFails: Bool = false
  ) throws {
    authority = try Self.signingKey(2)
    keys = CoordinatorKeys(
      coordinator: try Self.signingKey(1), enrolment: authority.verifyingKey)
    self.policy = policy
    self.settings = settings
    model = try ModelRegistry.model(
      identifier: policy.model, hyperparameters: policy.hyperparameters)
    let catalogue = try Catalogue(
      codes: (0..<Self.itemCount).map { "item\($0)" },
      descriptions: [String](repeating: "", count: Self.itemCount))
    identity = FederationIdentity(
      ledgerID: Self.ledgerID, policy: policy, catalogue: catalogue,
      featuresHash: try SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)))
    storage = try RecordingStorage(
      genesis: GenesisRecord(
        ledgerID: try LedgerID(bytes: Self.ledgerID),
        coordinatorKey: keys.coordinator.verifyingKey, policy: policy, softwareVersion: "test",
        createdAtSeconds: 0, enrolmentKeyHeldByCoordinator: true),
      signingKey: keys.coordinator, log: log)
    _ = try storage.storeBlob(catalogue.encoded())
    coordinator = try CoordinatorEngine(
      settings: settings, identity: identity, model: model, features: nil, keys: keys,
      storage: storage, noise: RecordingNoise(log: log, fails: noiseFails),
      startedAt: MonotonicTime(milliseconds: 0))
  }

  /// A popularity policy whose one planned round may be trained `rounds` times under epsilon 8.
  static func policy(
    minimumCohort: Int = 2, targetCohort: Int = 3, noiseMultiplier: String = "4",
    mode: String = "sealed", maximumCohort: Int = 100, delta: String = "1e-6"
  ) throws -> PrivacyPolicy {
    let masking =
      mode == "sealed"
      ? nil
      : MaskingTolerance(
        corruptFraction: try ExactDecimal("0.1"), dropoutFraction: try ExactDecimal("0.2"))
    return try PrivacyPolicy(
      federation: "shop", mode: mode, masking: masking, epsilonLimit: ExactDecimal("8"),
      delta: ExactDecimal(delta),
      minimumCohort: minimumCohort, maximumCohort: maximumCohort, targetCohort: targetCohort,
      model: "popularity",
      plan: [
        PlannedRound(
          stage: "popularity", clipNorm: ExactDecimal("1"),
          noiseMultiplier: ExactDecimal(noiseMultiplier))
      ],
      roundDeadlineSeconds: 60, retentionDays: 30)
  }

  static func signingKey(_ number: UInt8) throws -> SigningKey {
    var seed = [UInt8](repeating: number, count: SigningKey.seedByteCount)
    return try SigningKey(seed: SecretBytes(wiping: &seed))
  }

  /// The token of roster number `number`, the same every time.
  func token(_ number: UInt8) throws -> EnrolmentToken {
    if let known = tokens[number] { return known }
    let token = try token(number, by: authority)
    tokens[number] = token
    return token
  }

  /// A new token, of any authority and expiry.
  func token(
    _ number: UInt8, by authority: SigningKey, expiresAtSeconds: UInt64 = .max
  ) throws -> EnrolmentToken {
    try EnrolmentToken(
      for: ClientID(number),
      at: CoordinatorAddress(
        host: "localhost", port: 7_443, serverKeyPin: [UInt8](repeating: 9, count: 32),
        coordinatorKey: keys.coordinator.verifyingKey.bytes, ledgerID: Self.ledgerID),
      expiresAtSeconds: expiresAtSeconds, authority: authority)
  }

  // MARK: - Customers

  /// Adds a customer with a token of its own.
  @discardableResult
  func addCustomer(optedOut: Bool = false) throws -> Int {
    let number = UInt8(customers.count + 1)
    let token = try token(number)
    let device = RecordingDevice(log: log)
    let identity = try Self.signingKey(100 + number)
    customers.append(
      Customer(
        engine: ClientEngine(
          start: .enrol(token), identity: identity, optedOut: optedOut, storage: device,
          noiseShares: SeededShares(seed: UInt64(number))),
        identity: identity, device: device,
        history: CustomerHistory(rows: [
          .init(item: customers.count % Self.itemCount, occasions: 1, lastSeconds: 0)
        ])))
    return customers.count - 1
  }

  /// Connects a customer; its frames wait until `pump`.
  func connect(_ index: Int, relayed: Bool = false) throws {
    let connection = ConnectionID(nextConnection)
    nextConnection += 1
    let exporter = [UInt8](repeating: UInt8(truncatingIfNeeded: connection.value), count: 32)
    customers[index].connection = connection
    customers[index].failure = nil
    owners[connection] = index
    let seen = relayed ? [UInt8](repeating: 0xEE, count: 32) : exporter
    _ = try customers[index].engine.handle(.connected(exporter: seen))
    let nonce = [UInt8](repeating: UInt8(truncatingIfNeeded: connection.value &+ 100), count: 32)
    try perform(
      coordinator.handle(.connected(connection, exporter: exporter, nonce: nonce)))
  }

  /// The network loses a customer's connection: both sides notice, unless only one of them does.
  func lose(_ index: Int, coordinatorNotices: Bool = true) throws {
    guard let connection = customers[index].connection else { return }
    owners[connection] = nil
    customers[index].connection = nil
    _ = try customers[index].engine.handle(.disconnected)
    if coordinatorNotices { try perform(coordinator.handle(.disconnected(connection))) }
  }

  /// A customer's process ends, and another one starts on the same device.
  func restartCustomer(_ index: Int) throws {
    try lose(index)
    let customer = customers[index]
    let enrolment = try #require(customer.enrolments.last)
    customers[index].engine = ClientEngine(
      start: .login(enrolment), identity: customer.identity, optedOut: false,
      storage: customer.device, noiseShares: SeededShares(seed: UInt64(index + 1)))
  }

  func enrolEveryone(count: Int) throws {
    for _ in 0..<count { try connect(try addCustomer()) }
    try pump()
  }

  // MARK: - Time and messages

  // Read here: the macros of expectations copy what they look into.
  var connectedMembers: Int { coordinator.connectedMembers }
  var consecutiveVoidRounds: Int { coordinator.consecutiveVoidRounds }
  var quorumIsHopeless: Bool { coordinator.quorumIsHopeless }

  /// Puts the public blobs before the first round on a device, as if it had fetched them.
  ///
  /// - Returns: the digest of the initial parameters.
  func installBlobs(on index: Int) throws -> SHA256Digest {
    let initial = try model.initialParameters(catalogue: identity.catalogue).encoded()
    let digest = SHA256Digest(hashing: initial)
    customers[index].blobs[digest] = initial
    customers[index].blobs[identity.catalogueHash] = identity.catalogue.encoded()
    return digest
  }

  func handle(_ event: CoordinatorEvent) throws -> [CoordinatorEffect] {
    try coordinator.handle(event)
  }

  func tick(seconds elapsed: Int = 1) throws {
    seconds += elapsed
    try perform(coordinator.handle(.clock(MonotonicTime(milliseconds: Int64(seconds) * 1_000))))
  }

  /// Delivers frames until none is under way.
  func pump() throws {
    while !queue.isEmpty { try deliverNext() }
  }

  private func deliverNext() throws {
    switch queue.removeFirst() {
    case .toCoordinator(let connection, let payload):
      let sent = try rewritesSent.map { try $0(Message(decoding: payload)).encoded() } ?? payload
      try perform(coordinator.handle(.received(connection, sent)))
    case .toClient(let connection, let payload):
      guard let index = owners[connection] else { return }
      try deliver(payload, to: index, on: connection)
    case .close(let connection):
      guard let index = owners.removeValue(forKey: connection) else { return }
      guard customers[index].connection == connection else { return }
      customers[index].connection = nil
      _ = try customers[index].engine.handle(.disconnected)
    }
  }

  /// Delivers frames until `condition` holds; the rest stays under way.
  func pump(until condition: () -> Bool) throws {
    while !queue.isEmpty, !condition() { try deliverNext() }
  }

  /// Trains until round `number` is offered; the offers themselves are still under way.
  func runUntilOffer(of number: UInt64) throws {
    while storage.ledgerState.lastRound < number, finished == nil {
      try tick()
      try pump { storage.ledgerState.lastRound >= number }
    }
  }

  /// Lets time pass until the round is over, or training is.
  func run(seconds limit: Int = 200) throws {
    for _ in 0..<limit where finished == nil {
      try tick()
      try pump()
    }
  }

  /// Feeds one customer a message of the coordinator's, made by the test.
  func deliver(_ message: Message, to index: Int) throws {
    let effects = try customers[index].engine.handle(.received(message.encoded()))
    try perform(effects, of: index)
  }

  private func deliver(_ payload: [UInt8], to index: Int, on connection: ConnectionID) throws {
    let payload =
      try rewritesReceived.map { try $0(index, Message(decoding: payload)).encoded() } ?? payload
    customers[index].received.append(try Message(decoding: payload))
    do {
      try perform(customers[index].engine.handle(.received(payload)), of: index)
    } catch {
      customers[index].failure = error
      if let farewell = ClientEngine.farewell(for: error) {
        queue.append(.toCoordinator(connection, farewell))
      }
      owners[connection] = nil
      customers[index].connection = nil
      _ = try customers[index].engine.handle(.disconnected)
    }
  }

  func perform(_ effects: [CoordinatorEffect]) throws {
    for effect in effects {
      switch effect {
      case .send(let connection, let payload):
        queue.append(.toClient(connection, payload))
      case .sendBlob(let connection, let digest, let bytes):
        for chunk in BlobChunk.Chunks(of: bytes, hash: digest.bytes) {
          queue.append(.toClient(connection, Message.blobChunk(chunk).encoded()))
        }
      case .close(let connection): queue.append(.close(connection))
      case .note(let note): notes.append(note)
      case .removeMasks(let round, let removal):
        try perform(
          coordinator.handle(
            .masksRemoved(round: round, corrections: removal.correctionsOnThisThread())))
      case .finished(let reason): finished = reason
      }
    }
  }

  func perform(_ effects: [ClientEffect], of index: Int) throws {
    for effect in effects {
      switch effect {
      case .send(let payload):
        let message = try Message(decoding: payload)
        log.append("client sends \(message.kind)")
        customers[index].sentSizes.append(payload.count)
        if let connection = customers[index].connection, !swallows(index, message) {
          queue.append(.toCoordinator(connection, payload))
        }
      case .close:
        guard let connection = customers[index].connection else { continue }
        owners[connection] = nil
        customers[index].connection = nil
        try perform(coordinator.handle(.disconnected(connection)))
      case .enrolled(let enrolment): customers[index].enrolments.append(enrolment)
      case .policyChanged: break
      case .needBlob(let digest):
        if customers[index].blobs[digest] != nil {
          try perform(customers[index].engine.handle(.blobAvailable(digest)), of: index)
        } else {
          try perform(customers[index].engine.handle(.fetchBlob(digest)), of: index)
        }
      case .storeBlob(let digest, let bytes):
        customers[index].blobs[digest] = bytes
        try perform(customers[index].engine.handle(.blobAvailable(digest)), of: index)
      case .computeUpdate(let offer): try compute(offer, of: index)
      case .note(let note): customers[index].notes.append(note)
      case .finished(_, let model):
        customers[index].isFinished = true
        customers[index].finishedModels.append(model)
      }
    }
  }

  private func compute(_ offer: Offer, of index: Int) throws {
    let digest = try SHA256Digest(bytes: offer.modelHash)
    let bytes = try #require(customers[index].blobs[digest])
    let update = try model.update(
      stage: Int(offer.planIndex), history: customers[index].history,
      parameters: try ModelParameters(decoding: bytes), itemCount: identity.catalogue.count)
    try perform(customers[index].engine.handle(.updateReady(update)), of: index)
  }

  /// Stops the coordinator where it stands and starts another on the same storage.
  func restart(noiseFails: Bool = false) throws {
    try storage.recover()
    for index in customers.indices {
      if customers[index].connection != nil {
        customers[index].connection = nil
        _ = try customers[index].engine.handle(.disconnected)
      }
    }
    queue = []
    owners = [:]
    coordinator = try CoordinatorEngine(
      settings: settings, identity: identity, model: model, features: nil, keys: keys,
      storage: storage, noise: RecordingNoise(log: log, fails: noiseFails),
      startedAt: MonotonicTime(milliseconds: Int64(seconds) * 1_000))
  }
}

extension FederationHarness.Customer {
  /// Outcomes of rounds that this customer was told, in order.
  var closedRounds: [RoundClosed] {
    received.compactMap { if case .roundClosed(let closed) = $0 { closed } else { nil } }
  }

  var refusals: [RefusalCode] {
    received.compactMap { if case .refused(let refused) = $0 { refused.code } else { nil } }
  }

  var offers: [Offer] {
    received.compactMap { if case .offer(let offer) = $0 { offer } else { nil } }
  }
}
