/// Which two inputs a privacy guarantee calls neighbours. Raw values are those of policy and ledger.
package enum NeighbouringRelation: String, Sendable, CaseIterable {
  /// One unit's contribution is replaced by the zero vector; who takes part stays the same.
  case zeroOut = "zero-out"
  /// One unit is present or absent.
  case addRemoveOne = "add-remove"
  /// One unit's contribution is replaced by any other.
  case replaceOne = "replace-one"

  /// The relations that a policy, a ledger and a device honour: their protocol fixes who takes part
  /// and their charges hold the sensitivity C. The others are for accounting only.
  package static let enforceable: [NeighbouringRelation] = [.zeroOut]

  /// The ℓ² sensitivity of a sum of vectors clipped to C is this factor times C.
  package var sensitivityFactor: UInt64 {
    switch self {
    case .zeroOut, .addRemoveOne: 1
    case .replaceOne: 2
    }
  }
}

/// What one guarantee protects as a whole. Raw values are those of policy and ledger.
package enum PrivacyUnit: String, Sendable, CaseIterable {
  /// Everything one enrolled identity contributes over the life of a ledger.
  case user
}
