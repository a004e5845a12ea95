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
  /// The coordinator speaks no version that this client speaks.
  case noCommonVersion(String)
  case malformedMessage(WireError)
  case unexpectedMessage(String)
  /// The coordinator shows another policy than the one the device knows.
  case policyChanged(known: SHA256Digest, shown: SHA256Digest)
  /// The coordinator shows a ledger that is shorter than one it has signed before.
  case ledgerRolledBack(kept: Int, shown: Int)
  /// The coordinator shows an older list of revoked members than this device has seen.
  case revocationsRolledBack(kept: UInt32, shown: UInt32)
  case badPolicy(String)
  case badCheckpoint(String)
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
    case .noCommonVersion(let detail): "no common protocol version: \(detail)"
    case .malformedMessage(let error): "\(error)"
    case .unexpectedMessage(let detail): detail
    case .policyChanged(let known, let shown):
      "the policy changed from \(known.hex.prefix(16)) to \(shown.hex.prefix(16))"
    case .ledgerRolledBack(let kept, let shown):
      "the coordinator shows a ledger of \(shown) entries; it signed one of \(kept) before"
    case .revocationsRolledBack(let kept, let shown):
      "the coordinator shows list \(shown) of revoked members; this device has seen list \(kept)"
    case .badPolicy(let detail): "the policy cannot be used: \(detail)"
    case .badCheckpoint(let detail): "the checkpoint cannot be used: \(detail)"
    }
  }
}
