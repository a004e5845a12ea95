package import Cryptography
package import Ledger
package import SecureAggregation

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

/// What shows a member of a masked round that the round is charged.
package struct ChargeEvidence: Equatable, Sendable {
  /// Text of the `LedgerReceipt` of CHARGE.
  package let receipt: [UInt8]
  /// `ConsistencyProof.bytes` from a size to the receipt's checkpoint, by that size.
  package let consistency: [UInt64: [UInt8]]

  package init(receipt: [UInt8], consistency: [UInt64: [UInt8]]) {
    self.receipt = receipt
    self.consistency = consistency
  }
}

/// What a coordinator's round receives.
package enum CoordinatorRoundEvent: Sendable {
  /// A logged-in member is connected; it is offered the round. The credential is its
  /// `MemberCredential`, which a masked round shows to every member.
  case memberConnected(ClientID, VerifyingKey, credential: [UInt8] = [])
  case memberDisconnected(ClientID)
  /// A member's message that speaks of a round.
  case message(ClientID, Message)
  case clock(MonotonicTime)
}

/// What a coordinator's round asks its driver to do, in order.
package enum CoordinatorRoundEffect: Equatable, Sendable {
  case send(ClientID, Message)
  /// The same message to each of these members.
  case broadcast([ClientID], Message)
  /// Collection is over and the quorum is met: append CHARGE. Then call `release` of a sealed
  /// round, `prove` of a masked one.
  case charge
  /// The keys of all masks left in the sum are known: compute its corrections, on as many cores as
  /// there are, and give them to `unmask`.
  case unmask(MaskRemoval)
  /// The sum of a charged masked round is there: call `release`.
  case release
  /// A charged masked round will have no sum: append BURNED. The culprits owed it a message and are
  /// not to be offered another round.
  case burn(reason: String, culprits: [ClientID])
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
  /// A message of the coordinator that speaks of a round.
  case message(Message)
  /// The newest checkpoint that this device keeps; comes before `survivors` and `proof`.
  case holds(Checkpoint)
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
  /// Keep the round's CHARGE, durably: the checkpoint that it is under is the one held, or extends it.
  case keep(LedgerReceipt)
  /// Enough members signed a survivor set without this one: its journal entry may be taken back
  /// (ruling 12).
  case giveBack
  /// A check failed: the round is left, its secrets are erased.
  case left(RoundRefusal)
}
