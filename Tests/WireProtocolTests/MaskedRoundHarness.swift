import Cryptography
import Ledger
import Privacy
import SecureAggregation
import VectorMath
import WireProtocol

/// One coordinator's masked round, the members who talk to it, and the ledger it is charged to.
///
/// Every message passes the codec. A class only because a round cannot be copied into the
/// expectations of a test.
final class MaskedRoundHarness {
  static let ledgerID = SampleMessages.ramp(16, from: 90)
  static let fractionBits = 20
  static let noiseScale: UInt64 = 4 << 20

  struct Member {
    var round: MaskedClientRound
    var update: [Float]
    var held: Checkpoint
    var log: [String] = []
    var sent: [Message] = []
    var isConnected = true
  }

  let dimension: Int
  let mode: AggregationMode
  let policy: PrivacyPolicy
  let maskingPolicy: MaskingPolicy
  let coordinator: SigningKey
  let enrolment: SigningKey
  let offer: Offer
  let context: [UInt8]
  var round: MaskedCoordinatorRound?
  var members: [ClientID: Member] = [:]
  var ledger: [LedgerEntry] = []
  var state: LedgerState
  /// What happened, in order: `append charge`, `proof to 3`.
  var log: [String] = []
  var ending: String?
  var culprits: [ClientID] = []
  var released: NoisedSum?
  var chargeIndex: Int?
  /// What a malicious network or coordinator makes of a message to a member: nil drops it.
  var tamper: (ClientID, Message) throws -> [Message] = { [$1] }
  /// Whether a member's message gets through.
  var delivers: (ClientID, Message) -> Bool = { _, _ in true }
  private var queue: [(ClientID, [UInt8])] = []
  private var seconds = 0

