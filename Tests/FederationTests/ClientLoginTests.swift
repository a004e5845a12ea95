import CanonicalJSON
import Cryptography
import Federation
import Ledger
import Privacy
import Testing
import WireProtocol

/// Logins as a client sees them, with the coordinator's messages altered by the test.
@Suite("Client login")
struct ClientLoginTests {
  private let harness: FederationHarness

  init() throws {
    harness = try FederationHarness(policy: FederationHarness.policy())
    try harness.addCustomer()
  }

  private let exporter = [UInt8](repeating: 0x11, count: 32)
  private let nonce = [UInt8](repeating: 0x22, count: 32)

  /// Connects the customer to a coordinator that the test plays.
  private func connect() throws {
    _ = try harness.customers[0].engine.handle(.connected(exporter: exporter))
  }

  private func hello(
    signer: SigningKey? = nil, exporter: [UInt8]? = nil,
    change: (inout ServerHello) -> Void = { _ in }
  ) throws -> Message {
    let key = signer ?? harness.keys.coordinator
    var hello = ServerHello(
      versions: ProtocolVersion.supported, nonce: nonce, coordinatorKey: key.verifyingKey.bytes,
      ledgerID: FederationHarness.ledgerID, signature: [])
    change(&hello)
    hello.signature = try key.sign(
      LoginTranscript.hello(
        exporter: exporter ?? self.exporter, nonce: hello.nonce, ledgerID: hello.ledgerID))
    return .serverHello(hello)
  }

  private func receive(_ message: Message) throws -> [ClientEffect] {
    try harness.customers[0].engine.handle(.received(message.encoded()))
  }

  private func failure(_ message: Message) -> FederationError? {
    do {
      _ = try receive(message)
      return nil
    } catch {
      return error as? FederationError
    }
  }

  private func welcome(_ change: (inout Welcome) throws -> Void = { _ in }) throws -> Message {
    let policy = harness.policy.canonicalBytes
    var welcome = Welcome(
      clientID: 1, policy: policy,
      policySignature: try harness.keys.coordinator.sign(
        LoginTranscript.policy(
          policyHash: SHA256Digest(hashing: policy).bytes, ledgerID: FederationHarness.ledgerID)),
      checkpoint: try harness.storage.checkpointText(), consistency: [], revocations: [],
      catalogueHash: harness.identity.catalogueHash.bytes,
      featuresHash: harness.identity.featuresHash.bytes,
      modelHash: [UInt8](repeating: 1, count: 32))
    try change(&welcome)
    return .welcome(welcome)
  }

  private func isWrongCoordinator(_ error: FederationError?) -> Bool {
    if case .wrongCoordinator = error { true } else { false }
  }

  @Test("a client answers the coordinator it knows, and keeps its enrolment")
  func enrolment() throws {
    try connect()
    let effects = try receive(try hello())
    guard case .send(let payload)? = effects.first,
      case .clientEnrol(let enrol) = try Message(decoding: payload)
    else {
      Issue.record("expected an enrolment, not \(effects)")
      return
    }
    let token = try harness.token(1)
    #expect(enrol.clientID == 1)
    let credential = try token.credential(for: harness.customers[0].identity.verifyingKey)
    #expect(enrol.credential == credential.bytes)
    #expect(!payload.contains(secret: token.secret))
    let welcomed = try receive(try welcome())
    guard case .enrolled(let enrolment)? = welcomed.first else {
      Issue.record("the enrolment is stored before anything else")
      return
    }
    #expect(enrolment.clientID == 1)
    #expect(enrolment.coordinatorKey == harness.keys.coordinator.verifyingKey)
    #expect(enrolment.enrolmentKey == harness.keys.enrolment)
    #expect(enrolment.credential == credential.bytes)
    #expect(enrolment.host == "localhost" && enrolment.port == 7_443)
    #expect(try enrolment.policy() == harness.policy)
    #expect(harness.customers[0].device.newestCheckpoint()?.size == 1)
    // The next connection logs in with the roster number.
    try connect()
    guard case .send(let login)? = try receive(try hello()).first,
      case .clientAuth(let auth) = try Message(decoding: login)
    else {
      Issue.record("expected a login")
      return
    }
    #expect(auth.clientID == 1)
  }

