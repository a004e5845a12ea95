package import CanonicalJSON
package import Cryptography
package import Privacy

/// What is wrong with a ledger, its head, or a checkpoint of it. Entry indices count from 0, which is GENESIS.
///
/// `severity` tells a ledger that is readable and wrong from one that is damaged.
package enum LedgerError: Error, Equatable, Sendable {
  // An entry cannot be read.
  /// The line is not a JSON object.
  case notJSON(entry: Int, problem: JSONError)
  /// The line is not an object of the four members of an entry.
  case malformedEntry(entry: Int, problem: String)
  /// A field that the record needs is absent.
  case missingField(entry: Int, field: String)
  /// A field that the record does not have.
  case unknownField(entry: Int, field: String)
  /// A field has the wrong type or a value outside its range.
  case invalidField(entry: Int, field: String, expected: String)
  /// The line decodes, but its bytes are not the one canonical form of what they say.
  case notCanonical(entry: Int)
  /// The line is longer than any entry may be.
  case lineTooLong(entry: Int, byteCount: Int, limit: Int)
  /// Bytes after the last complete line, where no head allows for them.
  case tornLine(entry: Int, byteCount: Int)

  /// GENESIS has a format that this program does not read.
  case unknownFormat(entry: Int, format: Int)
  /// GENESIS has a format that is read and no longer written.
  case formatNotWritable(entry: Int, format: Int)

  // An entry can be read and is wrong.
  /// The entry stands in another place than it says.
  case wrongIndex(entry: Int, found: Int)
  /// `prev` is not the hash of the line before.
  case brokenChain(entry: Int, expected: SHA256Digest, found: SHA256Digest)
  /// The line changed after the entry behind it, or the head, was written.
  case changedEntry(entry: Int, expected: SHA256Digest, found: SHA256Digest)
  /// The kind cannot follow what is before it.
  case outOfOrder(entry: Int, kind: LedgerRecordKind, expected: String)
  /// A new round id is not greater than the last one.
  case roundNotIncreasing(entry: Int, round: UInt64, last: UInt64)
  /// The record speaks of another round than the open one.
  case roundMismatch(entry: Int, round: UInt64, open: UInt64)
  /// A field is not what the policy, or the open round, requires.
  case mismatch(entry: Int, field: String, expected: String, found: String)
  /// The plan index is not the next one.
  case notPlanned(entry: Int, planIndex: Int, expected: Int)
  /// The discrete Gaussian is narrower than the plan's noise multiplier.
  case noiseTooSmall(entry: Int, scale: UInt64, minimum: UInt64)
  /// The charge would overspend.
  case budgetExhausted(entry: Int, BudgetShortfall)
  /// A claim of RELEASE is not what replay computes.
  case falseClaim(entry: Int, field: String, claimed: String, recomputed: String)

  // The head, or a checkpoint, against the log.
  /// There are entries but no head.
  case headMissing(entry: Int)
  /// The head is not the one canonical form of a head.
  case headUnreadable(problem: String)
  /// The log ends before the head's size; `entry` is the first one missing or cut.
  case shorterThanHead(entry: Int, byteCount: Int, headByteCount: Int)
  /// The head's size or root is not that of the log.
  case headMismatch(entry: Int, field: String, expected: String, found: String)
  /// A checkpoint is not in the form of one.
  case checkpointUnreadable(problem: String)
  /// A checkpoint is not signed by this ledger's coordinator, or is of another ledger.
  case checkpointRefused(problem: String)
  /// No checkpoint that both keys signed stands beside KEY entry `entry`: whoever knows the key before cannot follow.
  case handoverMissing(entry: Int)
  /// What should follow from one key to the other does not.
  case handoverInvalid(entry: Int, problem: String)
  /// The log ends before a signed checkpoint; `entry` is the first one missing.
  case shorterThanCheckpoint(entry: Int, checkpointSize: Int)
  /// The log's first `checkpointSize` entries are not those that were signed; `entry` is the last of them.
  case checkpointMismatch(entry: Int, expected: SHA256Digest, found: SHA256Digest)

  // What a coordinator shows a client.
  /// A proof does not show what it should.
  case proofInvalid(problem: String)
  /// A receipt is not in the form of one.
  case receiptUnreadable(problem: String)
  /// A checkpoint covers fewer entries than one that is held: the ledger was rolled back (rule R2).
  case rolledBack(heldSize: Int, shownSize: Int)
  /// Two checkpoints are signed for one size, with different roots: two ledgers are shown (rule R2).
  case splitView(size: Int)
  /// Nothing proves that a signed checkpoint extends one that is held (rule R2).
  case extensionNotProven(heldSize: Int, shownSize: Int, problem: String)
  /// An entry and one that is held cannot both be of one ledger: a round has one charge and one end,
  /// and none that was charged is void.
  case contradiction(round: UInt64, entry: Int, held: Int)
  /// No entry of this kind was shown for a round with a proof that the ledger holds it (rules R6 and R9).
  case notProven(round: UInt64, kind: String)
}

