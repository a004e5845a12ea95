internal import Cryptography
internal import VectorMath

extension MaskingCoordinator {
  /// Takes what a surviving member reveals: message 9.
  ///
  /// Whether the shares are right shows when they are combined.
  package mutating func receive(
    _ shares: RevealedShares, from clientID: UInt32
  ) throws(MaskingRejection) {
    let (roster, position) = try member(clientID, in: .agreeing)
    guard let sharers, let survivors, survivors.contains(position) else { throw .notMember }
    guard shares.clientID == clientID,
      shares.shares.allSatisfy({ $0.share.count == ShamirSharing.secretByteCount }),
      zip(shares.shares, shares.shares.dropFirst()).allSatisfy({ $0.ownerID < $1.ownerID })
    else { throw .malformed }
    if let first = revealed[position] {
      throw first == shares ? .duplicate : .conflictingDuplicate
    }
    let areOfNeighbours = shares.shares.allSatisfy { share in
      guard let owner = roster.position(of: share.ownerID), sharers.contains(owner) else {
        return false
      }
      return roster.graph.index(of: position, amongNeighboursOf: owner) != nil
    }
    guard areOfNeighbours else { throw .unexpectedShare }
    revealed[position] = shares
  }

  /// Number of members that revealed shares so far.
  package var revealedCount: Int { revealed.count { $0 != nil } }

  /// Whether at least t shares of every secret have arrived.
  package var canUnmask: Bool {
    guard phase == .agreeing, let roster, let sharers else { return false }
    var counts = [Int](repeating: 0, count: roster.adverts.count)
    for shares in revealed {
      for share in shares?.shares ?? [] {
        if let owner = roster.position(of: share.ownerID) { counts[owner] += 1 }
      }
    }
    return sharers.positions.allSatisfy { counts[$0] >= roster.parameters.shamirThreshold }
  }

  /// Combines the revealed shares, checks every secret against what its owner published, and
  /// derives the keys of all masks that are left in the sum.
  /// - Throws: `MaskingAbort.maskNotRecoverable` when a secret cannot be found;
  ///   `.coordinatorFault` without guarded memory. The round is over then, its charge stays.
  package mutating func prepareUnmasking() throws(MaskingAbort) -> MaskRemoval {
    precondition(phase == .agreeing, "masks are removed once, after the survivors are agreed on")
    phase = .ended
    guard let roster, let sharers, let survivors else { throw .coordinatorFault }
    let removal = try MaskRemoval(
      roster: roster, sharers: sharers, survivors: survivors, seedCommitments: seedCommitments,
      revealed: revealed, dimension: dimension)
    revealed = []
    phase = .unmasking
    return removal
  }

  /// Removes masks from a stretch of the sum.
  /// - Parameters:
  ///   - correction: what `MaskRemoval.correction(for:)` gave for `range`.
  ///   - range: the next stretch: stretches are given in order, each once.
  package mutating func apply(_ correction: [UInt32], to range: Range<Int>) {
    precondition(phase == .unmasking, "masks are removed after they were recovered")
    precondition(
      range.lowerBound == unmaskedCount && range.upperBound <= dimension
        && correction.count == range.count, "stretches come in order, each once")
    runningSum.add(correction, to: range)
    unmaskedCount = range.upperBound
  }

  /// Removes the masks of the whole sum.
  /// - Parameter corrections: what `MaskRemoval.corrections(workers:)` gave.
  package mutating func apply(_ corrections: [[UInt32]]) {
    for correction in corrections {
      apply(correction, to: unmaskedCount..<unmaskedCount + correction.count)
    }
    precondition(unmaskedCount == dimension, "the corrections of the whole sum")
  }

  /// Recovers and removes all masks on this thread.
  /// - Returns: secrets for which some shares did not fit.
  /// - Throws: as `prepareUnmasking`.
  package mutating func unmask() throws(MaskingAbort) -> [InconsistentShares] {
    let removal = try prepareUnmasking()
    for range in removal.ranges(count: 1) {
      apply(try removal.correction(for: range), to: range)
    }
    return removal.inconsistencies
  }

  /// The exact sum, without masks and without noise: in `secagg`, for the coordinator's noise.
  package consuming func unmaskedSum() -> AggregateSum {
    precondition(mode == .secagg, "in this mode the sum carries the clients' noise")
    precondition(
      phase == .unmasking && unmaskedCount == dimension, "a sum with masks left in it is noise")
    return AggregateSum(
      unmasked: runningSum.take(), contributorCount: survivors?.count ?? 0, encoding: encoding)
  }

  /// The sum with the noise that its clients added, decoded: in `secagg-ddp`.
  package consuming func noisedSum() -> NoisedSum {
    precondition(mode == .secaggDDP, "in this mode the coordinator adds the noise")
    precondition(
      phase == .unmasking && unmaskedCount == dimension, "a sum with masks left in it is noise")
    return NoisedSum(
      values: encoding.decode(runningSum.take()), contributorCount: survivors?.count ?? 0)
  }
}
