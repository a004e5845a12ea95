import NIOCore
import NIOEmbedded

@testable import Transport

/// One end of a TLS session on a channel that is driven by hand.
struct EmbeddedPeer {
  let channel: EmbeddedChannel
  let handshake: EventLoopFuture<TLSHandshake>
  let errors: ErrorRecorder

  init(
    _ context: TLSContext, pin: [UInt8] = [],
    limits: ConnectionLimits = ConnectionLimits(maximumFrameBytes: 1 << 18),
    nowSeconds: Int64 = TestIdentity.nowSeconds
  ) throws {
    channel = EmbeddedChannel()
    errors = ErrorRecorder()
    let promise = channel.eventLoop.makePromise(of: TLSHandshake.self)
    try channel.pipeline.syncOperations.addHandlers([
      OpenSSLHandler(
        context: context, expectedPin: pin, limits: limits, nowSeconds: nowSeconds,
        handshake: promise),
      errors,
    ])
    handshake = promise.futureResult
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  var handler: OpenSSLHandler {
    get throws { try channel.pipeline.syncOperations.handler(type: OpenSSLHandler.self) }
  }

  /// The result of the handshake, which has to be known by now.
  var handshakeResult: Result<TLSHandshake, any Error>? {
    channel.embeddedEventLoop.run()
    return handshake.known
  }

  /// Everything this end has sent since the last call.
  func takeSent() throws -> [UInt8] {
    channel.embeddedEventLoop.run()
    var sent: [UInt8] = []
    while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
      sent += buffer.readableBytesView
    }
    return sent
  }

  /// Hands received bytes over in pieces of at most `chunk`.
  func receive(_ bytes: [UInt8], chunk: Int = .max) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // An error has been recorded by `errors`, which is where tests look for it.
      _ = try? channel.writeInbound(ByteBuffer(bytes: rest.prefix(chunk)))
      rest = rest.dropFirst(chunk)
    }
    channel.embeddedEventLoop.run()
  }

  func send(_ bytes: [UInt8]) {
    channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    channel.embeddedEventLoop.run()
  }

  /// All plaintext delivered since the last call.
  func takeDelivered() throws -> [UInt8] {
    var delivered: [UInt8] = []
    while let buffer = try channel.readInbound(as: ByteBuffer.self) {
      delivered += buffer.readableBytesView
    }
    return delivered
  }
}

/// Keeps the errors that reach the application.
final class ErrorRecorder: ChannelInboundHandler {
  typealias InboundIn = Any
  var caught: [TransportError] = []

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? TransportError { caught.append(error) }
  }
}

/// A client and a server that exchange bytes until both are silent.
struct EmbeddedPair {
  let client: EmbeddedPeer
  let server: EmbeddedPeer

  init(identity: TLSIdentity, pin: [UInt8]? = nil) throws {
    server = try EmbeddedPeer(.server(identity: identity))
    client = try EmbeddedPeer(.client(), pin: pin ?? identity.spkiHash)
  }

  init(client: EmbeddedPeer, server: EmbeddedPeer) {
    self.client = client
    self.server = server
  }

  /// Carries bytes both ways, in pieces of at most `chunk`, until nothing moves.
  func exchange(chunk: Int = .max) throws {
    while true {
      let fromClient = try client.takeSent()
      try server.receive(fromClient, chunk: chunk)
      let fromServer = try server.takeSent()
      try client.receive(fromServer, chunk: chunk)
      if fromClient.isEmpty && fromServer.isEmpty { return }
    }
  }

  /// A pair that has agreed on TLS and taken the first demand from the application.
  static func connected(identity: TLSIdentity) throws -> EmbeddedPair {
    let pair = try EmbeddedPair(identity: identity)
    try pair.exchange()
    pair.client.channel.read()
    pair.server.channel.read()
    return pair
  }
}

extension EventLoopFuture where Value: Sendable {
  /// The result if there is one by now. Only on the thread that drives an embedded event loop.
  var known: Result<Value, any Error>? {
    var known: Result<Value, any Error>?
    assumeIsolated().whenComplete { known = $0 }
    return known
  }

  /// The error if it has failed by now.
  var knownError: TransportError? {
    guard case .failure(let error) = known else { return nil }
    return error as? TransportError
  }

  /// Whether it has succeeded by now.
  var isKnownToSucceed: Bool {
    guard case .success = known else { return false }
    return true
  }
}
