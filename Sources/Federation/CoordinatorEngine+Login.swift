internal import Cryptography
internal import Ledger
internal import WireProtocol

extension CoordinatorEngine {
  /// One connection.
  struct Session: Sendable {
    enum Phase: Sendable {
      case greeted(exporter: [UInt8], nonce: [UInt8])
      case member(ClientID)
    }

    var phase: Phase
    let since: MonotonicTime
    /// Size of the newest checkpoint that the member holds; 0 for none.
    var shownSize = 0
    /// Place of the newest RELEASE that was proven to it over this connection.
    var shownRelease: Int?
    /// `AskKeys` that were answered.
    var keyAskCount = 0
  }

  mutating func greet(
    _ connection: ConnectionID, exporter: [UInt8], nonce: [UInt8]
  ) throws -> CoordinatorEffect {
    sessions[connection] = Session(
      phase: .greeted(exporter: exporter, nonce: nonce), since: now)
    let transcript = LoginTranscript.hello(
      exporter: exporter, nonce: nonce, ledgerID: identity.ledgerID)
    let hello = ServerHello(
      versions: ProtocolVersion.supported, nonce: nonce,
      coordinatorKey: keys.coordinator.verifyingKey.bytes, ledgerID: identity.ledgerID,
      signature: try keys.coordinator.sign(transcript))
    return send(.serverHello(hello), on: connection)
  }

  mutating func login(
    _ message: Message, on connection: ConnectionID, exporter: [UInt8], nonce: [UInt8]
  ) throws -> [CoordinatorEffect] {
    switch message {
    case .clientAuth(let auth):
      guard ProtocolVersion.supported.contains(auth.version) else {
        return try refuseVersion(auth.version, on: connection)
      }
      guard let entry = try storage.member(auth.clientID) else {
        return try refuse(connection, .unknownClient)
      }
      guard !entry.isRevoked else { return try refuse(connection, .revoked) }
      let transcript = LoginTranscript.auth(
        exporter: exporter, nonce: nonce, clientID: auth.clientID,
        coordinatorKey: keys.coordinator.verifyingKey.bytes, ledgerID: identity.ledgerID)
      guard entry.identityKey.isValidSignature(auth.signature, for: transcript) else {
        return try refuse(connection, .badSignature)
      }
      return try admit(entry, on: connection, holding: auth.checkpointSize)
    case .clientEnrol(let enrol):
      guard ProtocolVersion.supported.contains(enrol.version) else {
        return try refuseVersion(enrol.version, on: connection)
      }
      return try self.enrol(enrol, on: connection, exporter: exporter, nonce: nonce)
    case .askKeys(let ask):
      return try tellKeys(ask, on: connection)
    case .refused:
      return try refuse(connection, .wrongCoordinator)
    default:
      return try refuse(connection, .unexpectedMessage, "\(message.kind) before login")
    }
  }

  /// Answers a peer that nobody knows yet, as often as one that follows the changes may need it.
  private mutating func tellKeys(
    _ ask: AskKeys, on connection: ConnectionID
  ) throws -> [CoordinatorEffect] {
    let count = (sessions[connection]?.keyAskCount ?? 0) + 1
    guard count <= AskKeys.maximumPerConnection else {
      return try refuse(
        connection, .unexpectedMessage,
        "askKeys more than \(AskKeys.maximumPerConnection) times over one connection")
    }
    sessions[connection]?.keyAskCount = count
    return [send(.keysShown(try keys(after: ask)), on: connection)]
  }

  /// The changes that lead on from the key that a peer knows, as many as one message holds.
  private func keys(after ask: AskKeys) throws -> KeysShown {
    guard let known = try? VerifyingKey(bytes: ask.coordinatorKey),
      let changes = storage.ledgerState.keys.changes(after: known)
    else {
      // No key, or none that this ledger ever had: there is no way from there.
      return KeysShown(changes: [])
    }
    var held = Int(clamping: ask.checkpointSize)
    return KeysShown(
      changes: try changes.prefix(KeysShown.maximumChanges).map { change in
        let receipt = try storage.handover(at: change.entry)
        let size = receipt.checkpoint.size
        defer { held = size }
        return KeysShown.Change(
          index: UInt64(change.entry), line: receipt.line, path: receipt.proof.pathBytes,
          checkpoint: receipt.checkpoint.text,
          consistency: try storage.consistencyProof(from: held, to: size)?.bytes ?? [])
      })
  }

