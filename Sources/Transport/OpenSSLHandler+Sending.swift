package import NIOCore

// MARK: - Sending

extension OpenSSLHandler {
  package func write(
    context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
  ) {
    let write = PendingWrite(plaintext: unwrapOutboundIn(data), promise: promise)
    switch phase {
    case .established where pendingWrites.isEmpty:
      if !encrypt(context, write) {
        hold(context, write)
      }
    case .idle, .handshaking, .established:
      hold(context, write)
    case .closing, .failed, .closed:
      promise?.fail(TransportError.closed)
    }
  }

  package func flush(context: ChannelHandlerContext) {
    if !pendingWrites.isEmpty {
      hasHeldFlush = true
    }
    context.flush()
  }

  private func hold(_ context: ChannelHandlerContext, _ write: PendingWrite) {
    let byteCount = pendingWriteBytes + write.plaintext.readableBytes
    guard byteCount <= OpenSSLHandler.maximumPendingWriteBytes else {
      write.promise?.fail(
        TransportError.sendBufferFull(limitBytes: OpenSSLHandler.maximumPendingWriteBytes))
      return
    }
    pendingWriteBytes = byteCount
    pendingWrites.append(write)
  }

  func sendPendingWrites(_ context: ChannelHandlerContext) {
    while phase == .established, let write = pendingWrites.first, encrypt(context, write) {
      pendingWrites.removeFirst()
      pendingWriteBytes -= write.plaintext.readableBytes
    }
    if pendingWrites.isEmpty, hasHeldFlush {
      hasHeldFlush = false
      context.flush()
    }
  }

  /// Encrypts one write and hands it to the socket, or fails it with the connection.
  /// - Returns: false if TLS cannot proceed yet and the write has to be tried again.
  private func encrypt(_ context: ChannelHandlerContext, _ write: PendingWrite) -> Bool {
    guard let session, write.plaintext.readableBytes > 0 else {
      context.write(wrapOutboundOut(write.plaintext), promise: write.promise)
      return true
    }
    do throws(TransportError) {
      let step = try session.write(write.plaintext)
      guard step == .completed else {
        sendCiphertext(context)
        return false
      }
      let ciphertext = session.buffers.takeOutbound() ?? ByteBuffer()
      context.write(wrapOutboundOut(ciphertext), promise: write.promise)
      return true
    } catch {
      write.promise?.fail(error)
      fail(context, with: error)
      return true
    }
  }

  /// Sends what OpenSSL has produced apart from writes: handshake messages and alerts.
  func sendCiphertext(_ context: ChannelHandlerContext) {
    if let ciphertext = session?.buffers.takeOutbound() {
      context.writeAndFlush(wrapOutboundOut(ciphertext), promise: nil)
    }
  }
}
