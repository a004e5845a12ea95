internal import ArgumentParser

struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluates what is explored, on a log of what was shown.",
    discussion: """
      Example:

        tacit data fetch open-bandit
        tacit evaluate off-policy --data open-bandit --policy uniform affinity
      """,
    subcommands: [EvaluateOffPolicyCommand.self])
}
