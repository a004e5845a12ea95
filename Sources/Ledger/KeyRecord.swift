package import Cryptography

/// KEY: the key that signs checkpoints is replaced by another one.
///
/// The next key proves here that somebody holds it. That the previous one agrees is said by the checkpoint over this
/// entry, the only one that both sign: `LedgerReceipt.handover` follows from one key to the other.
package struct KeyRecord: Equatable, Sendable {
  private static let label = Array("tacit key/1".utf8)

  /// The key in force before this entry.
  package let previousKey: VerifyingKey
  /// The key in force after it, which was none of this ledger's before.
  package let nextKey: VerifyingKey
  /// Ed25519 by the next key over `signedBytes`, 64 bytes.
  package let possession: [UInt8]

  /// The entry at `index` by which `next` replaces `previous`.
  /// - Parameters:
  ///   - ledgerID: of the ledger that it goes into.
  ///   - index: its place there, from 0.
  /// - Throws: `CryptographyError` if the library refuses to sign.
  package init(
    replacing previous: VerifyingKey, by next: SigningKey, ledgerID: LedgerID, index: Int
  ) throws(CryptographyError) {
    self.init(
      previousKey: previous, nextKey: next.verifyingKey,
      possession: try next.sign(
        Self.signedBytes(ledgerID: ledgerID, index: index, previousKey: previous)))
  }

  /// Every field as read; checked when the entry is applied to a `LedgerState`.
  package init(previousKey: VerifyingKey, nextKey: VerifyingKey, possession: [UInt8]) {
    self.previousKey = previousKey
    self.nextKey = nextKey
    self.possession = possession
  }

  /// Whether the next key signed this change, at this place of this ledger.
  package func isPossessed(ledgerID: LedgerID, index: Int) -> Bool {
    nextKey.isValidSignature(
      possession,
      for: Self.signedBytes(ledgerID: ledgerID, index: index, previousKey: previousKey))
  }

  /// "tacit key/1", the 16 bytes of the ledger's id, the index as 8 bytes with the highest first, the previous key.
  package static func signedBytes(
    ledgerID: LedgerID, index: Int, previousKey: VerifyingKey
  ) -> [UInt8] {
    let place = withUnsafeBytes(of: UInt64(index).bigEndian) { Array($0) }
    return label + ledgerID.bytes + place + previousKey.bytes
  }
}
