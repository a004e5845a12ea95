package import Cryptography
package import WireProtocol

/// Why a federation cannot go on.
package enum FederationError: Error, Equatable, Sendable {
  /// The ledger names a released model whose blob is gone.
  case missingModel(SHA256Digest)
  /// A blob does not have the digest it was asked for by.
  case wrongBlob(expected: SHA256Digest)
  /// The peer ended the connection and said why.
  case refused(RefusalCode, reason: String)
  /// The coordinator is not the one pinned at enrolment.
  case wrongCoordinator(String)
  /// The coordinator's key is not the one that this device knows, and nothing proves that it took its place.
  case keyNotProven(String)
  /// The coordinator speaks no version that this client speaks.
  case noCommonVersion(String)
  case malformedMessage(WireError)
  case unexpectedMessage(String)
  /// The coordinator shows another policy than the one the device knows.
  case policyChanged(known: SHA256Digest, shown: SHA256Digest)
  /// The coordinator shows a ledger that is shorter than one it has signed before.
  case ledgerRolledBack(kept: Int, shown: Int)
  /// The coordinator signed two ledgers: two checkpoints of one size with different roots. `evidence` is the one that was
  /// refused; the other one is kept.
  case ledgerForked(size: Int, evidence: [UInt8])
  /// Nothing proves that the ledger shown extends the one kept. `evidence` is the checkpoint that was refused: held
  /// against the ledger beside the kept one, it tells which of the two the ledger does not begin with.
  case extensionNotProven(kept: Int, shown: Int, evidence: [UInt8])
  /// The coordinator's ledger says two things of one round: `entry`, whose receipt `evidence` is, contradicts `held`, whose
  /// receipt this device keeps.
  case roundContradicted(round: UInt64, entry: Int, held: Int, evidence: [UInt8])
  /// The proof that the ledger was extended begins at another size than this device holds.
  case ledgerNotExtended(kept: Int, from: UInt64)
  /// The coordinator says how a round ended, and nothing proves that its ledger says so (R9).
  case outcomeNotProven(round: UInt64, String)
  /// The ledger charges less for a round than this device was offered it for, or for fewer contributions (R5, R7).
  case wrongCharge(round: UInt64, String)
  /// The coordinator ends training with another model than that of the newest RELEASE that it has proven.
  case modelNotReleased(shown: SHA256Digest, proven: SHA256Digest)
  /// The coordinator shows an older list of revoked members than this device has seen.
  case revocationsRolledBack(kept: UInt32, shown: UInt32)
  case badPolicy(String)
  /// A checkpoint, or an entry under it, that the coordinator shows proves nothing.
  case badCheckpoint(String)
  /// What this device keeps of the ledger cannot be read back: its own store is at fault.
  case keptLedgerDamaged(String)
}

extension FederationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missingModel(let digest):
      "the model \(digest.hex) named by the ledger is not in the data directory"
    case .wrongBlob(let expected): "the received blob does not have the digest \(expected.hex)"
    case .refused(let code, let reason):
      reason.isEmpty ? code.meaning : reason
    case .wrongCoordinator(let detail):
      "the coordinator is not the one this client knows: \(detail)"
    case .keyNotProven(let detail):
      "nothing proves that the coordinator's key was replaced by the one it uses: \(detail)"
    case .noCommonVersion(let detail): "no common protocol version: \(detail)"
    case .malformedMessage(let error): "\(error)"
    case .unexpectedMessage(let detail): detail
    case .policyChanged(let known, let shown):
      "the policy changed from \(known.hex.prefix(16)) to \(shown.hex.prefix(16))"
    case .ledgerRolledBack(let kept, let shown):
      "the coordinator shows a ledger of \(shown) entries; it signed one of \(kept) before"
    case .ledgerForked(let size, _):
      "the coordinator signed two ledgers of \(size) entries"
    case .extensionNotProven(let kept, let shown, _):
      "the coordinator does not prove that its ledger of \(shown) entries extends the one of \(kept) that "
        + "this device holds"
    case .roundContradicted(let round, let entry, let held, _):
      "the coordinator's ledger says two things of round \(round): entry \(entry) contradicts entry \(held)"
    case .ledgerNotExtended(let kept, let from):
      "the coordinator extends a ledger of \(from) entries; this device holds one of \(kept)"
    case .outcomeNotProven(let round, let detail):
      "how round \(round) ended is not proven: \(detail)"
    case .wrongCharge(let round, let detail):
      "round \(round) is not charged as it was offered: \(detail)"
    case .modelNotReleased(let shown, let proven):
      "training ends with the model \(shown.hex.prefix(16)); the newest one proven to be released is "
        + "\(proven.hex.prefix(16))"
    case .revocationsRolledBack(let kept, let shown):
      "the coordinator shows list \(shown) of revoked members; this device has seen list \(kept)"
    case .badPolicy(let detail): "the policy cannot be used: \(detail)"
    case .badCheckpoint(let detail): "the checkpoint cannot be used: \(detail)"
    case .keptLedgerDamaged(let detail):
      "the device's own copy of the ledger is damaged: \(detail)"
    }
  }
}

extension FederationError {
  /// Whether it is the coordinator's conduct that this device refuses, as opposed to a message that it cannot read or a
  /// peer that ended the connection. Such a refusal is kept on the device.
  package var isRefusalOfLedger: Bool {
    switch self {
    case .policyChanged, .ledgerRolledBack, .ledgerForked, .extensionNotProven, .roundContradicted,
      .ledgerNotExtended, .outcomeNotProven, .wrongCharge, .revocationsRolledBack, .badPolicy,
      .badCheckpoint, .keyNotProven, .modelNotReleased:
      true
    case .missingModel, .wrongBlob, .refused, .wrongCoordinator, .noCommonVersion,
      .malformedMessage, .unexpectedMessage, .keptLedgerDamaged:
      false
    }
  }
}
