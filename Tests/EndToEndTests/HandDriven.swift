import Cryptography
import Foundation
import Privacy
import SecureAggregation
import Synchronization
import Transport
import WireProtocol

/// A client of the tests' own, built on the wire protocol alone: it does what it is told, so it
/// can also do what no well-made client does.
final class HandDriven {
  private let connection: FramedConnection
  private var frames: FramedConnection.Frames.Iterator
  let identity: SigningKey
  let token: EnrolmentToken
  private(set) var clientID: ClientID = 0

  struct Unexpected: Error, CustomStringConvertible {
    let description: String
  }

  private init(_ connection: FramedConnection, token: EnrolmentToken, identity: SigningKey) {
    self.connection = connection
    frames = connection.frames.makeAsyncIterator()
    self.token = token
    self.identity = identity
  }

  /// Connects to where the token says, and runs `body` on the connection.
  static func connected<Result: Sendable>(
    token: EnrolmentToken, identity: SigningKey,
    _ body: (HandDriven) async throws -> Result
  ) async throws -> Result {
    try await TransportClient.withConnection(
      host: token.address.host, port: Int(token.address.port),
      serverKeyPin: token.address.serverKeyPin,
      limits: ConnectionLimits(maximumFrameBytes: FrameLimits.maximumFrameBytes)
    ) { connection in
      try await body(HandDriven(connection, token: token, identity: identity))
    }
  }

  func next() async throws -> Message {
    guard let frame = try await frames.next() else {
      throw Unexpected(description: "the coordinator closed the connection")
    }
    return try Message(decoding: frame)
  }

  /// The next message for which `pick` has a value; others are passed over.
  func next<Value>(_ pick: (Message) -> Value?) async throws -> Value {
    while true {
      let message = try await next()
      if let value = pick(message) { return value }
      if case .refused(let refused) = message {
        throw Unexpected(description: "refused: \(refused.reason)")
      }
    }
  }

  func send(_ message: Message) async throws { try await connection.send(message.encoded()) }

  /// Ends the TCP connection without close_notify.
  func truncate() { connection.abort() }

  // MARK: - Login

  /// Redeems the token, signing over this side's own exporter whatever the greeting says.
  ///
  /// - Returns: the coordinator's answer.
  func enrol() async throws -> Message {
    let hello = try await next { if case .serverHello(let hello) = $0 { hello } else { nil } }
    let key = identity.verifyingKey
    let credential = try token.credential(for: key).bytes
    let transcript = LoginTranscript.enrol(
      exporter: connection.exporter, nonce: hello.nonce, clientID: token.clientID,
      credential: credential, identityKey: key.bytes, coordinatorKey: hello.coordinatorKey,
      ledgerID: hello.ledgerID)
    try await send(
      .clientEnrol(
        ClientEnrol(
          version: ProtocolVersion.current, clientID: token.clientID, credential: credential,
          identityKey: key.bytes, checkpointSize: 0, signature: try identity.sign(transcript))))
    let answer = try await next()
    if case .welcome(let welcome) = answer { clientID = welcome.clientID }
    return answer
  }

  /// Logs in as roster entry `id` with this side's key.
  func logIn(as id: ClientID) async throws -> Message {
    let hello = try await next { if case .serverHello(let hello) = $0 { hello } else { nil } }
    let transcript = LoginTranscript.auth(
      exporter: connection.exporter, nonce: hello.nonce, clientID: id,
      coordinatorKey: hello.coordinatorKey, ledgerID: hello.ledgerID)
    try await send(
      .clientAuth(
        ClientAuth(
          version: ProtocolVersion.current, clientID: id, checkpointSize: 0,
          signature: try identity.sign(transcript))))
    return try await next()
  }

  // MARK: - Rounds

  /// Waits for an offer and says that it takes part.
  func join() async throws -> Offer {
    let offer = try await next { if case .offer(let offer) = $0 { offer } else { nil } }
    try await send(.answer(Answer(round: offer.round, joins: true)))
    return offer
  }

  /// Waits for the offer of a masked round, joins it with an advert of its own, and leaves it once
  /// the roster is shown.
  func advertise(under policy: PrivacyPolicy) async throws {
    let offer = try await next { if case .offer(let offer) = $0 { offer } else { nil } }
    guard let masking = try MaskingPolicy(of: policy),
      let mode = AggregationMode(rawValue: policy.mode)
    else { throw Unexpected(description: "the policy is of mode \(policy.mode)") }
    let client = try MaskingClient(
      clientID: clientID, identity: identity,
      context: RoundContext.digest(
        offer: offer, coordinatorKey: token.address.coordinatorKey,
        ledgerID: token.address.ledgerID), policy: masking, mode: mode,
      dimension: Int(offer.dimension), identityKey: { _ in nil })
    try await send(.advertise(Advertise(round: offer.round, advert: client.advert)))
    _ = try await next { if case .roundRoster = $0 { () } else { nil } }
    try await send(
      .refuseRound(
        RefuseRound(
          round: offer.round, reason: .wrongRoster, signature: [UInt8](repeating: 0, count: 64))))
  }

