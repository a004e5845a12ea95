internal import Cryptography
internal import Ledger
internal import Privacy
package import Recommendation
internal import SecureAggregation
internal import VectorMath
package import WireProtocol

/// The coordinator: logins, rounds by the policy's plan, charges, releases.
///
/// Sans-I/O but for `CoordinatorStorage`, which comes in from outside: the executable drives it
/// over sockets, the simulator in memory, with the same messages through the same codec.
package struct CoordinatorEngine<Noise: AggregateNoise>: ~Copyable, Sendable {
  package let settings: CoordinatorSettings
  package let identity: FederationIdentity
  let model: any FederatedModel
  let features: ItemFeatures?
  let storage: any CoordinatorStorage
  let keys: CoordinatorKeys
  var noise: Noise
  var parameters: ModelParameters
  var modelHash: SHA256Digest
  var sessions: [ConnectionID: Session] = [:]
  var connections: [ClientID: ConnectionID] = [:]
  /// How the policy's rounds are aggregated.
  let mode: AggregationMode
  /// The open round: one of these in its mode, or none.
  var round: CoordinatorRound?
  var masked: MaskedCoordinatorRound?
  /// Index of the open round's OFFER.
  var offerEntry: Int?
  /// What was shown last: a round's offer and its end go to every member.
  var ledgerShowing: LedgerShowing?
  /// CHARGE of the open masked round, once it is durable.
  var maskedCharge: DurableCharge?
  /// The block of correlated noise that is under way, and its past sums.
  var block: CorrelatedBlock?
  var aggregation: CorrelatedAggregation?
  /// Members that made a charged round end without a sum: they are offered none (ruling 11).
  var excluded: Set<ClientID> = []
  package internal(set) var finishReason: Finished.Reason?
  package internal(set) var consecutiveVoidRounds = 0
  package internal(set) var consecutiveBurnedRounds = 0
  var now: MonotonicTime
  /// When the last member logged in; gathering ends when it has been quiet for a while.
  var lastLogin: MonotonicTime

  /// - Parameters:
  ///   - identity: policy, catalogue and their digests.
  ///   - features: public vectors of the items, for the model's own use of them; nil where there are none.
  ///   - noise: `SystemNoise` in the executable.
  /// - Throws: `FederationError` when the stored model cannot be read; storage errors.
  package init(
    settings: CoordinatorSettings, identity: FederationIdentity, model: any FederatedModel,
    features: ItemFeatures?, keys: CoordinatorKeys, storage: any CoordinatorStorage,
    noise: consuming Noise, startedAt now: MonotonicTime
  ) throws {
    // All that can fail comes first: a partly made engine would hold a round it cannot end.
    let mode = try identity.aggregationMode()
    (parameters, modelHash) = try Self.modelInForce(identity, model: model, storage: storage)
    self.settings = settings
    self.identity = identity
    self.mode = mode
    self.model = model
    self.features = features
    self.keys = keys
    self.storage = storage
    self.noise = noise
    self.now = now
    self.lastLogin = now
  }

  /// The parameters of the newest release, or the public initial ones.
  private static func modelInForce(
    _ identity: FederationIdentity, model: any FederatedModel, storage: any CoordinatorStorage
  ) throws -> (ModelParameters, SHA256Digest) {
    guard let released = storage.ledgerState.latestRelease?.modelOut else {
      let initial = try model.initialParameters(catalogue: identity.catalogue)
      let bytes = initial.encoded()
      let digest = SHA256Digest(hashing: bytes)
      // Made again at every start, so that it need not outlive a crash.
      if try storage.loadBlob(digest) == nil { _ = try storage.storeBlob(bytes) }
      return (initial, digest)
    }
    guard let bytes = try storage.loadBlob(released) else {
      throw FederationError.missingModel(released)
    }
    return (try ModelParameters(decoding: bytes), released)
  }

  package var connectedMembers: Int { connections.count }

  /// Where the open round stands. (`mutating` only because a round cannot be copied.)
  package mutating func currentRound() -> RoundProgress? {
    guard let offer = round?.offer ?? masked?.offer else { return nil }
    return RoundProgress(
      round: offer.round, stage: identity.policy.plan[Int(offer.planIndex)].stage,
      joined: round?.joinedCount ?? masked?.joinedCount ?? 0,
      contributed: round?.contributorCount ?? masked?.contributorCount ?? 0,
      pending: round?.pendingCount ?? masked?.pendingCount ?? 0)
  }

  /// Advances the coordinator by one event.
  ///
  /// - Throws: storage errors. The caller stops: a coordinator that cannot write does not go on.
  package mutating func handle(_ event: CoordinatorEvent) throws -> [CoordinatorEffect] {
    switch event {
    case .connected(let connection, let exporter, let nonce):
      return [try greet(connection, exporter: exporter, nonce: nonce)]
    case .received(let connection, let payload):
      return try receive(payload, on: connection)
    case .disconnected(let connection):
      return try forget(connection)
    case .clock(let time):
      now = max(now, time)
      var effects = try advanceRound(.clock(now))
      effects += dropSilentLogins()
      effects += try startRoundIfDue()
      return effects
    case .masksRemoved(let round, let corrections):
      // A drain may have ended that round meanwhile.
      guard masked?.offer.round == round, masked?.isRemovingMasks == true else { return [] }
      return try perform(masked?.unmask(corrections) ?? [])
    }
  }

  // MARK: - Messages

  private mutating func receive(
    _ payload: [UInt8], on connection: ConnectionID
  ) throws -> [CoordinatorEffect] {
    guard let session = sessions[connection] else { return [] }
    let message: Message
    do {
      message = try Message(decoding: payload)
    } catch {
      return try refuse(connection, .malformedMessage, "\(error)")
    }
    switch session.phase {
    case .greeted(let exporter, let nonce):
      return try login(message, on: connection, exporter: exporter, nonce: nonce)
    case .member(let id):
      return try receive(message, from: id, on: connection)
    }
  }

  private mutating func receive(
    _ message: Message, from id: ClientID, on connection: ConnectionID
  ) throws -> [CoordinatorEffect] {
    switch message {
    case .answer, .updateHeader, .updateChunk, .advertise, .maskedHeader:
      guard round != nil || masked != nil else {
        return [send(roundIsOver(message), on: connection)]
      }
      return try advanceRound(.message(id, message))
    case .askCredentials, .shares, .unreadableShares, .agree, .unmask, .refuseRound:
      return try advanceRound(.message(id, message))
    case .fetchBlob(let fetch):
      return try serveBlob(fetch, on: connection)
    case .askOutcomes(let ask):
      return try tell(ask.rounds, on: connection)
    case .refused:
      return try forget(connection) + [.close(connection)]
    default:
      return try refuse(connection, .unexpectedMessage, "\(message.kind) is not for a coordinator")
    }
  }

  private func roundIsOver(_ message: Message) -> Message {
    .updateResult(UpdateResult(round: message.round, rejection: .roundClosed))
  }

  private func serveBlob(
    _ fetch: FetchBlob, on connection: ConnectionID
  ) throws -> [CoordinatorEffect] {
    let digest = try SHA256Digest(bytes: fetch.hash)
    guard identity.isPublic(digest) || digest == modelHash,
      let bytes = try storage.loadBlob(digest)
    else {
      let missing = BlobChunk(hash: fetch.hash, index: 0, count: 0, data: [])
      return [send(.blobChunk(missing), on: connection)]
    }
    return [.sendBlob(connection, digest, bytes)]
  }

  // MARK: - Effects

  func send(_ message: Message, on connection: ConnectionID) -> CoordinatorEffect {
    .send(connection, message.encoded())
  }

  func broadcast(_ message: Message) -> [CoordinatorEffect] {
    let payload = message.encoded()
    return connections.values.sorted().map { .send($0, payload) }
  }

  /// Ends a connection with a reason that the peer can read.
  mutating func refuse(
    _ connection: ConnectionID, _ code: RefusalCode, _ reason: String = ""
  ) throws -> [CoordinatorEffect] {
    let text = reason.isEmpty ? code.meaning : "\(code.meaning): \(reason)"
    let farewell = send(.refused(Refused(code, text)), on: connection)
    return [farewell, .close(connection), .note(.loginRefused(code))] + (try forget(connection))
  }

  private mutating func forget(_ connection: ConnectionID) throws -> [CoordinatorEffect] {
    guard let session = sessions.removeValue(forKey: connection) else { return [] }
    guard case .member(let id) = session.phase, connections[id] == connection else { return [] }
    connections[id] = nil
    return try advanceRound(.memberDisconnected(id))
  }
}
