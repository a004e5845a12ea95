package import Datasets

/// The value of one policy on another policy's log, by every estimator, and whether it may be believed.
package struct OffPolicyEvaluation: Equatable, Sendable {
  /// How far the log carries.
  package struct Diagnostics: Equatable, Sendable {
    package let rows: Int
    package let clicks: Double
    /// The logging policy's own value: clicks an impression.
    package let loggedValue: Double
    package let loggedValueError: Double
    /// 1 in expectation where the logged propensities are right and cover the policy.
    package let meanWeight: Double
    package let meanWeightError: Double
    package let maxWeight: Double
    /// (sum w)² / sum w²; 0 where no row has weight.
    package let effectiveSampleSize: Double
    /// Sum of w r.
    package let weightedClicks: Double
  }

  /// What may be said of the policy against the one that wrote the log.
  package enum Verdict: Equatable, Sendable {
    /// The log cannot tell; each reason is a clause.
    case refused(reasons: [String])
    /// By the self-normalised estimate, with the 95 % interval of the difference in rewards an impression.
    case better(ClosedRange<Double>)
    case worse(ClosedRange<Double>)
    case noDifferenceShown(ClosedRange<Double>)
  }

  /// Least effective sample size for a verdict.
  package static let leastEffectiveSampleSize = 100.0
  /// Least sum of weighted clicks for a verdict.
  package static let leastWeightedClicks = 30.0
  /// Standard errors by which the mean weight may be off 1 before it is remarked.
  private static let auditErrors = 4.0
  /// Share of all weight that one row may have before it is remarked.
  private static let largestShare = 0.05

  package let policy: String
  package let diagnostics: Diagnostics
  package let estimates: [OffPolicyEstimate]
  package let verdict: Verdict
  /// Remarks on the log's propensities and weights, each a clause.
  package let cautions: [String]

  /// - Parameters:
  ///   - policy: made for `log`.
  ///   - estimators: in the order of the report.
  /// - Complexity: O(rows) for each estimator.
  package init(
    _ policy: EvaluationPolicy, on log: OpenBanditLog, model: RewardModel,
    estimators: [OffPolicyEstimator] = OffPolicyEstimator.all()
  ) {
    let terms = OffPolicyTerms(policy, log: log, model: model)
    self.policy = policy.name
    let diagnostics = terms.diagnostics(log)
    self.diagnostics = diagnostics
    estimates = estimators.compactMap { terms.estimate($0, log: log) }
    verdict = Self.verdict(terms, diagnostics, log)
    cautions = Self.cautions(diagnostics, terms)
  }

  private static func verdict(
    _ terms: OffPolicyTerms, _ diagnostics: Diagnostics, _ log: OpenBanditLog
  ) -> Verdict {
    var reasons: [String] = []
    if diagnostics.effectiveSampleSize < leastEffectiveSampleSize {
      reasons.append(
        "the effective sample size is \(rounded(diagnostics.effectiveSampleSize)), "
          + "below \(rounded(leastEffectiveSampleSize))")
    }
    if diagnostics.weightedClicks < leastWeightedClicks {
      reasons.append(
        "the weighted clicks are \(rounded(diagnostics.weightedClicks)), "
          + "below \(rounded(leastWeightedClicks))")
    }
    guard reasons.isEmpty, let value = terms.selfNormalizedValue(log) else {
      return .refused(reasons: reasons)
    }
    // Both values come from the same rows: the error is that of the difference of their terms.
    let differences = (0..<log.count).map { row in
      terms.weights[row] * (log.rewards[row] - value) / diagnostics.meanWeight
        - (log.rewards[row] - diagnostics.loggedValue)
    }
    let half = OffPolicyEstimate.quantile * OffPolicyTerms.standardError(differences)
    let difference = value - diagnostics.loggedValue
    let interval = difference - half...difference + half
    if interval.lowerBound > 0 { return .better(interval) }
    return interval.upperBound < 0 ? .worse(interval) : .noDifferenceShown(interval)
  }

  private static func cautions(
    _ diagnostics: Diagnostics, _ terms: OffPolicyTerms
  ) -> [String] {
    var cautions: [String] = []
    let offset = diagnostics.meanWeight - 1
    // A policy equal to the logging one has the weight 1 in every row, up to rounding.
    if abs(offset) > max(auditErrors * diagnostics.meanWeightError, 1e-9) {
      cautions.append(
        "the mean weight is off 1 by more than \(rounded(auditErrors)) standard errors: the logged "
          + "propensities are not those of this log, or the log never shows what this policy shows")
    }
    let sum = diagnostics.meanWeight * Double(diagnostics.rows)
    if sum > 0, diagnostics.maxWeight > largestShare * sum {
      cautions.append(
        "one impression carries \(rounded(100 * diagnostics.maxWeight / sum)) % of the weight")
    }
    return cautions
  }

  /// One decimal, without a trailing zero: for clauses.
  private static func rounded(_ value: Double) -> String {
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() && abs(tenths) < 1e15 ? String(Int(tenths)) : String(tenths)
  }
}