  func waitForTurn() async throws {
    try await next { if case .proceed = $0 { () } else { nil } }
  }

  /// A correctly sealed and signed update, changed by `spoil` before it is signed.
  func upload(
    _ values: [Float], to offer: Offer, signedBy signer: SigningKey? = nil,
    spoil: (inout SealedUpdate) -> Void = { _ in }
  ) throws -> (header: UpdateHeader, chunks: [RoundChunk]) {
    let context = RoundContext.digest(
      offer: offer, coordinatorKey: token.address.coordinatorKey, ledgerID: token.address.ledgerID)
    var sealed = try UpdateSeal.seal(
      values, to: offer.roundKey, context: context, clientID: clientID)
    spoil(&sealed)
    var header = UpdateHeader(
      round: offer.round, ephemeralKey: sealed.ephemeralKey, streamHeader: sealed.header,
      chunkCount: UInt32(sealed.chunks.count), digest: UpdateDigest.sha256(of: sealed.chunks),
      signature: [])
    header.signature = try (signer ?? identity).sign(
      header.signedBytes(context: context, clientID: clientID))
    let chunks = sealed.chunks.enumerated().map { index, data in
      RoundChunk(round: offer.round, index: UInt32(index), data: data)
    }
    return (header, chunks)
  }

  func send(_ upload: (header: UpdateHeader, chunks: [RoundChunk])) async throws {
    try await send(.updateHeader(upload.header))
    for chunk in upload.chunks { try await send(.updateChunk(chunk)) }
  }

  /// - Returns: why the coordinator rejected the update; nil when it is in the sum.
  func result() async throws -> UpdateRejection? {
    try await next { if case .updateResult(let result) = $0 { result } else { nil } }.rejection
  }
}

/// A door that opens once, for tasks that wait for each other.
final class Gate: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(of: Void.self) }

  func open() { continuation.finish() }

  func pass() async { for await _ in stream {} }
}

/// A machine in the middle: ends the client's TLS session with a key of its own and carries every
/// frame, both ways, to the real coordinator over a second session.
enum Relay {
  /// Runs `body` with a token that leads to the relay instead of the coordinator.
  static func run<Result: Sendable>(
    _ token: EnrolmentToken, _ body: (EnrolmentToken) async throws -> Result
  ) async throws -> Result {
    let directory = try TemporaryDirectory()
    let now = Int64(Date().timeIntervalSince1970)
    try TLSIdentity.generate(
      certificatePath: directory.file("certificate"), keyPath: directory.file("key"),
      commonName: "relay", nowSeconds: now)
    let identity = try TLSIdentity.load(
      certificatePath: directory.file("certificate"), keyPath: directory.file("key"),
      nowSeconds: now)
    let limits = ConnectionLimits(maximumFrameBytes: FrameLimits.maximumFrameBytes)
    let server = try await TransportServer.bind(
      host: "127.0.0.1", port: 0, identity: identity, limits: ServerLimits(connection: limits))
    var relayed = token
    relayed.address.port = UInt16(server.boundPort)
    relayed.address.serverKeyPin = identity.spkiHash
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.run { inner in
          // Either side may end it; the tests look at what the two ends say.
          try? await TransportClient.withConnection(
            host: token.address.host, port: Int(token.address.port),
            serverKeyPin: token.address.serverKeyPin, limits: limits
          ) { outer in
            async let inward: Void = carry(from: outer, to: inner)
            await carry(from: inner, to: outer)
            await inward
          }
        }
      }
      let outcome: Swift.Result<Result, any Error>
      do {
        outcome = .success(try await body(relayed))
      } catch {
        outcome = .failure(error)
      }
      // `run` ends by cancellation, with every connection of the relay.
      group.cancelAll()
      try await group.waitForAll()
      return try outcome.get()
    }
  }

  private static func carry(from source: FramedConnection, to target: FramedConnection) async {
    do {
      for try await frame in source.frames { try await target.send(frame) }
    } catch {
      // The other end is gone: so is this direction.
    }
    await target.close()
  }
}
