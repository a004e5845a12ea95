internal import Federation
internal import Operations
internal import Transport
internal import WireProtocol

/// Keeps one customer connected until training is over: connects, serves, and connects again with
/// growing pauses.
struct CustomerLoop: Sendable {
  let host: ClientHost
  let index: Int
  let address: (host: String, port: UInt16)
  let serverKeyPin: [UInt8]
  /// Give up after so long without a connection.
  let patience: Duration

  private static let firstPause = Duration.milliseconds(200)
  private static let longestPause = Duration.seconds(5)

  /// - Returns: why training is over for this customer.
  /// - Throws: `CommandFailure` when the coordinator refuses, or cannot be reached for `patience`.
  func run() async throws -> CustomerOutcome {
    let clock = ContinuousClock()
    var lastContact = clock.now
    var pause = Self.firstPause
    while true {
      do {
        try await TransportClient.withConnection(
          host: address.host, port: Int(address.port), serverKeyPin: serverKeyPin,
          limits: ConnectionLimits(maximumFrameBytes: FrameLimits.maximumFrameBytes)
        ) { connection in
          try await host.serve(index, over: connection)
        }
        lastContact = clock.now
        pause = Self.firstPause
      } catch let error as TransportError where error.isWorthRetrying {
        if case .truncated = error { lastContact = clock.now }
        guard lastContact.duration(to: clock.now) < patience else {
          throw ClientFailure.explain(error)
        }
      } catch let error as FederationError where error.isWorthRetrying {
        lastContact = clock.now
      } catch {
        throw ClientFailure.explain(error)
      }
      let outcome = await host.outcome(of: index)
      if outcome != .running { return outcome }
      try await Task.sleep(for: jittered(pause))
      pause = min(Self.longestPause, pause * 2)
    }
  }

  /// Spreads the return of many customers: they must not all knock at once. The spread is by
  /// number, which says nothing about behaviour.
  private func jittered(_ pause: Duration) -> Duration {
    pause + pause * Double(index % 16) / 16
  }
}

extension TransportError {
  /// The network or the peer's process failed, as opposed to who the peer is.
  fileprivate var isWorthRetrying: Bool {
    switch self {
    case .connectionRefused, .connectTimedOut, .connectFailed, .handshakeTimedOut, .truncated,
      .connectionLost, .closed, .handshakeFailed:
      true
    default: false
    }
  }
}

extension FederationError {
  fileprivate var isWorthRetrying: Bool {
    switch self {
    case .refused(.shuttingDown, _), .refused(.coordinatorFull, _), .refused(.tooSlow, _): true
    default: false
    }
  }
}
