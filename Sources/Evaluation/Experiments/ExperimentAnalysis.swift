internal import Glibc
package import Recommendation

/// What an experiment's released sums say about its arms. Post-processing: it sees nothing but noised sums.
///
/// For one arm let N, S and Q be the noised customers and the noised sums of y and y², y in [0, 1]
/// a customer's count over its cap, and τ the standard deviation of the noise on each of them. The
/// mean is r = S / N, and by the delta method for a ratio
///
///     Var r ≈ v / N + τ² (1 + r²) / N²,   v = Q / N - r², kept within [0, r (1 - r)]
///
/// the sampling of customers and the noise on S and N, which are independent. v can be no larger because y
/// lies in [0, 1]. A difference adds the variances of its arms.
///
/// Source: Deng, Knoblich, Lu, "Applying the Delta Method in Metric Analytics", KDD 2018
/// (arXiv:1803.06336), section 2, with the noise as a further independent term.
package struct ExperimentAnalysis: Sendable {
  /// A value with its standard error.
  package struct Estimate: Sendable, Equatable {
    package let value: Double
    package let standardError: Double

    /// Normal approximation, 95 %.
    package var interval: ClosedRange<Double> {
      let half = OffPolicyEstimate.quantile * standardError
      return value - half...value + half
    }
  }

  /// One arm.
  package struct ArmResult: Sendable {
    /// Customers who were shown something; the error is that of the noise alone.
    package let customers: Estimate
    /// By measure, in items a customer; nil below ``fewestCustomers``.
    package let rates: [Estimate]?
  }

  /// An arm against the control.
  package struct Comparison: Sendable {
    /// Index of the arm, from 1.
    package let arm: Int
    package let measure: Experiment.Measure
    /// In items a customer.
    package let difference: Estimate
    /// The true difference that an experiment of this size finds with 80 % power, two-sided at 5 %.
    package let minimumDetectableEffect: Double

    /// Whether the interval leaves zero out.
    package var isDifferent: Bool { !difference.interval.contains(0) }
  }

  /// Whether the arms have as many customers as their shares say.
  package struct SampleRatio: Sendable {
    /// The least over the arms, times the number of arms where there are more than two (Bonferroni).
    package let pValue: Double

    /// Below 0.001 the arms are not what was designed, and no difference is to be believed.
    ///
    /// Source: Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments", KDD 2019.
    package var isMismatch: Bool { pValue < 0.001 }
  }

  package let arms: [ArmResult]
  /// Empty for an arm that, or whose control, has too few customers.
  package let comparisons: [Comparison]
  package let sampleRatio: SampleRatio
  /// τ, in customers.
  package let noiseStandardDeviation: Double
  /// Noised customers of an arm below which it has no rates: 30, and ten standard deviations of the noise,
  /// beyond which the delta method is good to about a hundredth.
  package let fewestCustomers: Double

  /// - Precondition: as many arms in the sums as in the experiment.
  package init(_ sums: ExperimentSums, of experiment: Experiment) {
    precondition(sums.arms.count == experiment.arms.count, "the sums are of this experiment")
    let noise = sums.noiseStandardDeviation
    let fewest = Self.fewestCustomers(noiseStandardDeviation: noise)
    let arms = sums.arms.map { arm in
      ArmResult(
        customers: Estimate(value: arm.customers, standardError: noise),
        rates: arm.customers < fewest
          ? nil
          : experiment.caps.indices.map { index in
            Self.rate(arm, measure: index, cap: Double(experiment.caps[index]), noise: noise)
          })
    }
    self.arms = arms
    noiseStandardDeviation = noise
    fewestCustomers = fewest
    comparisons = arms.indices.dropFirst().flatMap { arm -> [Comparison] in
      guard let control = arms[0].rates, let rates = arms[arm].rates else { return [] }
      return Experiment.Measure.allCases.enumerated().map { index, measure in
        let difference = Estimate(
          value: rates[index].value - control[index].value,
          standardError: hypot(rates[index].standardError, control[index].standardError))
        return Comparison(
          arm: arm, measure: measure, difference: difference,
          minimumDetectableEffect: Self.minimumDetectableEffect(difference.standardError))
      }
    }
    sampleRatio = Self.sampleRatio(sums, of: experiment)
  }

  /// Customers that an arm needs to be compared: 30, and ten standard deviations of the noise.
  ///
  /// - Parameter noiseStandardDeviation: in customers.
  package static func fewestCustomers(noiseStandardDeviation: Double) -> Double {
    max(30, 10 * noiseStandardDeviation)
  }

  private static func rate(
    _ arm: ExperimentSums.Arm, measure: Int, cap: Double, noise: Double
  ) -> Estimate {
    let mean = arm.sums[measure] / arm.customers
    let bounded = min(max(mean, 0), 1)
    let variance = min(
      max(arm.squares[measure] / arm.customers - mean * mean, 0), bounded * (1 - bounded))
    return Estimate(
      value: cap * mean,
      standardError: cap
        * standardError(
          customers: arm.customers, mean: mean, variance: variance, noise: noise))
  }

  /// Standard error of the mean of y over the customers of one arm.
  ///
  /// - Parameters:
  ///   - customers: above 0.
  ///   - mean: of y.
  ///   - variance: of y between customers.
  ///   - noise: τ, in customers.
  package static func standardError(
    customers: Double, mean: Double, variance: Double, noise: Double
  ) -> Double {
    (variance / customers + noise * noise * (1 + mean * mean) / (customers * customers))
      .squareRoot()
  }

  /// The true difference that is found with 80 % power by a two-sided test at 5 %: (1.960 + 0.842) standard
  /// errors.
  ///
  /// Source: Bloom, "Minimum Detectable Effects", Evaluation Review 19(5), 1995.
  package static func minimumDetectableEffect(_ standardError: Double) -> Double {
    (OffPolicyEstimate.quantile + powerQuantile) * standardError
  }

  /// Normal quantile of 0.8.
  private static let powerQuantile = 0.8416212335729143

  /// Each arm against its share of all: N - p T, T the customers of all arms, has variance
  /// T p (1 - p) + τ² ((1 - p)² + (k - 1) p²) if devices were drawn as designed.
  private static func sampleRatio(
    _ sums: ExperimentSums, of experiment: Experiment
  ) -> SampleRatio {
    let total = sums.arms.reduce(0) { $0 + $1.customers }
    let noise = sums.noiseStandardDeviation
    let count = Double(sums.arms.count)
    let least =
      sums.arms.indices.map { arm -> Double in
        let share = experiment.fraction(of: arm)
        let variance =
          max(total, 0) * share * (1 - share)
          + noise * noise * ((1 - share) * (1 - share) + (count - 1) * share * share)
        guard variance > 0 else { return 1 }
        return erfc(abs(sums.arms[arm].customers - share * total) / (2 * variance).squareRoot())
      }.min() ?? 1
    return SampleRatio(pValue: count > 2 ? min(1, count * least) : least)
  }
}
