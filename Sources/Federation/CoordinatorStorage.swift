package import Cryptography
package import Ledger
package import WireProtocol

/// One admitted customer, as the coordinator knows it.
package struct RosterEntry: Equatable, Sendable {
  package var id: ClientID
  package var identityKey: VerifyingKey
  /// `MemberCredential.bytes`.
  package var credential: [UInt8]
  package var isRevoked: Bool
  /// It made a charged round end without a sum, and is offered no other (ruling 11).
  package var isExcluded: Bool

  package init(
    id: ClientID, identityKey: VerifyingKey, credential: [UInt8], isRevoked: Bool = false,
    isExcluded: Bool = false
  ) {
    self.id = id
    self.identityKey = identityKey
    self.credential = credential
    self.isRevoked = isRevoked
    self.isExcluded = isExcluded
  }
}

/// How the redemption of an enrolment token went.
package enum Redemption: Equatable, Sendable {
  case enrolled(RosterEntry)
  case refused(RefusalCode)
}

/// What a coordinator keeps, from outside the pure core: files and SQLite in the executable,
/// memory in the simulator. Every call returns only when its effect is durable.
///
/// A conformer is used by one engine at a time, on whatever executor runs that engine.
package protocol CoordinatorStorage: AnyObject, Sendable {
  /// - Returns: the roster entry of `id`, or nil.
  func member(_ id: ClientID) throws -> RosterEntry?

  /// Burns a one-time token: admits its holder, whose credential was checked, unless the token has
  /// expired, was redeemed by another key, or its number is revoked. The same token with the same
  /// key again gives the same entry: a client may crash before it stored the answer.
  func redeem(
    tokenOf id: ClientID, identityKey: VerifyingKey, credential: MemberCredential
  ) throws -> Redemption

  /// Offers these members no further round, durably (ruling 11).
  func exclude(_ members: [ClientID]) throws

  /// `RevocationList.bytes` of the enrolment authority's newest list; empty before the first.
  func revocations() throws -> [UInt8]

  /// Who may take part now.
  ///
  /// - Returns: nil where the ledger is not to say it: in simulations, whose members are made up.
  func rosterCommitment() throws -> RosterCommitment?

  /// The replayed ledger, after recovery.
  var ledgerState: LedgerState { get }

  /// - Returns: how `round` ended, and where the ledger says it; nil while it is open and for a round
  ///   that never was.
  func closing(of round: UInt64) throws -> LedgerState.ClosedRound?

  /// Appends and syncs an entry; it is durable on return.
  func append(_ record: LedgerRecord) throws -> LedgerPosition

  /// The newest signed checkpoint, as a text note.
  func checkpointText() throws -> [UInt8]

  /// Entry `index` with its inclusion proof under the newest signed checkpoint.
  func receipt(of index: Int) throws -> LedgerReceipt

  /// The proof that the first `newSize` entries begin with the first `oldSize`.
  ///
  /// - Returns: nil unless 1 <= `oldSize` <= `newSize` <= the ledger's size.
  func consistencyProof(from oldSize: Int, to newSize: Int) throws -> ConsistencyProof?

  /// KEY entry `index` with its inclusion proof under the checkpoint that both of its keys signed.
  func handover(at index: Int) throws -> LedgerReceipt

  /// Stores a public blob durably under its SHA-256.
  func storeBlob(_ bytes: [UInt8]) throws -> SHA256Digest

  /// - Returns: the blob with that digest, or nil.
  func loadBlob(_ hash: SHA256Digest) throws -> [UInt8]?
}

extension CoordinatorStorage {
  /// The proof that the ledger as it stands begins with its first `oldSize` entries.
  ///
  /// - Returns: nil for a size that this ledger never had.
  package func consistencyProof(from oldSize: Int) throws -> ConsistencyProof? {
    try consistencyProof(from: oldSize, to: ledgerState.size)
  }
}