  @Test("a coordinator that is relayed over another TLS session is refused, and told so")
  func relayedCoordinator() throws {
    try connect()
    let relayed = try hello(exporter: [UInt8](repeating: 0x99, count: 32))
    let error = try #require(failure(relayed))
    #expect(isWrongCoordinator(error))
    let farewell = try #require(ClientEngine.farewell(for: error))
    guard case .refused(let refused) = try Message(decoding: farewell) else { return }
    #expect(refused.code == .wrongCoordinator)
    #expect(refused.reason.contains("signature"))
  }

  @Test("through the engines, a relayed login leaves no session on either side")
  func relayedEndToEnd() throws {
    try harness.connect(0, relayed: true)
    try harness.pump()
    #expect(isWrongCoordinator(harness.customers[0].failure as? FederationError))
    #expect(harness.connectedMembers == 0)
    #expect(harness.storage.rosterCount == 0)
    #expect(harness.notes == [.loginRefused(.wrongCoordinator)])
  }

  @Test("another coordinator key or another ledger is refused before anything is signed")
  func wrongCoordinator() throws {
    let other = try FederationHarness.signingKey(77)
    try connect()
    // It asks what leads to that key, which says nothing about itself but the keys and what it holds; nothing does.
    guard case .send(let question)? = try receive(try hello(signer: other)).first,
      case .askKeys(let ask) = try Message(decoding: question)
    else {
      Issue.record("expected a question")
      return
    }
    #expect(ask.coordinatorKey == harness.keys.coordinator.verifyingKey.bytes)
    #expect(ask.checkpointSize == 0)
    #expect(isWrongCoordinator(failure(.keysShown(KeysShown(changes: [])))))
    try connect()
    let pretends = try hello(signer: other) { [harness] in
      $0.coordinatorKey = harness.keys.coordinator.verifyingKey.bytes
    }
    #expect(isWrongCoordinator(failure(pretends)))
    try connect()
    let otherLedger = try hello { $0.ledgerID[0] ^= 1 }
    #expect(isWrongCoordinator(failure(otherLedger)))
  }

  @Test("a coordinator without a common version is refused, and both sides can say so")
  func version() throws {
    try connect()
    let error = try #require(failure(try hello { $0.versions = [1, 9] }))
    #expect("\(error)".contains("[1, 9]") && "\(error)".contains("[4]"))
    let farewell = try #require(ClientEngine.farewell(for: error))
    guard case .refused(let refused) = try Message(decoding: farewell) else { return }
    #expect(refused.code == .unsupportedVersion)
  }

  @Test("the newest common version is chosen among several")
  func severalVersions() throws {
    try connect()
    guard case .send(let payload)? = try receive(try hello { $0.versions = [7, 4, 2] }).first,
      case .clientEnrol(let enrol) = try Message(decoding: payload)
    else {
      Issue.record("expected an enrolment")
      return
    }
    #expect(enrol.version == 4)
  }

  @Test("a welcome with a wrong signature, number, list or checkpoint is refused and not kept")
  func badWelcome() throws {
    let changes: [(String, (inout Welcome) throws -> Void)] = [
      ("policy", { $0.policy = Array("{}".utf8) }),
      ("policy signature", { $0.policySignature[0] ^= 1 }),
      ("number of another", { $0.clientID = 2 }),
      ("checkpoint", { $0.checkpoint[40] ^= 1 }),
      ("no checkpoint", { $0.checkpoint = [] }),
    ]
    for (name, change) in changes {
      try connect()
      _ = try receive(try hello())
      let message = try welcome(change)
      #expect(throws: FederationError.self, "\(name)") { try receive(message) }
      #expect(harness.customers[0].device.newestCheckpoint() == nil, "\(name)")
    }
  }

  private func list(
    _ epoch: UInt32, _ revoked: Set<ClientID>, by authority: SigningKey? = nil
  ) throws -> [UInt8] {
    try RevocationList(
      epoch: epoch, revoked: revoked, ledgerID: FederationHarness.ledgerID,
      authority: authority ?? harness.authority
    ).bytes
  }

