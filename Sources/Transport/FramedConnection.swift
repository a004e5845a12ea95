internal import NIOCore

/// An open TLS connection that carries frames, valid inside the closure that received it.
///
/// Several tasks may send; frames of one `send` never interleave. One task receives.
package struct FramedConnection: Sendable {
  /// 32 bytes that only the two ends of this TLS session know (`tls-exporter`, RFC 9266): what is
  /// signed over them cannot be relayed to another session.
  package let exporter: [UInt8]
  /// Client side: SHA-256 of the server's SubjectPublicKeyInfo, equal to the pin. Server side: nil.
  package let peerKeyHash: [UInt8]?
  /// The peer as "host:port".
  package let remoteAddress: String
  /// The frames of the peer, in order, at most once each.
  package let frames: Frames

  private let channel: any Channel
  private let codec: FrameCodec
  private let sendTimeout: Duration

  init(
    channel: any Channel, handshake: TLSHandshake, limits: ConnectionLimits,
    inbound: NIOAsyncChannelInboundStream<[UInt8]>
  ) {
    self.exporter = handshake.exporter
    self.peerKeyHash = handshake.peerKeyHash
    self.remoteAddress = channel.remoteAddress.map(hostAndPort) ?? "unknown"
    self.frames = Frames(inbound: inbound)
    self.channel = channel
    self.codec = FrameCodec(maximumFrameBytes: limits.maximumFrameBytes)
    self.sendTimeout = limits.sendTimeout
  }

  /// Sends one frame and returns when its last byte has been handed to the kernel.
  ///
  /// So a peer that does not read suspends the sender, with one frame of memory in flight per
  /// sending task, for `ConnectionLimits.sendTimeout` at most; then the connection is aborted.
  /// Cancelling the task while it waits aborts the connection, since half a frame cannot be
  /// recalled.
  /// - Parameter payload: 1 ... `maximumFrameBytes` bytes.
  /// - Throws: `emptyFrame` or `frameTooLong` with the connection unharmed; otherwise why the
  ///   connection ended.
  package func send(_ payload: [UInt8]) async throws(TransportError) {
    try codec.check(payloadByteCount: payload.count)
    guard !Task.isCancelled else { throw .cancelled }
    do {
      try await withTaskCancellationHandler {
        try await write(payload).get()
      } onCancel: {
        abort()
      }
    } catch {
      throw Task.isCancelled ? .cancelled : TransportError(connectionError: error)
    }
  }

  /// Sends close_notify behind the frames already sent and closes; safe to call again.
  package func close() async {
    // Closing twice is the only failure, and then the wish is fulfilled.
    try? await channel.close()
  }

  /// Closes at once, without close_notify: the peer will report `truncated`. For a connection that
  /// must not be taken for complete.
  package func abort() {
    channel.triggerUserOutboundEvent(OpenSSLHandler.AbortConnection(reason: nil), promise: nil)
  }
}

extension FramedConnection {
  /// One write, on the event loop: whether it is done, and what waits for it if it is not at once.
  private final class Write {
    var isDone = false
    var hasExpired = false
    var deadline: Scheduled<Void>?
  }

  private func write(_ payload: [UInt8]) -> EventLoopFuture<Void> {
    let (channel, sendTimeout) = (channel, sendTimeout)
    return channel.eventLoop.flatSubmit {
      let eventLoop = channel.eventLoop.assumeIsolated()
      let written = channel.writeAndFlush(payload)
      let write = Write()
      written.assumeIsolated().whenComplete { _ in
        write.isDone = true
        write.deadline?.cancel()
      }
      if !write.isDone {
        write.deadline = eventLoop.scheduleTask(in: TimeAmount(sendTimeout)) {
          write.hasExpired = true
          let abort = OpenSSLHandler.AbortConnection(reason: .sendTimedOut(after: sendTimeout))
          channel.triggerUserOutboundEvent(abort, promise: nil)
        }
      }
      return written.assumeIsolated().flatMapErrorThrowing { error in
        throw write.hasExpired ? TransportError.sendTimedOut(after: sendTimeout) : error
      }.nonisolated()
    }
  }
}

extension FramedConnection {
  /// The peer's frames. Single pass: one iterator per connection.
  ///
  /// Ends after the peer's close_notify. Throws `truncated` if the stream ended without one, and
  /// the other errors of an open connection. A consumer that pauses stops the socket after
  /// `highestFrameCount` waiting frames and one socket read.
  package struct Frames: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = TransportError

    static let lowestFrameCount = 1
    static let highestFrameCount = 4

    fileprivate let inbound: NIOAsyncChannelInboundStream<[UInt8]>

    package func makeAsyncIterator() -> Iterator {
      Iterator(inbound: inbound.makeAsyncIterator())
    }

    /// Receives the peer's frames one by one.
    package struct Iterator: AsyncIteratorProtocol {
      fileprivate var inbound: NIOAsyncChannelInboundStream<[UInt8]>.AsyncIterator

      /// The next frame, or nil after the peer's close_notify.
      package mutating func next() async throws(TransportError) -> [UInt8]? {
        do {
          return try await inbound.next()
        } catch {
          throw TransportError(connectionError: error)
        }
      }
    }
  }
}

extension TransportError {
  /// The error of an open connection in this target's words.
  init(connectionError error: any Error) {
    switch error {
    case let error as TransportError: self = error
    case is CancellationError: self = .cancelled
    case is ChannelError: self = .closed
    default: self = .connectionLost(reason: String(describing: error))
    }
  }
}

/// An IP address and port as one word; IPv6 in brackets.
func hostAndPort(_ address: SocketAddress) -> String {
  hostAndPort(address.ipAddress ?? "unknown", address.port ?? 0)
}

/// A host name or IP address and port as one word; IPv6 in brackets.
func hostAndPort(_ host: String, _ port: Int) -> String {
  host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
}
