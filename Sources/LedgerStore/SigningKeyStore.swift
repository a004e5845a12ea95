package import Cryptography
package import Ledger

/// Where the coordinator's signing key is kept, and the key that is to replace it. Files of mode 0600 in the executable, a
/// simulated disk in the simulator. Every call that changes something returns when it is durable.
///
/// A rotation prepares a key, writes it into the ledger, and then lets it take its place. Whatever a crash leaves, the
/// ledger says which of the two is in force.
package protocol SigningKeyStore {
  /// The key that signs; while a rotation is under way, the one that it replaces.
  func current() throws -> SigningKey

  /// The key that was prepared; nil where no rotation is under way.
  func prepared() throws -> SigningKey?

  /// Makes a new key, beside the current one.
  func prepare() throws -> SigningKey

  /// Puts the prepared key in the place of the current one, which is wiped. What a crash cut short goes on.
  func promote() throws

  /// Wipes what is not the current key: a prepared one that no ledger names, the rest of a `promote`.
  func clean() throws
}

extension LedgerWriter {
  /// As `open(on:signingKey:)`, with whichever of the store's keys is in force, and ends a rotation that a crash cut short:
  /// forwards if the ledger holds its KEY entry, backwards if not.
  /// - Parameter reach: called at `LedgerFailpoint.keyFileNames` too.
  /// - Throws: `LedgerStoreError`, and what the store throws.
  package static func open(
    on disk: any Disk, keys: any SigningKeyStore,
    reach: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> (writer: LedgerWriter, recovery: Recovery) {
    let current = try keys.current()
    let prepared = try keys.prepared()
    var (writer, recovery) = try open(
      on: disk, signingKey: current, nextKey: prepared, reach: reach)
    if let prepared, prepared.verifyingKey == writer.state.coordinatorKey {
      try writer.take(keys, reach)
      recovery.promotedKey = prepared.verifyingKey
    }
    try keys.clean()
    return (writer, recovery)
  }

  /// Replaces the key that signs checkpoints by a new one. Between rounds only.
  ///
  /// The new key is durable before the ledger names it, the ledger and the checkpoint that both keys sign before it takes
  /// the place of the old one, and then the old one is wiped.
  /// - Parameters:
  ///   - keys: the store that this ledger was opened with.
  ///   - reach: called at `LedgerFailpoint.keyFileNames`.
  /// - Returns: where the KEY entry stands.
  /// - Throws: `LedgerStoreError`, `.ledger` where none may stand there, and what the store throws.
  package func rotateKey(
    _ keys: any SigningKeyStore, reach: (String) -> Void = { _ in }
  ) throws -> LedgerPosition {
    reach("key-file-before-prepare")
    let next = try keys.prepare()
    reach("key-file-after-prepare")
    let position = try replaceKey(by: next)
    try take(keys, reach)
    return position
  }

  private func take(_ keys: any SigningKeyStore, _ reach: (String) -> Void) throws {
    reach("key-file-before-promote")
    try keys.promote()
    reach("key-file-after-promote")
  }
}
