internal import Glibc
internal import NIOCore
internal import NIOPosix

/// What servers and clients do alike with a TCP channel: put TLS and frames on it, wait for the
/// handshake, use it.
enum SecureChannel {
  /// A channel whose handshake is under way.
  struct Pending: Sendable {
    let channel: any Channel
    let handshake: EventLoopFuture<TLSHandshake>
  }

  /// Installs TLS and the frame codec. Call on the channel's event loop, before it is active.
  static func configure(
    _ channel: any Channel, context: TLSContext, expectedPin: [UInt8], limits: ConnectionLimits
  ) throws -> Pending {
    let handshake = channel.eventLoop.makePromise(of: TLSHandshake.self)
    let codec = FrameCodec(maximumFrameBytes: limits.maximumFrameBytes)
    let pipeline = channel.pipeline.syncOperations
    do {
      try setOptions(of: channel)
      try pipeline.addHandlers([
        OpenSSLHandler(
          context: context, expectedPin: expectedPin, limits: limits,
          nowSeconds: Int64(time(nil)), handshake: handshake),
        ByteToMessageHandler(codec),
        MessageToByteHandler(codec),
      ])
    } catch {
      handshake.fail(TransportError.closed)
      throw error
    }
    return Pending(channel: channel, handshake: handshake.futureResult)
  }

  /// Runs `body` with the connection and closes it afterwards, whatever happens.
  static func use<Result>(
    _ channel: any Channel, handshake: TLSHandshake, limits: ConnectionLimits,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (FramedConnection) async throws -> sending Result
  ) async throws -> sending Result {
    let asyncChannel = try await attach(to: channel)
    return try await asyncChannel.executeThenClose { inbound in
      try await body(
        FramedConnection(
          channel: channel, handshake: handshake, limits: limits, inbound: inbound))
    }
  }

  /// Opens the flow of frames. The handler has delivered nothing before this, so nothing is missed;
  /// a connection that ended in between is refused here, since its end would go unseen.
  private static func attach(
    to channel: any Channel
  ) async throws(TransportError) -> NIOAsyncChannel<[UInt8], Never> {
    do {
      return try await channel.eventLoop.submit {
        let pipeline = channel.pipeline.syncOperations
        guard try pipeline.handler(type: OpenSSLHandler.self).isEstablished else {
          throw TransportError.connectionLost(reason: "it ended right after the handshake")
        }
        let asyncChannel = try NIOAsyncChannel<[UInt8], Never>(
          wrappingChannelSynchronously: channel,
          configuration: .init(
            backPressureStrategy: .init(
              lowWatermark: FramedConnection.Frames.lowestFrameCount,
              highWatermark: FramedConnection.Frames.highestFrameCount),
            isOutboundHalfClosureEnabled: false))
        try channel.syncOptions?.setOption(.autoRead, value: true)
        // Switching autoRead on reads from the socket without asking the handlers. What TLS already
        // holds comes out only when asked for, and the peer may have nothing more to say.
        pipeline.read()
        return asyncChannel
      }.get()
    } catch {
      channel.close(promise: nil)
      throw Task.isCancelled ? .cancelled : TransportError(connectionError: error)
    }
  }

  private static func setOptions(of channel: any Channel) throws {
    guard let options = channel.syncOptions else { return }
    // Reads follow demand; `attach` switches this on.
    try options.setOption(.autoRead, value: false)
    try options.setOption(
      .recvAllocator,
      value: AdaptiveRecvByteBufferAllocator(
        minimum: 1_024, initial: 4_096, maximum: largestReadBytes))
    // A dead peer is noticed within two minutes where no deadline of the protocol does it sooner.
    try options.setOption(.socketOption(.so_keepalive), value: 1)
    for (name, value) in [(TCP_KEEPIDLE, 60), (TCP_KEEPINTVL, 15), (TCP_KEEPCNT, 4)] {
      try options.setOption(.tcpOption(.init(rawValue: name)), value: .init(value))
    }
  }

  /// Bound on one read of the socket; buffers adapt to what arrives.
  private static let largestReadBytes = 131_072
}
