/// A mean over customers with its standard error.
package struct CustomerMean: Equatable, Sendable {
  package let mean: Double
  /// Standard deviation (n - 1) over sqrt(n); 0 for one customer.
  package let standardError: Double

  /// - Precondition: at least one value.
  package init(_ values: [Double]) {
    precondition(!values.isEmpty, "a mean is over something")
    mean = values.reduce(0, +) / Double(values.count)
    standardError = OffPolicyTerms.standardError(values)
  }

  /// The 95 % interval by the normal approximation.
  package var interval: ClosedRange<Double> {
    let half = OffPolicyEstimate.quantile * standardError
    return mean - half...mean + half
  }
}

/// One policy beside greedy, customer by customer.
package struct PolicySummary: Equatable, Sendable {
  package let policy: RetailPolicy
  /// Expected clicks in 100 impressions.
  package let clickRate: CustomerMean
  /// The same in the first ten sessions.
  package let earlyClickRate: CustomerMean
  /// Greedy's expected clicks in 100 impressions less this policy's; negative where exploring pays.
  package let cost: CustomerMean
  /// What exploring gave up in 100 impressions, against the best slate of the same learned model.
  package let explorationRegret: CustomerMean
  /// Share of accepted recommendations from categories not in the history the customer came with; over the
  /// customers who accepted any.
  package let discoveryRate: CustomerMean
  /// This policy's discovery rate less greedy's, over customers who accepted any with both.
  package let discoveryGain: CustomerMean
  /// Categories with at least two clicks in the trailing window, over the catalogue's.
  package let coverage: CustomerMean
  package let coverageGain: CustomerMean
  /// Mean over customers of the cumulative regret after each session, in clicks.
  package let regret: [CustomerMean]
  package let clicks: CustomerMean
  package let carts: CustomerMean
  package let purchases: CustomerMean

  /// Whether both discovery and coverage are above greedy's, the 95 % intervals of the differences
  /// excluding zero.
  package var beatsGreedy: Bool {
    discoveryGain.interval.lowerBound > 0 && coverageGain.interval.lowerBound > 0
  }

  /// - Parameters:
  ///   - outcomes: of this policy, one a customer.
  ///   - greedy: of greedy, for the same customers.
  package init(
    _ policy: RetailPolicy, outcomes: [CustomerOutcome], greedy: [CustomerOutcome],
    categoryCount: Int
  ) {
    precondition(
      outcomes.count == greedy.count && !outcomes.isEmpty, "the same customers with both")
    func rate(_ outcome: CustomerOutcome, first sessions: Int) -> Double {
      let clicks = outcome.expectedClicks.prefix(sessions)
      return 100 * clicks.reduce(0, +) / Double(clicks.count * RetailSimulation.slateLength)
    }
    func coverage(_ outcome: CustomerOutcome) -> Double {
      Double(outcome.coveredCategories) / Double(categoryCount)
    }
    func discovery(_ outcome: CustomerOutcome) -> Double? {
      outcome.clicks > 0 ? Double(outcome.discoveries) / Double(outcome.clicks) : nil
    }
    let sessions = outcomes[0].expectedClicks.count
    self.policy = policy
    clickRate = CustomerMean(outcomes.map { rate($0, first: sessions) })
    earlyClickRate = CustomerMean(outcomes.map { rate($0, first: 10) })
    cost = CustomerMean(
      zip(outcomes, greedy).map { rate($1, first: sessions) - rate($0, first: sessions) })
    let impressions = Double(sessions * RetailSimulation.slateLength)
    explorationRegret = CustomerMean(outcomes.map { 100 * $0.explorationRegret / impressions })
    let rates = outcomes.compactMap(discovery)
    discoveryRate = CustomerMean(rates.isEmpty ? [0] : rates)
    let gains = zip(outcomes, greedy).compactMap { own, other in
      discovery(own).flatMap { rate in discovery(other).map { rate - $0 } }
    }
    discoveryGain = CustomerMean(gains.isEmpty ? [0] : gains)
    self.coverage = CustomerMean(outcomes.map(coverage))
    coverageGain = CustomerMean(zip(outcomes, greedy).map { coverage($0) - coverage($1) })
    regret = (0..<sessions).map { session in CustomerMean(outcomes.map { $0.regret[session] }) }
    clicks = CustomerMean(outcomes.map { Double($0.clicks) })
    carts = CustomerMean(outcomes.map { Double($0.carts) })
    purchases = CustomerMean(outcomes.map { Double($0.purchases) })
  }
}