extension LedgerError {
  /// How far what remains can be trusted.
  package enum Severity: Equatable, Sendable {
    /// The ledger can be read and is wrong: verification failed, exit code 4.
    case wrong
    /// The ledger cannot be read, or is shorter than its head or a checkpoint: exit code 8.
    case damaged
  }

  /// Whether this is a wrong ledger or a damaged one.
  package var severity: Severity {
    switch self {
    case .notJSON, .malformedEntry, .missingField, .unknownField, .invalidField, .notCanonical,
      .lineTooLong, .tornLine, .unknownFormat, .headMissing, .headUnreadable, .shorterThanHead,
      .checkpointUnreadable, .shorterThanCheckpoint, .receiptUnreadable:
      .damaged
    case .wrongIndex, .brokenChain, .changedEntry, .outOfOrder, .roundNotIncreasing, .roundMismatch,
      .mismatch, .notPlanned, .noiseTooSmall, .budgetExhausted, .falseClaim, .headMismatch,
      .checkpointRefused, .checkpointMismatch, .formatNotWritable, .proofInvalid, .rolledBack,
      .splitView, .extensionNotProven, .contradiction, .notProven, .handoverMissing,
      .handoverInvalid:
      .wrong
    }
  }

  /// The entry it concerns; nil only where a head or a checkpoint cannot be read.
  package var entry: Int? {
    switch self {
    case .notJSON(let entry, _), .malformedEntry(let entry, _), .missingField(let entry, _),
      .unknownField(let entry, _), .invalidField(let entry, _, _), .notCanonical(let entry),
      .lineTooLong(let entry, _, _), .tornLine(let entry, _), .wrongIndex(let entry, _),
      .unknownFormat(let entry, _), .formatNotWritable(let entry, _),
      .brokenChain(let entry, _, _), .changedEntry(let entry, _, _),
      .outOfOrder(let entry, _, _),
      .roundNotIncreasing(let entry, _, _), .roundMismatch(let entry, _, _),
      .mismatch(let entry, _, _, _), .notPlanned(let entry, _, _),
      .noiseTooSmall(let entry, _, _), .budgetExhausted(let entry, _),
      .falseClaim(let entry, _, _, _), .headMissing(let entry), .shorterThanHead(let entry, _, _),
      .headMismatch(let entry, _, _, _), .shorterThanCheckpoint(let entry, _),
      .checkpointMismatch(let entry, _, _), .handoverMissing(let entry),
      .handoverInvalid(let entry, _), .contradiction(_, let entry, _):
      entry
    case .headUnreadable, .checkpointUnreadable, .checkpointRefused, .proofInvalid,
      .receiptUnreadable, .rolledBack, .splitView, .extensionNotProven, .notProven:
      nil
    }
  }
}

