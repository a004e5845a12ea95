package import NIOCore

/// TLS 1.3 over the system's OpenSSL as a channel handler: ciphertext towards the socket, plaintext
/// towards the application.
///
/// - Reading follows demand. While the handshake runs the handler reads on its own; afterwards a
///   socket read happens only when a `read` comes down the pipeline, and ciphertext that arrived
///   with the end of the handshake or right behind it waits for the first one. So a slow consumer
///   stops the socket, and the handler itself holds what one wakeup of the socket brought.
/// - Writing is one to one: each write becomes one ciphertext write with the same promise, so that
///   a promise succeeds when the ciphertext has left, and the channel's writability counts all that
///   has not. Writes before the end of the handshake wait, up to `maximumPendingWriteBytes`.
/// - `close` sends close_notify and waits for the peer's, at most `ConnectionLimits.closeTimeout`.
///   An end of stream without it is reported as `TransportError.truncated`. `AbortConnection`
///   closes at once.
///
/// Not `Sendable`: one handler, one `SSL`, one event loop.
package final class OpenSSLHandler: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias InboundOut = ByteBuffer
  package typealias OutboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  /// A user event that closes the channel at once; the peer will see a truncated stream.
  package struct AbortConnection: Sendable {
    /// What the application and the writes that wait are told; nil if they asked for it.
    package let reason: TransportError?
  }

  enum Phase: Equatable {
    case idle
    case handshaking
    case established
    /// close_notify is sent or received; what the peer still sends is decrypted and dropped.
    case closing
    /// TLS failed; the alert is on its way and what the peer still sends is dropped undecrypted.
    case failed
    case closed
  }

  struct PendingWrite {
    let plaintext: ByteBuffer
    let promise: EventLoopPromise<Void>?
  }

  /// Bound on plaintext that waits for TLS to be able to proceed.
  package static let maximumPendingWriteBytes = 1 << 20
  /// Bound on what OpenSSL sends on its own after the handshake (answers to key updates, 27 bytes
  /// each).
  static let maximumReplyBytes = 65_536
  /// Bound on what is read and dropped after a failure while the alert travels.
  static let maximumDroppedBytes = 65_536

  let tlsContext: TLSContext
  let expectedPin: [UInt8]
  let limits: ConnectionLimits
  let nowSeconds: Int64
  let handshakePromise: EventLoopPromise<TLSHandshake>

  var phase = Phase.idle
  var session: TLSSession?
  /// Whether the application has asked for data. Until then nobody may be there to take it.
  var hasDemand = false
  var pendingWrites = CircularBuffer<PendingWrite>()
  var pendingWriteBytes = 0
  var hasHeldFlush = false
  var replyByteCount = 0
  var droppedByteCount = 0
  var timer: Scheduled<Void>?
  var closePromises: [EventLoopPromise<Void>] = []

  /// A handler for one channel.
  /// - Parameters:
  ///   - context: settings of this side; its role decides who speaks first.
  ///   - expectedPin: client: SHA-256 of the server's SubjectPublicKeyInfo, 32 bytes. Server: not
  ///     used.
  ///   - nowSeconds: Unix time at which the server's certificate has to be valid.
  ///   - handshake: succeeds when TLS is agreed; otherwise fails with a `TransportError`.
  package init(
    context: TLSContext, expectedPin: [UInt8] = [], limits: ConnectionLimits, nowSeconds: Int64,
    handshake: EventLoopPromise<TLSHandshake>
  ) {
    self.tlsContext = context
    self.expectedPin = expectedPin
    self.limits = limits
    self.nowSeconds = nowSeconds
    self.handshakePromise = handshake
  }

  /// Whether TLS is agreed and neither side has begun to close.
  var isEstablished: Bool { phase == .established }
}

// MARK: - Handshake

