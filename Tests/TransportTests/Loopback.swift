import Synchronization

@testable import Transport

/// A server on loopback for the length of one test.
enum Loopback {
  static let maximumFrameBytes = 262_144 + 1_024

  /// For tests that are not about time: other suites may keep every thread of the pool for minutes.
  static let patience = Duration.seconds(3_600)

  static var patientLimits: ConnectionLimits {
    var limits = ConnectionLimits(maximumFrameBytes: maximumFrameBytes)
    limits.connectTimeout = patience
    limits.handshakeTimeout = patience
    limits.sendTimeout = patience
    return limits
  }

  /// Runs `body` beside a server, then stops the server and waits for it.
  static func withServer<Result: Sendable>(
    identity: TLSIdentity, _ adjust: (inout ServerLimits) -> Void = { _ in },
    observe: @escaping @Sendable (TransportServerEvent) -> Void = { _ in },
    handler: @escaping @Sendable (FramedConnection) async -> Void,
    _ body: (TransportServer) async throws -> Result
  ) async throws -> Result {
    var limits = ServerLimits(connection: patientLimits)
    limits.drainTimeout = patience
    adjust(&limits)
    let server = try await TransportServer.bind(
      host: "127.0.0.1", port: 0, identity: identity, limits: limits, observe: observe)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run(handler) }
      let outcome: Swift.Result<Result, any Error>
      do {
        outcome = .success(try await body(server))
      } catch {
        outcome = .failure(error)
      }
      await server.stop()
      try await group.waitForAll()
      return try outcome.get()
    }
  }

  /// Sends every frame back.
  @Sendable static func echo(_ connection: FramedConnection) async {
    do throws(TransportError) {
      for try await frame in connection.frames {
        try await connection.send(frame)
      }
    } catch {
      // The client's side of the test states what it expects.
    }
  }

  static func connect<Result>(
    _ server: TransportServer, pin: [UInt8],
    limits: ConnectionLimits = patientLimits,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (FramedConnection) async throws -> sending Result
  ) async throws -> sending Result {
    try await TransportClient.withConnection(
      host: "127.0.0.1", port: server.boundPort, serverKeyPin: pin, limits: limits,
      isolation: isolation, body)
  }
}

/// Values that one task puts in and another waits for, in order.
struct Mailbox<Value: Sendable>: Sendable {
  private let stream: AsyncStream<Value>
  private let continuation: AsyncStream<Value>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream(of: Value.self)
  }

  func put(_ value: Value) { continuation.yield(value) }

  /// The next value, or nil if the waiting task is cancelled.
  func next() async -> Value? {
    var iterator = stream.makeAsyncIterator()
    return await iterator.next()
  }
}
