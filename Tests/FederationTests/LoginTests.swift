import Cryptography
import Federation
import Privacy
import Recommendation
import Testing
import WireProtocol

/// Logins as the coordinator sees them, with the messages written by the test.
@Suite("Coordinator login")
struct LoginTests {
  private let harness: FederationHarness
  private let exporter = [UInt8](repeating: 0x11, count: 32)
  private let nonce = [UInt8](repeating: 0x22, count: 32)
  private let connection = ConnectionID(900)

  init() throws {
    harness = try FederationHarness(policy: FederationHarness.policy())
    try harness.enrolEveryone(count: 2)
  }

  @discardableResult
  private func greet(_ connection: ConnectionID? = nil) throws -> [CoordinatorEffect] {
    try harness.handle(
      .connected(connection ?? self.connection, exporter: exporter, nonce: nonce))
  }

  private func send(
    _ message: Message, on connection: ConnectionID? = nil
  ) throws -> [CoordinatorEffect] {
    try harness.handle(.received(connection ?? self.connection, message.encoded()))
  }

  private func auth(
    id: ClientID, signer: SigningKey, exporter: [UInt8]? = nil, nonce: [UInt8]? = nil,
    version: UInt16 = ProtocolVersion.current
  ) throws -> Message {
    let transcript = LoginTranscript.auth(
      exporter: exporter ?? self.exporter, nonce: nonce ?? self.nonce, clientID: id,
      coordinatorKey: harness.keys.coordinator.verifyingKey.bytes,
      ledgerID: FederationHarness.ledgerID)
    return .clientAuth(
      ClientAuth(
        version: version, clientID: id, checkpointSize: 0, signature: try signer.sign(transcript)))
  }

  private func enrol(
    token: EnrolmentToken, key: SigningKey, exporter: [UInt8]? = nil,
    version: UInt16 = ProtocolVersion.current
  ) throws -> Message {
    let credential = try token.credential(for: key.verifyingKey).bytes
    let transcript = LoginTranscript.enrol(
      exporter: exporter ?? self.exporter, nonce: nonce, clientID: token.clientID,
      credential: credential, identityKey: key.verifyingKey.bytes,
      coordinatorKey: harness.keys.coordinator.verifyingKey.bytes,
      ledgerID: FederationHarness.ledgerID)
    return .clientEnrol(
      ClientEnrol(
        version: version, clientID: token.clientID, credential: credential,
        identityKey: key.verifyingKey.bytes, checkpointSize: 0, signature: try key.sign(transcript))
    )
  }

  /// The refusal that `effects` send and close with; nil when they do not refuse.
  private func refusal(
    in effects: [CoordinatorEffect], on connection: ConnectionID? = nil
  ) throws -> Refused? {
    let connection = connection ?? self.connection
    for effect in effects {
      guard case .send(connection, let payload) = effect,
        case .refused(let refused) = try Message(decoding: payload)
      else { continue }
      #expect(effects.contains(.close(connection)))
      return refused
    }
    return nil
  }

  private func welcome(in effects: [CoordinatorEffect]) throws -> Welcome? {
    for case .send(connection, let payload) in effects {
      if case .welcome(let welcome) = try Message(decoding: payload) { return welcome }
    }
    return nil
  }

  private var memberKey: SigningKey { harness.customers[0].identity }

  // MARK: - Members

