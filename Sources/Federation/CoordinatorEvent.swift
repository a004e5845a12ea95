package import Cryptography
package import SecureAggregation
package import WireProtocol

/// A number for one connection, unique in the life of the process.
package struct ConnectionID: Hashable, Sendable, Comparable {
  package let value: UInt64

  package init(_ value: UInt64) {
    self.value = value
  }

  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// What a coordinator receives.
package enum CoordinatorEvent: Sendable {
  /// A TLS session is up. `exporter` is its channel binding (RFC 9266), 32 bytes.
  case connected(ConnectionID, exporter: [UInt8], nonce: [UInt8])
  /// One frame payload of a peer.
  case received(ConnectionID, [UInt8])
  case disconnected(ConnectionID)
  case clock(MonotonicTime)
  /// The answer to `removeMasks`: `MaskRemoval.corrections(workers:)` of that round.
  case masksRemoved(round: UInt64, corrections: [[UInt32]]?)
}

/// What a coordinator asks its driver to do, in order.
package enum CoordinatorEffect: Equatable, Sendable {
  case send(ConnectionID, [UInt8])
  /// Send a public blob as `BlobChunk` messages, at the peer's pace.
  case sendBlob(ConnectionID, SHA256Digest, [UInt8])
  /// Close after everything sent so far has left.
  case close(ConnectionID)
  case note(CoordinatorNote)
  /// Compute the corrections of a charged sum, on several cores, and return them as `masksRemoved`.
  case removeMasks(round: UInt64, MaskRemoval)
  /// Training is over; the model goes on being served.
  case finished(Finished.Reason)
}

/// Something an operator wants to see. Holds no client id and nothing measured on one client.
package enum CoordinatorNote: Equatable, Sendable {
  case loginRefused(RefusalCode)
  case roundOffered(round: UInt64, stage: String, members: Int, dimension: Int)
  case roundCharged(round: UInt64, contributors: Int)
  case roundReleased(round: UInt64, contributors: Int, signalToNoise: Double)
  case roundVoid(round: UInt64, reason: String)
  /// A charged round ended without a sum; its charge stays. So many members are offered no more.
  case roundBurned(round: UInt64, reason: String, excluded: Int)
  /// A charged round of mode `secagg` gave no sum: its updates are not asked for again, and no further round
  /// is offered (ruling 27).
  case retryRefused
  case updatesRejected(round: UInt64, counts: [String: Int])
  /// Revealed shares of these members' secrets contradict each other; the sum is right all the same. Owner or
  /// holder may have lied: nobody is blamed (ruling 31).
  case sharesInconsistent(round: UInt64, owners: [ClientID], holders: [ClientID])
  /// These members' shares did not open for those: dealer or holder may be at fault (ruling 31).
  case sharesUnreadable(round: UInt64, dealers: [ClientID], holders: [ClientID])
  case budgetRefused(
    spentEpsilon: Double, epsilonWithRound: Double, limit: Double, roundsLeft: Int,
    roundsInAll: Int)
}
