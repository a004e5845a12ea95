package import Cryptography
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
    /// The key that a rotation had put into the ledger, and that took its place now.
    package var promotedKey: VerifyingKey?

    /// Nothing to put right.
    package init() {}
  }

  private struct Core {
    var signingKey: SigningKey
    var state: LedgerState
    var tree: MerkleTree
    var lineEnds: [Int]
    var checkpoint: Checkpoint?
    /// By KEY entry, of every change of the key: strangers ask for them, so that no answer reads the disk.
    var handovers: [Int: Checkpoint]
    var failure: DiskError?
  }

  private let disk: any Disk
  private let reach: @Sendable (String) -> Void
  private let core: Mutex<Core>

  /// For `create` and `open`, which have read and checked the directory.
  init(
    disk: any Disk, signingKey: SigningKey, state: LedgerState, tree: MerkleTree,
    lineEnds: [Int], checkpoint: Checkpoint?, handovers: [Int: Checkpoint] = [:],
    reach: @escaping @Sendable (String) -> Void
  ) {
    self.disk = disk
    self.reach = reach
    core = Mutex(
      Core(
        signingKey: signingKey, state: state, tree: tree, lineEnds: lineEnds,
        checkpoint: checkpoint, handovers: handovers))
  }

  /// The ledger as it stands after the last durable entry.
  package var state: LedgerState { core.withLock { $0.state } }

  /// Makes `record` the next entry, durably.
  /// - Returns: where it stands.
  /// - Throws: `LedgerStoreError.ledger` if the record may not stand next, with nothing written and
  ///   the writer alive; `.disk` if the disk failed, after which every call throws `.dead`.
  package func append(_ record: LedgerRecord) throws(LedgerStoreError) -> LedgerPosition {
    try core.withLock { (core) throws(LedgerStoreError) in try append(record, &core) }
  }

  private func append(
    _ record: LedgerRecord, _ core: inout Core
  ) throws(LedgerStoreError) -> LedgerPosition {
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

  /// The signed checkpoint of the ledger as it stands, stored before it is returned: whoever sees
  /// it may hold the coordinator to it.
  /// - Throws: `LedgerStoreError.disk` as for `append`, `.dead`, `.signing`, `.wrongKey` after a change of the key that failed.
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
      return try receipt(of: index, under: try checkpoint(&core), core)
    }
  }

  /// The receipt of KEY entry `index` under the checkpoint that both of its keys signed, from memory.
  /// - Parameter index: one of `state.keys.changes`.
  /// - Throws: `LedgerStoreError.ledger` with `.handoverMissing` for another entry.
  package func handover(at index: Int) throws(LedgerStoreError) -> LedgerReceipt {
    try core.withLock { (core) throws(LedgerStoreError) in
      do throws(LedgerError) {
        guard let checkpoint = core.handovers[index],
          let change = core.state.keys.change(at: index)
        else { throw .handoverMissing(entry: index) }
        // An entry has one spelling, which need not be read back.
        let entry = try LedgerEntry(
          index: index, previous: core.tree.leafHash(at: index - 1), record: .key(change.record))
        return LedgerReceipt(
          line: entry.line, index: index, tree: core.tree, checkpoint: checkpoint)
      } catch {
        throw .ledger(error)
      }
    }
  }

  private func receipt(
    of index: Int, under checkpoint: Checkpoint, _ core: Core
  ) throws(LedgerStoreError) -> LedgerReceipt {
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

  /// The proof that the first `newSize` entries begin with the first `oldSize`.
  /// - Returns: nil unless 1 <= `oldSize` <= `newSize` <= `state.size`: a client that names another size holds a checkpoint
  ///   that this ledger cannot have given out.
  package func consistencyProof(from oldSize: Int, to newSize: Int) -> ConsistencyProof? {
    core.withLock { $0.tree.consistencyProof(fromNamed: oldSize, to: newSize) }
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
    // A KEY whose checkpoint could not be signed by both keys must not get one from the old key alone.
    guard core.signingKey.verifyingKey == core.state.coordinatorKey else {
      throw .wrongKey(
        expected: core.state.coordinatorKey, found: core.signingKey.verifyingKey)
    }
    reach("checkpoint-before-sign")
    let signed: Checkpoint
    do throws(CryptographyError) {
      signed = try Checkpoint(signing: core.state, with: core.signingKey)
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

  /// Makes `next` the key that signs: KEY, and the checkpoint that ends with it and that both keys sign, durably.
  ///
  /// A crash between the two is mended when the ledger is opened with both keys.
  /// - Throws: as `append` and `checkpoint()`.
  package func replaceKey(by next: SigningKey) throws(LedgerStoreError) -> LedgerPosition {
    try core.withLock { (core) throws(LedgerStoreError) in
      let record: KeyRecord
      do throws(CryptographyError) {
        record = try core.state.keyChange(to: next)
      } catch {
        throw .signing(error)
      }
      let position = try append(.key(record), &core)
      try handOver(from: core.signingKey, to: next, &core)
      return position
    }
  }

  /// Signs and stores the checkpoint that ends with the newest entry, a KEY.
  func handOver(from previous: SigningKey, to next: SigningKey) throws(LedgerStoreError) {
    try core.withLock { (core) throws(LedgerStoreError) in
      try handOver(from: previous, to: next, &core)
    }
  }

  private func handOver(
    from previous: SigningKey, to next: SigningKey, _ core: inout Core
  ) throws(LedgerStoreError) {
    reach("handover-before-sign")
    let signed: Checkpoint
    do throws(CryptographyError) {
      signed = try Checkpoint(signing: core.state, with: next, after: previous)
    } catch {
      throw .signing(error)
    }
    reach("handover-after-sign")
    do throws(DiskError) {
      try disk.replace(HandoverFile.name(of: core.state.size - 1), with: signed.text) {
        reach("handover-after-\($0)")
      }
    } catch {
      core.failure = error
      throw .disk(error)
    }
    reach("handover-after-store")
    core.handovers[core.state.size - 1] = signed
    core.signingKey = next
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