extension OpenSSLHandler {
  package func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive {
      beginHandshake(context)
    }
  }

  package func channelActive(context: ChannelHandlerContext) {
    beginHandshake(context)
    context.fireChannelActive()
  }

  private func beginHandshake(_ context: ChannelHandlerContext) {
    guard phase == .idle else { return }
    phase = .handshaking
    do throws(TransportError) {
      session = try makeSession()
    } catch {
      fail(context, with: error)
      return
    }
    startTimer(context, after: limits.handshakeTimeout) { handler, context in
      handler.fail(context, with: .handshakeTimedOut(after: handler.limits.handshakeTimeout))
    }
    advanceHandshake(context)
    readForTLS(context)
  }

  private func makeSession() throws(TransportError) -> TLSSession {
    switch tlsContext.role {
    case .server:
      return try TLSSession(context: tlsContext, verification: nil)
    case .client:
      let verification = try PeerVerification(expectedPin: expectedPin, nowSeconds: nowSeconds)
      return try TLSSession(context: tlsContext, verification: verification)
    }
  }

  private func advanceHandshake(_ context: ChannelHandlerContext) {
    guard let session else { return }
    do throws(TransportError) {
      let step = try session.advanceHandshake()
      sendCiphertext(context)
      guard session.buffers.consumedByteCount <= limits.maximumHandshakeBytes else {
        throw .handshakeTooLong(limitBytes: limits.maximumHandshakeBytes)
      }
      if step == .completed {
        try establish(context, session)
      }
    } catch {
      fail(context, with: error)
    }
  }

  private func establish(
    _ context: ChannelHandlerContext, _ session: TLSSession
  ) throws(TransportError) {
    let result = try session.handshakeResult()
    stopTimer()
    phase = .established
    handshakePromise.succeed(result)
    sendPendingWrites(context)
    if hasDemand {
      read(context: context)
    }
  }

  /// Reads that the application did not ask for: TLS needs them to agree or to close.
  func readForTLS(_ context: ChannelHandlerContext) {
    if phase == .handshaking || phase == .closing || phase == .failed {
      context.read()
    }
  }
}

// MARK: - Receiving

extension OpenSSLHandler {
  package func read(context: ChannelHandlerContext) {
    hasDemand = true
    switch phase {
    case .handshaking:
      break
    case .established:
      if let session, session.buffers.inbound.readableBytes > 0 {
        deliver(context)
        context.fireChannelReadComplete()
      }
      context.read()
    case .idle, .closing, .failed, .closed:
      context.read()
    }
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let ciphertext = unwrapInboundIn(data)
    switch phase {
    case .handshaking:
      session?.buffers.receive(ciphertext)
      advanceHandshake(context)
    case .established where !hasDemand:
      // The socket may read several times for one `read`, so more than the end of the handshake can
      // be here.
      session?.buffers.receive(ciphertext)
    case .established, .closing:
      session?.buffers.receive(ciphertext)
      deliver(context)
    case .failed:
      droppedByteCount += ciphertext.readableBytes
      if droppedByteCount > OpenSSLHandler.maximumDroppedBytes {
        context.close(promise: nil)
      }
    case .idle, .closed:
      break
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    readForTLS(context)
    context.fireChannelReadComplete()
  }

  /// Decrypts what was received; passes it on, or drops it if this side has begun to close.
  private func deliver(_ context: ChannelHandlerContext) {
    guard let session else { return }
    var plaintext = context.channel.allocator.buffer(
      capacity: session.buffers.inbound.readableBytes)
    let outcome: Result<TLSSession.ReadOutcome, TransportError>
    do throws(TransportError) {
      outcome = .success(try session.read(into: &plaintext))
    } catch {
      outcome = .failure(error)
    }
    if phase == .established, plaintext.readableBytes > 0 {
      context.fireChannelRead(wrapInboundOut(plaintext))
    }
    // The application may have closed or aborted while it took the bytes.
    guard phase == .established || phase == .closing else { return }
    switch outcome {
    case .success(.needsInput):
      sendReplies(context)
      sendPendingWrites(context)
    case .success(.closeNotify):
      peerClosed(context)
    case .failure(let error):
      fail(context, with: error)
    }
  }

  /// Sends what OpenSSL answers on its own, so many bytes at most over the life of a connection.
  private func sendReplies(_ context: ChannelHandlerContext) {
    guard let reply = session?.buffers.takeOutbound() else { return }
    replyByteCount += reply.readableBytes
    guard replyByteCount <= OpenSSLHandler.maximumReplyBytes else {
      fail(context, with: .protocolViolation(reason: "too many key updates"))
      return
    }
    context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
  }
}
