package import Cryptography

/// Which key signs the checkpoints of a ledger, by how many entries they cover.
package struct CheckpointKeys: Equatable, Sendable {
  /// Most KEY entries of a ledger. Whoever follows them keeps every one.
  package static let maximumChanges = 256

  /// A KEY entry.
  package struct Change: Equatable, Sendable {
    /// Its place, from 0: the checkpoint over it covers `entry + 1` entries.
    package let entry: Int
    /// What it says.
    package let record: KeyRecord
  }

  /// The key of GENESIS.
  package let first: VerifyingKey
  /// By rising entry, at most `maximumChanges`.
  package private(set) var changes: [Change] = []

  init(first: VerifyingKey) { self.first = first }

  /// The key in force.
  package var current: VerifyingKey { changes.last?.record.nextKey ?? first }

  /// The key that must have signed a checkpoint of `size` entries.
  package func key(ofSize size: Int) -> VerifyingKey {
    changes.last { $0.entry < size }?.record.nextKey ?? first
  }

  /// Whether `key` is in force or was.
  package func contains(_ key: VerifyingKey) -> Bool {
    key == first || changes.contains { $0.record.nextKey == key }
  }

  /// The changes after `key` was in force; nil for a key that never was.
  package func changes(after key: VerifyingKey) -> ArraySlice<Change>? {
    if key == first { return changes[...] }
    return changes.firstIndex { $0.record.nextKey == key }.map { changes[($0 + 1)...] }
  }

  /// What KEY entry `entry` says; nil if that is no KEY entry.
  package func change(at entry: Int) -> Change? { changes.first { $0.entry == entry } }

  mutating func append(_ change: Change) { changes.append(change) }
}

extension LedgerState {
  /// The key in force, which signs the checkpoint of the ledger as it stands.
  package var coordinatorKey: VerifyingKey { keys.current }

  /// The KEY entry that would come next, by which `next` replaces the key in force.
  /// - Throws: `CryptographyError` if the library refuses to sign.
  package func keyChange(to next: SigningKey) throws(CryptographyError) -> KeyRecord {
    try KeyRecord(replacing: coordinatorKey, by: next, ledgerID: genesis.ledgerID, index: size)
  }

  /// Between rounds only, from the key in force, and never back to one that was left: it may have been left because
  /// somebody else holds it.
  func requireKey(_ record: KeyRecord) throws(LedgerError) {
    guard case .idle = phase, genesis.format > 1 else { throw outOfOrder(.key) }
    try Requirement(entry: size).equal("previous_key", coordinatorKey, record.previousKey)
    guard !keys.contains(record.nextKey) else {
      throw .invalidField(
        entry: size, field: "next_key", expected: "a key that this ledger never had")
    }
    guard keys.changes.count < CheckpointKeys.maximumChanges else {
      throw .invalidField(
        entry: size, field: "next_key",
        expected: "at most \(CheckpointKeys.maximumChanges) changes of the key in a ledger")
    }
    guard record.isPossessed(ledgerID: genesis.ledgerID, index: size) else {
      throw .invalidField(
        entry: size, field: "possession",
        expected: "the next key's signature of this ledger, place and previous key")
    }
  }
}
