internal import Ledger

/// A client that knows another key than the one in `ServerHello` asks how it was replaced, before it says who it is.
package struct AskKeys: Equatable, Sendable {
  /// Most of them that one connection may send: who knows the first key of a ledger needs no more to follow every
  /// change that it may have.
  package static let maximumPerConnection: Int =
    CheckpointKeys.maximumChanges / KeysShown.maximumChanges

  /// The newest coordinator key that this device knows.
  package var coordinatorKey: [UInt8]
  /// Size of the newest checkpoint that it holds, 0 if none.
  package var checkpointSize: UInt64

  package init(coordinatorKey: [UInt8], checkpointSize: UInt64) {
    self.coordinatorKey = coordinatorKey
    self.checkpointSize = checkpointSize
  }

  func write(to writer: inout ByteWriter) {
    writer.fixed(coordinatorKey, count: 32)
    writer.uint64(checkpointSize)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    coordinatorKey = try reader.fixed(32)
    checkpointSize = try reader.uint64()
  }
}

/// The changes that lead from that key to the one in force, in order, or a first part of them; none where the ledger never
/// had it.
package struct KeysShown: Equatable, Sendable {
  /// Most changes of one message. Who is further behind asks again.
  package static let maximumChanges = 8

  /// A KEY entry under the checkpoint that ends with it and that both of its keys signed.
  package struct Change: Equatable, Sendable {
    /// Place in the ledger, from 0.
    package var index: UInt64
    /// Canonical bytes, without the line feed.
    package var line: [UInt8]
    /// `InclusionProof.pathBytes`.
    package var path: [UInt8]
    /// A text note of `index + 1` entries with two signatures.
    package var checkpoint: [UInt8]
    /// `ConsistencyProof.bytes` from the checkpoint held, or that of the change before, to `checkpoint`.
    package var consistency: [UInt8]

    package init(
      index: UInt64, line: [UInt8], path: [UInt8], checkpoint: [UInt8], consistency: [UInt8]
    ) {
      self.index = index
      self.line = line
      self.path = path
      self.checkpoint = checkpoint
      self.consistency = consistency
    }
  }

  /// At most `maximumChanges`, by rising index.
  package var changes: [Change]

  package init(changes: [Change]) { self.changes = changes }

  func write(to writer: inout ByteWriter) {
    precondition(changes.count <= Self.maximumChanges, "more changes than are shown at once")
    writer.uint8(UInt8(changes.count))
    for change in changes {
      writer.uint64(change.index)
      writer.opaque(change.line, limit: LedgerShown.maximumLineBytes)
      writer.opaque(change.path, limit: LedgerShown.maximumPathBytes)
      writer.opaque(change.checkpoint, limit: FrameLimits.maximumCheckpointBytes)
      writer.opaque(change.consistency, limit: MaskedLimits.maximumConsistencyBytes)
    }
  }

  init(from reader: inout ByteReader) throws(WireError) {
    let count = Int(try reader.uint8())
    guard count <= Self.maximumChanges else {
      throw .fieldTooLong(actual: count, limit: Self.maximumChanges)
    }
    changes = []
    for _ in 0..<count {
      let change = Change(
        index: try reader.uint64(), line: try reader.opaque(limit: LedgerShown.maximumLineBytes),
        path: try reader.opaque(limit: LedgerShown.maximumPathBytes),
        checkpoint: try reader.opaque(limit: FrameLimits.maximumCheckpointBytes),
        consistency: try reader.opaque(limit: MaskedLimits.maximumConsistencyBytes))
      if let last = changes.last, change.index <= last.index {
        throw .unknownValue(field: "order of shown keys", value: change.index)
      }
      changes.append(change)
    }
  }
}