extension LedgerError: CustomStringConvertible {
  /// One sentence that names the entry and what is wrong with it.
  package var description: String {
    switch self {
    case .notJSON(let entry, let problem): "entry \(entry) is not readable: \(problem)"
    case .malformedEntry(let entry, let problem): "entry \(entry) is not readable: \(problem)"
    case .missingField(let entry, let field): "entry \(entry) lacks the field \"\(field)\""
    case .unknownField(let entry, let field): "entry \(entry) has an unknown field \"\(field)\""
    case .invalidField(let entry, let field, let expected):
      "entry \(entry), field \"\(field)\": expected \(expected)"
    case .notCanonical(let entry): "entry \(entry) is not written in canonical form"
    case .lineTooLong(let entry, let byteCount, let limit):
      "entry \(entry) is \(byteCount) bytes long, the limit is \(limit)"
    case .tornLine(let entry, let byteCount):
      "entry \(entry) is incomplete: \(byteCount) bytes without a line end"
    case .unknownFormat(let entry, let format):
      "entry \(entry) has format \(format), which this version does not read: use the version that wrote it"
    case .formatNotWritable(let entry, let format):
      "entry \(entry) has format \(format), which can be audited but not continued: keep this "
        + "directory for audits and begin a new federation in another one, with a new policy that "
        + "customers consent to (coordinator init)"
    case .wrongIndex(let entry, let found): "entry \(entry) says that it is entry \(found)"
    case .brokenChain(let entry, let expected, let found):
      "entry \(entry) follows a line with hash \(found.hex), but entry \(entry - 1) has hash "
        + "\(expected.hex): one of the two was changed"
    case .changedEntry(let entry, let expected, let found):
      "entry \(entry) was changed: its hash is \(found.hex), what follows it names \(expected.hex)"
    case .outOfOrder(let entry, let kind, let expected):
      "entry \(entry) is \(kind.rawValue) where only \(expected) may stand"
    case .roundNotIncreasing(let entry, let round, let last):
      "entry \(entry) offers round \(round) after round \(last)"
    case .roundMismatch(let entry, let round, let open):
      "entry \(entry) speaks of round \(round) while round \(open) is open"
    case .mismatch(let entry, let field, let expected, let found):
      "entry \(entry), field \"\(field)\": \(found) instead of \(expected)"
    case .notPlanned(let entry, let planIndex, let expected):
      "entry \(entry) offers planned round \(planIndex) where only \(expected) may be offered"
    case .noiseTooSmall(let entry, let scale, let minimum):
      "entry \(entry) charges noise of scale \(scale), the policy needs at least \(minimum)"
    case .budgetExhausted(let entry, let shortfall):
      "entry \(entry) would overspend: \(shortfall)"
    case .falseClaim(let entry, let field, let claimed, let recomputed):
      "entry \(entry) claims \(field) \(claimed), the ledger gives \(recomputed)"
    case .headMissing(let entry):
      "the head file is missing, so entry \(entry) cannot be shown to be the last one"
    case .headUnreadable(let problem): "the head file is not readable: \(problem)"
    case .shorterThanHead(let entry, let byteCount, let headByteCount):
      "entry \(entry) is missing or cut: the ledger has \(byteCount) bytes, its head says "
        + "\(headByteCount)"
    case .headMismatch(let entry, let field, let expected, let found):
      "the head says \(field) \(found), the ledger up to entry \(entry) has \(expected)"
    case .checkpointUnreadable(let problem): "a checkpoint is not readable: \(problem)"
    case .checkpointRefused(let problem): "a checkpoint is refused: \(problem)"
    case .handoverMissing(let entry):
      "entry \(entry) changes the coordinator's key, and no checkpoint that both keys signed is there"
    case .handoverInvalid(let entry, let problem):
      "the handover at entry \(entry), from one key of the coordinator to the next, does not hold: \(problem)"
    case .shorterThanCheckpoint(let entry, let checkpointSize):
      "entry \(entry) is missing: a signed checkpoint covers \(checkpointSize) entries"
    case .checkpointMismatch(let entry, let expected, let found):
      "entry \(entry) or one before it was changed: the signed root of \(entry + 1) entries is "
        + "\(expected.hex), the ledger gives \(found.hex)"
    case .proofInvalid(let problem): "a proof is not valid: \(problem)"
    case .receiptUnreadable(let problem): "a receipt is not readable: \(problem)"
    case .rolledBack(let held, let shown):
      "the ledger was rolled back: \(shown) entries are shown after \(held)"
    case .splitView(let size):
      "two ledgers are signed: two checkpoints of \(size) entries have different roots"
    case .extensionNotProven(let held, let shown, let problem):
      "nothing proves that the ledger of \(shown) entries extends that of \(held): \(problem)"
    case .contradiction(let round, let entry, let held):
      "entry \(entry) contradicts entry \(held) about round \(round): a round has one charge and one end, "
        + "and none that was charged is void"
    case .notProven(let round, let kind):
      "nothing proves that the ledger holds \(kind) of round \(round)"
    }
  }
}
