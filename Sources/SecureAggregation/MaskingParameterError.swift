/// Why a masked round of some size cannot be run under a policy.
package enum MaskingParameterError: Error, Equatable, Sendable {
  /// A field of the policy is outside its range.
  case invalidPolicy
  /// The number of members is outside the policy's bounds.
  case cohortOutOfRange(actual: Int, minimum: Int, maximum: Int)
  /// No degree up to `limit` meets the bounds: too many corrupt or dropping members for GF(2^8).
  case noDegree(cohort: Int, limit: Int)
  /// Survivors less corrupt members leave no honest noise share (ruling 19).
  case noHonestNoise(minimumSurvivors: Int, corruptBound: Int)
  /// The fewest survivors cannot give the signatures that unmasking needs (ruling 19).
  case tooFewSigners(minimumSurvivors: Int, signatureThreshold: Int)
  /// No committee within the cohort meets the bounds of ruling 30.
  case noCommittee(cohort: Int)
}

extension MaskingParameterError: CustomStringConvertible {
  /// What is wrong and what to change.
  package var description: String {
    switch self {
    case .invalidPolicy:
      "The policy's bounds on masked rounds are out of range."
    case .cohortOutOfRange(let actual, let minimum, let maximum):
      "A masked round of this policy has \(minimum) to \(maximum) members, not \(actual)."
    case .noDegree(let cohort, let limit):
      "\(cohort) members cannot form a graph of degree \(limit) or less under these fractions of "
        + "corrupt and dropping members. Lower either fraction, or the cohort to 128."
    case .noHonestNoise(let minimumSurvivors, let corruptBound):
      "\(minimumSurvivors) survivors with \(corruptBound) corrupt members leave no honest noise."
    case .tooFewSigners(let minimumSurvivors, let signatureThreshold):
      "\(minimumSurvivors) survivors cannot give \(signatureThreshold) signatures. Lower the "
        + "fraction of dropping or corrupt members."
    case .noCommittee(let cohort):
      "No committee of \(cohort) members meets the bounds. Lower the fraction of dropping or "
        + "corrupt members."
    }
  }
}
