extension LedgerState {
  /// Reads and checks the file that hands over at KEY entry `entry`.
  /// - Parameters:
  ///   - entry: as the file's name has it.
  ///   - text: the file.
  ///   - tree: of all lines of this ledger.
  /// - Throws: `LedgerError`: `.checkpointUnreadable`, `.shorterThanCheckpoint` where more was signed than the ledger holds,
  ///   `.handoverInvalid` where no key is replaced there or its two keys did not sign, `.checkpointMismatch`.
  package func handover(
    at entry: Int, reading text: [UInt8], in tree: MerkleTree
  ) throws(LedgerError) -> Checkpoint {
    let checkpoint = try Checkpoint(parsing: text)
    guard checkpoint.ledgerID == genesis.ledgerID, checkpoint.format == genesis.format else {
      throw .handoverInvalid(entry: entry, problem: "its checkpoint is of another ledger")
    }
    // Ruling 14: a ledger is shorter than no checkpoint, whichever keys signed it: they may have been cut off with the rest.
    guard checkpoint.size <= tree.size else {
      throw .shorterThanCheckpoint(entry: tree.size, checkpointSize: checkpoint.size)
    }
    guard let change = keys.change(at: entry) else {
      throw .handoverInvalid(entry: entry, problem: "a checkpoint is there, and no key is replaced")
    }
    try checkpoint.requireHandover(change.record, at: entry, ledgerID: genesis.ledgerID)
    try checkpoint.requireRoot(of: tree)
    return checkpoint
  }
}
