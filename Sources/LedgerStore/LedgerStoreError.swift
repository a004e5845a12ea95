package import Cryptography
package import Ledger

/// Why a ledger cannot be made, opened or written.
package enum LedgerStoreError: Error, Equatable, Sendable {
  /// The disk refused; the writer is dead.
  case disk(DiskError)
  /// The ledger, its head or its checkpoint is wrong or damaged, or the record may not stand next.
  case ledger(LedgerError)
  /// There is no ledger.
  case noLedger
  /// There is a ledger already.
  case alreadyExists
  /// The ledger's creation was interrupted before anything could be charged to it.
  case creationInterrupted
  /// Another process, with this id if it could be read, has the directory open.
  case locked(directory: String, holder: Int32?)
  /// The signing key is not the one in force: that of GENESIS, or of the newest KEY entry.
  case wrongKey(expected: VerifyingKey, found: VerifyingKey)
  /// An earlier failure ended this writer; what it wrote last is decided when the ledger is opened again.
  case dead(cause: DiskError)
  /// The checkpoint could not be signed.
  case signing(CryptographyError)
}

extension LedgerStoreError: CustomStringConvertible {
  /// What happened, why, and what to do next.
  package var description: String {
    switch self {
    case .disk(let error):
      "The ledger cannot be written: \(error). "
        + (error.isOutOfSpace
          ? "Make room on the disk, then start again."
          : "Check the disk, then start again: the ledger decides at start what was written.")
    case .ledger(.formatNotWritable(let entry, let format)):
      "The ledger is an old one: \(LedgerError.formatNotWritable(entry: entry, format: format))."
    case .ledger(let error):
      "The ledger is \(error.severity == .damaged ? "damaged" : "wrong"): \(error). "
        + "It is never repaired automatically."
    case .noLedger: "There is no ledger here."
    case .alreadyExists: "There is a ledger here already; a new one needs an empty directory."
    case .creationInterrupted:
      "The ledger was not completely created, and nothing was charged to it. Create it again."
    case .locked(let directory, let holder):
      "\(directory) is in use by "
        + (holder.map { "process \($0)" } ?? "another process")
        + ". Only one coordinator may write a ledger: stop the other one first."
    case .wrongKey(let expected, let found):
      "The ledger belongs to the coordinator key \(expected), not to \(found). Use its key file."
    case .dead(let cause):
      "The ledger's writer stopped after an earlier failure: \(cause). Start again."
    case .signing(let error): "The ledger's checkpoint cannot be signed: \(error)"
    }
  }
}
