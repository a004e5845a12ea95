/// How far apart two non-empty histories of one customer can move a clipped sum, for the second
/// figure of the privacy label: "one history against another".
///
/// The zero-out guarantee compares a history with none, at distance C. Comparing two histories
/// costs more.
///
/// Source: ruling 2.
package enum HistoryDistance: Sendable, CaseIterable {
  /// √2 C: no two updates have a negative inner product, as for non-negative vectors and for outer
  /// products x xᵀ; not for the last round of the Gram model, whose x yᵀ may have one.
  case acute
  /// 2C: any two vectors of norm at most C.
  case unrestricted

  /// The square of the distance in units of C.
  package var squaredFactor: Int {
    switch self {
    case .acute: 2
    case .unrestricted: 4
    }
  }
}

extension GaussianAccountant {
  /// Epsilon for one history against another where history against none costs `muSquared`.
  ///
  /// The same releases, seen at a larger distance: mu grows by the factor √2 or 2.
  /// - Parameter delta: in (0, 1), the one that the ledger's epsilon is stated at.
  package static func oneHistoryAgainstAnother(
    muSquared: MuSquared, delta: Double, distance: HistoryDistance
  ) -> Double {
    epsilon(mu: (distance.squaredFactor * muSquared).squareRoot, delta: delta)
  }

  /// The same for a mechanism known only by its epsilon and delta: 8 becomes 12.3 or 19.1 at
  /// delta 1e-5.
  /// - Parameter epsilon: finite, not negative; taken to be exhausted.
  package static func oneHistoryAgainstAnother(
    epsilon: Double, delta: Double, distance: HistoryDistance
  ) -> Double {
    let limit = mu(epsilon: epsilon, delta: delta)
    return oneHistoryAgainstAnother(
      muSquared: MuSquared(roundingUp: (limit * limit).nextUp), delta: delta, distance: distance)
  }
}
