package import Cryptography

/// Proof that a round's CHARGE entry is durable.
///
/// Only the holder of a ledger position can make one, and only with one can a noised sum be drawn
/// (rulings 10 and 11).
package struct DurableCharge: Equatable, Sendable {
  /// Index of the CHARGE entry in the ledger.
  package let ledgerIndex: UInt64
  package let round: UInt64

  package init(ledgerIndex: UInt64, round: UInt64) {
    self.ledgerIndex = ledgerIndex
    self.round = round
  }
}

/// What a coordinator's round receives.
package enum CoordinatorRoundEvent: Sendable {
  /// A logged-in member is connected; it is offered the round.
  case memberConnected(ClientID, VerifyingKey)
  case memberDisconnected(ClientID)
  /// An `answer`, `updateHeader` or `updateChunk` of a member.
  case message(ClientID, Message)
  case clock(MonotonicTime)
}

/// What a coordinator's round asks its driver to do, in order.
package enum CoordinatorRoundEffect: Equatable, Sendable {
  case send(ClientID, Message)
  /// Collection is over and the quorum is met: append CHARGE, then call `release`.
  case charge
  /// Collection is over without a quorum: append VOID. Nothing is charged.
  case void(reason: String)
}

/// What a client's round receives.
package enum ClientRoundEvent: Sendable {
  /// The customer's rules allow (or refuse) the offer.
  case decided(joins: Bool)
  /// The update for this round, of `offer.dimension` finite values.
  case updateReady([Float])
  /// The journal entry for this round is durable.
  case journaled
  /// A `proceed` or `updateResult` of the coordinator.
  case message(Message)
}

/// What a client's round asks its driver to do, in order.
package enum ClientRoundEffect: Equatable, Sendable {
  case send(Message)
  /// Compute the update and return it as `updateReady`.
  case computeUpdate
  /// Write the round as spent, durably, then return `journaled` (ruling 12).
  case journal(digest: [UInt8])
  /// The update was taken into the sum, or refused by name.
  case settled(accepted: Bool, detail: String)
}