  @Test("the authority's newest list of revoked members is kept; an older one or none is refused")
  func revocations() throws {
    func show(_ bytes: [UInt8]) throws -> FederationError? {
      try connect()
      _ = try receive(try hello())
      return failure(try welcome { $0.revocations = bytes })
    }
    let device = harness.customers[0].device
    #expect(try show([]) == nil)
    let second = try list(2, [7, 9])
    for bytes in [second, second, try list(3, [7, 9, 11])] {
      #expect(try show(bytes) == nil)
      #expect(device.revocations() == bytes)
    }
    #expect(try show(second) == .revocationsRolledBack(kept: 3, shown: 2))
    #expect(try show(try list(3, [7])) == .revocationsRolledBack(kept: 3, shown: 3))
    #expect(try show([]) == .revocationsRolledBack(kept: 3, shown: 0))
    let coordinators = try list(4, [], by: harness.keys.coordinator)
    #expect(isWrongCoordinator(try show(coordinators)))
    guard case .malformedMessage = try show([1, 2, 3]) else {
      Issue.record("bytes that are no list were taken")
      return
    }
    #expect(device.revocations() == (try list(3, [7, 9, 11])))
  }

  /// Enrols, then logs in to a coordinator that shows another policy.
  private func welcome(to other: [UInt8]) throws -> Message {
    try connect()
    _ = try receive(try hello())
    _ = try receive(try welcome())
    try connect()
    _ = try receive(try hello())
    return try welcome { [harness] in
      $0.policy = other
      $0.policySignature = try harness.keys.coordinator.sign(
        LoginTranscript.policy(
          policyHash: SHA256Digest(hashing: other).bytes, ledgerID: FederationHarness.ledgerID))
    }
  }

  @Test("a policy for another unit or model than at enrolment is refused with both digests")
  func policyOfAnotherKind() throws {
    var members = try #require(harness.policy.json.objectValue)
    members["federation"] = .string("another-shop")
    let other = JSONValue.object(members).canonicalBytes
    let message = try welcome(to: other)
    #expect(
      failure(message)
        == .policyChanged(
          known: harness.identity.policyHash, shown: SHA256Digest(hashing: other)))
  }

  @Test(
    "a policy that changed since enrolment is kept for a person, and no round is joined under it")
  func policyChanged() throws {
    let other = try FederationHarness.policy(noiseMultiplier: "3").canonicalBytes
    let effects = try receive(try welcome(to: other))
    #expect(effects.contains(.policyChanged(other)))
    harness.customers[0].device.setConsent(false)
    let hash = SHA256Digest(hashing: other)
    var offer = Offer(
      round: 1, planIndex: 0, modelHash: harness.identity.catalogueHash.bytes,
      catalogueHash: harness.identity.catalogueHash.bytes, policyHash: hash.bytes,
      roundKey: [UInt8](repeating: 1, count: 32), dimension: 6, fractionBits: 20,
      noiseScale: 3 << 20, deadlineSeconds: 60, signature: [])
    offer.signature = try harness.keys.coordinator.sign(offer.signedBytes)
    let answer = try receive(.offer(offer))
    #expect(answer.contains(.note(.declined(round: 1, .noConsent))))
    #expect(answer.contains(.send(Message.answer(Answer(round: 1, joins: false)).encoded())))
  }

  @Test("messages out of order and bytes that are no message are refused by name")
  func unexpected() throws {
    for message in [try welcome(), .proceed(Proceed(round: 1))] {
      try connect()
      guard case .unexpectedMessage = failure(message) else {
        Issue.record("\(message.kind) was taken before the hello")
        continue
      }
    }
    try connect()
    _ = try receive(try hello())
    guard case .unexpectedMessage = failure(try hello()) else {
      Issue.record("a second hello was taken")
      return
    }
    let customer = harness.customers[0]
    var engine = customer.engine
    #expect(throws: FederationError.malformedMessage(.unknownMessage(kind: 99))) {
      try engine.handle(.received([99]))
    }
    #expect(throws: FederationError.malformedMessage(.emptyMessage)) {
      try engine.handle(.received([]))
    }
  }

  @Test("what the coordinator says as it refuses is kept", arguments: RefusalCode.allCases)
  func refused(code: RefusalCode) throws {
    try connect()
    let message = Message.refused(Refused(code, "because"))
    #expect(failure(message) == .refused(code, reason: "because"))
  }
}

extension [UInt8] {
  fileprivate func contains(secret: [UInt8]) -> Bool {
    indices.contains { self[$0...].starts(with: secret) }
  }
}
