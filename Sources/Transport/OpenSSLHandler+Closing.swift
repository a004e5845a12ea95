package import NIOCore

// MARK: - Closing and failing

extension OpenSSLHandler {
  package func close(
    context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
  ) {
    guard mode == .all else {
      // RFC 8446 s.6.1 allows half-closed sessions; this protocol has no use for them.
      promise?.fail(ChannelError.operationUnsupported)
      return
    }
    switch phase {
    case .idle, .failed, .closed:
      context.close(promise: promise)
    case .handshaking:
      phase = .closed
      release(failingHandshakeWith: .closed)
      context.close(promise: promise)
    case .established:
      if let promise { closePromises.append(promise) }
      beginClosing(context)
    case .closing:
      if let promise { closePromises.append(promise) }
    }
  }

  package func triggerUserOutboundEvent(
    context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
  ) {
    guard let abort = event as? AbortConnection else {
      context.triggerUserOutboundEvent(event, promise: promise)
      return
    }
    let wasEstablished = phase == .established
    phase = .closed
    if let reason = abort.reason, wasEstablished {
      context.fireErrorCaught(reason)
    }
    release(failingHandshakeWith: abort.reason ?? .cancelled)
    context.close(promise: promise)
  }

  private func beginClosing(_ context: ChannelHandlerContext) {
    phase = .closing
    failPendingWrites(with: .closed)
    startTimer(context, after: limits.closeTimeout) { _, context in
      context.close(promise: nil)
    }
    session?.sendCloseNotify()
    sendCiphertext(context)
    context.read()
  }

  /// The peer's close_notify arrived: its last byte has been delivered, and nothing we send will be
  /// read.
  func peerClosed(_ context: ChannelHandlerContext) {
    if phase == .closing {
      context.close(promise: nil)
      return
    }
    phase = .closing
    failPendingWrites(with: .closed)
    startTimer(context, after: limits.closeTimeout) { _, context in
      context.close(promise: nil)
    }
    session?.sendCloseNotify()
    closeAfterSending(context)
  }

  /// Sends what is left in the session and closes when it has left.
  private func closeAfterSending(_ context: ChannelHandlerContext) {
    let last = session?.buffers.takeOutbound() ?? ByteBuffer()
    let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(last)).whenComplete { _ in
      loopBound.value.close(promise: nil)
    }
  }

  /// Ends a connection that broke a rule: reports `error`, lets the alert travel, then closes.
  func fail(_ context: ChannelHandlerContext, with error: TransportError) {
    guard phase != .failed, phase != .closed else { return }
    let wasHandshaking = phase == .handshaking || phase == .idle
    phase = .failed
    stopTimer()
    sendCiphertext(context)
    failPendingWrites(with: error)
    if wasHandshaking {
      handshakePromise.fail(error)
    } else {
      context.fireErrorCaught(error)
    }
    guard phase == .failed else { return }
    linger(context, alertMayHelp: error.isAnsweredByAlert)
  }

  /// Closing with unread bytes makes the kernel send a reset, which can overtake the alert that
  /// tells the peer why. So this half closes and drops what arrives until the peer closes,
  /// `closeTimeout` at most.
  private func linger(_ context: ChannelHandlerContext, alertMayHelp: Bool) {
    session = nil
    guard alertMayHelp, context.channel.isActive else {
      context.close(promise: nil)
      return
    }
    startTimer(context, after: limits.closeTimeout) { _, context in
      context.close(promise: nil)
    }
    let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let halfClosed = context.eventLoop.makePromise(of: Void.self)
    halfClosed.futureResult.whenFailure { _ in
      loopBound.value.close(promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
      loopBound.value.close(mode: .output, promise: halfClosed)
    }
    context.read()
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let failure = error as? IOError else {
      context.fireErrorCaught(error)
      return
    }
    let reason = String(describing: failure)
    switch phase {
    case .handshaking, .idle:
      fail(context, with: .handshakeFailed(reason: "the connection broke: \(reason)"))
    case .established:
      fail(context, with: .connectionLost(reason: reason))
    case .closing, .failed, .closed:
      // The peer went first while both were ending: nothing is lost that anyone waits for.
      break
    }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    let ended = phase
    phase = .closed
    if ended == .established {
      context.fireErrorCaught(TransportError.truncated)
    }
    release(
      failingHandshakeWith: .handshakeFailed(reason: "the peer closed the connection during it"))
    context.fireChannelInactive()
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    phase = .closed
    release(failingHandshakeWith: .closed)
  }

  /// Frees the session and completes every promise. Promises that are already complete ignore it.
  private func release(failingHandshakeWith error: TransportError) {
    stopTimer()
    handshakePromise.fail(error)
    failPendingWrites(with: .closed)
    let promises = closePromises
    closePromises = []
    for promise in promises {
      promise.succeed()
    }
    session = nil
  }

  private func failPendingWrites(with error: TransportError) {
    let writes = pendingWrites
    pendingWrites = []
    pendingWriteBytes = 0
    for write in writes {
      write.promise?.fail(error)
    }
  }
}

// MARK: - Time

extension OpenSSLHandler {
  /// Starts the one timer of this connection; a running one is replaced.
  func startTimer(
    _ context: ChannelHandlerContext, after delay: Duration,
    _ action: @escaping (OpenSSLHandler, ChannelHandlerContext) -> Void
  ) {
    stopTimer()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
      [weak self] in
      guard let self else { return }
      action(self, context)
    }
  }

  func stopTimer() {
    timer?.cancel()
    timer = nil
  }
}

extension TransportError {
  /// Whether the peer is there to be told why the connection ends.
  fileprivate var isAnsweredByAlert: Bool {
    switch self {
    case .handshakeTimedOut, .connectionLost: false
    default: true
    }
  }
}
