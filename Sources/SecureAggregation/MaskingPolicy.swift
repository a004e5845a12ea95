package import Privacy

/// What a federation's policy fixes about its masked rounds before it is known who comes.
package struct MaskingPolicy: Equatable, Sendable {
  /// Largest cohort of one masked sum (ruling 30).
  package static let largestCohort = 4096
  /// Largest cohort on a complete graph (§3.4).
  package static let largestCompleteCohort = 128
  /// Largest cohort in which every member may be asked to sign (§3.4).
  package static let largestFullySigningCohort = 1024
  /// s: privacy failures have probability at most 2^-s, which 2^40 trial graphs of a grinding
  /// coordinator bring to 2^-40.
  package static let privacyBits = 80
  /// An honest round fails for want of shares with probability at most 2^-20.
  package static let correctnessBits = 20

  /// n_min: the fewest members of a roster and the fewest updates in a sum.
  package let minimumCohort: Int
  /// n_max: the most members of a roster.
  package let maximumCohort: Int
  /// gamma: the share of a round's members that may collude with the coordinator.
  package let corruptFraction: ExactDecimal
  /// delta_drop: the share of a round's members that may drop out.
  package let dropoutFraction: ExactDecimal
  /// Above this size a committee drawn from the roster signs the survivor set.
  package let allMembersSignUpTo: Int
  /// A degree outside of the rule, for comparison with other systems' benchmarks only (ruling 33).
  let comparisonDegree: Int?

  /// - Parameters:
  ///   - minimumCohort: at least 2.
  ///   - maximumCohort: at least `minimumCohort`, at most `largestCohort`.
  ///   - corruptFraction: gamma in [0, 1).
  ///   - dropoutFraction: delta_drop in [0, 1).
  ///   - allMembersSignUpTo: at most `largestFullySigningCohort`.
  /// - Throws: `MaskingParameterError.invalidPolicy` outside of these ranges.
  package init(
    minimumCohort: Int, maximumCohort: Int, corruptFraction: ExactDecimal,
    dropoutFraction: ExactDecimal,
    allMembersSignUpTo: Int = MaskingPolicy.largestCompleteCohort
  ) throws(MaskingParameterError) {
    try self.init(
      minimumCohort: minimumCohort, maximumCohort: maximumCohort,
      corruptFraction: corruptFraction, dropoutFraction: dropoutFraction,
      allMembersSignUpTo: allMembersSignUpTo, comparisonDegree: nil)
  }

  /// A policy whose rounds run at a degree that the rule of §3.4 refuses. It protects less than is
  /// claimed anywhere: benchmarks only.
  /// - Parameter degree: even, at least 2.
  package static func forComparison(
    cohort: Int, degree: Int, corruptFraction: ExactDecimal, dropoutFraction: ExactDecimal
  ) throws(MaskingParameterError) -> MaskingPolicy {
    guard degree >= 2, degree % 2 == 0, degree < cohort else { throw .invalidPolicy }
    return try MaskingPolicy(
      minimumCohort: cohort / 2, maximumCohort: cohort, corruptFraction: corruptFraction,
      dropoutFraction: dropoutFraction, allMembersSignUpTo: largestFullySigningCohort,
      comparisonDegree: degree)
  }

  private init(
    minimumCohort: Int, maximumCohort: Int, corruptFraction: ExactDecimal,
    dropoutFraction: ExactDecimal, allMembersSignUpTo: Int, comparisonDegree: Int?
  ) throws(MaskingParameterError) {
    guard minimumCohort >= 2, maximumCohort >= minimumCohort,
      maximumCohort <= Self.largestCohort,
      (0...Self.largestFullySigningCohort).contains(allMembersSignUpTo),
      Self.isBelowOne(corruptFraction), Self.isBelowOne(dropoutFraction)
    else { throw .invalidPolicy }
    self.minimumCohort = minimumCohort
    self.maximumCohort = maximumCohort
    self.corruptFraction = corruptFraction
    self.dropoutFraction = dropoutFraction
    self.allMembersSignUpTo = allMembersSignUpTo
    self.comparisonDegree = comparisonDegree
  }

  /// The largest n / N_h over all cohorts n that the policy admits, at least 1: the factor by which
  /// the released variance can exceed sigma² (ruling 24 sizes the grid for it).
  /// - Throws: `MaskingParameterError.noHonestNoise` if a cohort leaves no honest share.
  package func worstHonestFractionInverse() throws(MaskingParameterError) -> Double {
    var worst = 1.0
    for cohort in minimumCohort...maximumCohort {
      let bounds = try CohortBounds(cohortSize: cohort, policy: self)
      // Ruling 24's formula divides n_max by N_h; what counts is this cohort's own ratio.
      worst = max(worst, (Double(cohort) / Double(bounds.honestNoiseShares)).nextUp)
    }
    return worst
  }

  /// ⌊fraction × count⌋, exact.
  static func floor(_ fraction: ExactDecimal, of count: Int) -> Int {
    guard fraction.exponent < 0 else { return 0 }
    // Of 19 digits at most, 10^-30 of 4,096 members is none.
    guard fraction.exponent >= -30 else { return 0 }
    let denominator = (0..<(-fraction.exponent)).reduce(UInt128(1)) { power, _ in power * 10 }
    return Int(UInt128(fraction.significand) * UInt128(count) / denominator)
  }

  private static func isBelowOne(_ fraction: ExactDecimal) -> Bool {
    fraction.significand == 0 || (fraction.exponent < 0 && floor(fraction, of: 1) == 0)
  }
}

/// The counts of ruling 19 for one cohort.
struct CohortBounds: Equatable, Sendable {
  let corruptBound: Int
  let dropoutBound: Int
  let minimumSurvivors: Int
  let honestNoiseShares: Int

  init(cohortSize: Int, policy: MaskingPolicy) throws(MaskingParameterError) {
    corruptBound = max(1, MaskingPolicy.floor(policy.corruptFraction, of: cohortSize))
    // n - ⌊delta n⌋ = ⌈(1 - delta) n⌉.
    dropoutBound = MaskingPolicy.floor(policy.dropoutFraction, of: cohortSize)
    minimumSurvivors = max(policy.minimumCohort, cohortSize - dropoutBound)
    honestNoiseShares = minimumSurvivors - corruptBound
    guard honestNoiseShares >= 1 else {
      throw .noHonestNoise(minimumSurvivors: minimumSurvivors, corruptBound: corruptBound)
    }
  }
}
