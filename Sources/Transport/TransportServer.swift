internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The bounds of a server.
package struct ServerLimits: Equatable, Sendable {
  /// The bounds of each connection.
  package var connection: ConnectionLimits
  /// Connections open at a time, including those in the handshake; more are accepted and closed at
  /// once.
  package var maximumConnections = 4_096
  /// Threads that carry connections.
  package var eventLoopCount = 2
  /// Time that `stop()` leaves to open connections before they are cancelled.
  package var drainTimeout: Duration = .seconds(10)

  /// Limits with the defaults of a server.
  package init(connection: ConnectionLimits) {
    self.connection = connection
  }
}

/// What a server sees besides the connections it hands out: for logs and counters.
package enum TransportServerEvent: Equatable, Sendable {
  /// A peer came this far and no further. `peer` is "host:port".
  case handshakeFailed(TransportError, peer: String)
  /// A connection was closed at once because `limit` were open.
  case connectionRefused(limit: Int, peer: String)
}

/// A TCP port that accepts TLS connections and hands them out as frames.
///
/// A bound server has to be run or stopped: its threads and its port are freed at the end of `run`
/// or in `stop`.
package final class TransportServer: Sendable {
  /// Connections that the kernel keeps while the server is busy or not yet running.
  static let backlog: CInt = 1_024

  /// The event loops may be shut down only when nobody uses the listener any more: a call on a loop
  /// that is gone never returns. `run` does it, or `stop` if it is closing the listener at that
  /// moment.
  private enum State {
    case bound
    case running
    /// `stop` is closing the listener.
    case stopping
    /// `run` ended while `stop` was closing the listener.
    case ranOut
    /// Nobody uses the listener any more.
    case stopped
  }

  private struct Accepted: Sendable {
    let channel: any Channel
    let handshake: TLSHandshake
  }

  /// The port, chosen by the system if 0 was asked for.
  package let boundPort: Int

  private let limits: ServerLimits
  private let eventLoops: EventLoops
  private let listener: any Channel
  private let registry: ConnectionRegistry
  private let accepted: AsyncStream<Accepted>
  private let state = Mutex(State.bound)

  /// Begins to listen; peers wait in the kernel until `run`.
  /// - Parameters:
  ///   - host: an IP address or name of this machine, such as "127.0.0.1", "::1" or "0.0.0.0".
  ///   - port: 0 ... 65,535; 0 takes a free one.
  ///   - identity: the certificate and key that clients have pinned.
  ///   - observe: called on an event loop for each peer that does not become a connection; must not
  ///     block.
  /// - Throws: `portBusy`, `bindFailed`, or `cryptographicLibrary`.
  package static func bind(
    host: String, port: Int, identity: TLSIdentity, limits: ServerLimits,
    observe: @escaping @Sendable (TransportServerEvent) -> Void = { _ in }
  ) async throws(TransportError) -> TransportServer {
    let context = try TLSContext.server(identity: identity)
    let eventLoops = EventLoops(count: limits.eventLoopCount)
    let registry = ConnectionRegistry(maximumConnections: limits.maximumConnections)
    let (accepted, continuation) = AsyncStream.makeStream(
      of: Accepted.self, bufferingPolicy: .bufferingOldest(limits.maximumConnections))
    do {
      let listener = try await ServerBootstrap(group: eventLoops.group)
        .serverChannelOption(.backlog, value: backlog)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .serverChannelOption(.autoRead, value: false)
        .serverChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            // Out of file descriptors: wait a second instead of spinning.
            try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
          }
        }
        .childChannelInitializer { channel in
          guard registry.admit(channel) else {
            observe(.connectionRefused(limit: limits.maximumConnections, peer: peerName(channel)))
            return channel.close()
          }
          return channel.eventLoop.makeCompletedFuture {
            let pending = try SecureChannel.configure(
              channel, context: context, expectedPin: [], limits: limits.connection)
            handOver(pending, to: continuation, observe: observe)
          }
        }
        .bind(host: host, port: port).get()
      listener.closeFuture.whenComplete { _ in continuation.finish() }
      return TransportServer(
        limits: limits, eventLoops: eventLoops, listener: listener, registry: registry,
        accepted: accepted)
    } catch {
      await eventLoops.shutDown()
      throw bindError(error, host: host, port: port)
    }
  }

  private init(
    limits: ServerLimits, eventLoops: EventLoops, listener: any Channel,
    registry: ConnectionRegistry, accepted: AsyncStream<Accepted>
  ) {
    self.limits = limits
    self.eventLoops = eventLoops
    self.listener = listener
    self.registry = registry
    self.accepted = accepted
    self.boundPort = listener.localAddress?.port ?? 0
  }

  /// Connections open now, including those in the handshake.
  package var connectionCount: Int { registry.count }

  /// Serves until `stop()` or until the calling task is cancelled; once per server.
  ///
  /// Each connection gets its own child task and is closed when `handler` returns.
  /// - Throws: `closed` if the server already ran or was stopped.
  package func run(
    _ handler: @escaping @Sendable (FramedConnection) async -> Void
  ) async throws(TransportError) {
    let mayRun = state.withLock { state in
      defer { if state == .bound { state = .running } }
      return state == .bound
    }
    guard mayRun else { throw .closed }
    // Fails only if the listener is closed, and then the loop below ends at once.
    try? await listener.setOption(.autoRead, value: true).get()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.serveAll(handler) }
      group.addTask { await self.waitForDrainTimeout() }
      await group.next()
      group.cancelAll()
    }
    registry.closeAll()
    let isStopClosing = state.withLock { state in
      defer { state = state == .stopping ? .ranOut : .stopped }
      return state == .stopping
    }
    if !isStopClosing {
      await eventLoops.shutDown()
    }
  }

  /// Stops listening at once. `run` returns when the open connections have ended, after
  /// `drainTimeout` by cancelling them. Safe to call again.
  package func stop() async {
    let before = state.withLock { state in
      defer { if state == .bound || state == .running { state = .stopping } }
      return state
    }
    guard before == .bound || before == .running else { return }
    // The listener may have closed by itself, and then the wish is fulfilled.
    try? await listener.close()
    let mayShutDown = state.withLock { state in
      let hasEnded = before == .bound || state == .ranOut
      state = hasEnded ? .stopped : .running
      return hasEnded
    }
    if mayShutDown {
      registry.closeAll()
      await eventLoops.shutDown()
    }
  }

  private func serveAll(_ handler: @escaping @Sendable (FramedConnection) async -> Void) async {
    await withDiscardingTaskGroup { group in
      for await connection in accepted {
        group.addTask {
          // The connection's own errors reach the handler through its frames and sends.
          try? await SecureChannel.use(
            connection.channel, handshake: connection.handshake, limits: self.limits.connection
          ) { await handler($0) }
        }
      }
      listener.close(promise: nil)
    }
  }

  private func waitForDrainTimeout() async {
    // The close future never fails; the sleep fails only when cancelled, which ends the wait as
    // intended.
    try? await listener.closeFuture.get()
    try? await Task.sleep(for: limits.drainTimeout)
  }

  private static func handOver(
    _ pending: SecureChannel.Pending, to continuation: AsyncStream<Accepted>.Continuation,
    observe: @escaping @Sendable (TransportServerEvent) -> Void
  ) {
    let channel = pending.channel
    let peer = peerName(channel)
    pending.handshake.whenComplete { result in
      switch result {
      case .success(let handshake):
        let outcome = continuation.yield(Accepted(channel: channel, handshake: handshake))
        guard case .enqueued = outcome else {
          channel.close(promise: nil)
          return
        }
      case .failure(let error):
        observe(.handshakeFailed(TransportError(connectionError: error), peer: peer))
      }
    }
  }

  private static func peerName(_ channel: any Channel) -> String {
    channel.remoteAddress.map(hostAndPort) ?? "unknown"
  }

  private static func bindError(_ error: any Error, host: String, port: Int) -> TransportError {
    if let error = error as? IOError, error.errnoCode == EADDRINUSE {
      return .portBusy(port)
    }
    return .bindFailed(address: hostAndPort(host, port), reason: String(describing: error))
  }
}
