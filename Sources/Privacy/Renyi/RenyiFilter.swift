internal import Glibc

/// Decides, round by round, whether the next release still fits (epsilon, delta), for mechanisms that
/// have a Rényi curve but no Gaussian trade-off parameter.
///
/// The orders are fixed when the filter is made, before any outcome is seen, and so is the budget of
/// each. With one order, the parameters of later rounds may depend on earlier outcomes without
/// surcharge. With K orders each has delta / K: a release is admitted while any one of them has room,
/// and the union bound pays for the choice. Admitting while *any* order holds without that split, or
/// picking the order afterwards, is not known to be sound; this type cannot do it.
///
/// Sums are exact in integers and every charge is rounded up, so that a replayed ledger decides alike.
/// - Complexity: every check is O(number of orders), whatever the number of rounds before it.
/// - Source: Feldman, Zrnic, "Individual privacy accounting via a Rényi filter", arXiv:2008.11193,
///   theorem 4.5; Lécuyer, "Practical privacy filters and odometers with Rényi differential privacy",
///   arXiv:2103.01379; ruling 17.
package struct RenyiFilter: Sendable, Equatable {
  package let epsilonLimit: Double
  package let delta: Double
  /// What of `delta` is set aside for releases whose curve has a failure probability.
  package let failureReserve: Double
  /// The curves charged must be on these orders.
  package let orders: RenyiOrders
  /// The budget of each order in D_a, rounded down.
  private let limits: [FixedPointLoss]
  private let failureLimit: FixedPointLoss
  private var spent: [FixedPointLoss]
  private var spentFailure = FixedPointLoss.zero

  /// Divergences in multiples of 2^-96, as squares of mu are.
  private typealias FixedPointLoss = MuSquared

  /// - Parameters:
  ///   - epsilonLimit: finite, not negative.
  ///   - delta: in (0, 1).
  ///   - orders: the K orders that share `delta`; one is the tightest if it is well chosen, see
  ///     ``init(epsilonLimit:delta:plan:)``.
  ///   - failureReserve: from 0 to below `delta`.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``, also if no order leaves room
  ///   for any release.
  package init(
    epsilonLimit: Double, delta: Double, orders: RenyiOrders, failureReserve: Double = 0
  ) throws(PrivacyError) {
    try RenyiMechanism.require(
      "epsilon limit", epsilonLimit, epsilonLimit >= 0 && epsilonLimit < .infinity,
      accepted: "0 or more, finite")
    try RenyiMechanism.require("delta", delta, delta > 0 && delta < 1, accepted: "above 0, below 1")
    try RenyiMechanism.require(
      "failure reserve", failureReserve, failureReserve >= 0 && failureReserve < delta,
      accepted: "0 up to delta")
    self.epsilonLimit = epsilonLimit
    self.delta = delta
    self.failureReserve = failureReserve
    self.orders = orders
    let logShare = Self.logShare(
      delta: delta, failureReserve: failureReserve, orderCount: orders.values.count)
    limits = orders.offsets.indices.map { index in
      let surcharge = orders.offsets[index] - logShare * orders.reciprocals[index]
      // One part in 10^14 of the terms covers their rounding.
      let slack = 1e-14 * (epsilonLimit + abs(surcharge) + 1)
      return FixedPointLoss(roundingDown: max(0, epsilonLimit - surcharge - slack))
    }
    failureLimit = FixedPointLoss(roundingDown: failureReserve)
    spent = limits.map { _ in .zero }
    guard limits.contains(where: { $0 > .zero }) else {
      throw .invalidParameter(
        name: "Renyi orders", value: "\(orders.values)",
        accepted: "at least one that leaves room under epsilon \(epsilonLimit)")
    }
  }

  /// A filter of one order: the one at which `plan` needs the least epsilon.
  ///
  /// The plan only chooses the order; what is then charged may differ from it.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(
    epsilonLimit: Double, delta: Double, plan: RenyiCurve
  ) throws(PrivacyError) {
    guard let order = plan.bestOrder(delta: delta) else {
      throw .invalidParameter(
        name: "plan", value: "without a finite divergence", accepted: "one with noise")
    }
    try self.init(epsilonLimit: epsilonLimit, delta: delta, orders: RenyiOrders([order]))
  }

  private static func logShare(delta: Double, failureReserve: Double, orderCount: Int) -> Double {
    let left =
      failureReserve == 0
      ? delta : ((delta - failureReserve) / (1 - failureReserve)).nextDown
    return log(left / Double(orderCount)).nextDown
  }

  /// Epsilon of everything charged so far at the filter's delta, rounded up.
  package var epsilonSpent: Double { epsilon(of: spent) }

  /// Whether one more release of this kind fits.
  package func admits(_ curve: RenyiCurve) -> Bool { roundsLeft(of: curve) > 0 }

  /// The opposite of ``admits(_:)``.
  package func wouldExceed(_ curve: RenyiCurve) -> Bool { !admits(curve) }

  /// How many more releases of this kind fit, one after the other.
  /// - Precondition: `curve` is on the filter's ``orders``.
  package func roundsLeft(of curve: RenyiCurve) -> Int {
    precondition(curve.orders == orders, "the curve is on other orders than the filter")
    let charge = FixedPointLoss(roundingUp: curve.failureProbability)
    var most = 0
    for index in limits.indices {
      most = max(most, Self.fitting(Self.charge(curve, index), spent[index], limits[index]))
    }
    return min(most, Self.fitting(charge, spentFailure, failureLimit))
  }

  /// Charges `count` releases together, or none of them.
  /// - Precondition: `curve` is on the filter's ``orders``; `count` is not negative.
  /// - Throws: ``PrivacyError/budgetExhausted(_:)`` with what was spent, what this would have
  ///   needed, the limit, and how many of the `count` releases would have fitted.
  package mutating func charge(_ curve: RenyiCurve, count: Int = 1) throws(PrivacyError) {
    let needed = zip(spent.indices, spent).map { index, spent in
      spent + count * Self.charge(curve, index)
    }
    let fitting = roundsLeft(of: curve)
    guard count <= fitting else {
      let fails =
        Self.fitting(
          FixedPointLoss(roundingUp: curve.failureProbability), spentFailure, failureLimit) < count
      throw .budgetExhausted(
        BudgetShortfall(
          spentEpsilon: epsilonSpent, neededEpsilon: fails ? .infinity : epsilon(of: needed),
          limitEpsilon: epsilonLimit, delta: delta, roundsThatFit: fitting))
    }
    spent = needed
    spentFailure = spentFailure + count * FixedPointLoss(roundingUp: curve.failureProbability)
  }

  private func epsilon(of spent: [FixedPointLoss]) -> Double {
    let logShare = Self.logShare(
      delta: delta, failureReserve: failureReserve, orderCount: orders.values.count)
    var best = Double.infinity
    for (index, spent) in spent.enumerated() where spent < .infinite {
      let surcharge = orders.offsets[index] - logShare * orders.reciprocals[index]
      // The mirror image of the limits: what fits them is reported as no more than the limit.
      best = min(best, spent == .zero ? 0 : spent.doubleValue + surcharge)
    }
    return max(0, best)
  }

  private static func charge(_ curve: RenyiCurve, _ index: Int) -> FixedPointLoss {
    // Covers the rounding of the curve itself.
    FixedPointLoss(roundingUp: curve.divergence(at: index) * (1 + 1e-12))
  }

  private static func fitting(
    _ charge: FixedPointLoss, _ spent: FixedPointLoss, _ limit: FixedPointLoss
  ) -> Int {
    guard spent <= limit else { return 0 }
    guard charge > .zero else { return .max }
    return Int(clamping: (limit.units - spent.units) / charge.units)
  }
}
