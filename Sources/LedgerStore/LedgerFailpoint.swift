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
  /// The steps of storing the checkpoint that hands over to another key, in order.
  package static let handoverNames = [
    "handover-before-sign", "handover-after-sign", "handover-after-write",
    "handover-after-fsync", "handover-after-rename", "handover-after-store",
  ]
  /// The steps of a rotation's key files, in order: the entry and the handover come between the second and the third.
  package static let keyFileNames = [
    "key-file-before-prepare", "key-file-after-prepare", "key-file-before-promote",
    "key-file-after-promote",
  ]
  /// Every name that a writer calls.
  package static let names =
    LedgerRecordKind.allCases.flatMap { kind in appendSteps.map { "\(kind.rawValue)-\($0)" } }
    + checkpointNames + handoverNames + keyFileNames
}
