/// A way to bound the privacy loss of an event that was fixed before the first release.
package enum Accountant: String, CaseIterable, Sendable {
  /// The closed form for Gaussians in any number; exact up to rounding.
  case exact
  /// Numerical composition of privacy loss distributions; within 0.1 % by default.
  case pld
  /// Rényi divergences at fixed orders; loose, but additive.
  case rdp
  /// Zero-concentrated DP: one number a release.
  case zcdp
}

/// What an accountant found.
package struct AccountedLoss: Sendable, Equatable {
  /// Not below the truth at ``delta``; infinite where there is no bound.
  package let epsilon: Double
  /// Not below the truth at ``epsilon``, in 0...1; may underflow to 0 where ``logDelta`` does not.
  package let delta: Double
  package let logDelta: Double
  package let accountant: Accountant
  /// How far ``epsilon`` lies above the truth, relative to it, by an estimate from above and no
  /// proof: 0 for the exact accountant, nil where nothing is known.
  ///
  /// For a query of delta, the distance in epsilon at that delta.
  package let excess: Double?
  /// Step of the grid of privacy losses, and its length; nil where nothing was discretised.
  package let gridInterval: Double?
  package let gridLength: Int?
  /// The Rényi order that gave the bound.
  package let order: Double?
}

/// An event under a neighbouring relation, checked to have a meaning together.
package struct AccountingQuery: Sendable {
  package let event: DPEvent
  package let relation: NeighbouringRelation

  /// - Throws: ``PrivacyError/unsupportedRelation(event:relation:reason:)`` for an event that gives
  ///   no guarantee under `relation`.
  package init(
    _ event: DPEvent, relation: NeighbouringRelation = .zeroOut
  ) throws(PrivacyError) {
    if let reason = event.obstacle(under: relation) {
      throw .unsupportedRelation(event: "\(event)", relation: relation, reason: reason)
    }
    self.event = event
    self.relation = relation
  }

  /// The tightest accountant that has a figure for the event.
  package var tightest: Accountant {
    if gaussianMu != nil { return .exact }
    do throws(PrivacyError) {
      _ = try LossSchedule(event, relation: relation)
      return .pld
    } catch {
      return .rdp
    }
  }

  /// Whether `accountant` has a figure.
  /// - Throws: ``PrivacyError/notAccountable(event:accountant:reason:)`` or
  ///   ``PrivacyError/unsupportedRelation(event:relation:reason:)``, saying why not.
  package func requireAccountable(by accountant: Accountant) throws(PrivacyError) {
    _ = try figures(accountant, precision: .standard)
  }

  /// The smallest epsilon at `delta`, from above.
  /// - Parameter delta: in (0, 1), at least 1e-250.
  /// - Throws: ``PrivacyError/invalidQuery(parameter:value:accepted:)``, or as
  ///   ``requireAccountable(by:)``.
  package func epsilon(delta: Double, by accountant: Accountant) throws(PrivacyError)
    -> AccountedLoss
  {
    try epsilon(delta: delta, by: accountant, precision: .standard)
  }

  func epsilon(
    delta: Double, by accountant: Accountant, precision: PLDPrecision
  ) throws(PrivacyError) -> AccountedLoss {
    try Self.require(delta: delta)
    return try figures(accountant, precision: precision).epsilon(delta: delta)
  }

  /// The smallest delta at `epsilon`, from above.
  /// - Parameter epsilon: finite, 0 or more.
  /// - Throws: as ``epsilon(delta:by:)``.
  package func delta(epsilon: Double, by accountant: Accountant) throws(PrivacyError)
    -> AccountedLoss
  {
    guard epsilon >= 0, epsilon < .infinity else {
      throw .invalidQuery(parameter: "epsilon", value: "\(epsilon)", accepted: "0 or more, finite")
    }
    return try figures(accountant, precision: .standard).delta(epsilon: epsilon)
  }

  static func require(delta: Double) throws(PrivacyError) {
    guard delta >= 1e-250, delta < 1 else {
      throw .invalidQuery(parameter: "delta", value: "\(delta)", accepted: "1e-250 to below 1")
    }
  }

  private var gaussianMu: Double? {
    event.gaussianMu(sensitivityFactor: Double(relation.sensitivityFactor))
  }

  private func figures(
    _ accountant: Accountant, precision: PLDPrecision
  ) throws(PrivacyError) -> any LossFigures {
    switch accountant {
    case .exact:
      guard let mu = gaussianMu else {
        throw .notAccountable(
          event: "\(event)", accountant: "exact", reason: "only Gaussians compose exactly; use pld")
      }
      return ExactFigures(mu: mu * (1 + 4 * Double.ulpOfOne))
    case .pld:
      return PLDFigures(
        accountant: try PLDAccountant(event, relation: relation, precision: precision))
    case .rdp: return RenyiFigures(curve: try RenyiSchedule.curve(event, relation: relation))
    case .zcdp: return try ZCDPFigures(event, relation: relation)
    }
  }
}
