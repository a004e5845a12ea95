internal import Ledger
internal import LedgerStore

/// The named durable steps of a coordinator: every failpoint of the product.
package enum StepNames {
  private static func steps(of kinds: [LedgerRecordKind]) -> [String] {
    kinds.flatMap { kind in LedgerFailpoint.appendSteps.map { "\(kind.rawValue)-\($0)" } }
  }

  /// Those that a released round passes, in order.
  package static let ofOneRound =
    steps(of: [.offer, .charge]) + BlobStore.failpointNames + steps(of: [.release])
    + LedgerFailpoint.checkpointNames
  /// Those of a round that follows a change of the members.
  package static let ofRoster = steps(of: [.roster])
  /// Those of a round that ends without a quorum.
  package static let ofVoid = steps(of: [.void])
  /// Those of a start after a crash between CHARGE and RELEASE.
  package static let ofBurned = steps(of: [.burned])
  /// Those of a rotation of the signing key, in order.
  package static let ofKey =
    Array(LedgerFailpoint.keyFileNames.prefix(2)) + steps(of: [.key])
    + LedgerFailpoint.handoverNames + LedgerFailpoint.keyFileNames.dropFirst(2)
  /// Those of signing another policy.
  package static let ofPolicy = steps(of: [.policy])
  /// Those of making a ledger.
  package static let ofGenesis = steps(of: [.genesis])
}