  @Test("a member who proves its key is welcomed with the signed policy")
  func login() throws {
    try greet()
    let welcome = try #require(
      try welcome(in: try send(try auth(id: 1, signer: memberKey))))
    #expect(welcome.clientID == 1)
    #expect(welcome.policy == harness.policy.canonicalBytes)
    #expect(harness.connectedMembers == 2)
  }

  @Test("a login relayed from another TLS session is refused")
  func relayedLogin() throws {
    try greet()
    let relayed = try auth(
      id: 1, signer: memberKey, exporter: [UInt8](repeating: 0x99, count: 32))
    #expect(try refusal(in: try send(relayed))?.code == .badSignature)
    #expect(harness.connectedMembers == 2)
  }

  @Test("a login replayed under another nonce is refused")
  func replayedLogin() throws {
    try greet()
    let replayed = try auth(id: 1, signer: memberKey, nonce: [UInt8](repeating: 0, count: 32))
    #expect(try refusal(in: try send(replayed))?.code == .badSignature)
  }

  @Test("a member cannot log in as another")
  func anotherMember() throws {
    try greet()
    let other = try auth(id: 2, signer: memberKey)
    #expect(try refusal(in: try send(other))?.code == .badSignature)
  }

  @Test("a client who is not in the roster is refused")
  func unknownClient() throws {
    for id: ClientID in [0, 3, .max] {
      try greet()
      let unknown = try auth(id: id, signer: memberKey)
      #expect(try refusal(in: try send(unknown))?.code == .unknownClient)
    }
  }

  @Test("a revoked member is refused, also with the token it enrolled with")
  func revoked() throws {
    harness.storage.revoke(1)
    try greet()
    #expect(try refusal(in: try send(try auth(id: 1, signer: memberKey)))?.code == .revoked)
    try greet()
    let again = try enrol(token: try harness.token(1), key: memberKey)
    #expect(try refusal(in: try send(again))?.code == .revoked)
  }

  @Test("a second login closes the first connection with a reason")
  func secondLogin() throws {
    let first = try #require(harness.customers[0].connection)
    try greet()
    let effects = try send(try auth(id: 1, signer: memberKey))
    #expect(try refusal(in: effects, on: first)?.code == .alreadyConnected)
    #expect(try welcome(in: effects) != nil)
    #expect(harness.connectedMembers == 2)
    // What still comes over the first connection is nobody's.
    let late = Message.fetchBlob(FetchBlob(hash: [UInt8](repeating: 0, count: 32)))
    #expect(try send(late, on: first).isEmpty)
    #expect(try harness.handle(.disconnected(first)).isEmpty)
    #expect(harness.connectedMembers == 2)
  }

  // MARK: - Enrolment

  @Test("a token is redeemed once, by one key; the same key gets the same entry again")
  func tokenIsRedeemedOnce() throws {
    let token = try harness.token(3)
    let key = try FederationHarness.signingKey(200)
    var welcomes: [Welcome] = []
    for _ in 0..<2 {
      try greet()
      welcomes.append(
        try #require(try welcome(in: try send(try enrol(token: token, key: key)))))
      _ = try harness.handle(.disconnected(connection))
    }
    #expect(welcomes[0].clientID == 3)
    #expect(welcomes[0] == welcomes[1])
    #expect(harness.storage.rosterCount == 3)
    try greet()
    let thief = try enrol(token: token, key: try FederationHarness.signingKey(201))
    #expect(try refusal(in: try send(thief))?.code == .usedToken)
    #expect(harness.storage.rosterCount == 3)
  }

  @Test("tokens that the authority did not issue are refused, and expired ones")
  func badTokens() throws {
    let key = try FederationHarness.signingKey(200)
    let coordinator = harness.keys.coordinator
    var otherSecret = try harness.token(60)
    otherSecret.secret[0] ^= 1
    var otherNumber = try harness.token(60)
    otherNumber.clientID = 61
    var otherExpiry = try harness.token(60)
    otherExpiry.expiresAtSeconds -= 1
    // The coordinator's own key admits nobody either.
    for token in [
      otherSecret, otherNumber, otherExpiry, try harness.token(60, by: coordinator),
    ] {
      try greet()
      #expect(
        try refusal(in: try send(try enrol(token: token, key: key)))?.code == .unknownToken)
    }
    let expired = try harness.token(
      61, by: harness.authority, expiresAtSeconds: RecordingStorage.nowSeconds)
    try greet()
    #expect(
      try refusal(in: try send(try enrol(token: expired, key: key)))?.code == .expiredToken)
    #expect(harness.storage.rosterCount == 2)
  }

  @Test("a token's holder that signs for another key leaves the other key outside")
  func boundToOneKey() throws {
    let token = try harness.token(50)
    let key = try FederationHarness.signingKey(200)
    guard case .clientEnrol(var enrol) = try enrol(token: token, key: key) else { return }
    enrol.credential = try token.credential(
      for: try FederationHarness.signingKey(201).verifyingKey
    ).bytes
    enrol.signature = try key.sign(
      LoginTranscript.enrol(
        exporter: exporter, nonce: nonce, clientID: enrol.clientID, credential: enrol.credential,
        identityKey: enrol.identityKey,
        coordinatorKey: harness.keys.coordinator.verifyingKey.bytes,
        ledgerID: FederationHarness.ledgerID))
    try greet()
    #expect(try refusal(in: try send(.clientEnrol(enrol)))?.code == .unknownToken)
  }

  @Test("an enrolment without the identity's own key, or relayed, burns no token")
  func enrolmentSignature() throws {
    let token = try harness.token(50)
    let key = try FederationHarness.signingKey(200)
    guard case .clientEnrol(var stolen) = try enrol(token: token, key: key) else { return }
    stolen.identityKey = try FederationHarness.signingKey(201).verifyingKey.bytes
    try greet()
    #expect(try refusal(in: try send(.clientEnrol(stolen)))?.code == .badSignature)
    stolen.identityKey = [UInt8](repeating: 0xFF, count: 32)
    try greet()
    #expect(try refusal(in: try send(.clientEnrol(stolen)))?.code == .badSignature)
    try greet()
    let relayed = try enrol(
      token: token, key: key, exporter: [UInt8](repeating: 0x99, count: 32))
    #expect(try refusal(in: try send(relayed))?.code == .badSignature)
    try greet()
    #expect(try welcome(in: try send(try enrol(token: token, key: key))) != nil)
  }

  // MARK: - Bad messages

  @Test("a peer of another version is told which there are", arguments: [0, 1, UInt16.max])
  func version(version: UInt16) throws {
    try greet()
    let message = try auth(id: 1, signer: memberKey, version: version)
    let refused = try #require(try refusal(in: try send(message)))
    #expect(refused.code == .unsupportedVersion)
    #expect(refused.reason.contains("[4]") && refused.reason.contains("\(version)"))
    try greet()
    let enrolment = try enrol(token: try harness.token(50), key: memberKey, version: version)
    #expect(try refusal(in: try send(enrolment))?.code == .unsupportedVersion)
  }

  @Test("bytes that are no message are refused, before and after login")
  func malformed() throws {
    let member = try #require(harness.customers[0].connection)
    try greet()
    for peer in [connection, member] {
      for payload: [UInt8] in [[99, 1, 2]] {
        let effects = try harness.handle(.received(peer, payload))
        let refused = try #require(try refusal(in: effects, on: peer))
        #expect(refused.code == .malformedMessage)
        #expect(refused.reason.contains("99"))
      }
    }
    #expect(harness.connectedMembers == 1)
  }

  @Test("an empty frame is malformed")
  func emptyFrame() throws {
    try greet()
    let effects = try harness.handle(.received(connection, []))
    #expect(try refusal(in: effects)?.code == .malformedMessage)
  }

  @Test("before login only a login is expected")
  func unexpectedBeforeLogin() throws {
    let round = Message.answer(Answer(round: 1, joins: true))
    let fetch = Message.fetchBlob(FetchBlob(hash: harness.identity.catalogueHash.bytes))
    for message in [round, fetch] {
      try greet()
      let refused = try #require(try refusal(in: try send(message)))
      #expect(refused.code == .unexpectedMessage)
      #expect(refused.reason.contains("\(message.kind)"))
    }
  }

  @Test("a member who speaks as a coordinator, or logs in twice, is refused")
  func unexpectedFromMember() throws {
    let messages = [
      Message.proceed(Proceed(round: 1)), try auth(id: 1, signer: memberKey),
      .finished(Finished(reason: .planComplete, modelHash: [UInt8](repeating: 0, count: 32))),
    ]
    for message in messages {
      try greet()
      _ = try send(try auth(id: 1, signer: memberKey))
      #expect(try refusal(in: try send(message))?.code == .unexpectedMessage)
      #expect(harness.connectedMembers == 1)
    }
  }

  @Test("a peer that says why it leaves is let go")
  func peerRefuses() throws {
    let refused = Message.refused(Refused(.wrongCoordinator, "not the one"))
    try greet()
    #expect(try send(refused).contains(.close(connection)))
    let member = try #require(harness.customers[0].connection)
    #expect(try send(refused, on: member).contains(.close(member)))
    #expect(harness.connectedMembers == 1)
  }

  @Test("a peer that never logs in is let go when its time is over")
  func silentLogin() throws {
    try greet()
    func clock(_ seconds: Int64) throws -> [CoordinatorEffect] {
      try harness.handle(.clock(MonotonicTime(milliseconds: seconds * 1_000)))
    }
    #expect(try refusal(in: try clock(19)) == nil)
    #expect(try refusal(in: try clock(20))?.code == .tooSlow)
    #expect(try send(try auth(id: 1, signer: memberKey)).isEmpty)
  }

  @Test("what arrives on a connection that is not there is ignored")
  func unknownConnection() throws {
    let nowhere = ConnectionID(12_345)
    #expect(try send(try auth(id: 1, signer: memberKey), on: nowhere).isEmpty)
    #expect(try harness.handle(.disconnected(nowhere)).isEmpty)
  }

  // MARK: - Blobs

  @Test("a member gets public blobs and nothing else")
  func blobs() throws {
    let member = try #require(harness.customers[0].connection)
    let catalogue = harness.identity.catalogueHash
    let effects = try send(.fetchBlob(FetchBlob(hash: catalogue.bytes)), on: member)
    #expect(effects == [.sendBlob(member, catalogue, harness.identity.catalogue.encoded())])
    // Stored, but neither the catalogue, the features nor the model in force.
    let secret = try harness.storage.storeBlob([1, 2, 3])
    for hash in [secret.bytes, [UInt8](repeating: 7, count: 32)] {
      let missing = Message.blobChunk(BlobChunk(hash: hash, index: 0, count: 0, data: []))
      #expect(
        try send(.fetchBlob(FetchBlob(hash: hash)), on: member)
          == [.send(member, missing.encoded())])
    }
  }
}
