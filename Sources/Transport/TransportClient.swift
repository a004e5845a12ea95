internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Opens connections to a server whose key is known beforehand.
package enum TransportClient {
  /// Connects, checks the server's key, runs `body` and closes the connection, whatever happens.
  ///
  /// Cancelling the task ends connecting, waiting and receiving at once.
  /// - Parameters:
  ///   - host: name or IP address.
  ///   - port: 1 ... 65,535.
  ///   - serverKeyPin: SHA-256 of the server's SubjectPublicKeyInfo, 32 bytes
  ///     (`TLSIdentity.spkiHash`).
  ///   - eventLoops: the thread that carries the connection; any number of connections share it.
  ///   - isolation: where `body` runs; the caller's own isolation.
  ///   - body: uses the connection; it does not outlive `body`.
  /// - Returns: what `body` returns.
  /// - Throws: `TransportError` if there is no connection (`nameNotResolved`, `connectionRefused`,
  ///   `connectTimedOut`, `connectFailed`, `handshakeTimedOut`, `handshakeFailed`, `pinMismatch`,
  ///   `certificateNotValid`, `cancelled` ...), or what `body` throws.
  package static func withConnection<Result>(
    host: String, port: Int, serverKeyPin: [UInt8], limits: ConnectionLimits,
    eventLoops: EventLoops = .shared, isolation: isolated (any Actor)? = #isolation,
    _ body: (FramedConnection) async throws -> sending Result
  ) async throws -> sending Result {
    let (channel, handshake) = try await connect(
      host: host, port: port, serverKeyPin: serverKeyPin, limits: limits, eventLoops: eventLoops)
    return try await SecureChannel.use(channel, handshake: handshake, limits: limits, body)
  }

  private static func connect(
    host: String, port: Int, serverKeyPin: [UInt8], limits: ConnectionLimits,
    eventLoops: EventLoops
  ) async throws(TransportError) -> (any Channel, TLSHandshake) {
    guard serverKeyPin.count == PeerVerification.pinByteCount else {
      throw .pinMalformed(byteCount: serverKeyPin.count)
    }
    let context = try sharedContext.get()
    let attempts = ConnectionAttempts()
    do {
      return try await withTaskCancellationHandler {
        let pending = try await ClientBootstrap(group: eventLoops.group)
          .connectTimeout(TimeAmount(limits.connectTimeout))
          .connect(host: host, port: port) { channel in
            attempts.add(channel)
            return channel.eventLoop.makeCompletedFuture {
              try SecureChannel.configure(
                channel, context: context, expectedPin: serverKeyPin, limits: limits)
            }
          }
        return (pending.channel, try await pending.handshake.get())
      } onCancel: {
        attempts.cancel()
      }
    } catch {
      if Task.isCancelled { throw .cancelled }
      throw connectError(error, host: host, port: port, limits: limits)
    }
  }

  /// Client settings are the same for every connection of the process, and an `SSL_CTX` is
  /// expensive to make.
  private static let sharedContext: Result<TLSContext, TransportError> = {
    do throws(TransportError) {
      return .success(try TLSContext.client())
    } catch {
      return .failure(error)
    }
  }()
}

/// The channels of one call to connect, so that a cancelled task can close them. A name with
/// several addresses is tried in parallel (RFC 8305), so there may be more than one.
private final class ConnectionAttempts: Sendable {
  private struct State {
    var channels: [any Channel] = []
    var isCancelled = false
  }

  private let state = Mutex(State())

  func add(_ channel: any Channel) {
    let isCancelled = state.withLock { state in
      state.channels.append(channel)
      return state.isCancelled
    }
    if isCancelled {
      channel.close(promise: nil)
    }
  }

  func cancel() {
    let channels = state.withLock { state in
      state.isCancelled = true
      defer { state.channels = [] }
      return state.channels
    }
    for channel in channels {
      channel.close(promise: nil)
    }
  }
}

extension TransportClient {
  private static func connectError(
    _ error: any Error, host: String, port: Int, limits: ConnectionLimits
  ) -> TransportError {
    let address = hostAndPort(host, port)
    switch error {
    case let error as TransportError:
      return error
    case ChannelError.connectTimeout:
      return .connectTimedOut(address: address, after: limits.connectTimeout)
    case let error as IOError where error.errnoCode == ECONNREFUSED:
      return .connectionRefused(address: address)
    case let error as NIOConnectionError:
      if let attempt = error.connectionErrors.last {
        return connectError(attempt.error, host: host, port: port, limits: limits)
      }
      let reason = (error.dnsAError ?? error.dnsAAAAError).map { String(describing: $0) }
      return .nameNotResolved(host: host, reason: reason ?? "it has no address")
    default:
      return .connectFailed(address: address, reason: String(describing: error))
    }
  }
}
