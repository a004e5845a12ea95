package import SecureAggregation

/// Why a client leaves a masked round: a check of the masking failed, or one of the roles'.
///
/// Nothing in it depends on the client's data. The names are those on the wire.
package enum RoundRefusal: Error, Hashable, Sendable {
  case masking(MaskingRefusal)
  /// The roster's entries are not those with the announced digest, or cannot be read.
  case wrongRoster
  /// A member of the roster is revoked by the newest list that this device has seen.
  case revokedMember
  /// A second, different roster in one round.
  case secondRoster
  /// A second, different delivery of shares in one round.
  case secondDelivery
  /// CHARGE is not shown: there is no receipt, it cannot be read, or nothing proves that the entry
  /// is in the ledger.
  case chargeNotProven
  /// The entry shown is not the charge of this round as it was offered.
  case wrongCharge
  /// The ledger shown does not extend the one whose checkpoint this device holds.
  case ledgerNotExtended

  private static let own: [(refusal: RoundRefusal, name: String)] = [
    (.wrongRoster, "wrong-roster"), (.revokedMember, "revoked-member"),
    (.secondRoster, "second-roster"),
    (.secondDelivery, "second-delivery"), (.chargeNotProven, "charge-not-proven"),
    (.wrongCharge, "wrong-charge"), (.ledgerNotExtended, "ledger-not-extended"),
  ]

  /// Every refusal, those of the masking first.
  package static let all: [RoundRefusal] =
    MaskingRefusal.allCases.map(RoundRefusal.masking) + own.map(\.refusal)

  /// The name on the wire, fewer than 64 bytes.
  package var name: String {
    if case .masking(let refusal) = self { return refusal.rawValue }
    return Self.own.first { $0.refusal == self }?.name ?? ""
  }

  package init?(name: String) {
    if let refusal = MaskingRefusal(rawValue: name) {
      self = .masking(refusal)
    } else if let known = Self.own.first(where: { $0.name == name }) {
      self = known.refusal
    } else {
      return nil
    }
  }
}

extension RoundRefusal: CustomStringConvertible {
  package var description: String { name }
}
