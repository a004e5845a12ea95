internal import Cryptography

/// Shares of one owner's secret that do not lie on one polynomial.
///
/// They do not say who lied: the owner may have dealt a bad share, or the holder revealed another.
/// Nobody is blamed without evidence (ruling 31), and none is taken: the key that would tell opens
/// both of the owner's shares.
package struct InconsistentShares: Equatable, Sendable {
  package let ownerID: UInt32
  /// Those whose revealed share does not fit the secret that the owner committed to.
  package let holderIDs: [UInt32]
}

/// The masks that are left in a sum, recovered, and ready to be removed stretch by stretch.
///
/// Immutable: stretches can be computed at the same time on several cores.
package final class MaskRemoval: Sendable, Equatable {
  /// Where revealed shares contradicted each other. The sum is right all the same.
  package let inconsistencies: [InconsistentShares]
  /// Number of masks to expand.
  package var maskCount: Int { masks.count }
  private let dimension: Int
  private let masks: [MaskGenerator.Mask]
  private let keys: SecretTable

  init(
    roster: MaskingRoster, sharers: MemberSet, survivors: MemberSet,
    seedCommitments: [[UInt8]?], revealed: [RevealedShares?], dimension: Int
  ) throws(MaskingAbort) {
    self.dimension = dimension
    var decoder = ShareDecoder(
      roster: roster, seedCommitments: seedCommitments, revealed: revealed)
    let owners = sharers.positions
    let dropped = owners.filter { !survivors.contains($0) }
    let pairs = dropped.flatMap { owner in
      roster.neighbours(of: owner).filter(survivors.contains).map { (owner, $0) }
    }
    let survivorCount = owners.count - dropped.count
    do {
      // The seeds of survivors, the keys of pairs that lost one end, and one secret at a time.
      let scratch = survivorCount + pairs.count
      var keys = try SecretTable(rowCount: scratch + 1)
      var masks: [MaskGenerator.Mask] = []
      masks.reserveCapacity(scratch)
      for owner in owners where survivors.contains(owner) {
        try decoder.recover(.seed, of: owner, to: masks.count, of: &keys)
        masks.append(MaskGenerator.Mask(row: masks.count, isSubtracted: true))
      }
      var recovered: Int?
      for (owner, neighbour) in pairs {
        if recovered != owner {
          try decoder.recover(.maskKey, of: owner, to: scratch, of: &keys)
          recovered = owner
        }
        let peer = roster.adverts[neighbour]
        try keys.deriveKeys(
          secretRow: scratch, peer: peer.maskKey,
          targets: [
            (
              masks.count,
              MaskingTranscript.pairwiseMask(
                rosterContext: roster.rosterContext, roster.adverts[owner].clientID,
                peer.clientID)
            )
          ])
        // The neighbour added it if the lost end has the larger id; undo that.
        masks.append(MaskGenerator.Mask(row: masks.count, isSubtracted: neighbour < owner))
      }
      keys.wipe(rows: scratch..<scratch + 1)
      self.keys = keys
      self.masks = masks
      inconsistencies = decoder.inconsistencies
    } catch let abort as MaskingAbort {
      throw abort
    } catch {
      throw .coordinatorFault
    }
  }

  /// The corrections of the whole sum, stretch by stretch, computed by at most `workers` tasks.
  ///
  /// - Returns: one a range of `ranges(count: workers)`, in order; nil without memory or entropy.
  package func corrections(workers: Int) async -> [[UInt32]]? {
    let ranges = ranges(count: workers)
    return await withTaskGroup(of: (Int, [UInt32]?).self) { group in
      for (index, range) in ranges.enumerated() {
        group.addTask {
          // The reason is the same fault for every caller.
          (index, try? self.correction(for: range))
        }
      }
      var parts = [[UInt32]?](repeating: nil, count: ranges.count)
      for await (index, part) in group { parts[index] = part }
      let found = parts.compactMap { $0 }
      return found.count == ranges.count ? found : nil
    }
  }

  /// The same without tasks, for simulations.
  package func correctionsOnThisThread() -> [[UInt32]]? {
    // The reason is the same fault for every caller.
    (try? correction(for: 0..<dimension)).map { [$0] }
  }

  /// `0..<dimension` in `count` stretches of about equal length, for as many workers; fewer if the
  /// dimension is small.
  package func ranges(count: Int) -> [Range<Int>] {
    precondition(count >= 1, "at least one stretch")
    let block = MaskGenerator.blockWordCount
    let length = ((dimension + count - 1) / count + block - 1) / block * block
    return stride(from: 0, to: dimension, by: length).map {
      $0..<min($0 + length, dimension)
    }
  }

  /// What to add to the coordinates in `range` of the sum so that no mask is left in them.
  /// - Parameter range: one of `ranges(count:)`.
  /// - Throws: `MaskingAbort.coordinatorFault`.
  /// - Complexity: O(range × maskCount) time, O(range) memory.
  package func correction(for range: Range<Int>) throws(MaskingAbort) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: range.count)
    var span = words.mutableSpan
    do {
      try MaskGenerator.add(masks, keys: keys, to: &span, at: range.lowerBound)
    } catch {
      throw .coordinatorFault
    }
    return words
  }

  /// Whether both are the same object: each round has one.
  package static func == (left: MaskRemoval, right: MaskRemoval) -> Bool { left === right }
}
