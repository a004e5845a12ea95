internal import Cryptography
internal import Ledger

/// What a ledger directory holds, as read and before anything in it is believed.
struct LedgerFiles {
  /// A ledger that is whole up to its head and its checkpoint.
  struct Checked {
    /// The log file, with whatever follows the head.
    let log: [UInt8]
    let head: LedgerHead
    /// After the last valid entry, which may stand beyond the head.
    let state: LedgerState
    let checkpoint: Checkpoint?
    /// By KEY entry.
    let handovers: [Int: Checkpoint]
    /// The KEY entry whose handover a crash kept from being stored: the newest entry, or nil.
    let lackingHandover: Int?
    /// The Merkle tree of the entries of `state`.
    let tree: MerkleTree
    /// Offset just after each of them.
    let lineEnds: [Int]
  }

  let log: [UInt8]?
  let head: [UInt8]?
  let checkpoint: [UInt8]?
  /// By the entry in their names.
  let handovers: [Int: [UInt8]]

  init(reading disk: any Disk) throws(LedgerStoreError) {
    do {
      log = try disk.read(LedgerWriter.FileName.log)
      head = try disk.read(LedgerWriter.FileName.head)
      checkpoint = try disk.read(LedgerWriter.FileName.checkpoint)
      var handovers: [Int: [UInt8]] = [:]
      for name in try disk.names() {
        guard let entry = HandoverFile.entry(named: name) else { continue }
        handovers[entry] = try disk.read(name)
      }
      self.handovers = handovers
    } catch {
      throw .disk(error)
    }
  }

  /// Whether nothing here was ever acted upon: no head, no checkpoint of any kind, and at most GENESIS in the log.
  /// - Throws: `LedgerStoreError.ledger` if more than GENESIS is here without a head.
  func isAbsentOrInterrupted() throws(LedgerStoreError) -> Bool {
    guard head == nil else { return false }
    let lineCount = (log ?? []).count { $0 == UInt8(ascii: "\n") }
    guard lineCount <= 1, checkpoint == nil, handovers.isEmpty else {
      throw .ledger(.headMissing(entry: max(0, lineCount - 1)))
    }
    return true
  }

  /// Checks everything up to the head and the stored checkpoint, then takes what is valid beyond the head.
  func check() throws(LedgerError) -> Checked {
    guard let file = head else { throw .headMissing(entry: 0) }
    let head = try LedgerHead(decoding: file)
    let log = log ?? []
    let replay = LedgerReplay(log: log)
    // The entry at fault says more than that the head no longer fits.
    if let failure = replay.failure, (replay.state?.size ?? 0) < head.size { throw failure }
    try head.requirePrefix(of: replay)
    guard let state = replay.state else { throw .headMissing(entry: 0) }
    guard state.genesis.format == GenesisRecord.currentFormat else {
      throw .formatNotWritable(entry: 0, format: state.genesis.format)
    }
    var tree = replay.tree
    tree.truncate(to: state.size)
    // Before the newest checkpoint: the key that signed that may be one that was cut off.
    let (handovers, lackingHandover) = try checkHandovers(against: state, tree)
    let checkpoint = try check(checkpoint, against: state, replay: replay, limit: head.size)
    return Checked(
      log: log, head: head, state: state, checkpoint: checkpoint, handovers: handovers,
      lackingHandover: lackingHandover, tree: tree,
      lineEnds: Array(replay.lineEnds.prefix(state.size)))
  }

  /// Every file must be that of a KEY entry, and every KEY entry but the newest entry must have one.
  private func checkHandovers(
    against state: LedgerState, _ tree: MerkleTree
  ) throws(LedgerError) -> (found: [Int: Checkpoint], lacking: Int?) {
    var found: [Int: Checkpoint] = [:]
    for (entry, text) in handovers.sorted(by: { $0.key < $1.key }) {
      found[entry] = try state.handover(at: entry, reading: text, in: tree)
    }
    let lacking = state.keys.changes.first { found[$0.entry] == nil }?.entry
    if let lacking, lacking < state.size - 1 { throw .handoverMissing(entry: lacking) }
    return (found, lacking)
  }

  private func check(
    _ text: [UInt8]?, against state: LedgerState, replay: LedgerReplay, limit: Int
  ) throws(LedgerError) -> Checkpoint? {
    guard let text else { return nil }
    let checkpoint = try Checkpoint(parsing: text)
    try checkpoint.verify(
      ledgerID: state.genesis.ledgerID, key: state.keys.key(ofSize: checkpoint.size))
    try checkpoint.requirePrefix(of: replay, limit: limit)
    return checkpoint
  }
}
