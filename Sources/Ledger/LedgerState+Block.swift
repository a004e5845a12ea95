internal import Privacy

// Blocks of rounds with correlated noise (ruling 20).
extension LedgerState {
  /// A block whose next round is free of charge, as long as it is of the same kind.
  package struct OpenBlock: Equatable, Sendable {
    /// Number of the round that began the block.
    package let start: UInt64
    /// The round of the block that comes next, from 0.
    package let nextRound: Int
    let scale: UInt64
    let fractionBits: Int
    let dimension: Int
  }

  /// Checks the place that `record` claims in a block.
  ///
  /// A block begins wherever the coordinator says so, at its whole cost: one that lost its memory
  /// of a block has to begin another.
  /// - Returns: the block that is open after the charge; nil if its noise is its own, or the block
  ///   is at its end.
  func blockContinued(by record: ChargeRecord) throws(LedgerError) -> OpenBlock? {
    let required = Requirement(entry: size)
    guard let noise = policy.correlatedNoise(ofPlanned: nextPlanIndex) else {
      try required.equal("block", "absent", record.block == nil ? "absent" : "present")
      return nil
    }
    guard let block = record.block else {
      throw .mismatch(entry: size, field: "block", expected: "present", found: "absent")
    }
    if block.round == 0 {
      try required.equal("block.start", record.round, block.start)
    } else {
      guard let open = openBlock else {
        throw .mismatch(
          entry: size, field: "block.round", expected: "0: no block is open",
          found: "\(block.round)")
      }
      try required.equal("block.start", open.start, block.start)
      try required.equal("block.round", open.nextRound, block.round)
      try required.equal("scale", open.scale, record.scale)
      try required.equal("fraction_bits", open.fractionBits, record.fractionBits)
      try required.equal("dimension", open.dimension, record.dimension)
    }
    guard nextPlanIndex + 1 < noise.planIndices.upperBound else { return nil }
    return OpenBlock(
      start: block.start, nextRound: block.round + 1, scale: record.scale,
      fractionBits: record.fractionBits, dimension: record.dimension)
  }
}
