internal import Ledger

/// Names of the places where a test may stop or kill a process: before and after each durable step.
package enum LedgerFailpoint {
  /// The steps of one append, after the entry's kind and a hyphen, in order.
  package static let appendSteps = [
    "before-write", "after-write", "after-fsync", "head-after-write", "head-after-fsync",
    "head-after-rename", "after-head",
  ]
  /// The steps of storing a signed checkpoint, in order.
  package static let checkpointNames = [
    "checkpoint-before-sign", "checkpoint-after-sign", "checkpoint-after-write",
    "checkpoint-after-fsync", "checkpoint-after-rename", "checkpoint-after-store",
  ]
  /// Every name that a writer calls.
  package static let names =
    LedgerRecordKind.allCases.flatMap { kind in appendSteps.map { "\(kind.rawValue)-\($0)" } }
    + checkpointNames
}
