internal import ArgumentParser

struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluates what is explored, and how well responses are foreseen.",
    discussion: """
      Example:

        tacit data fetch open-bandit
        tacit evaluate off-policy --data open-bandit --policy uniform affinity
        tacit evaluate policy --environment online-retail --out exploration
      """,
    subcommands: [
      EvaluateOffPolicyCommand.self, EvaluatePolicyCommand.self, EvaluateExperimentCommand.self,
      EvaluateResponseCommand.self,
    ])
}
