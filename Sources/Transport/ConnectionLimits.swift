/// The bounds of one connection. Both ends choose their own.
package struct ConnectionLimits: Equatable, Sendable {
  /// Largest payload of a frame in bytes, 1 ... 2^31 - 1, in both directions.
  package var maximumFrameBytes: Int
  /// Time for TCP to connect (client only).
  package var connectTimeout: Duration = .seconds(10)
  /// Time from TCP being connected to TLS being agreed. A peer that stays silent costs a connection
  /// this long.
  package var handshakeTimeout: Duration = .seconds(10)
  /// Time that one frame may take to leave for a peer that does not read.
  package var sendTimeout: Duration = .seconds(60)
  /// Time that a close waits for earlier frames to leave and for the peer's close_notify.
  package var closeTimeout: Duration = .seconds(5)
  /// Bytes a peer may send before TLS is agreed. A handshake of this protocol takes under 2,000.
  package var maximumHandshakeBytes: Int = 65_536

  /// Limits with the default times.
  /// - Parameter maximumFrameBytes: largest payload of a frame, 1 ... 2^31 - 1.
  package init(maximumFrameBytes: Int) {
    precondition((1...Int(Int32.max)).contains(maximumFrameBytes), "frame limit out of range")
    self.maximumFrameBytes = maximumFrameBytes
  }
}