  init(
    count: Int = 6, mode: AggregationMode = .secagg, dimension: Int = 8, minimumCohort: Int = 4,
    maximumCohort: Int = 200, dropoutFraction: String = "0.34", uploadSlots: Int = 16,
    modelHash: [UInt8] = SampleMessages.ramp(32, from: 1)
  ) throws {
    self.dimension = dimension
    self.mode = mode
    coordinator = try RoundHarness.identity(1_000_001)
    enrolment = try RoundHarness.identity(1_000_002)
    policy = try PrivacyPolicy(
      federation: "shop", mode: mode.rawValue,
      masking: MaskingTolerance(
        corruptFraction: try ExactDecimal("0.1"),
        dropoutFraction: try ExactDecimal(dropoutFraction)),
      epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-6"),
      minimumCohort: minimumCohort, maximumCohort: maximumCohort, targetCohort: maximumCohort,
      model: "popularity",
      plan: [
        PlannedRound(
          stage: "popularity", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("4"))
      ], roundDeadlineSeconds: 60, retentionDays: 30)
    guard let masking = try MaskingPolicy(of: policy) else {
      throw MaskingParameterError.invalidPolicy
    }
    maskingPolicy = masking
    let policyHash = SHA256Digest(hashing: policy.canonicalBytes)
    var offer = Offer(
      round: 1, planIndex: 0, modelHash: modelHash, catalogueHash: SampleMessages.ramp(32, from: 2),
      policyHash: policyHash.bytes, roundKey: SampleMessages.ramp(32, from: 4),
      dimension: UInt32(dimension), fractionBits: UInt8(Self.fractionBits),
      noiseScale: Self.noiseScale, deadlineSeconds: 60, signature: [])
    offer.signature = try coordinator.sign(offer.signedBytes)
    self.offer = offer
    context = RoundContext.digest(
      offer: offer, coordinatorKey: coordinator.verifyingKey.bytes, ledgerID: Self.ledgerID)
    let genesis = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious,
      record: .genesis(
        GenesisRecord(
          ledgerID: try LedgerID(bytes: Self.ledgerID), coordinatorKey: coordinator.verifyingKey,
          policy: policy, softwareVersion: "test", createdAtSeconds: 0,
          enrolmentKeyHeldByCoordinator: false)))
    state = try LedgerState(genesis: genesis)
    ledger = [genesis]
    try append(
      .offer(
        OfferRecord(
          round: 1, planIndex: 0, stage: "popularity", mode: mode.rawValue,
          modelIn: try SHA256Digest(bytes: modelHash),
          catalogueHash: try SHA256Digest(bytes: offer.catalogueHash), policyHash: policyHash,
          deadlineSeconds: 60)))
    round = MaskedCoordinatorRound(
      offer: offer, context: context, mode: mode, policy: masking,
      encoding: try FixedPointEncoding(fractionBits: Self.fractionBits, clipNorm: 1),
      limits: CoordinatorRound.Limits(
        minimumCohort: minimumCohort, maximumCohort: maximumCohort, uploadSlots: uploadSlots,
        uploadSeconds: 30, phaseSeconds: 20), startedAt: MonotonicTime(milliseconds: 0))
    let rosters = RosterCache()
    let held = try Checkpoint(signing: state, with: coordinator)
    for id in 1...ClientID(count) {
      members[id] = Member(
        round: try clientRound(id, offer: offer, rosters: rosters), update: oneHot(Int(id)),
        held: held)
    }
  }

  /// A member's side of the round, for this offer or another.
  func clientRound(
    _ id: ClientID, offer: Offer, revoked: Set<ClientID> = [],
    rosters: RosterCache = RosterCache()
  ) throws -> MaskedClientRound {
    MaskedClientRound(
      offer: offer,
      setup: MaskedClientSetup(
        clientID: id, identity: try RoundHarness.identity(id),
        context: RoundContext.digest(
          offer: offer, coordinatorKey: coordinator.verifyingKey.bytes, ledgerID: Self.ledgerID),
        mode: mode, policy: policy, maskingPolicy: maskingPolicy,
        encoding: try FixedPointEncoding(fractionBits: Self.fractionBits, clipNorm: 1),
        ledgerID: try LedgerID(bytes: Self.ledgerID), coordinatorKey: coordinator.verifyingKey,
        enrolmentKey: enrolment.verifyingKey, revoked: revoked, rosters: rosters),
      noise: FixedSeedShares(seed: UInt64(id)))
  }

  func oneHot(_ index: Int) -> [Float] { (0..<dimension).map { $0 == index % dimension ? 1 : 0 } }

  /// What admits member `id` under its identity key, or another one; by the enrolment key.
  func credential(
    of id: ClientID, key: VerifyingKey? = nil, by authority: SigningKey? = nil
  ) throws -> [UInt8] {
    let token = try EnrolmentToken(
      for: id,
      at: CoordinatorAddress(
        host: "localhost", port: 1, serverKeyPin: [UInt8](repeating: 0, count: 32),
        coordinatorKey: coordinator.verifyingKey.bytes, ledgerID: Self.ledgerID),
      expiresAtSeconds: 1, authority: authority ?? enrolment)
    return try token.credential(for: try key ?? RoundHarness.identity(id).verifyingKey).bytes
  }

  // MARK: - The ledger

  @discardableResult
  func append(_ record: LedgerRecord) throws -> Int {
    let (entry, next) = try state.appending(record)
    log.append("append \(record.kind.rawValue)")
    ledger.append(entry)
    state = next
    return entry.index
  }

  var tree: MerkleTree { MerkleTree(lines: ledger.map(\.line)) }

  func receipt(of index: Int) throws -> LedgerReceipt {
    LedgerReceipt(
      line: ledger[index].line, index: index, tree: tree,
      checkpoint: try Checkpoint(signing: state, with: coordinator))
  }

  // MARK: - Events

  /// Connects everyone and lets the round run until nothing is under way.
  func start(_ ids: [ClientID]? = nil) throws {
    for id in ids ?? members.keys.sorted() { try connect(id) }
    try pump()
  }

  func connect(_ id: ClientID) throws {
    members[id]?.isConnected = true
    try coordinate(
      .memberConnected(
        id, try RoundHarness.identity(id).verifyingKey, credential: try credential(of: id)))
  }

  /// Logging in again shows a member the newest checkpoint.
  func reconnect(_ id: ClientID) throws {
    members[id]?.held = try Checkpoint(signing: state, with: coordinator)
    try connect(id)
  }

  func disconnect(_ id: ClientID) throws {
    members[id]?.isConnected = false
    try coordinate(.memberDisconnected(id))
  }

  func clock(seconds elapsed: Int) throws {
    seconds += elapsed
    try coordinate(.clock(MonotonicTime(milliseconds: 0).adding(seconds: seconds)))
    try pump()
  }

  /// Lets every deadline pass.
  func runOut() throws {
    for _ in 0..<12 where ending == nil { try clock(seconds: 70) }
  }

  func coordinate(_ event: CoordinatorRoundEvent) throws {
    guard let effects = round?.handle(event) else { return }
    try perform(effects)
  }

  func pump() throws {
    while !queue.isEmpty {
      let (id, payload) = queue.removeFirst()
      guard members[id]?.isConnected == true else { continue }
      for message in try tamper(id, try Message(decoding: payload)) {
        try deliver(message, to: id)
      }
    }
  }

  /// Gives a member a message, from whomever it is.
  func deliver(_ message: Message, to id: ClientID) throws {
    if case .offer(let offered) = message {
      // The engine decides; here everyone joins, and answers again after a reconnection.
      guard offered == members[id]?.round.offer else { return }
      let again = members[id]?.round.reconnected() ?? []
      try perform(again, of: id)
      return try event(.decided(joins: true), to: id)
    }
    if let held = members[id]?.held { try event(.holds(held), to: id) }
    try event(.message(message), to: id)
  }

  func event(_ event: ClientRoundEvent, to id: ClientID) throws {
    let effects = try members[id]?.round.handle(event) ?? []
    try perform(effects, of: id)
  }

  // MARK: - Effects

  private func perform(_ effects: [CoordinatorRoundEffect]) throws {
    for effect in effects {
      switch effect {
      case .send(let id, let message): send(message, to: [id])
      case .broadcast(let ids, let message): send(message, to: ids)
      case .charge: try charge()
      case .unmask(let removal):
        let effects = round?.unmask(removal.correctionsOnThisThread())
        try perform(effects ?? [])
      case .release:
        var noise = FixedSeedNoise(seed: 1)
        var block: CorrelatedAggregation?
        released = try round.take()?.release(noise: &noise, block: &block)
        ending = "released"
      case .burn(let reason, let culprits):
        ending = "burned: \(reason)"
        self.culprits = culprits
        round = nil
      case .void(let reason):
        ending = "void: \(reason)"
        round = nil
      }
    }
  }

  private func send(_ message: Message, to ids: [ClientID]) {
    let payload = message.encoded()
    for id in ids {
      log.append("\(message.kind) to \(id)")
      queue.append((id, payload))
    }
  }

  private func charge() throws {
    guard let parameters = round?.parameters, let sizes = round?.heldCheckpointSizes else { return }
    let index = try append(
      .charge(try ChargeRecord(offer: offer, policy: policy, parameters: parameters, rng: .seeded)))
    chargeIndex = index
    var consistency: [UInt64: [UInt8]] = [:]
    for size in sizes where size >= 1 && size <= UInt64(tree.size) {
      consistency[size] = tree.consistencyProof(from: Int(size), to: tree.size).bytes
    }
    let effects = round?.prove(
      after: DurableCharge(ledgerIndex: UInt64(index), round: offer.round),
      evidence: ChargeEvidence(receipt: try receipt(of: index).text, consistency: consistency))
    try perform(effects ?? [])
  }

  private func perform(_ effects: [ClientRoundEffect], of id: ClientID) throws {
    for effect in effects {
      switch effect {
      case .send(let message):
        members[id]?.log.append("send \(message.kind)")
        members[id]?.sent.append(message)
        let payload = message.encoded()
        guard delivers(id, message), members[id]?.isConnected == true else { continue }
        try coordinate(.message(id, try Message(decoding: payload)))
      case .computeUpdate: try event(.updateReady(members[id]?.update ?? []), to: id)
      case .journal:
        members[id]?.log.append("journal")
        try event(.journaled, to: id)
      case .settled(let accepted, let detail):
        members[id]?.log.append(accepted ? "accepted" : "rejected \(detail)")
      case .keep(let charge):
        members[id]?.log.append("keep \(charge.checkpoint.size)")
        members[id]?.held = charge.checkpoint
      case .giveBack: members[id]?.log.append("give back")
      case .left(let refusal): members[id]?.log.append("left \(refusal)")
      }
    }
  }

  // MARK: - Outcome

  // Read here: the macros of expectations copy what they look into.
  var isBeforeCharge: Bool? { round?.isBeforeCharge }
  var unreadableShares: (dealers: [ClientID], holders: [ClientID])? { round?.unreadableShares }

  /// The released sum without the noise of `FixedSeedNoise(seed: 1)`, in mode `secagg`.
  func exactSum() throws -> [Double]? {
    guard let released else { return nil }
    var noise = FixedSeedNoise(seed: 1)
    let empty = AggregateSum(
      dimension: dimension,
      encoding: try FixedPointEncoding(fractionBits: Self.fractionBits, clipNorm: 1))
    var block: CorrelatedAggregation?
    let zero = try noise.finish(empty, scale: Self.noiseScale, block: &block).values
    return zip(released.values, zero).map { $0 - $1 }
  }

  /// The sum of the one-hot updates of `ids`.
  func oneHotSum(of ids: [ClientID]) -> [Double] {
    ids.reduce(into: [Double](repeating: 0, count: dimension)) { $0[Int($1) % dimension] += 1 }
  }

  func refusal(of id: ClientID) -> String? {
    members[id]?.log.first { $0.hasPrefix("left ") }.map { String($0.dropFirst(5)) }
  }

  func sent(_ kind: Message.Kind, by id: ClientID) -> [Message] {
    members[id]?.sent.filter { $0.kind == kind } ?? []
  }
}

/// Shares that depend on a seed alone.
struct FixedSeedShares: NoiseShareSource {
  let seed: UInt64

  var source: ChargeRecord.RandomSource { .seeded }

  func draw(dimension: Int, scale: UInt64, parameters: MaskingParameters) -> NoiseShare {
    var generator = SeededRandom(seed: seed)
    return NoiseShare.draw(
      dimension: dimension, scale: scale, parameters: parameters, using: &generator)
  }
}
