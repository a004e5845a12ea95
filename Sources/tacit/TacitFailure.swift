internal import Datasets
internal import Evaluation
internal import Operations
internal import Privacy
internal import Recommendation

/// Gives every error of the parts a sentence and an exit code.
enum TacitFailure {
  static func explain(_ error: any Error) -> CommandFailure {
    switch error {
    case let failure as CommandFailure: failure
    case let error as DatasetError:
      CommandFailure(
        what: "the data cannot be used", why: "\(error)",
        next: "mend it, or see: tacit data list", exit: .invalidConfiguration)
    case let error as EvaluationError:
      CommandFailure(
        what: "the comparison cannot be made", why: "\(error)", next: "change that option",
        exit: .usage)
    case let error as RecommendationError:
      CommandFailure(
        what: "the model cannot be used", why: "\(error)", next: "change that option",
        exit: .usage)
    case let error as PrivacyError:
      CommandFailure(
        what: "the budget cannot be used", why: "\(error)", next: "change that option",
        exit: .usage)
    default:
      CommandFailure(
        what: "tacit stopped", why: "\(error)", next: "run the command again", exit: .failure)
    }
  }
}
