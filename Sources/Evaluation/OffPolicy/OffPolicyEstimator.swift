/// A way to estimate the value of a policy, in rewards an impression, on another policy's log.
///
/// With w the policy's probability of the shown item over the logged one, r the reward, q the reward
/// model, and V the model's expectation under the policy.
/// - Source: Saito et al., "Open Bandit Dataset and Pipeline", NeurIPS Datasets and Benchmarks 2021,
///   appendix; Swaminathan and Joachims, NIPS 2015 (self-normalised); Dudik, Langford and Li, ICML 2011
///   (DR); Wang, Agarwal and Dudik, ICML 2017 (switch); Su et al., ICML 2020 (optimistic shrinkage);
///   Li et al., WSDM 2011 (replay).
package enum OffPolicyEstimator: Equatable, Sendable {
  /// Inverse propensity weighting: mean of w r.
  case ipw
  /// The same with w at most `bound`.
  case clippedIPW(bound: Double)
  /// Self-normalised: sum of w r over sum of w.
  case snipw
  /// Direct method: mean of V.
  case directMethod
  /// Doubly robust: mean of V + w (r - q).
  case doublyRobust
  /// Self-normalised doubly robust.
  case selfNormalizedDoublyRobust
  /// DR whose correction is left out where w is above `threshold`.
  case switchDR(threshold: Double)
  /// DR with the weight lambda w / (w² + lambda).
  case optimisticShrinkage(lambda: Double)
  /// Mean reward of the rows in which the greedy item was shown: the greedy part alone.
  case replay

  /// Name in reports, such as `ipw_clip_10`.
  package var identifier: String {
    switch self {
    case .ipw: "ipw"
    case .clippedIPW(let bound): "ipw_clip_\(Self.short(bound))"
    case .snipw: "snipw"
    case .directMethod: "dm"
    case .doublyRobust: "dr"
    case .selfNormalizedDoublyRobust: "sndr"
    case .switchDR(let threshold): "switch_dr_tau_\(Self.short(threshold))"
    case .optimisticShrinkage(let lambda): "dr_os_lambda_\(Self.short(lambda))"
    case .replay: "replay"
    }
  }

  /// All of them.
  ///
  /// - Parameters: bounds above 0.
  package static func all(
    clip: Double = 10, threshold: Double = 5, lambda: Double = 5
  ) -> [OffPolicyEstimator] {
    [
      .ipw, .clippedIPW(bound: clip), .snipw, .directMethod, .doublyRobust,
      .selfNormalizedDoublyRobust, .switchDR(threshold: threshold),
      .optimisticShrinkage(lambda: lambda), .replay,
    ]
  }

  private static func short(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
  }
}

/// What an estimator gives.
package struct OffPolicyEstimate: Equatable, Sendable {
  package let estimator: OffPolicyEstimator
  /// Rewards an impression; nil where the log has nothing to estimate from.
  package let value: Double?
  /// Standard deviation (n - 1) of the rows' terms over sqrt(n), as the Open Bandit Pipeline counts it;
  /// nil for replay.
  package let roundRewardError: Double?
  /// Standard error of the value, by the delta method where it is a ratio; nil where the terms do not
  /// carry the error: the direct method's is that of its model.
  package let standardError: Double?
  /// Rows that took part.
  package let rows: Int

  /// Normal quantile of a two-sided interval of 95 %.
  package static let quantile = 1.959963984540054

  /// The 95 % interval by the normal approximation, which is poor below some tens of weighted clicks.
  package var interval: ClosedRange<Double>? {
    guard let value, let standardError else { return nil }
    let half = Self.quantile * standardError
    return value - half...value + half
  }
}
