extension BehaviorStoreError {
  /// The process exit code of the design's table, section 6.
  package var exitCode: Int32 {
    switch self {
    case .diskFull, .locked, .tooManyOpenFiles: 75
    case .consentMissing: 7
    case .keyMissing, .wrongKey: 4
    case .missing, .alreadyExists, .exposed, .notOwned, .notWritable, .corrupt, .foreignDatabase,
      .newerSchema, .unreadableFile, .invalidRow, .invalidEvent, .invalidSlate, .unknownSlate,
      .itemNotInSlate:
      5
    case .closed, .systemFailure, .roundNotNewer, .roundOutOfRange, .chargeNotFinite,
      .roundNotJournaled, .outcomeAlreadyRecorded:
      1
    }
  }

  /// What happened, as a sentence without its full stop.
  package var what: String {
    switch self {
    case .missing(let path): "There is no behaviour store at \(path)"
    case .alreadyExists(let path): "The behaviour store \(path) was not created"
    case .exposed(let path, _), .notOwned(let path), .tooManyOpenFiles(let path),
      .newerSchema(let path, _, _), .keyMissing(let path), .wrongKey(let path):
      "The behaviour store \(path) was not opened"
    case .notWritable(let path): "The behaviour store \(path) cannot be written"
    case .diskFull(let path), .locked(let path, _): "The behaviour store \(path) was not changed"
    case .corrupt(let path, _): "The behaviour store \(path) is damaged"
    case .foreignDatabase(let path): "\(path) is not a behaviour store"
    case .closed(let path): "The behaviour store \(path) was not used"
    case .systemFailure(let path, _): "The behaviour store \(path) failed"
    case .unreadableFile(let path, _): "\(path) was not read"
    case .invalidRow(let file, _, _): "Nothing was imported from \(file)"
    case .invalidEvent: "The event was not recorded"
    case .invalidSlate: "The slate was not recorded"
    case .unknownSlate, .itemNotInSlate: "The feedback was not recorded"
    case .consentMissing: "Nothing was sent"
    case .roundNotNewer(let round, _), .roundOutOfRange(let round), .chargeNotFinite(let round):
      "Round \(round) was refused"
    case .roundNotJournaled(let round), .outcomeAlreadyRecorded(let round, _, _):
      "The outcome of round \(round) was not recorded"
    }
  }

  /// Why, as a sentence without its full stop.
  package var why: String {
    switch self {
    case .missing: "The file does not exist"
    case .alreadyExists: "A file of that name is already there"
    case .exposed(_, let mode):
      "Other users of this machine can reach it (mode \(String(mode, radix: 8)))"
    case .notOwned: "It belongs to another user, or is not a plain file or directory"
    case .notWritable:
      "The file, its directory or the file system is read-only for this user"
    case .diskFull: "The disk is full"
    case .locked(_, let waitedSeconds):
      "Another process has held it for more than \(waitedSeconds) seconds"
    case .tooManyOpenFiles: "This process has as many open files as its limit allows"
    case .corrupt(_, let detail), .systemFailure(_, let detail), .unreadableFile(_, let detail):
      detail
    case .foreignDatabase: "It is a database of another program"
    case .keyMissing: "What it holds is encrypted, and the device's key is not there"
    case .wrongKey: "It is encrypted under the key of another device"
    case .newerSchema(_, let found, let supported):
      "A newer version wrote it (schema \(found); this program knows up to \(supported))"
    case .closed: "It was already closed"
    case .invalidRow(_, let row, let reason): "Row \(row): \(reason)"
    case .invalidEvent(let reason), .invalidSlate(let reason): reason
    case .unknownSlate(let id): "No slate \(id) was shown on this device"
    case .itemNotInSlate(let id): "Slate \(id) did not show that item"
    case .consentMissing(let policyHash):
      "There is no consent on this device to policy \(policyHash)"
    case .roundNotNewer(_, let last): "This device already spent its budget in round \(last)"
    case .roundOutOfRange: "The number is larger than a ledger can hold"
    case .chargeNotFinite: "Its charge is not a positive finite number"
    case .roundNotJournaled: "This device took no part in it"
    case .outcomeAlreadyRecorded(_, let recorded, let offered):
      "It is recorded as \(recorded.rawValue) and was now given as \(offered.rawValue)"
    }
  }

  /// What to do next, as a sentence without its full stop.
  package var next: String {
    switch self {
    case .missing: "Enrol this device first, or name the right directory"
    case .alreadyExists: "Open it, or choose another directory"
    case .exposed: "Run chmod go-rwx on it"
    case .notOwned: "Run as its owner, or choose another directory"
    case .notWritable: "Give this user write access, or choose another directory"
    case .diskFull: "Free some space and try again"
    case .locked: "Wait for that process to end and try again"
    case .tooManyOpenFiles:
      "Raise the limit (ulimit -n), or host fewer customers in one process"
    case .corrupt:
      "Restore it from a backup; without one, move it away and enrol again as a new device"
    case .foreignDatabase: "Choose another directory"
    case .newerSchema: "Use that newer version"
    case .keyMissing, .wrongKey:
      "Restore the identity key that belongs to it; without that key it can only be erased"
    case .systemFailure:
      "Check the disk (kernel log, free space, file size limit) and try again"
    case .unreadableFile: "Check the name and its permissions"
    case .invalidRow: "Correct that row and import the file again"
    case .invalidEvent, .invalidSlate: "Correct it and try again"
    case .unknownSlate: "Use the slate number that the recommendation printed"
    case .itemNotInSlate: "Use an item code of that slate"
    case .consentMissing: "Read the policy, and give consent if you agree"
    case .roundNotNewer: "Wait for a later round; if the coordinator went back, audit its ledger"
    case .roundOutOfRange, .chargeNotFinite, .roundNotJournaled, .outcomeAlreadyRecorded:
      "Audit the coordinator's ledger"
    case .closed: "Report this as a fault of the program"
    }
  }
}
