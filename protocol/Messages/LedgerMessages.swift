internal import Ledger

/// The coordinator shows more of its ledger: a newer checkpoint, that it extends the one this device holds, and entries
/// under it. It comes before the offer, the masked round's proof or the outcome that it is about.
package struct LedgerShown: Equatable, Sendable {
  /// Most entries of one message: CHARGE and end of each of `AskOutcomes.maximumRounds` rounds.
  package static let maximumEntries = 2 * AskOutcomes.maximumRounds
  /// Longest entry, in bytes; POLICY and GENESIS, which may be longer, are not shown.
  package static let maximumLineBytes = 8_192
  /// Longest path of an entry.
  package static let maximumPathBytes = InclusionProof.maximumPathBytes

  /// An entry of the ledger and its inclusion proof under the checkpoint.
  package struct Entry: Equatable, Sendable {
    /// Place in the ledger, from 0.
    package var index: UInt64
    /// Canonical bytes, without the line feed.
    package var line: [UInt8]
    /// `InclusionProof.pathBytes`.
    package var path: [UInt8]

    package init(index: UInt64, line: [UInt8], path: [UInt8]) {
      self.index = index
      self.line = line
      self.path = path
    }
  }

  /// The size that `consistency` starts from: that of the newest checkpoint that this device was shown.
  package var heldSize: UInt64
  /// Newest signed checkpoint of the ledger, as a text note.
  package var checkpoint: [UInt8]
  /// `ConsistencyProof.bytes` from `heldSize` to `checkpoint`.
  package var consistency: [UInt8]
  /// At most `maximumEntries`, by rising index.
  package var entries: [Entry]

  package init(heldSize: UInt64, checkpoint: [UInt8], consistency: [UInt8], entries: [Entry]) {
    self.heldSize = heldSize
    self.checkpoint = checkpoint
    self.consistency = consistency
    self.entries = entries
  }

  func write(to writer: inout ByteWriter) {
    precondition(entries.count <= Self.maximumEntries, "more entries than are shown at once")
    writer.uint64(heldSize)
    writer.opaque(checkpoint, limit: FrameLimits.maximumCheckpointBytes)
    writer.opaque(consistency, limit: MaskedLimits.maximumConsistencyBytes)
    writer.uint8(UInt8(entries.count))
    for entry in entries {
      writer.uint64(entry.index)
      writer.opaque(entry.line, limit: Self.maximumLineBytes)
      writer.opaque(entry.path, limit: Self.maximumPathBytes)
    }
  }

  init(from reader: inout ByteReader) throws(WireError) {
    heldSize = try reader.uint64()
    checkpoint = try reader.opaque(limit: FrameLimits.maximumCheckpointBytes)
    consistency = try reader.opaque(limit: MaskedLimits.maximumConsistencyBytes)
    let count = Int(try reader.uint8())
    guard count <= Self.maximumEntries else {
      throw .fieldTooLong(actual: count, limit: Self.maximumEntries)
    }
    entries = []
    for _ in 0..<count {
      let entry = Entry(
        index: try reader.uint64(), line: try reader.opaque(limit: Self.maximumLineBytes),
        path: try reader.opaque(limit: Self.maximumPathBytes))
      if let last = entries.last, entry.index <= last.index {
        throw .unknownValue(field: "order of shown entries", value: entry.index)
      }
      entries.append(entry)
    }
  }
}
