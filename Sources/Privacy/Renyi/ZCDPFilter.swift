internal import Glibc

/// Decides, round by round, whether the next release still fits (epsilon, delta), for mechanisms known
/// by their zCDP parameter rho.
///
/// rho adds up, also when it is chosen from earlier outcomes: Σ rho <= limit is the Rényi filter at
/// every order at once, and the order of the final conversion depends on the limit alone. For Gaussian
/// noise ``GDPFilter`` is tighter (at epsilon 8 and delta 1e-5 this one needs 8.60 of the same noise);
/// it is for what has no mu, such as discrete Gaussian noise below 2^10 grid steps.
/// - Complexity: every check is O(1), whatever the number of rounds before it.
/// - Source: Feldman, Zrnic, arXiv:2008.11193; Whitehouse et al., "Fully-adaptive composition in
///   differential privacy", arXiv:2203.05481.
package struct ZCDPFilter: Sendable, Equatable {
  package let epsilonLimit: Double
  package let delta: Double
  private let limit: MuSquared
  private var spent = MuSquared.zero

  /// - Parameters:
  ///   - epsilonLimit: finite, not negative.
  ///   - delta: in (0, 1).
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(epsilonLimit: Double, delta: Double) throws(PrivacyError) {
    try RenyiMechanism.require(
      "epsilon limit", epsilonLimit, epsilonLimit >= 0 && epsilonLimit < .infinity,
      accepted: "0 or more, finite")
    try RenyiMechanism.require("delta", delta, delta > 0 && delta < 1, accepted: "above 0, below 1")
    self.epsilonLimit = epsilonLimit
    self.delta = delta
    limit = MuSquared(
      roundingDown: ZeroConcentrated.rho(epsilon: epsilonLimit, delta: delta) * (1 - 1e-12))
  }

  /// What has been charged: the sum of rho, rounded up to a double.
  package var spentRho: Double { spent.doubleValue }

  /// Epsilon of everything charged so far at the filter's delta, rounded up.
  package var epsilonSpent: Double {
    ZeroConcentrated.epsilon(rho: spent.doubleValue, delta: delta)
  }

  /// Whether one more release of `rho` fits.
  /// - Parameter rho: not negative, not NaN; infinity is never admitted.
  package func admits(rho: Double) -> Bool { roundsLeft(rho: rho) > 0 }

  /// The opposite of ``admits(rho:)``.
  package func wouldExceed(rho: Double) -> Bool { !admits(rho: rho) }

  /// How many more releases of `rho` fit, one after the other.
  package func roundsLeft(rho: Double) -> Int {
    let charge = MuSquared(roundingUp: rho)
    guard spent <= limit, charge < .infinite else { return 0 }
    guard charge > .zero else { return .max }
    return Int(clamping: (limit.units - spent.units) / charge.units)
  }

  /// Charges `count` releases together, or none of them.
  /// - Throws: ``PrivacyError/budgetExhausted(_:)``.
  package mutating func charge(rho: Double, count: Int = 1) throws(PrivacyError) {
    let fitting = roundsLeft(rho: rho)
    let needed = spent + count * MuSquared(roundingUp: rho)
    guard count <= fitting else {
      throw .budgetExhausted(
        BudgetShortfall(
          spentEpsilon: epsilonSpent,
          neededEpsilon: ZeroConcentrated.epsilon(rho: needed.doubleValue, delta: delta),
          limitEpsilon: epsilonLimit, delta: delta, roundsThatFit: fitting))
    }
    spent = needed
  }
}

/// Conversions of rho-zCDP, at the best of all orders.
package enum ZeroConcentrated {
  /// The smallest epsilon at `delta` that some order a > 1 gives, rounded up.
  /// - Parameters:
  ///   - rho: not negative, not NaN.
  ///   - delta: in (0, 1).
  /// - Source: Canonne, Kamath, Steinke, arXiv:2004.00010, proposition 12 with D_a = a rho.
  package static func epsilon(rho: Double, delta: Double) -> Double {
    precondition(rho >= 0, "rho is not negative")
    precondition(delta > 0 && delta < 1, "delta lies strictly between 0 and 1")
    guard rho > 0 else { return 0 }
    guard rho < .infinity else { return .infinity }
    let logDelta = log(delta)
    // With x = ln(a - 1), smooth with one minimum; ternary search needs no derivative.
    func value(_ x: Double) -> Double {
      let excess = exp(x)
      let order = 1 + excess
      return order * rho - log1p(1 / excess) - (logDelta + log(order)) / excess
    }
    let guess = 0.5 * log(-logDelta / rho)
    var (low, high) = (guess - 12, guess + 12)
    for _ in 0..<120 {
      let (left, right) = (low + (high - low) / 3, high - (high - low) / 3)
      if value(left) <= value(right) { high = right } else { low = left }
    }
    let best = min(value(low), value((low + high) / 2), value(high))
    // Any order is valid, so only rounding is left to cover.
    return max(0, best + 16 * Double.ulpOfOne * (rho - logDelta + abs(best)))
  }

  /// The largest rho that is (epsilon, delta)-DP by ``epsilon(rho:delta:)``, rounded down.
  /// - Parameters:
  ///   - epsilon: finite, not negative.
  ///   - delta: in (0, 1).
  package static func rho(epsilon: Double, delta: Double) -> Double {
    precondition(epsilon >= 0 && epsilon < .infinity, "epsilon is finite and not negative")
    // rho + 2 √(rho ln(1/delta)) = epsilon is a lower bound (Bun, Steinke 2016, proposition 1.3).
    let logInverse = -log(delta)
    let root = epsilon / ((logInverse + epsilon).squareRoot() + logInverse.squareRoot())
    var low = root * root * (1 - 1e-12)
    guard Self.epsilon(rho: low, delta: delta) <= epsilon else { return 0 }
    var high = max(low, 1e-300)
    while Self.epsilon(rho: high, delta: delta) <= epsilon, high < 1e300 { high *= 2 }
    for _ in 0..<200 {
      let middle = low + (high - low) / 2
      guard middle > low, middle < high else { break }
      if Self.epsilon(rho: middle, delta: delta) <= epsilon { low = middle } else { high = middle }
    }
    return low
  }
}
