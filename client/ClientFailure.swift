internal import BehaviorStore
internal import Cryptography
internal import Federation
internal import Operations
internal import Recommendation
internal import Transport
internal import WireProtocol

/// Gives every error of the parts a sentence and an exit code.
enum ClientFailure {
  static func explain(_ error: any Error) -> CommandFailure {
    switch error {
    case let failure as CommandFailure: failure
    case let error as TransportError: explain(error)
    case let error as FederationError: explain(error)
    case let error as BehaviorStoreError:
      CommandFailure(
        what: error.what, why: error.why, next: error.next,
        exit: ExitStatus(rawValue: error.exitCode) ?? .failure)
    case let error as CryptographyError:
      CommandFailure(
        what: "a key cannot be used", why: "\(error)",
        next: "restore the key file from a backup, with mode 0600", exit: .verificationFailed)
    case let error as RecommendationError:
      CommandFailure(
        what: "the model cannot be used", why: "\(error)",
        next: "fetch it again: client run", exit: .verificationFailed)
    default:
      CommandFailure(
        what: "the client stopped", why: "\(error)", next: "run the command again", exit: .failure)
    }
  }

  private static func explain(_ error: TransportError) -> CommandFailure {
    switch error {
    case .pinMismatch, .certificateNotValid:
      CommandFailure(
        what: "the server is not the coordinator of this token or enrolment", why: "\(error)",
        next: "ask the shop for a new token; do not go on if you do not know why it changed",
        exit: .verificationFailed)
    default:
      CommandFailure(
        what: "the coordinator cannot be reached", why: "\(error)",
        next: "check that it runs and that the address in the token is right",
        exit: .peerUnreachable)
    }
  }

  private static func explain(_ error: FederationError) -> CommandFailure {
    switch error {
    case .refused(let code, _):
      CommandFailure(
        what: "the coordinator refused this client", why: "\(error)", next: next(after: code),
        exit: code == .shuttingDown || code == .coordinatorFull ? .temporary : .verificationFailed)
    case .noCommonVersion:
      CommandFailure(
        what: "client and coordinator cannot talk to each other", why: "\(error)",
        next: "use programs of the same version", exit: .verificationFailed)
    case .policyChanged:
      CommandFailure(
        what: "the coordinator shows a new policy", why: "\(error)",
        next: "read it, then enrol again with a new token and give consent",
        exit: .verificationFailed)
    case .keptLedgerDamaged:
      CommandFailure(
        what: "what this device keeps of the ledger cannot be used", why: "\(error)",
        next: "restore the device's folder from a backup; nothing was sent", exit: .ledgerDamaged)
    case .ledgerRolledBack, .ledgerForked, .extensionNotProven, .roundContradicted,
      .ledgerNotExtended, .outcomeNotProven, .wrongCharge, .badCheckpoint:
      CommandFailure(
        what: "the coordinator's ledger is not the one that it has to keep", why: "\(error)",
        next: "nothing more was sent; show an auditor what this device holds: "
          + "client receipts --json, client receipts --checkpoint, client receipts --proofs DIR",
        exit: .verificationFailed)
    default:
      CommandFailure(
        what: "the coordinator did not keep to the protocol", why: "\(error)",
        next: "nothing more was sent; report this to the shop", exit: .verificationFailed)
    }
  }

  private static func next(after code: RefusalCode) -> String {
    switch code {
    case .unknownToken, .usedToken, .expiredToken: "ask the shop for a new token"
    case .unknownClient, .revoked, .badSignature:
      "ask the shop for a new token and enrol again in a new --home"
    case .alreadyConnected: "stop the other client that uses this identity"
    case .shuttingDown, .coordinatorFull, .tooSlow: "try again later"
    default: "check that client and coordinator are of the same version"
    }
  }
}
