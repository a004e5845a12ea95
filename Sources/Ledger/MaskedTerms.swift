internal import Glibc
package import Privacy

/// What CHARGE says of a masked round, so that anyone can recompute how much noise honest members
/// added (rulings 16 and 19). A round in mode `sealed` has none of it.
package struct MaskedTerms: Equatable, Sendable {
  /// The noise that the clients add in mode `secagg-ddp`.
  package struct NoiseShares: Equatable, Sendable {
    /// N_h: shares by honest survivors that the charge relies on, at least 1.
    package let honestShares: Int
    /// Variance of one share in squared grid steps, as a rational.
    package let variance: Rational
    /// Bound on what a sum of discrete Gaussians differs from one, per coordinate;
    /// `NoiseShares.tau` makes the true one.
    package let tau: ExactDecimal

    /// Every field; checked when the charge is applied to a `LedgerState`.
    package init(honestShares: Int, variance: Rational, tau: ExactDecimal = Self.tauBound) {
      self.honestShares = honestShares
      self.variance = variance
      self.tau = tau
    }
  }

  /// numerator / denominator, written "numerator/denominator".
  package struct Rational: Equatable, Sendable, CustomStringConvertible {
    /// Not negative.
    package let numerator: UInt64
    /// Above zero.
    package let denominator: UInt64

    /// - Precondition: `denominator` is above zero.
    package init(_ numerator: UInt64, over denominator: UInt64) {
      precondition(denominator > 0, "a denominator is above zero")
      self.numerator = numerator
      self.denominator = denominator
    }

    /// The form in the file.
    package var description: String { "\(numerator)/\(denominator)" }
  }

  /// n: members of the roster, |U1|.
  package let cohortSize: Int
  /// k: members that each member shares a mask with; n - 1 on the complete graph.
  package let degree: Int
  /// gamma: the fraction of a cohort that may collude with the coordinator, below 1.
  package let corruptFraction: ExactDecimal
  /// delta_drop: the fraction of a cohort that may drop out, below 1.
  package let dropoutFraction: ExactDecimal
  /// In mode `secagg-ddp` the noise of the clients; nil in mode `secagg`, where the coordinator adds it.
  package let noiseShares: NoiseShares?

  /// Every field; checked when the charge is applied to a `LedgerState`.
  package init(
    cohortSize: Int, degree: Int, corruptFraction: ExactDecimal, dropoutFraction: ExactDecimal,
    noiseShares: NoiseShares?
  ) {
    self.cohortSize = cohortSize
    self.degree = degree
    self.corruptFraction = corruptFraction
    self.dropoutFraction = dropoutFraction
    self.noiseShares = noiseShares
  }
}

// MARK: - Ruling 19

extension MaskedTerms {
  /// c = max(1, floor(gamma n)): members that may collude.
  package var corruptBound: Int { max(1, Self.floor(corruptFraction, of: cohortSize)) }

  /// n_s = max(n_min, ceil((1 - delta_drop) n)): survivors without which there is no sum.
  /// - Parameter minimumCohort: n_min of the policy.
  package func minimumSurvivors(minimumCohort: Int) -> Int {
    max(minimumCohort, cohortSize - Self.floor(dropoutFraction, of: cohortSize))
  }

  /// N_h = n_s - c: survivors whose noise counts.
  package func honestNoiseShares(minimumCohort: Int) -> Int {
    minimumSurvivors(minimumCohort: minimumCohort) - corruptBound
  }

  /// How likely a round on a sparse graph fails to keep its sum secret: 2^-40 of the graph and its
  /// thresholds, 2^-41 of the committee that signs the survivors (ruling 30).
  package static let sparseFailureProbability = 0x1.8p-40

  /// The delta that a sparse graph adds to a round, (1 + e^epsilon) times ``sparseFailureProbability``;
  /// 0 on the complete graph (ruling 25).
  /// - Parameter epsilonLimit: of the policy, at most 100.
  package func protocolDelta(epsilonLimit: Double) -> ExactDecimal {
    guard degree < cohortSize - 1 else { return .zero }
    return ExactDecimal(
      roundingUp: ((1 + exp(epsilonLimit)) * Self.sparseFailureProbability).nextUp.nextUp,
      significantDigits: 6)
  }

  /// floor(fraction x count), exactly, for a fraction below 1.
  private static func floor(_ fraction: ExactDecimal, of count: Int) -> Int {
    guard fraction.significand > 0 else { return 0 }
    precondition(fraction.exponent < 0, "a fraction is below 1")
    // Beyond 10^-30 the product is below 1 for every 64-bit significand and count of a cohort.
    guard fraction.exponent > -30 else { return 0 }
    var power: UInt128 = 1
    for _ in 0..<(-fraction.exponent) { power *= 10 }
    return Int(UInt128(fraction.significand) * UInt128(count) / power)
  }
}

extension MaskedTerms.NoiseShares {
  /// Shares of this variance or more, up to ten million of them, have a tau below `tauBound`
  /// (ruling 18: s_i >= 4).
  package static let smallestVariance: UInt64 = 16
  /// What is written as tau unless something larger is needed: nothing larger ever is.
  package static let tauBound = ExactDecimal(roundingUp: 1e-55, significantDigits: 1)

  /// tau = 10 sum_{k=1}^{N-1} exp(-2 pi^2 s_i^2 k / (k + 1)), bounded by its first term N - 1 times.
  /// - Source: Kairouz, Liu, Steinke, arXiv:2102.06387, proposition 14.
  package var recomputedTau: Double {
    let share = Double(variance.numerator) / Double(variance.denominator)
    return 10 * Double(honestShares - 1) * exp(-Double.pi * Double.pi * share)
  }
}

extension ExactDecimal {
  /// 0, spelled "0".
  fileprivate static let zero: ExactDecimal = {
    do {
      return try ExactDecimal("0")
    } catch {
      preconditionFailure("0 is a decimal")
    }
  }()
}
