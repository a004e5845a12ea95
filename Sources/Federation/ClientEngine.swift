package import Cryptography
internal import Ledger
internal import Privacy
package import WireProtocol

/// A client: login, offers held against the device's rules, updates, outcomes.
///
/// Sans-I/O but for `DeviceStorage`; the executable drives it over TLS, the simulator in memory.
package struct ClientEngine: Sendable {
  /// How the connection starts.
  package enum Start: Sendable {
    case enrol(EnrolmentToken)
    case login(Enrolment)
  }

  enum Phase {
    case offline
    case awaitingHello(exporter: [UInt8])
    case awaitingKeys(ServerHello, exporter: [UInt8])
    case awaitingWelcome
    case member
    case ended
  }

  var start: Start
  let identity: SigningKey
  let optedOut: Bool
  let storage: any DeviceStorage & Sendable
  let rosters: RosterCache
  let noiseShares: any NoiseShareSource
  private var phase = Phase.offline
  var policy: PrivacyPolicy?
  var policyHash: SHA256Digest?
  var round: OpenClientRound?
  var charge: PrivacyEvent?
  /// What this device holds of the ledger; nil before a login.
  var observed: ObservedLedger?
  /// The newest OFFER that was shown, with its proof.
  var offerReceipt: ReceiptNote?
  private var fetches: [SHA256Digest: [[UInt8]]] = [:]
  var missingBlobs: Set<SHA256Digest> = []
  var afterBlobs: AfterBlobs?
  /// Rounds asked for and not answered yet; an offer and the end of training wait for them.
  var outcomesAsked: [UInt64] = []
  var waitingForOutcomes: [Message] = []
  var knownHashes: (catalogue: SHA256Digest, features: SHA256Digest)?

  /// What waits until every missing blob is on the device.
  enum AfterBlobs {
    case compute(Offer)
    case finish(Finished.Reason, model: SHA256Digest?)
  }

  /// - Parameters:
  ///   - optedOut: `TACIT_OPT_OUT` is set: logs in, contributes nothing.
  ///   - storage: this customer's own store.
  ///   - rosters: one for all clients of a process, so that they check a public roster once.
  ///   - noiseShares: the system's, unless all of this is a simulation.
  package init(
    start: Start, identity: SigningKey, optedOut: Bool, storage: any DeviceStorage & Sendable,
    rosters: RosterCache = RosterCache(),
    noiseShares: any NoiseShareSource = SystemNoiseShares()
  ) {
    self.start = start
    self.identity = identity
    self.optedOut = optedOut
    self.storage = storage
    self.rosters = rosters
    self.noiseShares = noiseShares
  }

  /// Digests of the public catalogue and item features, once logged in.
  package var publicHashes: (catalogue: SHA256Digest?, features: SHA256Digest?) {
    (knownHashes?.catalogue, knownHashes?.features)
  }

  /// Advances the client by one event.
  ///
  /// - Throws: `FederationError` when the coordinator is refused or refuses; storage errors. The
  ///   driver closes the connection; `farewell(for:)` tells the peer why.
  package mutating func handle(_ event: ClientEvent) throws -> [ClientEffect] {
    do {
      return try advance(event)
    } catch let error as FederationError where error.isRefusalOfLedger {
      listRefusal(round: nil, "\(error)", evidence: evidence(of: error))
      throw error
    }
  }

  private mutating func advance(_ event: ClientEvent) throws -> [ClientEffect] {
    switch event {
    case .connected(let exporter):
      phase = .awaitingHello(exporter: exporter)
      return []
    case .received(let payload):
      return try receive(try decode(payload))
    case .disconnected:
      phase = .offline
      fetches = [:]
      outcomesAsked = []
      waitingForOutcomes = []
      return []
    case .updateReady(let update):
      guard let update else {
        endRound()
        return []
      }
      return try advanceRound(.updateReady(update))
    case .blobAvailable(let digest):
      missingBlobs.remove(digest)
      return continueAfterBlobs()
    case .fetchBlob(let digest):
      fetches[digest] = []
      return [.send(Message.fetchBlob(FetchBlob(hash: digest.bytes)).encoded())]
    }
  }

  /// The message that tells the coordinator why this client leaves.
  package static func farewell(for error: any Error) -> [UInt8]? {
    guard let error = error as? FederationError else { return nil }
    let code: RefusalCode
    switch error {
    case .wrongCoordinator, .keyNotProven: code = .wrongCoordinator
    case .noCommonVersion: code = .unsupportedVersion
    case .malformedMessage: code = .malformedMessage
    case .unexpectedMessage, .wrongBlob, .missingModel: code = .unexpectedMessage
    case .policyChanged, .badPolicy: code = .wrongPolicy
    case .ledgerRolledBack, .badCheckpoint, .revocationsRolledBack, .ledgerForked,
      .extensionNotProven, .roundContradicted, .ledgerNotExtended, .outcomeNotProven,
      .wrongCharge, .modelNotReleased:
      code = .wrongCoordinator
    case .refused, .keptLedgerDamaged: return nil
    }
    return Message.refused(Refused(code, "\(error)")).encoded()
  }

  // MARK: - Login

  private func decode(_ payload: [UInt8]) throws -> Message {
    do {
      return try Message(decoding: payload)
    } catch {
      throw FederationError.malformedMessage(error)
    }
  }

  private mutating func receive(_ message: Message) throws -> [ClientEffect] {
    if case .refused(let refused) = message {
      phase = .ended
      throw FederationError.refused(refused.code, reason: refused.reason)
    }
    switch (phase, message) {
    case (.awaitingHello(let exporter), .serverHello(let hello)):
      return try greet(hello, exporter: exporter)
    case (.awaitingKeys(let hello, let exporter), .keysShown(let shown)):
      guard try follow(shown) else {
        throw FederationError.wrongCoordinator(
          "its key is not the one in the token or enrolment, nor one that took its place")
      }
      return try answerHello(hello, exporter: exporter)
    case (.awaitingWelcome, .welcome(let welcome)):
      return try accept(welcome)
    case (.member, .offer), (.member, .finished):
      guard outcomesAsked.isEmpty else {
        waitingForOutcomes.removeAll { $0.kind == message.kind }
        waitingForOutcomes.append(message)
        return []
      }
      return try act(on: message)
    case (.member, .ledgerShown(let shown)):
      return try accept(shown)
    case (.member, .outcomes(let outcomes)):
      return try settle(outcomes)
    case (.member, .proceed), (.member, .updateResult), (.member, .roundRoster),
      (.member, .rosterChunk), (.member, .credentials), (.member, .deliver):
      return try advanceRound(.message(message))
    case (.member, .survivors), (.member, .proof):
      return try showCheckpoint() + advanceRound(.message(message))
    case (.member, .roundClosed(let closed)):
      return try close(closed)
    case (.member, .blobChunk(let chunk)):
      return try receive(chunk)
    default:
      throw FederationError.unexpectedMessage("\(message.kind) came out of order")
    }
  }

  /// What must not run before the outcomes asked for are known.
  mutating func act(on message: Message) throws -> [ClientEffect] {
    switch message {
    case .offer(let offer): try consider(offer)
    case .finished(let finished): try finish(finished)
    default: []
    }
  }

  /// The pinned ledger.
  var ledgerID: [UInt8] {
    switch start {
    case .enrol(let token): token.address.ledgerID
    case .login(let enrolment): enrolment.ledgerID
    }
  }

  private mutating func greet(
    _ hello: ServerHello, exporter: [UInt8]
  ) throws -> [ClientEffect] {
    _ = try version(of: hello)
    guard hello.ledgerID == ledgerID else {
      throw FederationError.wrongCoordinator("it keeps another ledger")
    }
    let transcript = LoginTranscript.hello(
      exporter: exporter, nonce: hello.nonce, ledgerID: hello.ledgerID)
    // Bytes that are no key have signed nothing. Whose key it is comes next.
    guard let key = try? VerifyingKey(bytes: hello.coordinatorKey),
      key.isValidSignature(hello.signature, for: transcript)
    else { throw FederationError.wrongCoordinator("its signature is not for this connection") }
    observed = try heldLedger()
    return try answerHello(hello, exporter: exporter)
  }

  private func version(of hello: ServerHello) throws -> UInt16 {
    guard let version = ProtocolVersion.supported.last(where: hello.versions.contains) else {
      let detail = "it speaks versions \(hello.versions), this client \(ProtocolVersion.supported)"
      throw FederationError.noCommonVersion(detail)
    }
    return version
  }

  /// Goes on with a greeting whose signature is right, once its key is the coordinator's.
  private mutating func answerHello(
    _ hello: ServerHello, exporter: [UInt8]
  ) throws -> [ClientEffect] {
    guard try hello.coordinatorKey == coordinatorKey().bytes else {
      phase = .awaitingKeys(hello, exporter: exporter)
      return [try askKeys()]
    }
    let version = try version(of: hello)
    phase = .awaitingWelcome
    let held = UInt64(try storage.newestCheckpoint()?.size ?? 0)
    switch start {
    case .login(let enrolment):
      let signature = try identity.sign(
        LoginTranscript.auth(
          exporter: exporter, nonce: hello.nonce, clientID: enrolment.clientID,
          coordinatorKey: hello.coordinatorKey, ledgerID: hello.ledgerID))
      let auth = ClientAuth(
        version: version, clientID: enrolment.clientID, checkpointSize: held,
        signature: signature)
      return [.send(Message.clientAuth(auth).encoded())]
    case .enrol(let token):
      let key = identity.verifyingKey
      let credential = try token.credential(for: key).bytes
      let signature = try identity.sign(
        LoginTranscript.enrol(
          exporter: exporter, nonce: hello.nonce, clientID: token.clientID,
          credential: credential, identityKey: key.bytes, coordinatorKey: hello.coordinatorKey,
          ledgerID: hello.ledgerID))
      let enrol = ClientEnrol(
        version: version, clientID: token.clientID, credential: credential,
        identityKey: key.bytes, checkpointSize: held, signature: signature)
      return [.send(Message.clientEnrol(enrol).encoded())]
    }
  }

  private mutating func accept(_ welcome: Welcome) throws -> [ClientEffect] {
    let digest = SHA256Digest(hashing: welcome.policy)
    guard
      try coordinatorKey().isValidSignature(
        welcome.policySignature,
        for: LoginTranscript.policy(policyHash: digest.bytes, ledgerID: ledgerID))
    else { throw FederationError.wrongCoordinator("the policy is not signed by its key") }
    var effects: [ClientEffect] = []
    let shown: PrivacyPolicy
    do {
      shown = try PrivacyPolicy(decoding: welcome.policy)
    } catch {
      throw FederationError.badPolicy("\(error)")
    }
    if case .login(let known) = start, known.policyHash != digest {
      // R1 holds by consent: no round is joined under a hash that this device did not consent to.
      guard PolicyDifference(from: try known.policy(), to: shown).fixedFields.isEmpty else {
        throw FederationError.policyChanged(known: known.policyHash, shown: digest)
      }
      effects.append(.policyChanged(welcome.policy))
    }
    policy = shown
    policyHash = digest
    if case .enrol(let token) = start {
      let enrolment = try enrolment(from: welcome, token: token)
      start = .login(enrolment)
      effects.append(.enrolled(enrolment))
    }
    try keep(checkpoint: welcome.checkpoint, consistency: welcome.consistency)
    try keep(revocations: welcome.revocations)
    knownHashes = (
      try SHA256Digest(bytes: welcome.catalogueHash),
      try SHA256Digest(bytes: welcome.featuresHash)
    )
    phase = .member
    effects.append(.note(.loggedIn))
    return effects + askOutcomes(of: try storage.unsettledRounds())
  }

  private func enrolment(from welcome: Welcome, token: EnrolmentToken) throws -> Enrolment {
    guard welcome.clientID == token.clientID else {
      throw FederationError.wrongCoordinator("it gives this token's customer another number")
    }
    let enrolmentKey = try VerifyingKey(bytes: token.enrolmentKey)
    let credential = try token.credential(for: identity.verifyingKey)
    // Checked here so that a token that nobody issued is not found out only in the first round.
    guard
      credential.isVouchedFor(
        as: token.clientID, in: token.address.ledgerID, by: enrolmentKey)
    else { throw FederationError.wrongCoordinator("it took a token that its authority never made") }
    return Enrolment(
      clientID: welcome.clientID, host: token.address.host, port: token.address.port,
      serverKeyPin: token.address.serverKeyPin,
      coordinatorKey: try coordinatorKey(),
      ledgerID: token.address.ledgerID, enrolmentKey: enrolmentKey, credential: credential.bytes,
      policyBytes: welcome.policy)
  }

  /// Verifies and keeps the enrolment authority's list of revoked members; an older one than kept
  /// before is refused, as is none after one.
  private func keep(revocations bytes: [UInt8]) throws {
    guard case .login(let enrolment) = start else { return }
    let kept = try storage.revocations().map(RevocationList.init(bytes:))
    guard !bytes.isEmpty else {
      if let kept { throw FederationError.revocationsRolledBack(kept: kept.epoch, shown: 0) }
      return
    }
    let list: RevocationList
    do {
      list = try RevocationList(bytes: bytes)
    } catch {
      throw FederationError.malformedMessage(error)
    }
    guard list.isSigned(by: enrolment.enrolmentKey, for: enrolment.ledgerID) else {
      throw FederationError.wrongCoordinator("the revocations are not signed by the authority")
    }
    if let kept {
      guard list.epoch > kept.epoch || list == kept else {
        throw FederationError.revocationsRolledBack(kept: kept.epoch, shown: list.epoch)
      }
      if list == kept { return }
    }
    try storage.keepRevocations(bytes)
  }

  // MARK: - Blobs

  mutating func need(
    _ hashes: [[UInt8]], then next: AfterBlobs
  ) throws -> [ClientEffect] {
    var effects: [ClientEffect] = []
    missingBlobs = []
    for hash in hashes where hash.contains(where: { $0 != 0 }) {
      let digest = try SHA256Digest(bytes: hash)
      if missingBlobs.insert(digest).inserted { effects.append(.needBlob(digest)) }
    }
    afterBlobs = next
    return effects
  }

  private mutating func continueAfterBlobs() -> [ClientEffect] {
    guard missingBlobs.isEmpty, let next = afterBlobs else { return [] }
    afterBlobs = nil
    switch next {
    case .compute(let offer): return [.computeUpdate(offer)]
    case .finish(let reason, let model): return [.finished(reason, model: model)]
    }
  }

  private mutating func receive(_ chunk: BlobChunk) throws -> [ClientEffect] {
    let digest = try SHA256Digest(bytes: chunk.hash)
    guard let parts = fetches[digest], Int(chunk.index) == parts.count else {
      throw FederationError.unexpectedMessage("a blob chunk came out of order")
    }
    guard chunk.count > 0 else { throw FederationError.missingModel(digest) }
    fetches[digest]?.append(chunk.data)
    guard Int(chunk.index) + 1 == Int(chunk.count) else { return [] }
    let bytes = (fetches.removeValue(forKey: digest) ?? []).flatMap { $0 }
    guard SHA256Digest(hashing: bytes) == digest else {
      throw FederationError.wrongBlob(expected: digest)
    }
    return [.storeBlob(digest, bytes)]
  }
}
