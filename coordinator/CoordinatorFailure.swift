internal import Cryptography
internal import Federation
internal import GRDB
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Privacy
internal import Recommendation
internal import SecureAggregation
internal import Transport

/// Gives every error of the parts a sentence and an exit code.
enum CoordinatorFailure {
  static func explain(_ error: any Error) -> CommandFailure {
    switch error {
    case let failure as CommandFailure: failure
    case let error as LedgerStoreError: explain(error)
    case let error as DiskError:
      CommandFailure(
        what: "the models cannot be kept", why: "\(error)",
        next: error.isOutOfSpace
          ? "free space and start again: the ledger decides what was spent"
          : "check the disk, then start again", exit: error.isOutOfSpace ? .temporary : .failure)
    case let error as TransportError: explain(error)
    case CryptographyError.keyFile(let path, let problem) where problem.isOutOfSpace:
      CommandFailure(
        what: "\(path) cannot be written",
        why: "there is no room for it on the disk, or in a quota",
        next: "make room and run it again: no key that was there is lost",
        exit: .temporary)
    case let error as CryptographyError:
      CommandFailure(
        what: "a key cannot be used", why: "\(error)",
        next: "restore the key file from a backup, with mode 0600", exit: .verificationFailed)
    case let error as PrivacyError:
      CommandFailure(
        what: "the policy cannot be used", why: "\(error)", next: "change that field or flag",
        exit: .invalidConfiguration)
    case let error as MaskingParameterError:
      CommandFailure(
        what: "no masked round can be run under this policy", why: "\(error)",
        next: "change --customers, --minimum-cohort, --corrupt-fraction or --dropout-fraction",
        exit: .invalidConfiguration)
    case let error as RecommendationError:
      CommandFailure(
        what: "the model or catalogue cannot be used", why: "\(error)",
        next: "change that field or flag", exit: .invalidConfiguration)
    case let error as FederationError:
      CommandFailure(
        what: "the federation cannot go on", why: "\(error)",
        next: "restore the missing file from a backup of the data directory",
        exit: .invalidConfiguration)
    case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
      CommandFailure(
        what: "the roster cannot be written", why: "the disk is full",
        next: "free space and start again: nothing was lost", exit: .temporary)
    case let error as DatabaseError:
      CommandFailure(
        what: "the roster cannot be used", why: "\(error.resultCode): \(error.message ?? "")",
        next: "check roster.sqlite and its disk", exit: .failure)
    default:
      CommandFailure(
        what: "the coordinator stopped", why: "\(error)",
        next: "start it again; the ledger decides what was spent", exit: .failure)
    }
  }

  private static func explain(_ error: LedgerStoreError) -> CommandFailure {
    let (exit, next): (ExitStatus, String) =
      switch error {
      case .ledger(.budgetExhausted):
        (.budgetExhausted, "a new period is a new ledger and new consent: coordinator init")
      case .ledger(let error) where error.severity == .damaged:
        (.ledgerDamaged, "restore the ledger from a backup; nothing is repaired automatically")
      case .ledger: (.verificationFailed, "see: tacit audit ledger DIR")
      case .locked: (.temporary, "stop the other coordinator first")
      case .disk(let error) where error.isOutOfSpace:
        (.temporary, "free space and start again: the ledger decides what was written")
      case .dead(let error) where error.isOutOfSpace:
        (.temporary, "free space and start again: the ledger decides what was written")
      case .wrongKey, .signing: (.verificationFailed, "restore the coordinator key of this ledger")
      case .noLedger, .alreadyExists, .creationInterrupted:
        (.invalidConfiguration, "check --dir")
      case .disk, .dead: (.failure, "check the disk, then start again")
      }
    return CommandFailure(
      what: "the ledger cannot be used", why: "\(error)", next: next, exit: exit)
  }

  private static func explain(_ error: TransportError) -> CommandFailure {
    switch error {
    case .portBusy(let port):
      CommandFailure(
        what: "port \(port) is busy", why: "another program listens there",
        next: "choose another with --listen HOST:PORT, or stop that program", exit: .temporary)
    default:
      CommandFailure(
        what: "the network cannot be used", why: "\(error)", next: "check --listen",
        exit: .failure)
    }
  }
}
