/// The files beside a ledger by which one key hands over to the next: each holds the checkpoint that ends with a KEY
/// entry, signed by the key before and the key after it, for the life of the ledger.
package enum HandoverFile {
  private static let prefix = "key-"
  private static let suffix = ".checkpoint"

  /// The name of the file of KEY entry `entry`.
  package static func name(of entry: Int) -> String { "\(prefix)\(entry)\(suffix)" }

  /// The entry that such a name speaks of; nil for every other name.
  package static func entry(named name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    // Entry 0 is GENESIS.
    guard let entry = Int(name.dropFirst(prefix.count).dropLast(suffix.count)), entry > 0
    else { return nil }
    return Self.name(of: entry) == name ? entry : nil
  }
}

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
