/// Decides, round by round, whether the next release still fits (epsilon, delta).
///
/// It admits a release while the squares of mu add up to at most the square of the largest mu that
/// is (epsilon, delta)-DP. Parameters may be chosen from the outcome of earlier rounds; the
/// guarantee holds without surcharge.
///
/// The sum is exact in integers and every charge is rounded up, so the filter never under-reports.
/// - Complexity: every check is O(1), whatever the number of rounds before it.
/// - Source: Smith, Thakurta, "Fully adaptive composition for Gaussian differential privacy",
///   arXiv:2209.15596.
package struct GDPFilter: Sendable, Equatable {
  package let epsilonLimit: Double
  package let delta: Double
  /// The budget in its additive unit, rounded down.
  package let limit: MuSquared
  /// What has been charged, exactly.
  package private(set) var spent: MuSquared

  /// - Parameters:
  ///   - epsilonLimit: finite, not negative.
  ///   - delta: in (0, 1).
  ///   - spentMuSquared: what was charged before, for a filter restored from a journal; not
  ///     negative, not NaN. A ledger replays its charges instead.
  package init(epsilonLimit: Double, delta: Double, spentMuSquared: Double = 0) {
    let mu = GaussianAccountant.mu(epsilon: epsilonLimit, delta: delta)
    self.epsilonLimit = epsilonLimit
    self.delta = delta
    limit = MuSquared(roundingDown: (mu * mu).nextDown)
    spent = MuSquared(roundingUp: spentMuSquared)
  }

  /// What has been charged: the sum of mu², rounded up to a double.
  package var spentMuSquared: Double { spent.doubleValue }

  /// Epsilon of everything charged so far at the filter's delta, rounded up.
  package var epsilonSpent: Double {
    GaussianAccountant.epsilon(mu: spent.squareRoot, delta: delta)
  }

  /// Whether one more release of this kind fits.
  package func admits(_ event: PrivacyEvent) -> Bool { spent + event.muSquared <= limit }

  /// The opposite of ``admits(_:)``.
  package func wouldExceed(_ event: PrivacyEvent) -> Bool { !admits(event) }

  /// How many more releases of this kind fit, one after the other.
  package func roundsLeft(of event: PrivacyEvent) -> Int {
    guard spent <= limit else { return 0 }
    return Int(clamping: (limit.units - spent.units) / event.muSquared.units)
  }

  /// Charges `count` releases together, or none of them.
  /// - Throws: ``PrivacyError/budgetExhausted(_:)`` with what was spent, what this would have
  ///   needed, the limit, and how many of the `count` releases would have fitted.
  package mutating func charge(_ event: PrivacyEvent, count: Int = 1) throws(PrivacyError) {
    let needed = spent + count * event.muSquared
    guard needed <= limit else {
      throw .budgetExhausted(
        BudgetShortfall(
          spentEpsilon: epsilonSpent,
          neededEpsilon: GaussianAccountant.epsilon(mu: needed.squareRoot, delta: delta),
          limitEpsilon: epsilonLimit, delta: delta, roundsThatFit: roundsLeft(of: event)))
    }
    spent = needed
  }

  /// Epsilon of everything charged so far for one history against another (``HistoryDistance``).
  package func epsilonSpent(oneHistoryAgainstAnother distance: HistoryDistance) -> Double {
    GaussianAccountant.oneHistoryAgainstAnother(
      muSquared: spent, delta: delta, distance: distance)
  }
}
