internal import Cryptography
package import Ledger
internal import Synchronization

/// The one writer of a ledger directory.
///
/// An append returns only when the entry, and the head that acknowledges it, are durable: act on an
/// entry after that, never before. Any failure of the disk ends the writer, because it is then
/// unknown what is durable; opening the ledger again decides it (rulings 13 and 14).
///
/// Calls block on the disk and are made one at a time.
package final class LedgerWriter: Sendable {
  /// Names of the files in the directory.
  package enum FileName {
    /// The entries, one line each.
    package static let log = "ledger.jsonl"
    /// How much of the log is acknowledged.
    package static let head = "ledger.head"
    /// The newest checkpoint that was signed.
    package static let checkpoint = "ledger.checkpoint"
  }

  /// What opening a ledger had to put right.
  package struct Recovery: Equatable, Sendable {
    /// Bytes cut after the head: an entry that was never completely written.
    package var cutByteCount = 0
    /// Complete entries after the head that were kept, so that no spend is lost.
    package var keptEntryCount = 0
    /// The round whose OFFER was open; VOID was appended.
    package var voidedRound: UInt64?
    /// The round whose CHARGE had no output; BURNED was appended.
    package var burnedRound: UInt64?

    /// Nothing to put right.
    package init() {}
  }

  private struct Core {
    var state: LedgerState
    var tree: MerkleTree
    var lineEnds: [Int]
    var checkpoint: Checkpoint?
    var failure: DiskError?
  }

  private let disk: any Disk
  private let signingKey: SigningKey
  private let reach: @Sendable (String) -> Void
  private let core: Mutex<Core>

  /// For `create` and `open`, which have read and checked the directory.
  init(
    disk: any Disk, signingKey: SigningKey, state: LedgerState, tree: MerkleTree,
    lineEnds: [Int], checkpoint: Checkpoint?, reach: @escaping @Sendable (String) -> Void
  ) {
    self.disk = disk
    self.signingKey = signingKey
    self.reach = reach
    core = Mutex(
      Core(state: state, tree: tree, lineEnds: lineEnds, checkpoint: checkpoint))
  }

  /// The ledger as it stands after the last durable entry.
  package var state: LedgerState { core.withLock { $0.state } }

  /// Makes `record` the next entry, durably.
  /// - Returns: where it stands.
  /// - Throws: `LedgerStoreError.ledger` if the record may not stand next, with nothing written and
  ///   the writer alive; `.disk` if the disk failed, after which every call throws `.dead`.
  package func append(_ record: LedgerRecord) throws(LedgerStoreError) -> LedgerPosition {
    try core.withLock { (core) throws(LedgerStoreError) in
      if let failure = core.failure { throw .dead(cause: failure) }
      let next: (entry: LedgerEntry, state: LedgerState)
      do throws(LedgerError) {
        next = try core.state.appending(record)
      } catch {
        throw .ledger(error)
      }
      do throws(DiskError) {
        try Self.write(
          next.entry, at: core.state.byteCount, state: next.state, to: disk, reach: reach)
      } catch {
        core.failure = error
        throw .disk(error)
      }
      core.state = next.state
      core.tree.append(next.entry.hash)
      core.lineEnds.append(next.state.byteCount)
      return LedgerPosition(index: next.entry.index, root: next.state.root)
    }
  }

  /// The signed checkpoint of the ledger as it stands, stored before it is returned: whoever sees
  /// it may hold the coordinator to it.
  /// - Throws: `LedgerStoreError.disk` as for `append`, `.dead`, `.signing`.
  package func checkpoint() throws(LedgerStoreError) -> Checkpoint {
    try core.withLock { (core) throws(LedgerStoreError) in try checkpoint(&core) }
  }

  /// The receipt of entry `index` under the checkpoint of the ledger as it stands.
  /// - Parameter index: below `state.size`.
  /// - Throws: as `checkpoint()`; also `.disk` if the entry cannot be read back, which does not end
  ///   the writer.
  package func receipt(of index: Int) throws(LedgerStoreError) -> LedgerReceipt {
    try core.withLock { (core) throws(LedgerStoreError) in
      precondition((0..<core.tree.size).contains(index), "no such entry")
      let checkpoint = try checkpoint(&core)
      let start = index == 0 ? 0 : core.lineEnds[index - 1]
      let byteCount = core.lineEnds[index] - 1 - start
      let line: [UInt8]?
      do throws(DiskError) {
        line = try disk.read(FileName.log, from: start, byteCount: byteCount)
      } catch {
        throw .disk(error)
      }
      let expected = core.tree.leafHash(at: index)
      let found = MerkleHash.leaf(line ?? [])
      guard let line, found == expected else {
        throw .ledger(.changedEntry(entry: index, expected: expected, found: found))
      }
      return LedgerReceipt(line: line, index: index, tree: core.tree, checkpoint: checkpoint)
    }
  }

  /// The proof that the ledger as it stands, whose size is `state.size`, begins with its first
  /// `oldSize` entries.
  /// - Parameter oldSize: as a client says it; outside 1 through `state.size` there is no proof.
  /// - Returns: nil where there is none: that client holds a checkpoint that this ledger cannot
  ///   have given out.
  package func consistencyProof(from oldSize: Int) -> ConsistencyProof? {
    core.withLock { core in
      guard (1...core.tree.size).contains(oldSize) else { return nil }
      return core.tree.consistencyProof(from: oldSize, to: core.tree.size)
    }
  }

  /// What the log's entries say about past rounds; read from the disk.
  /// - Throws: `LedgerStoreError.disk` if the log cannot be read back, which does not end the
  ///   writer; `.ledger` if an entry is not the one that was written.
  package func history() throws(LedgerStoreError) -> LedgerHistory {
    try core.withLock { (core) throws(LedgerStoreError) in
      let log: [UInt8]?
      do throws(DiskError) {
        log = try disk.read(FileName.log, from: 0, byteCount: core.state.byteCount)
      } catch {
        throw .disk(error)
      }
      return try LedgerHistory(log: log ?? [])
    }
  }

  private func checkpoint(_ core: inout Core) throws(LedgerStoreError) -> Checkpoint {
    if let failure = core.failure { throw .dead(cause: failure) }
    if let newest = core.checkpoint, newest.size == core.state.size { return newest }
    reach("checkpoint-before-sign")
    let signed: Checkpoint
    do throws(CryptographyError) {
      signed = try Checkpoint(signing: core.state, with: signingKey)
    } catch {
      throw .signing(error)
    }
    reach("checkpoint-after-sign")
    do throws(DiskError) {
      try disk.replace(FileName.checkpoint, with: signed.text) { reach("checkpoint-after-\($0)") }
    } catch {
      core.failure = error
      throw .disk(error)
    }
    reach("checkpoint-after-store")
    core.checkpoint = signed
    return signed
  }

  /// Log first, then head: a head never acknowledges what the log may lose (ruling 14).
  static func write(
    _ entry: LedgerEntry, at offset: Int, state: LedgerState, to disk: any Disk,
    reach: (String) -> Void
  ) throws(DiskError) {
    let kind = entry.record.kind.rawValue
    reach("\(kind)-before-write")
    try disk.write(entry.line + [UInt8(ascii: "\n")], to: FileName.log, at: offset)
    reach("\(kind)-after-write")
    try disk.synchronize(FileName.log)
    reach("\(kind)-after-fsync")
    try disk.replace(FileName.head, with: LedgerHead(of: state).bytes) {
      reach("\(kind)-head-after-\($0)")
    }
    reach("\(kind)-after-head")
  }
}
