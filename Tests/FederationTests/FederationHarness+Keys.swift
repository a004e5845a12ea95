import Cryptography
import Federation
import Ledger
import WireProtocol

/// A coordinator of the harness that changes its key, rightly or not.
extension FederationHarness {
  /// Stops, replaces the key by a new one, and starts again, as `coordinator key rotate` and `serve` do.
  func rotateKey(
    to next: SigningKey,
    handsOver: ((LedgerState, SigningKey) throws -> Checkpoint)? = nil
  ) throws {
    try storage.recover()
    try storage.rotate(to: next) { state, previous in
      try handsOver?(state, previous) ?? Checkpoint(signing: state, with: next, after: previous)
    }
    try restart(with: next)
  }

  /// Starts again with another key for everything that the coordinator signs itself.
  func restart(with key: SigningKey) throws {
    keys = CoordinatorKeys(coordinator: key, enrolment: keys.enrolment)
    try restart()
  }
}

extension FederationHarness.Customer {
  /// How often it was shown changes of the key.
  var keysShown: [KeysShown] {
    received.compactMap { if case .keysShown(let shown) = $0 { shown } else { nil } }
  }
}
