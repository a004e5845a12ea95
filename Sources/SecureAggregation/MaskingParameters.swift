internal import Privacy

/// The numbers of one masked round: a pure function of its size and the policy, which coordinator
/// and clients compute apart and hold against each other.
///
/// - Source: secure aggregation §3.4; rulings 19, 25, 29, 30 and 33.
package struct MaskingParameters: Equatable, Sendable {
  /// Which pairs of members share a mask.
  package enum Graph: UInt8, Sendable {
    /// All pairs.
    case complete = 0
    /// Pairs at distance at most k/2 on a ring whose order nobody chose.
    case harary = 1
  }

  /// Largest degree: shares are points of GF(2^8) other than zero, and one is kept back.
  package static let largestDegree = 254

  /// n: number of members.
  package let cohortSize: Int
  /// c: the most members that may collude with the coordinator.
  package let corruptBound: Int
  /// n_s: the fewest updates in the sum; every client refuses fewer.
  package let minimumSurvivors: Int
  /// N_h = n_s - c: honest noise shares that any accepted sum holds.
  package let honestNoiseShares: Int
  package let graph: Graph
  /// k: number of neighbours, each of which holds a share.
  package let degree: Int
  /// t: number of shares that give a secret.
  package let shamirThreshold: Int
  /// L: number of members that may sign the survivor set; nil when all may.
  package let committeeSize: Int?
  /// T: number of signatures that unmasking needs.
  package let signatureThreshold: Int
  /// w = k/2: length of a window of the ring; 0 on a complete graph.
  package let windowLength: Int
  /// The most members of any window that may be missing from the sum; 0 on a complete graph.
  package let windowDropoutLimit: Int

  /// - Parameters:
  ///   - cohortSize: n = |U1|.
  ///   - policy: what the federation fixed.
  /// - Throws: `MaskingParameterError`.
  package init(cohortSize: Int, policy: MaskingPolicy) throws(MaskingParameterError) {
    guard (policy.minimumCohort...policy.maximumCohort).contains(cohortSize) else {
      throw .cohortOutOfRange(
        actual: cohortSize, minimum: policy.minimumCohort, maximum: policy.maximumCohort)
    }
    let bounds = try CohortBounds(cohortSize: cohortSize, policy: policy)
    self.cohortSize = cohortSize
    corruptBound = bounds.corruptBound
    minimumSurvivors = bounds.minimumSurvivors
    honestNoiseShares = bounds.honestNoiseShares
    let search = MaskingParameterSearch(
      cohortSize: cohortSize, corruptBound: bounds.corruptBound,
      dropoutBound: cohortSize - bounds.minimumSurvivors, privacyBits: MaskingPolicy.privacyBits)
    let ring: MaskingParameterSearch.Ring?
    if let degree = policy.comparisonDegree {
      ring = search.comparisonRing(degree: degree)
    } else if cohortSize > MaskingPolicy.largestCompleteCohort {
      ring = search.smallestRing(degreeLimit: min(Self.largestDegree, cohortSize - 1))
      if ring == nil { throw .noDegree(cohort: cohortSize, limit: Self.largestDegree) }
    } else {
      ring = nil
    }
    graph = ring == nil ? .complete : .harary
    degree = ring?.degree ?? (cohortSize - 1)
    // Complete: floor((k + c) / 2) + 1, at most k as c < n_s <= n.
    shamirThreshold = ring?.threshold ?? ((cohortSize - 1 + bounds.corruptBound) / 2 + 1)
    windowLength = ring?.windowLength ?? 0
    windowDropoutLimit = ring?.windowDropoutLimit ?? 0
    if cohortSize > policy.allMembersSignUpTo {
      guard let committee = search.smallestCommittee() else {
        throw .noCommittee(cohort: cohortSize)
      }
      committeeSize = committee.size
      signatureThreshold = committee.threshold
    } else {
      committeeSize = nil
      signatureThreshold = (cohortSize + bounds.corruptBound) / 2 + 1
    }
    guard minimumSurvivors >= signatureThreshold else {
      throw .tooFewSigners(
        minimumSurvivors: minimumSurvivors, signatureThreshold: signatureThreshold)
    }
    guard shamirThreshold <= degree else {
      throw .noDegree(cohort: cohortSize, limit: degree)
    }
  }

  /// The probability, over the ring's order and the draw of the committee, that c colluders break
  /// the round though a coordinator tried 2^40 rosters: ruling 25 adds it to delta. Zero on a
  /// complete graph where all sign.
  ///
  /// Each of three events (too many corrupt neighbours, a window without an honest survivor, too
  /// many corrupt signers) has probability at most 2^-81 a try; without a committee there are two.
  package var protocolFailureProbability: Double {
    (graph == .harary ? 0x1p-40 : 0) + (committeeSize == nil ? 0 : 0x1p-41)
  }

  /// The canonical encoding: what a roster states and its context binds. 41 bytes.
  package var bytes: [UInt8] {
    [graph.rawValue]
      + [
        cohortSize, corruptBound, minimumSurvivors, honestNoiseShares, degree, shamirThreshold,
        committeeSize ?? 0, signatureThreshold, windowLength, windowDropoutLimit,
      ].flatMap { MaskingTranscript.littleEndian(UInt32($0)) }
  }

  /// Number of bytes of `bytes`.
  package static let byteCount = 41

  /// Standard deviation, in grid steps, of the noise on a sum in `secagg-ddp`: its variance is
  /// scale² × survivors / N_h, however many survive.
  package func releasedStandardDeviation(scale: UInt64, survivors: Int) -> Double {
    Double(scale) * (Double(survivors) / Double(honestNoiseShares)).squareRoot()
  }
}
