internal import Glibc

/// Finds the smallest ring degree and the smallest signing committee whose failures are rare
/// enough.
///
/// Who is corrupt and who drops out is fixed before the ring's order is drawn, so that the members
/// around any place are a uniform sample.
/// - Source: secure aggregation §3.4 (ring), ruling 30 (committee).
struct MaskingParameterSearch {
  struct Ring: Equatable {
    let degree: Int
    let threshold: Int
    let windowLength: Int
    let windowDropoutLimit: Int
  }

  struct Committee: Equatable {
    let size: Int
    let threshold: Int
  }

  private let cohortSize: Int
  private let corruptBound: Int
  private let dropoutBound: Int
  private let logFactorials: LogFactorials
  /// 2^-(s + 1): half of a failure of privacy.
  private let privacyBound: Double
  private let correctnessBound: Double

  init(cohortSize: Int, corruptBound: Int, dropoutBound: Int, privacyBits: Int) {
    self.cohortSize = cohortSize
    self.corruptBound = corruptBound
    self.dropoutBound = dropoutBound
    logFactorials = LogFactorials(limit: cohortSize)
    privacyBound = exp2(-Double(privacyBits + 1))
    correctnessBound = exp2(-Double(MaskingPolicy.correctnessBits))
  }

  /// The smallest even degree up to `degreeLimit` that meets the bounds, or nil.
  func smallestRing(degreeLimit: Int) -> Ring? {
    for degree in stride(from: 2, through: degreeLimit, by: 2) {
      if let ring = ring(degree: degree) { return ring }
    }
    return nil
  }

  /// The thresholds at `degree`, if all failures are rare enough.
  private func ring(degree: Int) -> Ring? {
    let window = degree / 2
    let perMember = Double(cohortSize)
    let corruptNeighbours = distribution(marked: corruptBound, drawn: degree)
      .upperQuantile(privacyBound / perMember)
    let corruptInWindow = distribution(marked: corruptBound, drawn: window)
      .upperQuantile(privacyBound / perMember)
    let threshold = (degree + corruptNeighbours) / 2 + 1
    let windowDropoutLimit = window - corruptInWindow - 1
    guard threshold <= degree, windowDropoutLimit >= 0 else { return nil }
    let survivingNeighbours = distribution(marked: cohortSize - dropoutBound, drawn: degree)
    guard survivingNeighbours.probability(below: threshold) <= correctnessBound / perMember,
      distribution(marked: dropoutBound, drawn: window).probability(above: windowDropoutLimit)
        <= correctnessBound / perMember
    else { return nil }
    return Ring(
      degree: degree, threshold: threshold, windowLength: window,
      windowDropoutLimit: windowDropoutLimit)
  }

  /// Thresholds for a degree that the rule refuses: a bare majority of neighbours, and a window
  /// that may miss all but one.
  func comparisonRing(degree: Int) -> Ring {
    Ring(
      degree: degree, threshold: degree / 2 + 1, windowLength: degree / 2,
      windowDropoutLimit: degree / 2 - 1)
  }

  /// The smallest committee such that, but for 2^-(s + 1), two survivor sets cannot both be signed,
  /// and, but for 2^-20, enough signers survive; nil if the cohort is too small.
  func smallestCommittee() -> Committee? {
    for size in stride(from: 1, through: cohortSize, by: 1) {
      let corrupt = distribution(marked: corruptBound, drawn: size).upperQuantile(privacyBound)
      let threshold = (size + corrupt) / 2 + 1
      guard threshold <= size else { continue }
      let surviving = distribution(marked: cohortSize - dropoutBound, drawn: size)
      if surviving.probability(below: threshold) <= correctnessBound {
        return Committee(size: size, threshold: threshold)
      }
    }
    return nil
  }

  private func distribution(marked: Int, drawn: Int) -> HypergeometricDistribution {
    HypergeometricDistribution(
      population: cohortSize, markedCount: marked, drawCount: drawn, logFactorials: logFactorials)
  }
}