  private mutating func enrol(
    _ enrol: ClientEnrol, on connection: ConnectionID, exporter: [UInt8], nonce: [UInt8]
  ) throws -> [CoordinatorEffect] {
    guard let identityKey = try? VerifyingKey(bytes: enrol.identityKey) else {
      // The bytes are no point of the curve: the same as a signature that cannot verify.
      return try refuse(connection, .badSignature)
    }
    let transcript = LoginTranscript.enrol(
      exporter: exporter, nonce: nonce, clientID: enrol.clientID, credential: enrol.credential,
      identityKey: enrol.identityKey, coordinatorKey: keys.coordinator.verifyingKey.bytes,
      ledgerID: identity.ledgerID)
    guard identityKey.isValidSignature(enrol.signature, for: transcript) else {
      return try refuse(connection, .badSignature)
    }
    let credential = try MemberCredential(bytes: enrol.credential)
    // What this side takes, every member takes: it holds no key that could admit anyone.
    guard
      credential.admits(
        enrol.identityKey, as: enrol.clientID, in: identity.ledgerID, authority: keys.enrolment)
    else { return try refuse(connection, .unknownToken) }
    switch try storage.redeem(
      tokenOf: enrol.clientID, identityKey: identityKey, credential: credential)
    {
    case .refused(let code): return try refuse(connection, code)
    case .enrolled(let entry):
      guard !entry.isRevoked else { return try refuse(connection, .revoked) }
      return try admit(entry, on: connection, holding: enrol.checkpointSize)
    }
  }

  /// The newest connection of a member is the live one: an older one is closed with a reason.
  private mutating func admit(
    _ entry: RosterEntry, on connection: ConnectionID, holding checkpointSize: UInt64
  ) throws -> [CoordinatorEffect] {
    var effects: [CoordinatorEffect] = []
    sessions[connection]?.phase = .member(entry.id)
    sessions[connection]?.shownSize = storage.ledgerState.size
    learn(entry)
    // Replaced first, so that the member never counts as gone: a round may wait for it alone.
    let older = connections.updateValue(connection, forKey: entry.id)
    if let older, older != connection { effects += try refuse(older, .alreadyConnected) }
    lastLogin = now
    effects.append(send(.welcome(try welcome(entry, holding: checkpointSize)), on: connection))
    if let finishReason {
      effects += try showNewestRelease(on: connection)
      let finished = Finished(reason: finishReason, modelHash: modelHash.bytes)
      effects.append(send(.finished(finished), on: connection))
    }
    effects += try advanceRound(
      .memberConnected(entry.id, entry.identityKey, credential: entry.credential))
    return effects
  }

  /// The roster decides who is excluded: `roster readmit` may run beside this process.
  mutating func learn(_ entry: RosterEntry) {
    if entry.isExcluded { excluded.insert(entry.id) } else { excluded.remove(entry.id) }
  }

  private func welcome(_ entry: RosterEntry, holding checkpointSize: UInt64) throws -> Welcome {
    // A size that this ledger never had gets no proof: that member holds another ledger, and says so.
    let held = Int(exactly: checkpointSize) ?? 0
    return Welcome(
      clientID: entry.id, policy: identity.policyBytes,
      policySignature: try keys.coordinator.sign(
        LoginTranscript.policy(
          policyHash: identity.policyHash.bytes, ledgerID: identity.ledgerID)),
      checkpoint: try storage.checkpointText(),
      consistency: try storage.consistencyProof(from: held)?.bytes ?? [],
      revocations: try storage.revocations(),
      catalogueHash: identity.catalogueHash.bytes, featuresHash: identity.featuresHash.bytes,
      modelHash: modelHash.bytes)
  }

  private mutating func refuseVersion(
    _ version: UInt16, on connection: ConnectionID
  ) throws -> [CoordinatorEffect] {
    try refuse(
      connection, .unsupportedVersion,
      "this side speaks \(ProtocolVersion.supported), the peer asked for \(version)")
  }

  /// Peers that never log in are let go.
  mutating func dropSilentLogins() -> [CoordinatorEffect] {
    var effects: [CoordinatorEffect] = []
    for (connection, session) in sessions.sorted(by: { $0.key < $1.key }) {
      guard case .greeted = session.phase,
        session.since.adding(seconds: settings.loginSeconds) <= now
      else { continue }
      sessions[connection] = nil
      let refusal = Refused(.tooSlow, RefusalCode.tooSlow.meaning)
      effects.append(send(.refused(refusal), on: connection))
      effects.append(.close(connection))
    }
    return effects
  }
}
