package import Privacy

/// How the noise of a model's repeated rounds is correlated, in the few figures that an operator decides.
package struct NoiseCorrelation: Equatable, Sendable {
  /// The matrix that the noise is shaped by.
  package enum Strategy: String, CaseIterable, Sendable {
    /// The square root of the matrix of running totals, cut to a band (arXiv:2405.13763).
    case bandedSquareRoot = "banded-sqrt"
    /// The banded inverse square root (arXiv:2505.12128).
    case bandedInverse = "bisr"
    /// Buffered linear Toeplitz with the three buffers of `ToeplitzStrategy` (arXiv:2408.08868).
    case buffered = "blt"
  }

  package var strategy: Strategy
  /// Coefficients of the band, or of the inverse's; nil for as many as the separation allows at no
  /// cost of overlap. Not used by `buffered`.
  package var bandCount: Int?
  /// Rounds of one customer are at least this far apart; 1 allows every round.
  package var minimumSeparation: Int
  /// Rounds of one customer in a block; nil for what the separation allows.
  package var maximumParticipations: Int?

  package init(
    strategy: Strategy, bandCount: Int? = nil, minimumSeparation: Int = 1,
    maximumParticipations: Int? = nil
  ) {
    self.strategy = strategy
    self.bandCount = bandCount
    self.minimumSeparation = minimumSeparation
    self.maximumParticipations = maximumParticipations
  }

  /// g: fine enough that rounding changes a sensitivity by less than a percent, coarse enough to leave
  /// the updates their grid.
  private static let fractionBits = 8

  /// The block that covers the planned rounds `stages`.
  /// - Throws: `PrivacyError.invalidParameter` for a separation, a band or a number of participations out
  ///   of its range.
  package func noise(of stages: Range<Int>) throws(PrivacyError) -> CorrelatedNoise {
    let rounds = stages.count
    let rule = try ParticipationRule(
      roundCount: rounds, minimumSeparation: minimumSeparation,
      maximumParticipations: maximumParticipations)
    let bands = bandCount ?? (minimumSeparation > 1 ? minimumSeparation : rounds)
    guard (1...rounds).contains(bands) else {
      throw .invalidParameter(
        name: "noise bands", value: "\(bands)", accepted: "1 to \(rounds), the rounds of the block")
    }
    let matrix: ToeplitzStrategy =
      switch strategy {
      case .bandedSquareRoot: .squareRoot(bandCount: bands)
      case .bandedInverse: .bandedInverseSquareRoot(bandCount: bands, roundCount: rounds)
      case .buffered: .bufferedForTwoThousandRounds(roundCount: rounds)
      }
    return try CorrelatedNoise(
      firstRound: stages.lowerBound,
      strategy: IntegerToeplitzStrategy(
        rounding: matrix, fractionBits: Self.fractionBits, roundCount: rounds), rule: rule)
  }
}
